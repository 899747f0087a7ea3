/* SPDX-License-Identifier: Apache-2.0 */
#include "release/lookup.h"

#include "attest/dsse.h"
#include "attest/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The statement that an entry names, verified by the entry's signer. */
static enum vt_err
open_statement(struct vt_store *store, const struct vt_policy *policy,
    const struct vt_buf *entry, struct vt_buf *payload, struct vt_why *why)
{
    struct vt_note note;
    struct vt_entry e;
    struct vt_buf envelope = VT_BUF(VT_DSSE_MAX);
    enum vt_err err = vt_entry_parse(entry->data, entry->len, &note, &e, why);
    if (err != VT_OK)
        return err;
    const struct vt_policy_party *signer = vt_policy_signer_of(policy, &note);
    if (signer == NULL)
        return vt_fail(why, VT_E_UNKNOWN, "the assembly is signed by nobody the policy names");
    err = vt_entry_verify(&e, &note, &signer->key, why);
    if (err == VT_OK)
        err = vt_store_get(store, &e.statement, &envelope, why);
    if (err == VT_OK)
        err = vt_dsse_open(envelope.data, envelope.len, &signer->key.pub, payload, why);
    vt_buf_release(&envelope);
    return err;
}

static enum vt_err
fill_offer(const struct vt_statement_assembly *s, const struct vt_digest *artifact,
    struct vt_offer *ret, struct vt_why *why)
{
    for (size_t i = 0; i < s->output_count; i++) {
        if (!vt_digest_eq(&s->output[i].digest, artifact))
            continue;
        (void)snprintf(ret->product, sizeof ret->product, "%s", s->product);
        (void)snprintf(ret->version, sizeof ret->version, "%s", s->version);
        (void)snprintf(ret->file, sizeof ret->file, "%s", s->output[i].name);
        ret->digest = *artifact;
        return VT_OK;
    }
    return vt_fail(why, VT_E_DIGEST, "the assembly's statement has no such output");
}

static enum vt_err
find_bytes(struct vt_store *store, struct vt_stage_item *item, struct vt_why *why)
{
    char path[VT_DIGEST_HEX_SIZE + 4096];
    struct stat st;
    enum vt_err err = vt_store_path(store, &item->offer.digest, path, why);
    if (err == VT_OK)
        err = vt_path(item->path, why, "%s", path);
    if (err == VT_OK && stat(item->path, &st) != 0)
        err = vt_fail_errno(why, "%s", item->path);
    if (err == VT_OK)
        item->offer.length = (uint64_t)st.st_size;
    return err;
}

enum vt_err
vt_lookup(struct vt_log_reader *log, struct vt_store *store, const struct vt_policy *policy,
    const struct vt_digest *artifact, struct vt_stage_item *ret, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    uint64_t index = 0;
    struct vt_entry entry;
    struct vt_buf bytes = VT_BUF(VT_ENTRY_MAX);
    struct vt_buf payload = VT_BUF(VT_STATEMENT_MAX);
    struct vt_stage_item item = {0};
    struct vt_statement_assembly *s = calloc(1, sizeof *s);
    enum vt_err err = s == NULL ? vt_fail(why, VT_E_NOMEM, "no memory") : VT_OK;
    if (err == VT_OK)
        err = vt_log_reader_find_assembly(log, artifact, &index, &entry, why);
    if (err == VT_OK)
        err = vt_log_reader_entry(log, index, &bytes, why);
    if (err == VT_OK)
        err = open_statement(store, policy, &bytes, &payload, why);
    if (err == VT_OK)
        err = vt_statement_get_assembly(payload.data, payload.len, s, why);
    if (err == VT_OK)
        err = fill_offer(s, artifact, &item.offer, why);
    if (err == VT_OK)
        err = find_bytes(store, &item, why);
    vt_buf_release(&payload);
    vt_buf_release(&bytes);
    free(s);
    if (err != VT_OK) {
        vt_digest_hex(artifact, hex);
        return vt_fail_in(why, err, "artifact sha256:%s", hex);
    }
    *ret = item;
    return VT_OK;
}
