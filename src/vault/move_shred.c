/* SPDX-License-Identifier: Apache-2.0 */
/* The site that hands over, once the other has all of it: keys and segments end here. */
#include "vault/move_send.h"

#include "base/clock.h"
#include "vault/packer.h"
#include "vault/place.h"
#include "vault/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The receipt is of exactly what was handed over, by the site that it was handed to. */
static enum vt_err
check_receipt(struct vt_sending *s, const struct vt_buf *evidence, struct vt_why *why)
{
    const struct vt_relocation *is = &s->terms.is;
    struct vt_evidence_file *file = malloc(sizeof *file);
    struct vt_fact f = {0};
    struct vt_receipt r;
    enum vt_err err = VT_E_NOMEM;

    if (file == NULL)
        return vt_fail(why, err, "relocation: out of memory");
    if ((err = vt_evidence_parse(evidence->data, evidence->len, file, why)) == VT_OK &&
        (err = vt_fact_check(s->m->trust, VT_ENTRY_RECEIPT, &file->item[0], &f, why)) == VT_OK)
        err = vt_receipt_read(f.doc, &r, why);
    if (err == VT_OK &&
        (!vt_digest_eq(&r.relocation, &s->terms.digest) || strcmp(r.to, is->to) != 0 ||
            r.segments != is->segments || r.records != is->records || r.bytes != is->bytes ||
            !vt_digest_eq(&r.root, &is->root)))
        err = vt_fail(why, VT_E_REFUSED,
            "the receipt of %s is not of what was handed over: nothing is destroyed", is->to);
    if (err == VT_OK)
        s->receipt = *vt_doc_digest(f.doc);
    vt_fact_release(&f);
    free(file);
    return err;
}

/* What was acknowledged after the relocation was said, by a process that had not seen the new
 * policy yet, must not be lost: better not to end than that. */
static enum vt_err
check_late(const struct vt_sending *s, struct vt_why *why)
{
    struct vt_inventory *rows = NULL;
    char path[VT_PATH_MAX];
    uint64_t waiting = 0;
    enum vt_err err = vt_packer_waiting(s->m->home, s->m->region, &waiting, why);

    if (err == VT_OK)
        err = vt_vault_path(s->m->home, path, why, "inventory/%s", s->m->region);
    if (err == VT_OK)
        err = vt_inventory_open(path, &rows, why);
    if (err == VT_OK && (waiting > 0 || vt_inventory_count(rows) > s->terms.is.segments))
        err = vt_fail(why, VT_E_STATE,
            "batches of %s were acknowledged here after it was handed over: nothing is "
            "destroyed; end the process that took them, and tell the developers",
            s->m->region);
    vt_inventory_free(rows);
    return err;
}

/* Segments go; rows stay with the move, as an archive. */
static enum vt_err
clear_region(struct vt_sending *s, struct vt_why *why)
{
    static const char *const names[] = {"", ".retired"};
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->m->home, from, why, "segments/%s", s->m->region);

    if (err == VT_OK)
        err = vt_tree_remove(from, why);
    for (size_t i = 0; err == VT_OK && i < 2; i++) {
        err = vt_vault_path(s->m->home, from, why, "inventory/%s%s", s->m->region, names[i]);
        if (err == VT_OK)
            err = vt_move_path(&s->move, to, why, "inventory%s", names[i]);
        if (err == VT_OK && rename(from, to) != 0 && errno != ENOENT)
            err = vt_fail_errno(why, "%s", to);
    }
    if (err == VT_OK)
        err = vt_vault_path(s->m->home, from, why, "inventory");
    if (err == VT_OK && vt_file_exists(from))
        err = vt_dir_sync(from, why);
    return err == VT_OK ? vt_move_drop(&s->move, "sealed", why) : err;
}

static enum vt_err
say_shred(struct vt_sending *s, const struct vt_keeper_destroyed *d, struct vt_why *why)
{
    struct vt_shred r = {.receipt = s->receipt,
        .relocation = s->terms.digest,
        .segments = s->terms.is.segments,
        .root = s->terms.is.root,
        .ring = {d->generation_before, d->generation_after, d->ring_before, d->ring_after},
        .keys = d->count,
        .made = vt_clock_now(&vt_clock_system)};
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_path(&s->move, path, why, "shred");

    memcpy(r.region, s->terms.is.region, sizeof r.region);
    memcpy(r.site, s->terms.is.from, sizeof r.site);
    if (err == VT_OK)
        err = vt_shred_doc(&r, &doc, why);
    if (err == VT_OK)
        err = vt_say_once(s->m->desk, s->m->signer, path, doc, NULL, &s->sent.shred, why);
    vt_doc_free(doc);
    return err;
}

enum vt_err
vt_sending_shred(struct vt_sending *s, struct vt_why *why)
{
    struct vt_buf evidence = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_keeper_destroyed d = {0};
    enum vt_err err = vt_desk_wait(s->m->desk, s->sent.receipt, VT_SAY_WAIT_MS, why);

    if (err == VT_OK)
        err = vt_say_evidence(s->m->desk, s->m->keeper, &s->sent.receipt, 1, &evidence, why);
    if (err == VT_OK)
        err = check_receipt(s, &evidence, why);
    if (err == VT_OK)
        err = check_late(s, why);
    if (err == VT_OK)
        err = vt_keeper_shred(s->m->keeper, evidence.data, evidence.len, &d, why);
    if (err == VT_OK)
        err = clear_region(s, why);
    if (err == VT_OK)
        err = say_shred(s, &d, why);
    free(d.commitment);
    free(d.epoch);
    vt_buf_release(&evidence);
    return err;
}
