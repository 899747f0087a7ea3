/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a run, as its requester opens it (docs/formats/aggregate.md): an age file with
 * one JSON object, then one array a line.
 */
#ifndef VT_VAULT_RESULT_H
#define VT_VAULT_RESULT_H

#include "base/json.h"
#include "vault/aggregate.h"

struct vt_result;

/* Opens a file with a box key in a file. Errors of vt_box_load and vt_age_open; VT_E_SYNTAX
 * when what is inside is no result. Nothing of it is on disk. */
VT_MUST enum vt_err vt_result_open(
    const char *path, const char *box, struct vt_result **ret, struct vt_why *why);
/* The same from plain text. */
VT_MUST enum vt_err vt_result_parse(
    const void *data, size_t len, struct vt_result **ret, struct vt_why *why);
/* Takes NULL; wipes what it can. */
void vt_result_free(struct vt_result *r);

size_t vt_result_keys(const struct vt_result *r); /* the first columns are texts */
size_t vt_result_columns(const struct vt_result *r);
/* What the job calls it, made harmless, or "key 1", "sum 1" ... */
const char *vt_result_name(const struct vt_result *r, size_t column);
size_t vt_result_rows(const struct vt_result *r);
/* An array of vt_result_columns texts and integers; owned by r. */
const json_t *vt_result_row(const struct vt_result *r, size_t i);
const char *vt_result_request(const struct vt_result *r);
/* "rows", "threshold", "cells", "held_back", "epsilon". */
json_int_t vt_result_number(const struct vt_result *r, const char *name);
/* The head with the rows as member "rows" and their number as "row_count"; the caller owns it.
 */
json_t *vt_result_json(const struct vt_result *r);

#endif
