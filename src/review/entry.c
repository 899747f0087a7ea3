/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of review documents. */
#include "review/doc.h"

#include <string.h>

enum vt_err
vt_review_entry(const struct vt_review *r, const struct vt_digest *document,
    struct vt_entry *ret, struct vt_why *why)
{
    struct vt_entry e = {.kind = r->kind, .statement = *document};
    const bool visits = r->kind == VT_ENTRY_VISITS;
    enum vt_err err = vt_entry_add(&e, visits ? VT_SUBJECT_VISITS : VT_SUBJECT_SOURCE,
        visits ? &r->root : &r->source, why);

    if (err == VT_OK)
        err = vt_entry_check(&e, why);
    if (err == VT_OK)
        *ret = e;
    return err;
}

/* A day's record is signed by a key of the site: SITE/WORD. */
static bool
name_matches(const struct vt_review *r, const char *key_name)
{
    size_t len = strlen(r->site);

    if (r->kind != VT_ENTRY_VISITS)
        return strcmp(key_name, r->reviewer) == 0;
    return strncmp(key_name, r->site, len) == 0 && key_name[len] == '/' &&
           key_name[len + 1] != '\0';
}

enum vt_err
vt_review_matches(const struct vt_review *r, const struct vt_digest *document,
    const struct vt_entry *e, const char *key_name, struct vt_why *why)
{
    struct vt_entry own;
    enum vt_err err = vt_review_entry(r, document, &own, why);

    if (err != VT_OK)
        return err;
    if (e->kind != own.kind)
        return vt_fail(why, VT_E_DIGEST, "the entry is a %s, its document a %s",
            vt_entry_kind_name(e->kind), vt_entry_kind_name(own.kind));
    if (!vt_digest_eq(&e->statement, document))
        return vt_fail(why, VT_E_DIGEST, "the entry names another document by its digest");
    if (e->subject_count != 1 || e->subject[0].role != own.subject[0].role ||
        !vt_digest_eq(&e->subject[0].digest, &own.subject[0].digest))
        return vt_fail(why, VT_E_DIGEST, "the entry and its document speak of another %s",
            vt_subject_role_name(own.subject[0].role));
    if (!name_matches(r, key_name))
        return vt_fail(why, VT_E_DIGEST,
            "the entry is signed as `%.128s`, its document is of `%.128s`", key_name,
            r->kind == VT_ENTRY_VISITS ? r->site : r->reviewer);
    return VT_OK;
}
