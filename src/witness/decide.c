/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/decide.h"

#include "merkle/tree.h"

#include <string.h>

enum { PROOF_LINES_MAX = 63 };

struct request {
    uint64_t old_size;
    struct vt_proof proof;
};

static int
verdict(struct vt_witness_verdict *v, int status, const char *text)
{
    (void)vt_fail(&v->why, VT_E_REFUSED, "%s", text);
    return status;
}

static bool
parse_hash(const struct vt_reader *line, struct vt_digest *ret)
{
    size_t n;

    return vt_b64_decode((const char *)line->p, line->left, ret->b, sizeof(ret->b), &n) &&
           n == VT_DIGEST_SIZE;
}

/* The lines before the checkpoint: old size, proof, a blank one. */
static int
parse_head(struct vt_reader *r, struct request *rq, struct vt_witness_verdict *v)
{
    struct vt_reader line;

    if (!vt_reader_line(r, &line) || !vt_reader_skip(&line, "old ") ||
        !vt_reader_decimal(&line, INT64_MAX, &rq->old_size))
        return verdict(v, 400, "the first line is not `old SIZE`");
    for (;;) {
        if (!vt_reader_line(r, &line))
            return verdict(v, 400, "no blank line ends the proof");
        if (line.left == 0)
            return 200;
        if (rq->proof.len == PROOF_LINES_MAX)
            return verdict(v, 400, "a proof has at most 63 lines");
        if (!parse_hash(&line, &rq->proof.hash[rq->proof.len]))
            return verdict(v, 400, "a proof line is not the base64 of 32 bytes");
        rq->proof.len++;
    }
}

static int
parse_checkpoint(const struct vt_reader *r, struct vt_witness_verdict *v)
{
    if (vt_note_parse(r->p, r->left, &v->note, &v->why) != VT_OK ||
        vt_checkpoint_parse(v->note.text, v->note.text_len, &v->checkpoint, &v->why) != VT_OK)
        return 400;
    return 200;
}

static bool
is_of_log(const struct vt_witness_log *log, const struct vt_note_sig *sig)
{
    for (size_t i = 0; i < log->keys.count; i++)
        if (vt_note_sig_is(sig, &log->keys.key[i]))
            return true;
    return false;
}

static bool
stands_before(const struct vt_note *note, size_t n, const struct vt_note_sig *sig)
{
    for (size_t i = 0; i < n; i++)
        if (note->sig[i].b64_len == sig->b64_len && note->sig[i].name_len == sig->name_len &&
            memcmp(note->sig[i].b64, sig->b64, sig->b64_len) == 0 &&
            memcmp(note->sig[i].name, sig->name, sig->name_len) == 0)
            return true;
    return false;
}

/* The lines of an Ed25519 key that was made ready. */
static enum vt_err
verify_ready(const struct vt_note *note, const struct vt_vkey *k, struct vt_verifier *verifier,
    struct vt_why *why)
{
    enum vt_err err = VT_E_UNKNOWN;
    uint8_t sig[VT_SIG_SIZE];
    size_t len = 0;

    for (size_t i = 0; i < note->sig_count; i++) {
        if (!vt_note_sig_is(&note->sig[i], k))
            continue;
        if (vt_note_sig_bytes(&note->sig[i], sig, sizeof(sig), &len, NULL) != VT_OK ||
            !vt_verifier_check(verifier, note->text, note->text_len, sig, len))
            return vt_fail(why, VT_E_SIG, "the signature of `%s` does not verify", k->name);
        err = VT_OK;
    }
    return err;
}

static enum vt_err
verify_by(const struct vt_note *note, const struct vt_witness_keys *keys, size_t i,
    struct vt_why *why)
{
    uint64_t time = 0;

    return keys->verifier[i] != NULL ? verify_ready(note, &keys->key[i], keys->verifier[i], why)
                                     : vt_cosig_verify(note, &keys->key[i], &time, why);
}

/* Each line once: a true signature is the only one of its key and text, so that nobody can have
 * a witness verify sixty-four of them. */
enum vt_err
vt_witness_check_note(
    const struct vt_witness_log *log, struct vt_note *note, struct vt_why *why)
{
    size_t n = 0;

    for (size_t i = 0; i < note->sig_count; i++)
        if (is_of_log(log, &note->sig[i]) && !stands_before(note, n, &note->sig[i]))
            note->sig[n++] = note->sig[i];
    note->sig_count = n;
    if (n == 0)
        return vt_fail(why, VT_E_UNKNOWN, "not signed by a key of the log %s", log->origin);
    for (size_t i = 0; i < log->keys.count; i++) {
        enum vt_err err = verify_by(note, &log->keys, i, why);

        if (err != VT_OK && err != VT_E_UNKNOWN)
            return err;
    }
    return VT_OK;
}

/* The old size is the checkpoint's own: the same tree again. */
static int
check_same(const struct request *rq, struct vt_witness_verdict *v)
{
    if (!vt_digest_eq(&v->checkpoint.root, &v->log->root)) {
        v->doubt = VT_WITNESS_SPLIT;
        return verdict(v, 422, "another root was cosigned for that size");
    }
    return rq->proof.len == 0 ? 200 : verdict(v, 422, "to the same size no proof is given");
}

/* The old size is the recorded one. */
static int
check_growth(const struct request *rq, struct vt_witness_verdict *v)
{
    const struct vt_checkpoint *c = &v->checkpoint;
    struct vt_digest empty;

    vt_merkle_empty(&empty);
    if (c->size == 0 && !vt_digest_eq(&c->root, &empty)) {
        v->doubt = VT_WITNESS_SPLIT;
        return verdict(v, 422, "size 0 with a root that is not the empty tree's");
    }
    if (rq->old_size == 0 && rq->proof.len > 0)
        return verdict(v, 422, "from size 0 no proof is given");
    if (rq->old_size == c->size)
        return check_same(rq, v);
    if (rq->old_size > 0 && vt_merkle_check_consistency(rq->old_size, c->size, &v->log->root,
                                &c->root, &rq->proof, &v->why) != VT_OK) {
        v->doubt = VT_WITNESS_UNPROVEN;
        return 422;
    }
    return 200;
}

/* Sizes and proof against the record; the log's signature is good. */
static int
check_record(const struct request *rq, struct vt_witness_verdict *v)
{
    const struct vt_checkpoint *c = &v->checkpoint;

    if (rq->old_size > c->size)
        return verdict(v, 400, "the old size is larger than the checkpoint's");
    if (rq->old_size == v->log->size)
        return check_growth(rq, v);
    v->known = v->log->size;
    /* The same size with another root is a split view, whatever was asked. */
    if (c->size == v->log->size && c->size > 0 && !vt_digest_eq(&c->root, &v->log->root))
        v->doubt = VT_WITNESS_SPLIT;
    return verdict(v, 409, "the old size is not the one last cosigned");
}

static int
decide(const struct vt_witness_table *t, const void *body, size_t len,
    struct vt_witness_verdict *v)
{
    struct vt_reader r = VT_READER(body, len);
    struct request rq;
    int status;

    rq.proof.len = 0;
    status = parse_head(&r, &rq, v);
    if (status == 200)
        status = parse_checkpoint(&r, v);
    if (status != 200)
        return status;
    v->log = vt_witness_table_find(t, v->checkpoint.origin);
    if (v->log == NULL || v->log->keys.count == 0) {
        v->log = NULL;
        return verdict(v, 404, "this witness does not follow that log");
    }
    /* Both a missing signature and a false one. */
    if (vt_witness_check_note(v->log, &v->note, &v->why) != VT_OK)
        return 403;
    return check_record(&rq, v);
}

void
vt_witness_decide(const struct vt_witness_table *t, const void *body, size_t len,
    struct vt_witness_verdict *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->status = decide(t, body, len, ret);
}
