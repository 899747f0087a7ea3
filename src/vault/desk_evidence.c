/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence: what an offline reader of the ledger is given. */
#include "note/proof_check.h"
#include "vault/desk_rows.h"

#include <stdlib.h>

/* The bytes of one item while the file is put together. */
struct parts {
    struct vt_buf document;
    struct vt_buf entry;
    struct vt_buf proof;
};

static enum vt_err
prove(struct vt_desk *d, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    struct vt_tlog_proof p = {.index = index};
    enum vt_err err = vt_log_reader_inclusion(d->reader, index, &p.path, why);

    if (err != VT_OK)
        return err;
    p.checkpoint = vt_log_reader_note(d->reader, &p.checkpoint_len);
    return vt_tlog_proof_put_sealed(b, &p, why);
}

static enum vt_err
gather(struct vt_desk *d, uint64_t index, struct parts *p, struct vt_why *why)
{
    const struct vt_policy_party *signer = NULL;
    struct vt_entry e;
    enum vt_err err;

    vt_buf_init(&p->document, VT_DOC_MAX);
    vt_buf_init(&p->entry, VT_ENTRY_MAX);
    vt_buf_init(&p->proof, 2 * VT_NOTE_MAX);
    err = vt_log_reader_entry(d->reader, index, &p->entry, why);
    if (err == VT_OK)
        err = vt_log_entry_open(d->policy, p->entry.data, p->entry.len, &e, NULL, &signer, why);
    if (err == VT_OK)
        err = vt_log_reader_object(d->reader, &e.statement, &p->document, why);
    if (err == VT_OK)
        err = prove(d, index, &p->proof, why);
    if (err != VT_OK)
        err = vt_fail_in(why, err, "entry %llu", (unsigned long long)index);
    return err;
}

static struct vt_slice_of
slice(const struct vt_buf *b)
{
    return (struct vt_slice_of){.p = (const uint8_t *)vt_buf_str(b), .len = b->len};
}

/* Base64 lines that lead from the tree of known_size to this one. */
static enum vt_err
prove_growth(struct vt_desk *d, uint64_t known_size, struct vt_buf *b, struct vt_why *why)
{
    uint64_t size = vt_log_reader_checkpoint(d->reader)->size;
    struct vt_proof p = {0};
    enum vt_err err = VT_OK;

    if (known_size > size)
        return vt_fail(why, VT_E_ROLLBACK,
            "%s shows %llu entries, but %llu were seen before: it is out of date, or was set "
            "back",
            d->url, (unsigned long long)size, (unsigned long long)known_size);
    if (known_size > 0)
        err = vt_log_reader_consistency(d->reader, known_size, &p, why);
    for (size_t i = 0; i < p.len && err == VT_OK; i++) {
        vt_buf_put_b64(b, p.hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(b, "\n");
    }
    return err == VT_OK ? vt_buf_check(b, "consistency proof", why) : err;
}

enum vt_err
vt_desk_evidence(struct vt_desk *d, const uint64_t *index, size_t n, uint64_t known_size,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf growth = VT_BUF(16384);
    struct vt_evidence_file *file = NULL;
    struct parts *parts = NULL;
    enum vt_err err = VT_OK;

    if (d->reader == NULL)
        return vt_fail(why, VT_E_STATE, "%s: the ledger was not looked at yet", d->url);
    if (n == 0 || n > VT_EVIDENCE_COUNT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "evidence has 1 to %u entries, not %zu", VT_EVIDENCE_COUNT_MAX, n);
    parts = calloc(n, sizeof *parts);
    file = calloc(1, sizeof *file);
    if (parts == NULL || file == NULL) {
        err = vt_fail(why, VT_E_NOMEM, "evidence: out of memory");
        goto out;
    }
    err = prove_growth(d, known_size, &growth, why);
    for (size_t i = 0; i < n && err == VT_OK; i++) {
        err = gather(d, index[i], &parts[i], why);
        file->item[i] = (struct vt_evidence){.document = slice(&parts[i].document),
            .entry = slice(&parts[i].entry),
            .proof = slice(&parts[i].proof)};
    }
    file->count = n;
    file->consistency = slice(&growth);
    if (err == VT_OK)
        err = vt_evidence_put(b, file, why);
out:
    for (size_t i = 0; i < n && parts != NULL; i++) {
        vt_buf_release(&parts[i].document);
        vt_buf_release(&parts[i].entry);
        vt_buf_release(&parts[i].proof);
    }
    free(parts);
    free(file);
    vt_buf_release(&growth);
    return err;
}
