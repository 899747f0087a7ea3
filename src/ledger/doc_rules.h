/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of each kind of ledger document, and the forms of values. For this
 * module only. No I/O.
 */
#ifndef VT_LEDGER_DOC_RULES_H
#define VT_LEDGER_DOC_RULES_H

#include "ledger/doc.h"

#define VT_DOC_VALUE_MAX 512U /* bytes */

struct vt_doc_rule {
    const char *name;
    enum vt_value value;
    unsigned least; /* how often it must stand */
    unsigned most;  /* and how often it may, one after the other */
};

/* The rules of a kind in the order of its fields. */
const struct vt_doc_rule *vt_doc_rules(enum vt_doc_kind kind, size_t *ret_count);
/* 0 when no kind is called that. */
enum vt_doc_kind vt_doc_kind_find(const struct vt_reader *name);

/* Whether a value has that form: there is one way to write each. */
bool vt_value_ok(enum vt_value form, const char *value);
/* What such a value looks like, for messages. */
const char *vt_value_form(enum vt_value form);

/* Whether s is 1 to max characters out of `set`. */
bool vt_value_of_set(const char *s, size_t max, const char *set);
/* A number below 2^63. */
bool vt_value_count(const char *s, uint64_t max, uint64_t *ret);
bool vt_value_digest(const char *s, struct vt_digest *ret);

#endif
