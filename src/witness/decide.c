/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/decide.h"

#include "merkle/tree.h"

#include <string.h>

enum { PROOF_LINES_MAX = 63 };

struct request {
    uint64_t old_size;
    struct vt_proof proof;
    struct vt_note note;
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
parse_checkpoint(const struct vt_reader *r, struct request *rq, struct vt_witness_verdict *v)
{
    v->note = r->p;
    v->note_len = r->left;
    if (vt_note_parse(r->p, r->left, &rq->note, &v->why) != VT_OK ||
        vt_checkpoint_parse(rq->note.text, rq->note.text_len, &v->checkpoint, &v->why) != VT_OK)
        return 400;
    v->text = rq->note.text;
    v->text_len = rq->note.text_len;
    return 200;
}

static bool
find_log(const struct vt_witness_log *logs, size_t n, const char *origin, size_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(logs[i].key.name, origin) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Sizes and proof against the record; the log's signature is good. */
static int
check_record(
    const struct vt_witness_log *log, const struct request *rq, struct vt_witness_verdict *v)
{
    const struct vt_checkpoint *c = &v->checkpoint;
    struct vt_digest empty;

    if (rq->old_size > c->size)
        return verdict(v, 400, "the old size is larger than the checkpoint's");
    if (rq->old_size != log->size) {
        v->known = log->size;
        /* The same size with another root is a split view, whatever was asked. */
        if (c->size == log->size && c->size > 0 && !vt_digest_eq(&c->root, &log->root))
            v->doubt = VT_WITNESS_SPLIT;
        return verdict(v, 409, "the old size is not the one last cosigned");
    }
    vt_merkle_empty(&empty);
    if (c->size == 0 && !vt_digest_eq(&c->root, &empty)) {
        v->doubt = VT_WITNESS_SPLIT;
        return verdict(v, 422, "size 0 with a root that is not the empty tree's");
    }
    if (rq->old_size == 0 && rq->proof.len > 0)
        return verdict(v, 422, "from size 0 no proof is given");
    if (rq->old_size == c->size && !vt_digest_eq(&c->root, &log->root)) {
        v->doubt = VT_WITNESS_SPLIT;
        return verdict(v, 422, "another root was cosigned for that size");
    }
    if (rq->old_size > 0 && vt_merkle_check_consistency(rq->old_size, c->size, &log->root,
                                &c->root, &rq->proof, &v->why) != VT_OK) {
        v->doubt = VT_WITNESS_UNPROVEN;
        return 422;
    }
    return 200;
}

static int
decide(const struct vt_witness_log *logs, size_t n, const void *body, size_t len,
    struct vt_witness_verdict *v)
{
    struct vt_reader r = VT_READER(body, len);
    struct request rq = {0};
    int status = parse_head(&r, &rq, v);

    if (status == 200)
        status = parse_checkpoint(&r, &rq, v);
    if (status != 200)
        return status;
    if (!find_log(logs, n, v->checkpoint.origin, &v->log))
        return verdict(v, 404, "this witness does not follow that log");
    /* Both a missing signature and a false one. */
    if (vt_note_verify(&rq.note, &logs[v->log].key, &v->why) != VT_OK)
        return 403;
    return check_record(&logs[v->log], &rq, v);
}

void
vt_witness_decide(const struct vt_witness_log *logs, size_t log_count, const void *body,
    size_t len, struct vt_witness_verdict *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->status = decide(logs, log_count, body, len, ret);
}
