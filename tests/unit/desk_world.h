/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A desk in a home with a library of two snapshots, one of them sealed, and a clock that the
 * test turns; for tests, which ask it as http would. Include after cmocka.h.
 */
#ifndef VT_TESTS_DESK_WORLD_H
#define VT_TESTS_DESK_WORLD_H

#include "authenticator.h"

#include "centre/desk_db.h"
#include "centre/desk_room.h"
#include "centre/sealed.h"
#include "keys.h"
#include "note/policy.h"
#include "store/pack.h"
#include "store/store.h"

#define DW_ORIGIN "https://centre.example"
#define DW_RP "centre.example"
#define DW_NOW INT64_C(1795341600) /* 2026-11-22T10:00:00Z */
#define DW_TEXT "int\nmain(void)\n{\n    return 0;\n}\n"

struct desk_world {
    char dir[VT_PATH_MAX];
    struct vt_home home;
    struct vt_policy *policy;
    struct vt_clock clock;
    struct vt_desk_room *desk;
    struct vt_sql *db; /* as another process sees it */
    struct vt_digest open;
    struct vt_digest sealed;
    struct vt_digest blob;
    char open_text[80];
    char sealed_text[80];
    char blob_text[80];
    /* Of the last question. */
    struct vt_buf body;
    json_t *out;
    bool pass;
    int status;
    char who[256];
    char list[VT_ROOM_SEALED_MAX + 1];
    char cookie[512];
    char etag[64];
    unsigned retry;
    /* Of the next. */
    const char *session;
    const char *client;
    const char *origin;
    const char *content_type;
    const char *match;
    struct vt_why why;
};

static inline void
dw_must(enum vt_err err, const struct vt_why *why)
{
    if (err != VT_OK)
        fail_msg("%s", why->text);
}

static inline void
dw_hex(const struct vt_digest *d, char ret[80])
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    (void)snprintf(ret, 80, "sha256:%s", hex);
}

/* A snapshot with main.c, docs/read me.txt and one file more, into the library. */
static inline void
dw_add_source(struct desk_world *w, struct vt_library *l, const char *more, const char *objects,
    struct vt_digest *ret)
{
    struct vt_pack *p = NULL;
    struct vt_store *store = NULL;
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];

    dw_must(vt_path(path, &w->why, "%s/archive", w->dir), &w->why);
    dw_must(vt_pack_new(path, 0, NULL, &p, &w->why), &w->why);
    dw_must(vt_pack_dir(p, "docs", &w->why), &w->why);
    dw_must(vt_pack_file(p, "docs/read me.txt", false, "hello\n", 6, &w->why), &w->why);
    dw_must(vt_pack_file(p, "main.c", false, DW_TEXT, strlen(DW_TEXT), &w->why), &w->why);
    dw_must(vt_pack_file(p, "more.c", false, more, strlen(more), &w->why), &w->why);
    dw_must(vt_pack_end(p, NULL, &w->why), &w->why);
    vt_pack_free(p);
    dw_must(vt_home_path(&w->home, dir, &w->why, "%s", objects), &w->why);
    dw_must(vt_store_open_dir(dir, &store, &w->why), &w->why);
    dw_must(vt_store_put_file(store, path, NULL, ret, NULL, &w->why), &w->why);
    vt_store_free(store);
    dw_must(vt_library_add(l, ret, path, NULL, NULL, &w->why), &w->why);
}

static inline void
dw_library(struct desk_world *w)
{
    struct vt_library *l = NULL;
    char path[VT_PATH_MAX];

    dw_must(vt_home_path(&w->home, path, &w->why, "centre"), &w->why);
    dw_must(vt_dir_make(path, 0755, &w->why), &w->why);
    dw_must(vt_home_path(&w->home, path, &w->why, "centre/source"), &w->why);
    dw_must(vt_library_open(path, true, &l, &w->why), &w->why);
    dw_add_source(w, l, "int a;\n", "public/objects", &w->open);
    dw_add_source(w, l, "int secret;\n", VT_STORE_SEALED, &w->sealed);
    vt_library_close(l);
    vt_digest_of(DW_TEXT, strlen(DW_TEXT), &w->blob);
    dw_hex(&w->open, w->open_text);
    dw_hex(&w->sealed, w->sealed_text);
    dw_hex(&w->blob, w->blob_text);
}

static inline void
dw_policy(struct desk_world *w)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);

    vt_buf_puts(&b, "log ");
    test_put_vkey(&b, "zurich.example/log", VT_NOTE_ED25519, 1);
    vt_buf_puts(&b, "\nquorum none\n");
    dw_must(vt_policy_parse(b.data, b.len, &w->policy, &w->why), &w->why);
    vt_buf_release(&b);
}

static inline void
dw_start(struct desk_world *w)
{
    struct vt_desk_opts opts = {.home = &w->home,
        .policy = w->policy,
        .origin = DW_ORIGIN,
        .url = "http://127.0.0.1:1",
        .clock = &w->clock};

    dw_must(vt_desk_room_new(&opts, &w->desk, &w->why), &w->why);
}

static inline void
dw_stop(struct desk_world *w)
{
    vt_desk_room_free(w->desk);
    w->desk = NULL;
}

static inline void
dw_init(struct desk_world *w)
{
    char dir[VT_PATH_MAX];

    memset(w, 0, sizeof(*w));
    w->body = VT_BUF(VT_ROOM_ANSWER_MAX);
    w->clock = vt_clock_fixed(DW_NOW);
    dw_must(vt_dir_temp("/tmp", "vt-desk", w->dir, &w->why), &w->why);
    dw_must(vt_path(dir, &w->why, "%s/zurich", w->dir), &w->why);
    dw_must(
        vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &w->home, &w->why), &w->why);
    dw_policy(w);
    dw_library(w);
    dw_start(w);
    dw_must(vt_desk_db_open(&w->home, &w->db, &w->why), &w->why);
}

static inline void
dw_release(struct desk_world *w)
{
    dw_stop(w);
    vt_sql_close(w->db);
    vt_policy_free(w->policy);
    vt_buf_release(&w->body);
    json_decref(w->out);
    dw_must(vt_tree_remove(w->dir, &w->why), &w->why);
}

static inline void
dw_keep_answer(struct desk_world *w, const struct vt_answer *a)
{
    w->pass = a->pass;
    w->status = a->status;
    w->retry = a->retry_after_s;
    (void)snprintf(w->who, sizeof(w->who), "%s", a->who);
    (void)snprintf(w->list, sizeof(w->list), "%s", a->sealed);
    (void)snprintf(w->cookie, sizeof(w->cookie), "%s", a->set_cookie);
    (void)snprintf(w->etag, sizeof(w->etag), "%s", a->etag);
    json_decref(w->out);
    w->out = NULL;
    if (w->body.len > 0)
        dw_must(vt_json_parse(w->body.data, w->body.len, "answer", &w->out, &w->why), &w->why);
}

/* Asks the desk; gives the status. body NULL: a GET. */
static inline int
dw_ask(struct desk_world *w, bool admit, const char *path, const char *query, const char *body)
{
    struct vt_answer answer;
    char whole[256];
    struct vt_ask ask = {.post = body != NULL,
        .path = whole,
        .query = query,
        .content_type = w->content_type != NULL ? w->content_type : "application/json",
        .if_none_match = w->match != NULL ? w->match : "",
        .origin = w->origin != NULL ? w->origin : DW_ORIGIN,
        .session = w->session != NULL ? w->session : "",
        .client = w->client != NULL ? w->client : "client-1",
        .who = "",
        .sealed = "",
        .body = body,
        .body_len = body != NULL ? strlen(body) : 0};

    (void)snprintf(whole, sizeof(whole), "/api/v1/%s", path);
    vt_answer_preset(&answer);
    vt_buf_clear(&w->body);
    dw_must(vt_desk_room_answer(w->desk, admit, &ask, &answer, &w->body, &w->why), &w->why);
    dw_keep_answer(w, &answer);
    return w->status;
}

static inline int
dw_get(struct desk_world *w, const char *path, const char *query)
{
    return dw_ask(w, false, path, query, NULL);
}

/* Steals v. */
static inline int
dw_post(struct desk_world *w, const char *path, json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT);
    int status;

    assert_non_null(text);
    json_decref(v);
    status = dw_ask(w, false, path, "", text);
    free(text);
    return status;
}

/* Asks whether source may be opened. */
static inline int
dw_admit(struct desk_world *w, const char *source, const char *rest, const char *query)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "sources/%s/%s", source, rest);
    return dw_ask(w, true, path, query, NULL);
}

static inline const char *
dw_text(const struct desk_world *w, const char *key)
{
    const char *s = json_string_value(json_object_get(w->out, key));

    assert_non_null(s);
    return s;
}

static inline const char *
dw_message(const struct desk_world *w)
{
    const char *s =
        json_string_value(json_object_get(json_object_get(w->out, "error"), "message"));

    assert_non_null(s);
    return s;
}

/* The token in the cookie that was set, to be freed. */
static inline char *
dw_token(const struct desk_world *w)
{
    assert_memory_equal(w->cookie, "vt-session=", 11);
    return strndup(w->cookie + 11, strcspn(w->cookie + 11, ";"));
}

static inline void
dw_invite(
    struct desk_world *w, const char *name, unsigned roles, char token[VT_ACCOUNT_TOKEN_TEXT])
{
    struct vt_invitation i = {.roles = roles, .expires = w->clock.fixed + 86400};

    (void)snprintf(i.name, sizeof(i.name), "%s", name);
    (void)snprintf(i.organisation, sizeof(i.organisation), "%s",
        strcmp(name, "bob.example") == 0 ? "south" : "north");
    dw_must(vt_invitation_new(w->db, &i, token, &w->why), &w->why);
}

static inline const char *
dw_challenge(const struct desk_world *w)
{
    return json_string_value(
        json_object_get(json_object_get(w->out, "publicKey"), "challenge"));
}

/* Takes the user handle that a registration's options give. */
static inline void
dw_take_user(const struct desk_world *w, struct authenticator *a)
{
    const char *text = json_string_value(
        json_object_get(json_object_get(json_object_get(w->out, "publicKey"), "user"), "id"));
    size_t len = 0;

    assert_true(vt_b64url_decode(text, strlen(text), a->user, sizeof(a->user), &len));
    assert_int_equal(len, sizeof(a->user));
}

/* The two steps of a registration; gives the second's status. */
static inline int
dw_register(struct desk_world *w, const char *invitation, struct authenticator *a)
{
    json_t *ticket;
    json_t *credential;

    if (dw_post(w, "register/begin", json_pack("{s:s}", "invitation", invitation)) != 200)
        return w->status;
    dw_take_user(w, a);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_create(a, dw_challenge(w));
    return dw_post(w, "register/finish",
        json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential));
}

/* An account with that authenticator, registered; gives its session, to be freed. */
static inline char *
dw_join(struct desk_world *w, const char *name, unsigned roles, struct authenticator *a)
{
    char token[VT_ACCOUNT_TOKEN_TEXT];

    authenticator_init(a, DW_ORIGIN, DW_RP);
    dw_invite(w, name, roles, token);
    if (dw_register(w, token, a) != 201)
        fail_msg("%s", dw_message(w));
    return dw_token(w);
}

static inline int
dw_login(struct desk_world *w, struct authenticator *a)
{
    json_t *ticket;
    json_t *credential;

    if (dw_post(w, "login/begin", json_object()) != 200)
        return w->status;
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(a, dw_challenge(w));
    return dw_post(
        w, "login/finish", json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential));
}

static inline int64_t
dw_count(struct desk_world *w, const char *sql)
{
    int64_t n = -1;

    dw_must(vt_sql_count(w->db, 0, &n, &w->why, sql, ""), &w->why);
    return n;
}

#endif
