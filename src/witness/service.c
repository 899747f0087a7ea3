/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/service.h"

#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "http/server.h"

#include <stdlib.h>

#define REQUEST_MAX (64U * 1024U)

struct vt_witness {
    struct vt_witness_records *records;
    char key_path[VT_PATH_MAX];
    struct vt_signer *signer;
    struct vt_vkey key;
    const struct vt_clock *clock;
};

static enum vt_err
start_signer(struct vt_witness *w, struct vt_why *why)
{
    return vt_signer_spawn(w->key_path, VT_SIGN_BIT(VT_SIGN_COSIGNATURE), &w->signer, why);
}

enum vt_err
vt_witness_new(const char *dir, const char *key_path, const struct vt_vkey *logs,
    size_t log_count, const struct vt_clock *clock, struct vt_witness **ret, struct vt_why *why)
{
    struct vt_witness *w = calloc(1, sizeof(*w));
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    w->clock = clock;
    err = vt_path(w->key_path, why, "%s", key_path);
    if (err == VT_OK)
        err = vt_witness_records_open(dir, logs, log_count, &w->records, why);
    if (err == VT_OK)
        err = start_signer(w, why);
    if (err == VT_OK)
        err = vt_vkey_make(vt_signer_name(w->signer), VT_NOTE_COSIG_ED25519,
            vt_signer_public(w->signer), &w->key, why);
    if (err != VT_OK) {
        vt_witness_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}

void
vt_witness_free(struct vt_witness *w)
{
    if (w == NULL)
        return;
    vt_signer_free(w->signer);
    vt_witness_records_free(w->records);
    free(w);
}

const struct vt_vkey *
vt_witness_key(const struct vt_witness *w)
{
    return &w->key;
}

/* Signs; when the signer process has died, starts it once more. */
static enum vt_err
sign(struct vt_witness *w, const struct vt_buf *msg, struct vt_sig *ret, struct vt_why *why)
{
    enum vt_err err = VT_E_IO;

    if (w->signer != NULL)
        err = vt_signer_sign(w->signer, VT_SIGN_COSIGNATURE, msg->data, msg->len, ret, why);
    if (err != VT_E_IO)
        return err;
    vt_log(VT_LOG_WARN, "the signer is gone: starting it again");
    vt_signer_free(w->signer);
    w->signer = NULL;
    err = start_signer(w, why);
    if (err == VT_OK)
        err = vt_signer_sign(w->signer, VT_SIGN_COSIGNATURE, msg->data, msg->len, ret, why);
    return err;
}

/* Records first, then signs: a cosignature never leaves without its record. */
static enum vt_err
cosign(struct vt_witness *w, const struct vt_witness_verdict *v, struct vt_buf *b,
    struct vt_why *why)
{
    struct vt_buf msg = VT_BUF(REQUEST_MAX + 64);
    uint64_t now = (uint64_t)vt_clock_now(w->clock);
    struct vt_sig sig;
    enum vt_err err = vt_witness_records_keep(w->records, v, why);

    if (err == VT_OK) {
        vt_cosig_message(&msg, now, v->text, v->text_len);
        err = vt_buf_check(&msg, "cosignature", why);
    }
    if (err == VT_OK)
        err = sign(w, &msg, &sig, why);
    if (err == VT_OK) {
        vt_cosig_put(b, &w->key, now, &sig);
        err = vt_buf_check(b, "cosignature", why);
    }
    vt_buf_release(&msg);
    return err;
}

static void
keep_evidence(struct vt_witness *w, const struct vt_witness_verdict *v)
{
    struct vt_why why = {0};

    if (v->doubt == VT_WITNESS_SPLIT)
        vt_log(VT_LOG_ERROR, "SPLIT VIEW: the log %s signed two trees of %llu entries",
            v->checkpoint.origin, (unsigned long long)v->checkpoint.size);
    else
        vt_log(VT_LOG_WARN, "no proof that the tree of %llu entries of %s continues the record",
            (unsigned long long)v->checkpoint.size, v->checkpoint.origin);
    if (vt_witness_records_evidence(w->records, v, &why) != VT_OK)
        vt_log(VT_LOG_ERROR, "evidence not kept: %s", why.text);
}

int
vt_witness_answer(struct vt_witness *w, const void *body, size_t len,
    const char **ret_content_type, struct vt_buf *b)
{
    const struct vt_witness_log *logs = NULL;
    size_t n = vt_witness_records_logs(w->records, &logs);
    struct vt_witness_verdict v;
    struct vt_why why = {0};

    *ret_content_type = "text/plain; charset=utf-8";
    vt_witness_decide(logs, n, body, len, &v);
    if (v.doubt != VT_WITNESS_NO_DOUBT)
        keep_evidence(w, &v);
    if (v.status == 409) {
        *ret_content_type = "text/x.tlog.size";
        vt_buf_putf(b, "%llu\n", (unsigned long long)v.known);
        return 409;
    }
    if (v.status != 200) {
        vt_log(VT_LOG_INFO, "refused (%d): %s", v.status, v.why.text);
        vt_buf_putf(b, "%s\n", v.why.text);
        return v.status;
    }
    if (cosign(w, &v, b, &why) != VT_OK) {
        vt_log(VT_LOG_ERROR, "no cosignature: %s", why.text);
        vt_buf_clear(b);
        vt_buf_puts(b, "the witness cannot sign now\n");
        return 500;
    }
    vt_log(VT_LOG_INFO, "cosigned %s at %llu entries", v.checkpoint.origin,
        (unsigned long long)v.checkpoint.size);
    return 200;
}

static void
on_add_checkpoint(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    rs->status = vt_witness_answer(ctx, rq->body, rq->body_len, &rs->content_type, &rs->body);
}

static void
on_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    vt_buf_puts(&rs->body, "ok\n");
}

/* Who this is and what it follows, for people. */
static void
on_front(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct vt_witness *w = ctx;
    const struct vt_witness_log *logs = NULL;
    size_t n = vt_witness_records_logs(w->records, &logs);
    char vkey[VT_VKEY_TEXT_MAX];

    (void)rq;
    vt_vkey_format(&w->key, vkey);
    vt_buf_putf(&rs->body, "witness %s\n", vkey);
    for (size_t i = 0; i < n; i++) {
        vt_vkey_format(&logs[i].key, vkey);
        vt_buf_putf(
            &rs->body, "log %s at %llu entries\n", vkey, (unsigned long long)logs[i].size);
    }
}

enum vt_err
vt_witness_serve(struct vt_witness *w, int listen_fd, int stop_fd, struct vt_why *why)
{
    static const struct vt_http_route routes[] = {
        {"POST", "/add-checkpoint", REQUEST_MAX, on_add_checkpoint, NULL},
        {"GET", "/healthz", 0, on_health, NULL},
        {"GET", "/", 0, on_front, NULL},
        {NULL, NULL, 0, NULL, NULL},
    };
    struct vt_http_server_opts opts = {.routes = routes, .ctx = w};

    return vt_http_serve(listen_fd, stop_fd, &opts, why);
}
