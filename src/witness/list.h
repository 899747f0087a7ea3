/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that lists a witness's logs: a vkey a line, or a list of C2SP
 * tlog-list. docs/formats/witness.md.
 */
#ifndef VT_WITNESS_LIST_H
#define VT_WITNESS_LIST_H

#include "witness/table.h"

#define VT_WITNESS_LIST_MAX (64U * 1024U * 1024U) /* bytes */
#define VT_WITNESS_LINE_MAX 4096U
/* Entries of all sources together: each log with all its keys. */
#define VT_WITNESS_FOLLOW_MAX (VT_WITNESS_LOGS_MAX * VT_WITNESS_KEYS_MAX)

/* A growing array of them. */
struct vt_witness_list {
    struct vt_witness_follow *item;
    size_t count;
    size_t room;
};
void vt_witness_list_release(struct vt_witness_list *l);

/* Adds one. origin NULL: the key's name. VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_witness_list_add(struct vt_witness_list *l, const char *origin,
    const struct vt_vkey *key, struct vt_why *why);

/* Adds all that a file's content says. VT_E_CONFIG, naming the line. No I/O. */
VT_MUST enum vt_err vt_witness_list_parse(
    struct vt_witness_list *l, const void *data, size_t len, struct vt_why *why);
/* The same of a file; VT_OK when it is not there. */
VT_MUST enum vt_err vt_witness_list_load(
    struct vt_witness_list *l, const char *path, struct vt_why *why);

#endif
