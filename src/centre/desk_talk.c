/* SPDX-License-Identifier: Apache-2.0 */
/* Comments and assignments: the part "Reviewers" of docs/formats/centre-api.md. */
#include "centre/api_parts.h"
#include "centre/comment.h"
#include "centre/desk_room.h"

#include <string.h>

#define REVIEWS (VT_ROLE_REVIEWER | VT_ROLE_LEAD)

static json_t *
comment_json(const struct vt_comment *c)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:b, s:b}", "id",
        (json_int_t)c->id, "source", vt_api_digest(&c->source), "path", vt_api_text(c->path),
        "blob", vt_api_digest(&c->blob), "line", (json_int_t)c->line, "text",
        vt_api_text(c->text), "by", vt_api_text(c->by), "at", vt_api_time(c->at), "resolved",
        (int)c->resolved, "removed", (int)c->removed);
}

static enum vt_err
add_comment(void *ctx, const struct vt_comment *c, struct vt_why *why)
{
    return vt_api_add(ctx, comment_json(c), why);
}

enum vt_err
vt_desk_get_comments(struct vt_desk_call *c, struct vt_why *why)
{
    char path[VT_REVIEW_PATH_MAX + 1] = "";
    struct vt_digest source;
    bool has_source = false;
    bool has_path = false;
    bool sealed = false;
    enum vt_err err = vt_desk_query_digest(c, "source", &source, &has_source);

    if (err == VT_OK)
        err = vt_desk_query_text(c, "path", path, sizeof(path), &has_path);
    if (err == VT_OK && has_path && !has_source)
        err = vt_desk_fail(c, 400, "`path` needs a `source`");
    if (err == VT_OK)
        err = has_source ? vt_desk_may_see(c, &source, &sealed, why) : vt_desk_need(c, 0);
    if (err != VT_OK)
        return err;
    c->out = json_pack("{s:[]}", "items");
    return vt_comment_each(c->d->db, has_source ? &source : NULL, has_path ? path : NULL,
        c->who.id, add_comment, json_object_get(c->out, "items"), why);
}

static enum vt_err
take_line(struct vt_desk_call *c, uint32_t *ret)
{
    struct vt_why why = {0};
    int64_t line = 0;

    if (vt_json_int(c->in, "line", 1, VT_REVIEW_LINE_MAX, &line, &why) != VT_OK)
        return vt_desk_fail_why(c, 400, &why);
    *ret = (uint32_t)line;
    return VT_OK;
}

static enum vt_err
take_comment(struct vt_desk_call *c, struct vt_comment *ret)
{
    static const char *const keys[] = {"source", "path", "blob", "line", "text", NULL};
    enum vt_err err = vt_desk_only(c, keys);

    if (err == VT_OK)
        err = vt_desk_digest(c, "source", &ret->source);
    if (err == VT_OK)
        err = vt_desk_digest(c, "blob", &ret->blob);
    if (err == VT_OK)
        err = vt_desk_path(c, false, ret->path);
    if (err == VT_OK)
        err = take_line(c, &ret->line);
    if (err == VT_OK)
        err = vt_desk_text(c, "text", &ret->text);
    if (err == VT_OK && !vt_comment_text_ok(ret->text))
        err = vt_desk_fail(c, 400,
            "`text` has 1 to %u characters, and of control characters newlines alone",
            VT_COMMENT_CHARS_MAX);
    return err;
}

/* That the snapshot has that blob under that path, and the line in it. */
static enum vt_err
check_place(struct vt_desk_call *c, const struct vt_comment *m, struct vt_why *why)
{
    struct vt_desk_file file = {0};
    bool sealed = false;
    bool there = false;
    enum vt_err err = vt_desk_may_see(c, &m->source, &sealed, why);

    if (err == VT_OK)
        err = vt_desk_find_file(c, &m->source, m->path, &there, &file, why);
    if (err == VT_OK && (!there || file.kind != VT_LIBRARY_FILE))
        err = vt_desk_fail(c, 404, "the snapshot has no such file, or is not indexed yet");
    if (err == VT_OK && !vt_digest_eq(&file.blob, &m->blob))
        err = vt_desk_fail(c, 409, "the snapshot has another blob under that path");
    if (err == VT_OK && m->line > (file.lines > 0 ? file.lines : 1))
        err = vt_desk_fail(c, 422, "that file has %llu lines", (unsigned long long)file.lines);
    return err;
}

enum vt_err
vt_desk_post_comment(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_comment m = {.at = c->now};
    enum vt_err err = vt_desk_need(c, REVIEWS);

    if (err == VT_OK)
        err = take_comment(c, &m);
    if (err == VT_OK)
        err = check_place(c, &m, why);
    if (err != VT_OK)
        return err;
    m.account = c->who.id;
    memcpy(m.by, c->who.name, sizeof(m.by));
    err = vt_comment_add(c->d->db, &m, why);
    if (err == VT_E_LIMIT)
        return vt_desk_fail_why(c, 429, why);
    if (err != VT_OK)
        return err;
    c->ret->status = 201;
    c->out = comment_json(&m);
    return VT_OK;
}

/* What is said of a thing that was posted: {KEY: bool}, and nothing else. */
static enum vt_err
take_flag(struct vt_desk_call *c, const char *key, bool *ret)
{
    const json_t *v = json_object_get(c->in, key);

    if (json_object_size(c->in) != 1 || !json_is_boolean(v))
        return vt_desk_fail(c, 400, "`%s` is true or false, and the body's one member", key);
    *ret = json_is_true(v);
    return VT_OK;
}

static enum vt_err
copy_head(void *ctx, const struct vt_comment *c, struct vt_why *why)
{
    struct vt_comment *m = ctx;

    (void)why;
    *m = *c;
    m->text = "";
    return VT_OK;
}

static enum vt_err
remove_comment(struct vt_desk_call *c, const struct vt_comment *m, struct vt_why *why)
{
    bool flag = false;
    enum vt_err err = take_flag(c, "removed", &flag);

    if (err == VT_OK && !flag)
        err = vt_desk_fail(c, 400, "what was removed is gone");
    if (err == VT_OK && m->account != c->who.id)
        err = vt_desk_fail(c, 403, "who wrote a comment may remove it, and nobody else");
    return err == VT_OK ? vt_comment_remove(c->d->db, m->id, why) : err;
}

static enum vt_err
resolve_comment(struct vt_desk_call *c, const struct vt_comment *m, struct vt_why *why)
{
    bool flag = false;
    enum vt_err err = take_flag(c, "resolved", &flag);

    if (err == VT_OK && m->account != c->who.id && (c->who.roles & VT_ROLE_LEAD) == 0)
        err = vt_desk_fail(c, 403, "who wrote a comment may resolve it, or a lead");
    return err == VT_OK ? vt_comment_resolve(c->d->db, m->id, flag, why) : err;
}

static enum vt_err
give_comment(void *ctx, const struct vt_comment *m, struct vt_why *why)
{
    struct vt_desk_call *c = ctx;

    (void)why;
    c->out = comment_json(m);
    return VT_OK;
}

enum vt_err
vt_desk_change_comment(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_comment m;
    bool sealed = false;
    enum vt_err err = vt_desk_need(c, REVIEWS);

    if (err != VT_OK)
        return err;
    err = vt_comment_get(c->d->db, c->id, copy_head, &m, why);
    if (err == VT_E_NOENT)
        return vt_desk_fail_why(c, 404, why);
    if (err == VT_OK)
        err = vt_desk_may_see(c, &m.source, &sealed, why);
    if (err == VT_OK)
        err = json_object_get(c->in, "removed") != NULL ? remove_comment(c, &m, why)
                                                        : resolve_comment(c, &m, why);
    return err == VT_OK ? vt_comment_get(c->d->db, c->id, give_comment, c, why) : err;
}

static json_t *
assignment_json(const struct vt_assignment *a)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:b}", "id", (json_int_t)a->id, "source",
        vt_api_digest(&a->source), "path", vt_api_text(a->path), "to", vt_api_text(a->to), "by",
        vt_api_text(a->by), "at", vt_api_time(a->at), "done", (int)a->done);
}

static enum vt_err
add_assignment(void *ctx, const struct vt_assignment *a, struct vt_why *why)
{
    return vt_api_add(ctx, assignment_json(a), why);
}

enum vt_err
vt_desk_get_assignments(struct vt_desk_call *c, struct vt_why *why)
{
    enum vt_err err = vt_desk_need(c, 0);

    if (err != VT_OK)
        return err;
    c->out = json_pack("{s:[]}", "items");
    return vt_assignment_each(c->d->db, add_assignment, json_object_get(c->out, "items"), why);
}

static enum vt_err
take_assignment(struct vt_desk_call *c, struct vt_assignment *a, struct vt_why *why)
{
    static const char *const keys[] = {"source", "path", "to", NULL};
    struct vt_desk_file file = {0};
    const char *to = "";
    bool there = false;
    bool sealed = false;
    enum vt_err err = vt_desk_only(c, keys);

    if (err == VT_OK)
        err = vt_desk_digest(c, "source", &a->source);
    if (err == VT_OK)
        err = vt_desk_path(c, true, a->path);
    if (err == VT_OK)
        err = vt_desk_text(c, "to", &to);
    if (err == VT_OK && strlen(to) > VT_KEY_NAME_MAX)
        err = vt_desk_fail(c, 400, "`to` is a reviewer's name");
    if (err == VT_OK)
        err = vt_desk_may_see(c, &a->source, &sealed, why);
    if (err == VT_OK && a->path[0] != '\0')
        err = vt_desk_find_file(c, &a->source, a->path, &there, &file, why);
    if (err == VT_OK && a->path[0] != '\0' && !there)
        err = vt_desk_fail(c, 404, "the snapshot has no such path, or is not indexed yet");
    if (err == VT_OK)
        memcpy(a->to, to, strlen(to) + 1);
    return err;
}

enum vt_err
vt_desk_post_assignment(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_assignment a = {.at = c->now};
    enum vt_err err = vt_desk_need(c, VT_ROLE_LEAD);

    if (err == VT_OK)
        err = take_assignment(c, &a, why);
    if (err != VT_OK)
        return err;
    memcpy(a.by, c->who.name, sizeof(a.by));
    err = vt_assignment_add(c->d->db, &a, why);
    if (err == VT_E_NOENT)
        return vt_desk_fail_why(c, 404, why);
    if (err == VT_E_LIMIT)
        return vt_desk_fail_why(c, 429, why);
    if (err != VT_OK)
        return err;
    c->ret->status = 201;
    c->out = assignment_json(&a);
    return VT_OK;
}

enum vt_err
vt_desk_change_assignment(struct vt_desk_call *c, struct vt_why *why)
{
    struct vt_assignment a;
    bool done = false;
    enum vt_err err = vt_desk_need(c, 0);

    if (err != VT_OK)
        return err;
    err = vt_assignment_get(c->d->db, c->id, &a, why);
    if (err == VT_E_NOENT)
        return vt_desk_fail_why(c, 404, why);
    if (err == VT_OK && strcmp(a.to, c->who.name) != 0)
        err = vt_desk_fail(c, 403, "who has an assignment says that it is done");
    if (err == VT_OK)
        err = take_flag(c, "done", &done);
    if (err == VT_OK)
        err = vt_assignment_done(c->d->db, a.id, done, why);
    if (err != VT_OK)
        return err;
    a.done = done;
    c->out = assignment_json(&a);
    return VT_OK;
}
