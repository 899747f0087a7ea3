/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be opened, and that it is written down first.
 *
 * Below /api/v1/sources/D/, a sealed source is for those alone to whom it is open. `file` and
 * `raw`, `diff` with a path, and /api/v1/search show what stands in files: they are recorded
 * before the reader is asked. A path that the library does not have is refused here, so that no
 * reader which knows a newer library shows what was not recorded.
 */
#include "centre/desk_db.h"
#include "centre/desk_room.h"
#include "centre/sealed.h"

#include <stdio.h>
#include <string.h>

static const struct vt_limit openings_client = {
    "openings of a client", VT_DESK_OPENINGS_DAY, VT_DAY_S};

/* What is about to be shown: at most two files. */
struct opening {
    size_t count;
    struct vt_visit_line line[2];
    uint32_t cost;
};

static enum vt_err
need_rate(struct vt_desk_call *c, const char *setting, int64_t usual, int64_t window_s,
    uint32_t cost, struct vt_why *why)
{
    int64_t most = usual;
    int64_t spent = 0;
    enum vt_err err = vt_desk_db_setting(c->d->db, setting, usual, &most, why);

    if (err == VT_OK)
        err = vt_visit_book_spent(c->d->db, c->who.name, c->now - window_s, &spent, why);
    if (err != VT_OK || spent + (int64_t)cost <= most)
        return err;
    c->ret->retry_after_s = window_s > 3600 ? 3600 : (uint16_t)window_s;
    return vt_desk_fail(c, 429,
        "at most %lld openings of sealed source within %lld seconds: come again later",
        (long long)most, (long long)window_s);
}

static enum vt_err
need_rates(struct vt_desk_call *c, uint32_t cost, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (cost > 0)
        err = need_rate(c, "sealed-per-minute", VT_DESK_SEALED_MINUTE, 60, cost, why);
    if (err == VT_OK && cost > 0)
        err = need_rate(c, "sealed-per-day", VT_DESK_SEALED_DAY, VT_DAY_S, cost, why);
    return err;
}

/* Whoever has no session has the client's word for a name, for limits alone. */
static enum vt_err
need_client(struct vt_desk_call *c)
{
    uint32_t wait = 0;

    if (c->known)
        return VT_OK;
    if (!vt_limit_ok(&c->d->limits, &openings_client, c->ask->client, c->now, &wait)) {
        c->ret->retry_after_s = (uint16_t)(wait > 3600 ? 3600 : wait);
        return vt_desk_fail(c, 429,
            "too many files were opened from your address without a login: come again later");
    }
    vt_limit_count(&c->d->limits, &openings_client, c->ask->client, c->now);
    return VT_OK;
}

static enum vt_err
record(struct vt_desk_call *c, struct opening *o, struct vt_why *why)
{
    enum vt_err err = need_rates(c, o->cost, why);

    if (err == VT_OK)
        err = need_client(c);
    for (size_t i = 0; i < o->count; i++) {
        if (c->known)
            memcpy(o->line[i].visit.reviewer, c->who.name, sizeof(c->who.name));
        o->line[i].cost = i == 0 ? o->cost : 0;
    }
    if (err != VT_OK)
        return err;
    err = vt_visit_book_add(c->d->book, o->line, o->count, c->now, why);
    if (err == VT_E_LIMIT) {
        c->ret->retry_after_s = 3600;
        return vt_desk_fail_why(c, 429, why);
    }
    return err;
}

/* Notes a file of a source as about to be shown. *ret_there false: the source does not have it.
 */
static enum vt_err
add_file(struct vt_desk_call *c, struct opening *o, const struct vt_digest *source,
    const char *path, bool *ret_there, struct vt_why *why)
{
    struct vt_visit_line *l = &o->line[o->count];
    struct vt_desk_file file = {0};
    bool sealed = false;
    enum vt_err err = vt_desk_may_see(c, source, &sealed, why);

    if (err == VT_OK)
        err = vt_desk_find_file(c, source, path, ret_there, &file, why);
    if (err != VT_OK || !*ret_there || file.kind != VT_LIBRARY_FILE)
        return err;
    l->visit.source = *source;
    l->visit.blob = file.blob;
    (void)snprintf(l->visit.path, sizeof(l->visit.path), "%s", path);
    o->count++;
    o->cost += sealed ? 1 : 0;
    return VT_OK;
}

static enum vt_err
take_path(struct vt_desk_call *c, char ret[VT_REVIEW_PATH_MAX + 1], bool *ret_there)
{
    return vt_desk_query_text(c, "path", ret, VT_REVIEW_PATH_MAX + 1, ret_there);
}

/* `file` and `raw`. A link or folder has no content: the reader says so. */
static enum vt_err
admit_file(struct vt_desk_call *c, const struct vt_digest *source, struct vt_why *why)
{
    struct opening o = {0};
    char path[VT_REVIEW_PATH_MAX + 1] = "";
    bool there = false;
    enum vt_err err = take_path(c, path, NULL);

    if (err == VT_OK)
        err = add_file(c, &o, source, path, &there, why);
    if (err == VT_OK && !there)
        err = vt_desk_fail(c, 404, "the snapshot has no such path, or is not indexed yet");
    return err == VT_OK ? record(c, &o, why) : err;
}

/* Both sides of a difference, as far as they have the path. Without a path only names are
 * shown. */
static enum vt_err
admit_diff(struct vt_desk_call *c, const struct vt_digest *source, struct vt_why *why)
{
    struct opening o = {0};
    struct vt_digest since;
    char path[VT_REVIEW_PATH_MAX + 1] = "";
    bool named = false;
    bool there = false;
    bool before = false;
    bool sealed = false;
    enum vt_err err = vt_desk_query_digest(c, "since", &since, NULL);

    if (err == VT_OK)
        err = take_path(c, path, &named);
    if (err == VT_OK)
        err = vt_desk_may_see(c, source, &sealed, why);
    if (err == VT_OK)
        err = vt_desk_may_see(c, &since, &sealed, why);
    if (err != VT_OK || !named)
        return err;
    err = add_file(c, &o, source, path, &there, why);
    if (err == VT_OK)
        err = add_file(c, &o, &since, path, &before, why);
    if (err == VT_OK && !there && !before)
        err = vt_desk_fail(c, 404, "neither snapshot has such a path, or they are not indexed");
    return err == VT_OK ? record(c, &o, why) : err;
}

/* How many openings a search counts for that may show lines of sealed source: one for each ten
 * files of which it may show lines. */
static uint32_t
search_cost(struct vt_desk_call *c)
{
    char text[8] = "";
    bool bad = false;
    struct vt_reader r;
    uint64_t limit = 50;

    if (vt_query_get(c->ask->query, "limit", text, sizeof(text), &bad) && !bad) {
        r = VT_READER(text, strlen(text));
        if (!vt_reader_decimal(&r, 500, &limit) || limit == 0)
            limit = 500;
    }
    return (uint32_t)((limit + 9) / 10);
}

/* The source is the one that was asked for, else 32 zero bytes. */
static enum vt_err
admit_search(struct vt_desk_call *c, struct vt_why *why)
{
    struct opening o = {.count = 1};
    struct vt_visit *v = &o.line[0].visit;
    char q[VT_ROOM_QUERY_MAX + 1] = "";
    bool there = false;
    bool sealed = false;
    enum vt_err err = vt_desk_query_text(c, "q", q, sizeof(q), NULL);

    if (err == VT_OK)
        err = vt_desk_query_digest(c, "source", &v->source, &there);
    if (err == VT_OK && there)
        err = vt_desk_may_see(c, &v->source, &sealed, why);
    if (err != VT_OK)
        return err;
    if (!there && c->known) {
        vt_buf_clear(&c->d->sealed);
        err = vt_sealed_list(c->d->opts.home, c->d->db, c->who.name, &c->d->sealed, why);
        sealed = c->d->sealed.len > 0;
    }
    if (err != VT_OK)
        return err;
    vt_digest_of(q, strlen(q), &v->blob);
    memcpy(v->path, VT_VISIT_SEARCH, sizeof(VT_VISIT_SEARCH));
    o.cost = sealed ? search_cost(c) : 0;
    return record(c, &o, why);
}

/* /api/v1/sources/D/REST: false for any other path. */
static bool
split_source(const char *path, struct vt_digest *ret, const char **ret_rest)
{
    struct vt_reader r = VT_READER(path, strlen(path));
    const uint8_t *hex;

    if (!vt_reader_skip(&r, "/api/v1/sources/sha256:") || !vt_reader_take(&r, 64, &hex) ||
        !vt_digest_from_hex((const char *)hex, 64, ret) || !vt_reader_skip(&r, "/"))
        return false;
    *ret_rest = (const char *)r.p;
    return true;
}

/* So that the reader cannot take another of two parameters of one name than was recorded. */
static enum vt_err
need_names(struct vt_desk_call *c, const char *const *names)
{
    if (vt_query_only(c->ask->query, names))
        return VT_OK;
    return vt_desk_fail(c, 400, "the query has a parameter that is not known, or one twice");
}

static enum vt_err
admit(struct vt_desk_call *c, struct vt_why *why)
{
    static const char *const file_names[] = {"path", NULL};
    static const char *const diff_names[] = {"since", "path", NULL};
    static const char *const search_names[] = {
        "q", "mode", "in", "source", "path", "limit", NULL};
    struct vt_digest source;
    const char *rest = "";
    bool sealed = false;
    enum vt_err err;

    if (strcmp(c->ask->path, "/api/v1/search") == 0) {
        err = need_names(c, search_names);
        return err == VT_OK ? admit_search(c, why) : err;
    }
    if (!split_source(c->ask->path, &source, &rest))
        return VT_OK;
    if (strcmp(rest, "file") == 0 || strcmp(rest, "raw") == 0) {
        err = need_names(c, file_names);
        return err == VT_OK ? admit_file(c, &source, why) : err;
    }
    if (strcmp(rest, "diff") == 0) {
        err = need_names(c, diff_names);
        return err == VT_OK ? admit_diff(c, &source, why) : err;
    }
    return vt_desk_may_see(c, &source, &sealed, why);
}

enum vt_err
vt_desk_admit(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_desk_room *d = c->d;
    enum vt_err err = admit(c, why);

    if (err != VT_OK)
        return err;
    vt_buf_clear(&d->sealed);
    d->who[0] = '\0';
    if (c->known) {
        memcpy(d->who, c->who.name, sizeof(d->who));
        err = vt_sealed_list(d->opts.home, d->db, d->who, &d->sealed, why);
    }
    if (err != VT_OK)
        return err;
    c->ret->pass = true;
    c->ret->who = d->who;
    c->ret->sealed = vt_buf_str(&d->sealed);
    return VT_OK;
}
