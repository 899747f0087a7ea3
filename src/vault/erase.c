/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/erase.h"

#include "base/clock.h"
#include "vault/backup.h"
#include "vault/say.h"
#include "vault/settle.h"

#include <stdlib.h>
#include <string.h>

/* Destroys, or finds out what was destroyed for that grant before. A refusal is an entry too.
 */
static enum vt_err
destroy(const struct vt_erase *e, struct vt_keeper_destroyed *d, struct vt_granted *g,
    struct vt_why *why)
{
    struct vt_buf evidence = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_keeper_open open = {.subject = e->opening};
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    struct vt_why ignored = {0};
    uint64_t index;
    enum vt_err err = vt_say_grant(e->desk, e->keeper, e->request, &evidence, why);

    if (err == VT_OK) {
        open.evidence = evidence.data;
        open.evidence_len = evidence.len;
        err = vt_keeper_erase(e->keeper, &open, d, g, &refusal, why);
        if (err != VT_OK && refusal != VT_REFUSAL_NONE)
            (void)!vt_desk_refuse(e->desk, e->request, refusal, &index, &ignored);
    }
    vt_buf_release(&evidence);
    return err;
}

static enum vt_err
describe(const struct vt_erase *e, const struct vt_keeper_destroyed *d,
    const struct vt_granted *g, struct vt_erasure *ret, struct vt_why *why)
{
    struct vt_erasure r = {.request = g->request_doc,
        .grant = g->grant_doc,
        .ring = {d->generation_before, d->generation_after, d->ring_before, d->ring_after},
        .key_count = d->count,
        .made = vt_clock_now(&vt_clock_system)};

    if (d->count == 0 || d->count > VT_ERASED_KEYS_MAX)
        return vt_fail(why, VT_E_LIMIT, "an erasure of %zu keys", d->count);
    memcpy(r.site, e->home->name, sizeof r.site);
    memcpy(r.region, g->request.scope.region, sizeof r.region);
    memcpy(r.key, d->commitment, d->count * sizeof r.key[0]);
    *ret = r;
    return VT_OK;
}

static enum vt_err
say(const struct vt_erase *e, const struct vt_erasure *r, uint64_t *ret_index,
    struct vt_why *why)
{
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    vt_digest_hex(&r->request, hex);
    err = vt_say_path(e->home, path, why, "erasure-%.32s", hex);
    if (err == VT_OK)
        err = vt_erasure_doc(r, &doc, why);
    if (err == VT_OK)
        err = vt_say_once(e->desk, e->signer, path, doc, NULL, ret_index, why);
    vt_doc_free(doc);
    return err;
}

/* The evidence of the entry: checkable offline by anybody with the trust policy. */
static enum vt_err
write_receipt(
    const struct vt_erase *e, uint64_t index, char ret[VT_PATH_MAX], struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_desk_refresh(e->desk, why);

    vt_digest_hex(e->request, hex);
    if (err == VT_OK)
        err = vt_desk_evidence(e->desk, &index, 1, 0, &b, why);
    if (err == VT_OK)
        err = vt_say_path(e->home, ret, why, "erasure-%.32s.evidence", hex);
    if (err == VT_OK)
        err = vt_file_replace(ret, 0644, b.data, b.len, why);
    if (err == VT_OK && e->receipt != NULL) {
        err = vt_file_replace(e->receipt, 0644, b.data, b.len, why);
        if (err == VT_OK)
            err = vt_path(ret, why, "%s", e->receipt);
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_erase_run(const struct vt_erase *e, struct vt_erased *ret, struct vt_why *why)
{
    struct vt_erased r = {.missed = VT_BUF(64 * 1024)};
    struct vt_keeper_destroyed d = {0};
    struct vt_granted *g = calloc(1, sizeof *g);
    enum vt_err err;

    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "erasure: out of memory");
    err = vt_settle_all(e->home, e->keeper, VT_SETTLE_MS, why);
    if (err == VT_OK)
        err = destroy(e, &d, g, why);
    /* Backups at once: their copies are dead already, and a restore should be possible. */
    if (err == VT_OK)
        err = vt_backup_push(e->home, e->keeper, &r.missed, why);
    if (err == VT_OK)
        err = describe(e, &d, g, &r.said, why);
    if (err == VT_OK)
        err = say(e, &r.said, &r.index, why);
    if (err == VT_OK)
        err = write_receipt(e, r.index, r.receipt, why);
    free(d.commitment);
    free(d.epoch);
    free(g);
    if (err == VT_OK)
        *ret = r; /* with its buffer */
    else
        vt_buf_release(&r.missed);
    return err;
}
