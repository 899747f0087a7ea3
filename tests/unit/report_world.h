/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vaults that answer as a test wants, and a ledger that tells where regions are. Include after
 * cmocka.h.
 *
 *     struct report_world w;          zurich keeps EU by policy 1; its key is entry 1
 *     rw_init(&w);
 *     rw_move(&w);                    policy 2: frankfurt keeps EU
 */
#ifndef VT_TEST_REPORT_WORLD_H
#define VT_TEST_REPORT_WORLD_H

#include "ledger_world.h"

#include "base/file.h"
#include "http/server.h"
#include "report/batch.h"
#include "report/reporter.h"

#include <pthread.h>
#include <unistd.h>

#define RW_REGION_SEED 77

struct fake_vault {
    pthread_t thread;
    int listen_fd;
    int stop[2];
    char url[128];
    struct vt_box *box;    /* opens batches; of the world */
    pthread_mutex_t mutex; /* over all below */
    struct vt_buf policy;
    struct vt_buf key;
    int status;     /* what batches are answered */
    unsigned limit; /* so many are answered so, and 200 after that; 0: all */
    unsigned retry_after_s;
    char text[512]; /* and with that line */
    unsigned posts;
    unsigned batches; /* acknowledged */
    uint64_t records;
    uint8_t id[64][16];  /* of the first that were acknowledged */
    struct vt_buf plain; /* what they held */
    bool spoilt;         /* one did not open */
};

struct report_world {
    struct ledger_world ledger;
    struct vt_box *box;
    char dir[VT_PATH_MAX];
    char trust[VT_PATH_MAX];
    char spool[VT_PATH_MAX];
    struct fake_vault zurich;
    struct fake_vault frankfurt;
};

/* ---- a vault ---- */

static inline bool
fv_open(struct fake_vault *v, const struct vt_http_request *rq)
{
    struct vt_batch_scratch *scratch = NULL;
    uint8_t info[VT_BATCH_INFO_SIZE];
    struct vt_hpke_secret secret;
    struct vt_batch_header h;
    struct vt_digest header;
    const uint8_t *blocks;
    bool ok = vt_batch_parse(rq->body, rq->body_len, &h, &blocks, NULL) == VT_OK;

    if (!ok)
        return false;
    vt_digest_of(h.bytes, h.bytes_len, &header);
    vt_batch_info(&h, info);
    ok = vt_hpke_receive(v->box, h.enc, info, sizeof info, &secret, NULL) == VT_OK;
    for (uint32_t i = 0; ok && i < h.block_count; i++) {
        struct vt_block_row row;
        uint8_t *sealed, *room;

        vt_batch_row(&h, i, &row);
        sealed = malloc(row.sealed_len);
        room = vt_buf_reserve(&v->plain, row.plain_len);
        ok = sealed != NULL && room != NULL;
        if (ok) {
            memcpy(sealed, blocks, row.sealed_len);
            ok = vt_batch_open_block(&secret, &header, i, &row, sealed, row.sealed_len, room,
                     &scratch, NULL) == VT_OK;
        }
        if (ok)
            vt_buf_commit(&v->plain, row.plain_len);
        v->records += row.records;
        blocks += row.sealed_len;
        free(sealed);
    }
    if (v->batches < 64)
        memcpy(v->id[v->batches], h.id, sizeof h.id);
    vt_batch_scratch_free(scratch);
    return ok;
}

static inline void
fv_batches(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct fake_vault *v = ctx;
    bool scripted;

    pthread_mutex_lock(&v->mutex);
    v->posts++;
    scripted = v->status != 200 && (v->limit == 0 || v->posts <= v->limit);
    rs->status = scripted ? v->status : 200;
    if (scripted) {
        rs->retry_after_s = v->retry_after_s;
        vt_buf_putf(&rs->body, "%s\n", v->text);
    } else {
        v->spoilt |= !fv_open(v, rq);
        v->batches++;
    }
    pthread_mutex_unlock(&v->mutex);
}

static inline void
fv_file(struct fake_vault *v, const struct vt_buf *b, struct vt_http_response *rs)
{
    pthread_mutex_lock(&v->mutex);
    vt_buf_put(&rs->body, b->data, b->len);
    rs->status = b->len > 0 ? 200 : 404;
    pthread_mutex_unlock(&v->mutex);
}

static inline void
fv_policy(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct fake_vault *v = ctx;

    (void)rq;
    fv_file(v, &v->policy, rs);
}

static inline void
fv_key(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct fake_vault *v = ctx;

    if (strcmp(rq->path, "/vault/v1/keys/EU") == 0)
        fv_file(v, &v->key, rs);
    else
        rs->status = 404;
}

static inline void *
fv_serve(void *arg)
{
    static const struct vt_http_route routes[] = {
        {"GET", "/vault/v1/policy", 0, fv_policy, NULL},
        {"GET", "/vault/v1/keys/", 0, fv_key, NULL},
        {"POST", "/vault/v1/batches", VT_BATCH_MAX, fv_batches, NULL},
        {0},
    };
    struct fake_vault *v = arg;
    struct vt_http_server_opts o = {.routes = routes, .ctx = v};

    return vt_http_serve(v->listen_fd, v->stop[0], &o, NULL) == VT_OK ? NULL : v;
}

static inline void
fv_start(struct fake_vault *v)
{
    struct vt_why why = {{0}};
    char address[128];

    /* The second time at the same address. */
    (void)snprintf(
        address, sizeof address, "%s", v->url[0] != '\0' ? v->url + 7 : "127.0.0.1:0");
    lw_must(vt_http_listen(address, &v->listen_fd, v->url, &why), &why);
    assert_int_equal(pipe(v->stop), 0);
    assert_int_equal(pthread_create(&v->thread, NULL, fv_serve, v), 0);
}

static inline void
fv_stop(struct fake_vault *v)
{
    void *ret = v;

    if (v->listen_fd < 0)
        return;
    close(v->stop[1]);
    pthread_join(v->thread, &ret);
    assert_null(ret);
    close(v->stop[0]);
    close(v->listen_fd);
    v->listen_fd = -1;
}

/* What batches are answered from now on; limit of them, 0: all. */
static inline void
fv_answer(struct fake_vault *v, int status, unsigned limit, const char *text)
{
    pthread_mutex_lock(&v->mutex);
    v->status = status;
    v->limit = limit;
    v->posts = 0;
    (void)snprintf(v->text, sizeof v->text, "%s", text);
    pthread_mutex_unlock(&v->mutex);
}

static inline void
fv_give(struct fake_vault *v, struct vt_buf *to, struct vt_buf from)
{
    pthread_mutex_lock(&v->mutex);
    vt_buf_clear(to);
    vt_buf_put(to, from.data, from.len);
    pthread_mutex_unlock(&v->mutex);
    vt_buf_release(&from);
}

static inline void
fv_init(struct fake_vault *v, struct vt_box *box)
{
    *v = (struct fake_vault){.listen_fd = -1,
        .box = box,
        .status = 200,
        .policy = VT_BUF(VT_EVIDENCE_MAX),
        .key = VT_BUF(VT_EVIDENCE_MAX),
        .plain = VT_BUF(64U * 1024 * 1024)};
    pthread_mutex_init(&v->mutex, NULL);
}

static inline void
fv_release(struct fake_vault *v)
{
    fv_stop(v);
    pthread_mutex_destroy(&v->mutex);
    vt_buf_release(&v->policy);
    vt_buf_release(&v->key);
    vt_buf_release(&v->plain);
}

/* ---- the ledger ---- */

/* A policy like the first, with EU at another site, or without a field of that value. */
static inline struct vt_doc *
rw_policy(uint64_t serial, const struct vt_digest *previous, const char *was, const char *now)
{
    struct vt_doc *from = lw_policy_doc(serial, previous);
    struct vt_doc *to = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_doc_new(VT_DOC_POLICY, &to, &why), &why);
    for (size_t i = 0; i < vt_doc_count(from); i++) {
        const struct vt_doc_field *f = vt_doc_field(from, i);
        bool same = strcmp(f->value, was) != 0;

        if (same || now != NULL)
            lw_add(to, f->name, same ? f->value : now);
    }
    vt_doc_free(from);
    return to;
}

static inline size_t
rw_say_key(struct report_world *w, const char *region, const char *site, enum lw_party who,
    uint8_t ceremony)
{
    struct vt_region_key k = {.created = LW_ASKED,
        .share_count = 1,
        .share = {{.mode = VT_MODE_BREAK_GLASS, .group = "board", .need = 2, .of = 2}},
        .ceremony = {ceremony}};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    (void)snprintf(k.region, sizeof k.region, "%s", region);
    (void)snprintf(k.site, sizeof k.site, "%s", site);
    k.policy = *vt_vault_policy_digest(w->ledger.policy);
    vt_box_public(w->box, &k.public);
    lw_must(vt_region_key_doc(&k, &d, &why), &why);
    return lw_say(&w->ledger, d, who);
}

static inline struct vt_buf
rw_evidence(struct report_world *w, size_t index)
{
    return lw_evidence(&w->ledger, &index, 1, 0);
}

static inline struct vt_buf
rw_evidence_at(struct report_world *w, size_t index, size_t size)
{
    return lw_evidence_at(&w->ledger, &index, 1, size, 0);
}

/* Policy 2, which both vaults give from now on; its entry. */
static inline size_t
rw_move(struct report_world *w)
{
    size_t at = lw_say(&w->ledger,
        rw_policy(
            2, &w->ledger.item[0].digest, "EU zurich.example CH", "EU frankfurt.example DE"),
        LW_AUTHORITY);

    fv_give(&w->zurich, &w->zurich.policy, rw_evidence(w, at));
    fv_give(&w->frankfurt, &w->frankfurt.policy, rw_evidence(w, at));
    return at;
}

static inline void
rw_init(struct report_world *w)
{
    struct vt_buf trust = VT_BUF(VT_POLICY_MAX);
    uint8_t priv[VT_BOX_SIZE];
    struct vt_why why = {{0}};

    memset(w, 0, sizeof *w);
    memset(priv, RW_REGION_SEED, sizeof priv);
    lw_must(vt_box_from_private(priv, &w->box, &why), &why);
    lw_init(&w->ledger);
    (void)rw_say_key(w, "EU", "zurich.example", LW_ZURICH, 1);
    lw_must(vt_dir_temp("/tmp", "vt-report", w->dir, &why), &why);
    lw_must(vt_path(w->trust, &why, "%s/policy", w->dir), &why);
    lw_must(vt_path(w->spool, &why, "%s/spool", w->dir), &why);
    lw_put_trust(&trust);
    lw_must(vt_file_create(w->trust, 0644, trust.data, trust.len, &why), &why);
    vt_buf_release(&trust);
    fv_init(&w->zurich, w->box);
    fv_init(&w->frankfurt, w->box);
    fv_give(&w->zurich, &w->zurich.policy, rw_evidence(w, 0));
    fv_give(&w->zurich, &w->zurich.key, rw_evidence(w, 1));
    fv_give(&w->frankfurt, &w->frankfurt.policy, rw_evidence(w, 0));
    fv_give(&w->frankfurt, &w->frankfurt.key, rw_evidence(w, 1));
}

static inline void
rw_release(struct report_world *w)
{
    fv_release(&w->zurich);
    fv_release(&w->frankfurt);
    lw_release(&w->ledger);
    vt_box_free(w->box);
    assert_int_equal(vt_tree_remove(w->dir, NULL), VT_OK);
}

/* ---- reporters ---- */

static inline enum vt_err
rw_try(struct report_world *w, uint64_t spool_max, int64_t linger_ms, struct vt_reporter **ret,
    struct vt_why *why)
{
    static const uint8_t secret[VT_CUSTOMER_SECRET_SIZE] = {9};
    const char *url[2] = {w->zurich.url, w->frankfurt.url};
    struct vt_reporter_opts o = {.spool = w->spool,
        .spool_max = spool_max,
        .policy = w->trust,
        .url = url,
        .url_count = w->frankfurt.url[0] != '\0' ? 2 : 1,
        .region = "EU",
        .class_name = "detection",
        .customer = "acme",
        .secret = secret,
        .linger_ms = linger_ms};

    return vt_reporter_new(&o, ret, why);
}

static inline struct vt_reporter *
rw_reporter(struct report_world *w)
{
    struct vt_reporter *r = NULL;
    struct vt_why why = {{0}};

    lw_must(rw_try(w, 0, 0, &r, &why), &why);
    return r;
}

static inline void
rw_add(struct vt_reporter *r, const char *subject, const char *record)
{
    struct vt_why why = {{0}};

    lw_must(vt_reporter_add(r, subject, record, strlen(record), &why), &why);
}

static inline void
rw_flush(struct vt_reporter *r)
{
    struct vt_why why = {{0}};

    lw_must(vt_reporter_flush(r, 120000, -1, NULL, NULL, &why), &why);
}

#endif
