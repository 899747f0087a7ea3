/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/say.h"

#include "ledger/evidence.h"
#include "vault/place.h"

#include <stdio.h>

enum vt_err
vt_say_path(
    const struct vt_home *h, char ret[VT_PATH_MAX], struct vt_why *why, const char *fmt, ...)
{
    char rest[256];
    char dir[VT_PATH_MAX];
    va_list ap;
    enum vt_err err;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof rest)
        return vt_fail(why, VT_E_LIMIT, "a path below %s/vault/said is too long", h->dir);
    err = vt_vault_path(h, dir, why, "said");
    if (err == VT_OK)
        err = vt_dir_make(dir, 0755, why);
    return err == VT_OK ? vt_vault_path(h, ret, why, "said/%s", rest) : err;
}

/* The bytes that count: those stored before, or these from now on. */
static enum vt_err
keep(const struct vt_doc *doc, struct vt_signer *signer, const char *path, struct vt_buf *b,
    struct vt_why *why)
{
    enum vt_err err = vt_file_read(path, b, why);

    if (err != VT_E_NOENT || doc == NULL)
        return err;
    err = vt_doc_sign(doc, signer, b, why);
    return err == VT_OK ? vt_file_create(path, 0644, b->data, b->len, why) : err;
}

/* The entry says of the document what the ledger's rules derive from it. */
static enum vt_err
say(struct vt_desk *desk, const struct vt_buf *b, uint64_t *ret_index, struct vt_why *why)
{
    struct vt_doc *doc = NULL;
    struct vt_entry e;
    enum vt_err err = vt_doc_parse(b->data, b->len, (enum vt_doc_kind)0, &doc, why);

    if (err == VT_OK)
        err = vt_ledger_entry_of(doc, &e, why);
    if (err == VT_OK)
        err = vt_desk_say(
            desk, e.kind, e.subject, e.subject_count, b->data, b->len, ret_index, why);
    vt_doc_free(doc);
    return err;
}

enum vt_err
vt_say_once(struct vt_desk *desk, struct vt_signer *signer, const char *path,
    const struct vt_doc *doc, struct vt_digest *ret_doc, uint64_t *ret_index,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    uint64_t index;
    enum vt_err err = keep(doc, signer, path, &b, why);

    if (err == VT_OK)
        err = say(desk, &b, &index, why);
    if (err == VT_OK)
        err = vt_desk_wait(desk, index, VT_SAY_WAIT_MS, why);
    if (err == VT_OK && ret_doc != NULL)
        vt_digest_of(b.data, b.len, ret_doc);
    if (err == VT_OK)
        *ret_index = index;
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_say_evidence(struct vt_desk *desk, struct vt_keeper *keeper, const uint64_t *index,
    size_t count, struct vt_buf *b, struct vt_why *why)
{
    struct vt_keeper_status status = {0};
    enum vt_err err = vt_keeper_status(keeper, &status, why);

    vt_buf_clear(b);
    if (err == VT_OK)
        err = vt_desk_refresh(desk, why);
    return err == VT_OK ? vt_desk_evidence(desk, index, count, status.ledger_size, b, why)
                        : err;
}

enum vt_err
vt_say_grant(struct vt_desk *desk, struct vt_keeper *keeper, const struct vt_digest *request,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_keeper_status status = {0};
    uint64_t index;
    enum vt_err err = vt_desk_refresh(desk, why);

    vt_buf_clear(b);
    if (err == VT_OK)
        err = vt_desk_grant(desk, request, &index, why);
    if (err == VT_OK)
        err = vt_desk_wait(desk, index, VT_SAY_WAIT_MS, why);
    if (err == VT_OK)
        err = vt_keeper_status(keeper, &status, why);
    if (err == VT_OK)
        err = vt_desk_refresh(desk, why);
    return err == VT_OK ? vt_desk_grant_evidence(desk, request, status.ledger_size, b, why)
                        : err;
}
