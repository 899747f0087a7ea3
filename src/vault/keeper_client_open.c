/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a keeper for what rests on evidence: sessions and their keys, and what destroys keys.
 */
#include "vault/keeper_ask.h"

#include <stdlib.h>
#include <string.h>

/* The request is in the evidence, which was ours to show: it need not come back. */
static enum vt_err
read_request(const struct vt_keeper_open *o, struct vt_granted *g, struct vt_why *why)
{
    struct vt_evidence_file *f = calloc(1, sizeof *f);
    struct vt_doc *doc = NULL;
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "keeper: out of memory");
    err = vt_evidence_parse(o->evidence, o->evidence_len, f, why);
    if (err == VT_OK && f->count == 0)
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK)
        err = vt_doc_parse(
            f->item[0].document.p, f->item[0].document.len, VT_DOC_REQUEST, &doc, why);
    if (err == VT_OK && !vt_digest_eq(vt_doc_digest(doc), &g->request_doc))
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK)
        err = vt_request_read(doc, &g->request, why);
    vt_doc_free(doc);
    free(f);
    return err;
}

static enum vt_err
ask_open(struct vt_keeper *k, enum vt_keeper_type type, const struct vt_keeper_open *o,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(VT_KEEPER_OPEN_MAX);
    enum vt_err err;

    *ret_refusal = VT_REFUSAL_NONE;
    vt_keeper_put_open(&ask, o);
    err = vt_buf_check(&ask, "what is shown to the keeper", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, type, ask.data, ask.len, b, ret_refusal, why);
    vt_buf_release(&ask);
    return err;
}

enum vt_err
vt_keeper_session(struct vt_keeper *k, const struct vt_keeper_open *o, uint64_t *ret_session,
    struct vt_granted *ret, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_granted *g = calloc(1, sizeof *g);
    struct vt_buf b = {0};
    struct vt_reader r;
    uint64_t session = 0;
    enum vt_err err;

    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "keeper: out of memory");
    err = ask_open(k, VT_KEEPER_SESSION, o, &b, ret_refusal, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_OK &&
        (!vt_reader_u64(&r, &session) || !vt_keeper_take_granted(&r, g) || r.left > 0))
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK)
        err = read_request(o, g, why);
    if (err == VT_OK) {
        *ret = *g;
        *ret_session = session;
    }
    vt_buf_release(&b);
    free(g);
    return err;
}

/* For each block u8 state (0 closed, 1 open, 2 erased) ‖ u8[32] key when it is open, then for
 * each batch u8 open ‖ u8[32] key ‖ u8[12] nonce when it is. */
static bool
take_keys(struct vt_reader *r, struct vt_block_key *block, size_t block_count,
    struct vt_batch_key *batch, size_t batch_count)
{
    const uint8_t *p;
    uint8_t state;

    for (size_t i = 0; i < block_count; i++) {
        if (!vt_reader_u8(r, &state) || state > 2)
            return false;
        block[i].open = state == 1;
        block[i].erased = state == 2;
        if (state == 1 && !vt_reader_take(r, sizeof block[i].key, &p))
            return false;
        if (state == 1)
            memcpy(block[i].key, p, sizeof block[i].key);
    }
    for (size_t i = 0; i < batch_count; i++) {
        if (!vt_reader_u8(r, &state) || state > 1)
            return false;
        batch[i].open = state == 1;
        if (state == 1 && !vt_reader_take(r, 32 + 12, &p))
            return false;
        if (state == 1) {
            memcpy(batch[i].secret.key, p, 32);
            memcpy(batch[i].secret.base_nonce, p + 32, 12);
        }
    }
    return r->left == 0;
}

enum vt_err
vt_keeper_open_keys(struct vt_keeper *k, uint64_t session, const void *head, size_t head_len,
    struct vt_block_key *block, size_t block_count, struct vt_batch_key *batch,
    size_t batch_count, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(VT_KEEPER_HEAD_MAX);
    struct vt_buf b = {0};
    struct vt_reader r;
    enum vt_err err;

    memset(block, 0, block_count * sizeof *block);
    memset(batch, 0, batch_count * sizeof *batch);
    vt_buf_put_u64(&ask, session);
    vt_buf_put(&ask, head, head_len);
    err = vt_buf_check(&ask, "segment head", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, VT_KEEPER_OPEN_KEYS, ask.data, ask.len, &b, NULL, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_OK && !take_keys(&r, block, block_count, batch, batch_count)) {
        vt_wipe(block, block_count * sizeof *block);
        vt_wipe(batch, batch_count * sizeof *batch);
        err = vt_keeper_bad_answer(why);
    }
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}

/* A request whose body is one number, and whose answer is empty. */
static enum vt_err
ask_number(struct vt_keeper *k, enum vt_keeper_type type, uint64_t n, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(8);
    struct vt_buf b = {0};
    enum vt_err err;

    vt_buf_put_u64(&ask, n);
    err = vt_buf_check(&ask, "request", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, type, ask.data, ask.len, &b, NULL, why);
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}

enum vt_err
vt_keeper_end(struct vt_keeper *k, uint64_t session, struct vt_why *why)
{
    return ask_number(k, VT_KEEPER_END, session, why);
}

enum vt_err
vt_keeper_retired(struct vt_keeper *k, uint64_t generation, struct vt_why *why)
{
    return ask_number(k, VT_KEEPER_RETIRED, generation, why);
}

enum vt_err
vt_keeper_erase(struct vt_keeper *k, const struct vt_keeper_open *o,
    struct vt_keeper_destroyed *ret, struct vt_granted *ret_granted,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_granted *g = calloc(1, sizeof *g);
    struct vt_keeper_destroyed d = {0};
    struct vt_buf b = {0};
    struct vt_reader r;
    enum vt_err err;

    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "keeper: out of memory");
    err = ask_open(k, VT_KEEPER_ERASE, o, &b, ret_refusal, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_OK && !vt_keeper_take_granted(&r, g))
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK)
        err = read_request(o, g, why);
    if (err == VT_OK)
        err = vt_keeper_take_destroyed(&r, &d, why);
    if (err == VT_OK) {
        *ret = d;
        *ret_granted = *g;
    }
    vt_buf_release(&b);
    free(g);
    return err;
}

static enum vt_err
ask_destroyed(struct vt_keeper *k, enum vt_keeper_type type, const void *body, size_t len,
    struct vt_keeper_destroyed *ret, struct vt_why *why)
{
    struct vt_buf b = {0};
    struct vt_reader r;
    enum vt_err err = vt_keeper_ask(k, type, body, len, &b, NULL, why);

    r = VT_READER(b.data, b.len);
    if (err == VT_OK)
        err = vt_keeper_take_destroyed(&r, ret, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_keeper_retire(
    struct vt_keeper *k, uint32_t today, struct vt_keeper_destroyed *ret, struct vt_why *why)
{
    const uint8_t day[4] = {
        (uint8_t)(today >> 24), (uint8_t)(today >> 16), (uint8_t)(today >> 8), (uint8_t)today};

    return ask_destroyed(k, VT_KEEPER_RETIRE, day, sizeof day, ret, why);
}

enum vt_err
vt_keeper_shred(struct vt_keeper *k, const void *evidence, size_t len,
    struct vt_keeper_destroyed *ret, struct vt_why *why)
{
    return ask_destroyed(k, VT_KEEPER_SHRED, evidence, len, ret, why);
}
