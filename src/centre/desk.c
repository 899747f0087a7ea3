/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/desk.h"

#include "base/confine.h"
#include "base/log.h"
#include "centre/desk_db.h"
#include "centre/desk_room.h"
#include "centre/session.h"
#include "centre/visit_publish.h"
#include "http/server.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API "/api/v1/"
#define SWEEP_S 600

/* What is answered. `item`: its path ends in a number. names: the parameters that a GET takes.
 */
struct route {
    bool post;
    bool item;
    const char *path;
    vt_desk_fn *fn;
    const char *const *names;
};

static const char *const no_names[] = {NULL};
static const char *const comment_names[] = {"source", "path", NULL};
static const char *const visit_names[] = {"day", "after", "limit", NULL};

static const struct route routes[] = {
    {false, false, "session", vt_desk_get_session, no_names},
    {false, false, "reviewers", vt_desk_get_reviewers, no_names},
    {true, false, "register/begin", vt_desk_register_begin, no_names},
    {true, false, "register/finish", vt_desk_register_finish, no_names},
    {true, false, "login/begin", vt_desk_login_begin, no_names},
    {true, false, "login/finish", vt_desk_login_finish, no_names},
    {true, false, "logout", vt_desk_logout, no_names},
    {false, false, "comments", vt_desk_get_comments, comment_names},
    {true, false, "comments", vt_desk_post_comment, no_names},
    {true, true, "comments/", vt_desk_change_comment, no_names},
    {false, false, "assignments", vt_desk_get_assignments, no_names},
    {true, false, "assignments", vt_desk_post_assignment, no_names},
    {true, true, "assignments/", vt_desk_change_assignment, no_names},
    {false, false, "visits", vt_desk_get_visits, visit_names},
    {false, false, "visits/days", vt_desk_get_days, no_names},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static bool
is_route(const struct route *r, const char *path, int64_t *ret_id)
{
    size_t len = strlen(r->path);
    struct vt_reader id;
    uint64_t n = 0;

    if (!r->item)
        return strcmp(path, r->path) == 0;
    if (strncmp(path, r->path, len) != 0)
        return false;
    id = VT_READER(path + len, strlen(path + len));
    if (!vt_reader_decimal(&id, INT64_MAX, &n))
        return false;
    *ret_id = (int64_t)n;
    return true;
}

static enum vt_err
find_route(struct vt_desk_call *c, const struct route **ret)
{
    const char *path = c->ask->path;
    bool there = false;

    if (strncmp(path, API, sizeof(API) - 1) == 0) {
        for (size_t i = 0; i < ROUTES; i++) {
            if (!is_route(&routes[i], path + sizeof(API) - 1, &c->id))
                continue;
            there = true;
            if (routes[i].post == c->ask->post) {
                *ret = &routes[i];
                return VT_OK;
            }
        }
    }
    if (there)
        return vt_desk_fail(c, 405, "this takes no %s", c->ask->post ? "POST" : "GET");
    return vt_desk_fail(c, 404, "there is nothing of that name");
}

/* A POST that a page of ours made, and no other page can (cross-site request forgery). */
static enum vt_err
check_post(struct vt_desk_call *c)
{
    const char *type = c->ask->content_type;
    struct vt_why why = {0};

    if (strcmp(c->ask->origin, c->d->site.origin) != 0)
        return vt_desk_fail(
            c, 403, "a POST is taken from pages of %s alone", c->d->site.origin);
    if (strncmp(type, "application/json", 16) != 0 || (type[16] != '\0' && type[16] != ';'))
        return vt_desk_fail(c, 403, "a POST is taken as application/json alone");
    if (vt_json_parse(c->ask->body, c->ask->body_len, "the body", &c->in, &why) != VT_OK)
        return vt_desk_fail_why(c, 400, &why);
    if (!json_is_object(c->in))
        return vt_desk_fail(c, 400, "the body is a JSON object");
    return VT_OK;
}

/* Puts the answer's object into bytes, with an ETag for a GET. */
static enum vt_err
write_out(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    c->ret->cache = "private, no-store";
    if (c->ret->status == 204)
        return VT_OK;
    if (c->out == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory for an answer");
    err = vt_json_text(c->out, false, c->body, why);
    if (err != VT_OK || c->ask->post)
        return err;
    vt_digest_of(c->body->data, c->body->len, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(c->d->etag, sizeof(c->d->etag), "\"%.32s\"", hex);
    c->ret->etag = c->d->etag;
    if (vt_http_etag_matches(c->ask->if_none_match, c->d->etag)) {
        c->ret->status = 304;
        vt_buf_clear(c->body);
    }
    return VT_OK;
}

static enum vt_err
run_route(struct vt_desk_call *c, struct vt_why *why)
{
    const struct route *r = NULL;
    enum vt_err err = find_route(c, &r);

    if (err == VT_OK && !vt_query_only(c->ask->query, r->names))
        err = vt_desk_fail(c, 400, "the query has a parameter that is not known, or one twice");
    if (err == VT_OK && c->ask->post)
        err = check_post(c);
    if (err == VT_OK)
        err = r->fn(c, why);
    return err == VT_OK ? write_out(c, why) : err;
}

enum vt_err
vt_desk_room_answer(void *ctx, bool admit, const struct vt_ask *ask, struct vt_answer *ret,
    struct vt_buf *body, struct vt_why *why)
{
    struct vt_desk_room *d = ctx;
    struct vt_desk_call c = {
        .d = d, .ask = ask, .ret = ret, .body = body, .now = vt_clock_now(d->clock)};
    enum vt_err err = vt_desk_find_session(&c, why);

    if (err == VT_OK)
        err = admit ? vt_desk_admit(&c, why) : run_route(&c, why);
    json_decref(c.in);
    json_decref(c.out);
    if (err == VT_OK || c.refused)
        return VT_OK;
    vt_log(VT_LOG_ERROR, "%s: %s", ask->path, why->text);
    vt_answer_error(ret, body, 503, "the desk cannot answer this now: come again soon");
    return VT_OK;
}

enum vt_err
vt_desk_room_idle(void *ctx, struct vt_why *why)
{
    struct vt_desk_room *d = ctx;
    int64_t now = vt_clock_now(d->clock);
    enum vt_err err = vt_visit_book_flush(d->book, why);

    if (err == VT_OK && (now >= d->swept + SWEEP_S || now < d->swept)) {
        d->swept = now;
        err = vt_session_sweep(d->db, now, why);
    }
    /* Who writes beside us lets us in sooner or later. */
    if (err == VT_E_BUSY) {
        vt_log(VT_LOG_WARN, "desk.db: %s", why->text);
        return VT_OK;
    }
    return err;
}

enum vt_err
vt_desk_room_new(const struct vt_desk_opts *opts, struct vt_desk_room **ret, struct vt_why *why)
{
    struct vt_desk_room *d = calloc(1, sizeof(*d));
    enum vt_err err;

    if (d == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    d->opts = *opts;
    d->clock = opts->clock != NULL ? opts->clock : &vt_clock_system;
    d->sealed = VT_BUF(VT_ROOM_SEALED_MAX);
    d->secure = strncmp(opts->origin, "https://", 8) == 0;
    err = vt_webauthn_site_init(&d->site, opts->origin, why);
    if (err == VT_OK)
        err = vt_desk_db_open(opts->home, &d->db, why);
    if (err == VT_OK)
        err = vt_desk_db_set_origin(d->db, opts->origin, why);
    if (err == VT_OK)
        err = vt_visit_since(d->db, vt_clock_now(d->clock), why);
    if (err == VT_OK)
        err = vt_visit_book_open(d->db, vt_clock_now(d->clock), &d->book, why);
    if (err != VT_OK) {
        vt_desk_room_free(d);
        return err;
    }
    *ret = d;
    return VT_OK;
}

void
vt_desk_room_free(struct vt_desk_room *d)
{
    struct vt_why why = {0};

    if (d == NULL)
        return;
    if (d->book != NULL && vt_visit_book_flush(d->book, &why) != VT_OK)
        vt_log(VT_LOG_ERROR, "openings without a login were not written: %s", why.text);
    vt_visit_book_free(d->book);
    vt_library_close(d->library);
    vt_sql_close(d->db);
    vt_buf_release(&d->sealed);
    vt_wipe(d, sizeof(*d));
    free(d);
}

/* From now on this process writes below HOME/centre alone and reads what is public or sealed:
 * not the keys, for one, since it parses what strangers send. */
static enum vt_err
confine(const struct vt_home *home, struct vt_why *why)
{
    char centre[VT_PATH_MAX], sealed[VT_PATH_MAX], public_dir[VT_PATH_MAX];
    const struct vt_confine_folder all[] = {{centre, VT_CONFINE_WRITE},
        {sealed, VT_CONFINE_READ}, {public_dir, VT_CONFINE_READ}, {"/usr", VT_CONFINE_READ},
        {"/lib", VT_CONFINE_READ}, {"/etc", VT_CONFINE_READ}, {"/dev/null", VT_CONFINE_WRITE}};
    struct vt_confine_folder there[sizeof(all) / sizeof(all[0])];
    struct vt_why unconfined = {0};
    size_t n = 0;
    enum vt_err err = vt_home_path(home, centre, why, "centre");

    if (err == VT_OK)
        err = vt_home_path(home, sealed, why, VT_STORE_SEALED);
    if (err == VT_OK)
        err = vt_home_path(home, public_dir, why, "public");
    if (err == VT_OK)
        err = vt_dir_make(centre, 0700, why);
    if (err == VT_OK)
        err = vt_dir_make(sealed, 0700, why);
    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (vt_file_exists(all[i].path))
            there[n++] = all[i];
    (void)setenv("SQLITE_TMPDIR", centre, 1); /* where it puts what it cannot hold */
    if (vt_confine(there, n, &unconfined) != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read and write more than it needs: %s",
            unconfined.text);
    return VT_OK;
}

enum vt_err
vt_desk_run(int fd, const struct vt_desk_opts *opts, struct vt_why *why)
{
    struct vt_desk_room *d = NULL;
    struct vt_desk_publisher *publisher = NULL;
    struct vt_room_opts room = {.answer = vt_desk_room_answer, .idle = vt_desk_room_idle};
    enum vt_err err = confine(opts->home, why);

    if (err == VT_OK)
        err = vt_desk_room_new(opts, &d, why);
    if (err == VT_OK && opts->signer != NULL)
        err = vt_desk_publisher_start(opts, d->clock, &publisher, why);
    if (err == VT_OK) {
        room.ctx = d;
        err = vt_room_run(fd, &room, why);
    }
    vt_desk_publisher_stop(publisher);
    vt_desk_room_free(d);
    return err;
}
