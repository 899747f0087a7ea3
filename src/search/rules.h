/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a YARA source file: their names, their places, and a digest of each one's text
 * that changes when the rule does and not when it is laid out or commented differently.
 * docs/formats/library.md says what the digest covers.
 *
 * Nothing is compiled. Of a file that does not read to its end the rules before that are given.
 */
#ifndef VT_SEARCH_RULES_H
#define VT_SEARCH_RULES_H

#include "crypto/digest.h"

#define VT_RULES_NAME_MAX 128U /* bytes; YARA takes no more */

struct vt_rule {
    char name[VT_RULES_NAME_MAX + 1];
    uint64_t line; /* of the name, from 1 */
    uint64_t end;  /* of the closing brace */
    struct vt_digest text;
};

/* Calls fn for each rule in the file's order; fn's error ends it. Linear in len. */
VT_MUST enum vt_err vt_rules_each(const void *data, size_t len,
    enum vt_err (*fn)(void *ctx, const struct vt_rule *rule, struct vt_why *why), void *ctx,
    struct vt_why *why);

#endif
