/* SPDX-License-Identifier: Apache-2.0 */
/* What all of the desk's answers share: who asks, what was sent, how a no is said. */
#define VT_CENTRE_DESK_CALL_C
#include "centre/api_parts.h"
#include "centre/desk_room.h"
#include "centre/sealed.h"
#include "centre/session.h"
#include "review/path.h"

#include <stdio.h>
#include <string.h>

enum vt_err
vt_desk_fail(struct vt_desk_call *c, int status, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    vt_answer_error(c->ret, c->body, status, "%s", text);
    c->refused = true;
    return VT_E_REFUSED;
}

enum vt_err
vt_desk_fail_why(struct vt_desk_call *c, int status, const struct vt_why *why)
{
    return vt_desk_fail(c, status, "%s", why->text);
}

enum vt_err
vt_desk_find_session(struct vt_desk_call *c, struct vt_why *why)
{
    enum vt_err err;

    if (c->ask->session[0] == '\0')
        return VT_OK;
    err = vt_session_find(c->d->db, c->ask->session, c->now, &c->who, why);
    c->known = err == VT_OK;
    return err == VT_E_NOENT ? VT_OK : err;
}

enum vt_err
vt_desk_need(struct vt_desk_call *c, unsigned roles)
{
    if (!c->known)
        return vt_desk_fail(
            c, 401, "this needs a login: your session is not known, or has ended");
    if (roles != 0 && (c->who.roles & roles) == 0)
        return vt_desk_fail(c, 403, "your account's roles do not permit this");
    return VT_OK;
}

void
vt_desk_set_cookie(struct vt_desk_call *c, const char *token)
{
    (void)snprintf(c->d->cookie, sizeof(c->d->cookie),
        "vt-session=%s; Path=/api/v1; Max-Age=%d; HttpOnly; SameSite=Strict%s", token,
        token[0] == '\0' ? 0 : VT_SESSION_WHOLE_S, c->d->secure ? "; Secure" : "");
    c->ret->set_cookie = c->d->cookie;
}

enum vt_err
vt_desk_text(struct vt_desk_call *c, const char *key, const char **ret)
{
    struct vt_why why = {0};

    if (vt_json_str(c->in, key, ret, &why) != VT_OK)
        return vt_desk_fail_why(c, 400, &why);
    return VT_OK;
}

static bool
parse_digest(const char *text, struct vt_digest *ret)
{
    struct vt_reader r = VT_READER(text, strlen(text));

    return vt_reader_skip(&r, "sha256:") && vt_digest_from_hex((const char *)r.p, r.left, ret);
}

enum vt_err
vt_desk_digest(struct vt_desk_call *c, const char *key, struct vt_digest *ret)
{
    const char *text = "";
    enum vt_err err = vt_desk_text(c, key, &text);

    if (err == VT_OK && !parse_digest(text, ret))
        err =
            vt_desk_fail(c, 400, "`%s` is not `sha256:` and 64 hex digits in lower case", key);
    return err;
}

enum vt_err
vt_desk_path(struct vt_desk_call *c, bool top, char ret[VT_REVIEW_PATH_MAX + 1])
{
    const char *text = "";
    enum vt_err err = vt_desk_text(c, "path", &text);

    if (err == VT_OK && !(top && text[0] == '\0') && !vt_review_path_ok(text))
        err = vt_desk_fail(c, 400, "`path` is a path in the snapshot, such as src/main.c");
    if (err == VT_OK)
        (void)snprintf(ret, VT_REVIEW_PATH_MAX + 1, "%s", text);
    return err;
}

enum vt_err
vt_desk_only(struct vt_desk_call *c, const char *const *keys)
{
    size_t count = 0;

    while (keys[count] != NULL && json_object_get(c->in, keys[count]) != NULL)
        count++;
    if (keys[count] != NULL)
        return vt_desk_fail(c, 400, "`%s` is missing", keys[count]);
    if (json_object_size(c->in) != count)
        return vt_desk_fail(c, 400, "the body has a member too many");
    return VT_OK;
}

enum vt_err
vt_desk_query_text(
    struct vt_desk_call *c, const char *name, char *ret, size_t size, bool *ret_there)
{
    bool bad = false;
    bool there = vt_query_get(c->ask->query, name, ret, size, &bad);

    if (bad)
        return vt_desk_fail(
            c, 400, "`%s` is no percent-encoded UTF-8 of at most %zu bytes", name, size - 1);
    if (ret_there != NULL)
        *ret_there = there;
    else if (!there)
        return vt_desk_fail(c, 400, "`%s` is missing", name);
    return VT_OK;
}

enum vt_err
vt_desk_query_digest(
    struct vt_desk_call *c, const char *name, struct vt_digest *ret, bool *ret_there)
{
    char text[80] = "";
    bool there = false;
    enum vt_err err =
        vt_desk_query_text(c, name, text, sizeof(text), ret_there != NULL ? &there : NULL);

    if (err != VT_OK)
        return err;
    if (ret_there != NULL)
        *ret_there = there;
    if ((there || ret_there == NULL) && !parse_digest(text, ret))
        return vt_desk_fail(
            c, 400, "`%s` is not `sha256:` and 64 hex digits in lower case", name);
    return VT_OK;
}

enum vt_err
vt_desk_may_see(struct vt_desk_call *c, const struct vt_digest *source, bool *ret_sealed,
    struct vt_why *why)
{
    bool may = false;
    enum vt_err err = vt_sealed_is(c->d->opts.home, source, ret_sealed, why);

    if (err != VT_OK || !*ret_sealed)
        return err;
    if (c->known)
        err = vt_sealed_may(c->d->db, source, c->who.name, &may, why);
    if (err == VT_OK && !may)
        err = vt_desk_fail(c, 403,
            c->known ? "this source is sealed, and not open to you"
                     : "this source is sealed: log in as a reviewer to whom it is open");
    return err;
}

static enum vt_err
open_library(struct vt_desk_room *d, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(d->opts.home, dir, why, "centre/source");

    return err == VT_OK ? vt_library_open(dir, false, &d->library, why) : err;
}

/* One that cannot be refreshed, as after it was made anew, is opened again. */
enum vt_err
vt_desk_library(struct vt_desk_call *c, struct vt_library **ret, struct vt_why *why)
{
    struct vt_desk_room *d = c->d;
    enum vt_err err = VT_OK;

    if (d->library != NULL && vt_library_refresh(d->library, why) != VT_OK) {
        vt_library_close(d->library);
        d->library = NULL;
    }
    if (d->library == NULL)
        err = open_library(d, why);
    if (err == VT_E_NOENT)
        return vt_desk_fail(c, 503, "the sources are not indexed yet: come again soon");
    if (err == VT_OK)
        *ret = d->library;
    return err;
}

static enum vt_err
take_file(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct vt_desk_file *file = ctx;

    (void)why;
    file->kind = f->kind;
    file->blob = f->blob;
    file->lines = f->lines;
    return VT_OK;
}

enum vt_err
vt_desk_find_file(struct vt_desk_call *c, const struct vt_digest *source, const char *path,
    bool *ret_there, struct vt_desk_file *ret, struct vt_why *why)
{
    struct vt_library *library = NULL;
    enum vt_err err = vt_desk_library(c, &library, why);

    if (err == VT_OK) {
        err = vt_library_find(library, source, path, take_file, ret, why);
        *ret_there = err == VT_OK;
    }
    return err == VT_E_NOENT ? VT_OK : err;
}

json_t *
vt_desk_reviewer(const struct vt_account *a)
{
    json_t *roles = json_array();

    for (unsigned role = 1; role <= VT_ROLES_ALL; role <<= 1)
        if ((a->roles & role) != 0)
            (void)json_array_append_new(roles, json_string(vt_role_name(role)));
    return json_pack("{s:o, s:o, s:o}", "name", vt_api_text(a->name), "organisation",
        vt_api_text(a->organisation), "roles", roles);
}
