/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a site's crew. Each gets its own end of a channel, and of the others' channels
 * those that site.h draws to it.
 */
#include "centre/site_parts.h"

#include "base/crew.h"
#include "base/log.h"
#include "centre/desk.h"
#include "centre/herald.h"
#include "centre/indexer.h"
#include "centre/reading_room.h"
#include "crypto/signer.h"
#include "http/tls_signer.h"
#include "log/serve.h"
#include "log/service.h"

#include <string.h>

static int
signer_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;

    return vt_serve_signer(fd, s->key_path);
}

static int
centre_signer_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;

    vt_log_init("signer-2", VT_LOG_INFO);
    return vt_signer_serve(fd, s->centre_key_path, VT_SIGN_BIT(VT_SIGN_ENTRY));
}

static int
tls_signer_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;

    vt_log_init("tls-signer", VT_LOG_INFO);
    return vt_tls_signer_serve(fd, &s->how);
}

static int
log_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;
    struct vt_service_opts opts = {.log_dir = s->log_dir,
        .public_dir = s->public_dir,
        .staged_dir = s->staged_dir,
        .policy = s->policy,
        .compress = s->compress};
    struct vt_why why = {0};
    enum vt_err err;

    vt_log_init("log", VT_LOG_INFO);
    err = vt_signer_attach(s->signer_fd, &opts.signer, &why);
    if (err == VT_OK)
        err = vt_service_run(fd, &opts, &why);
    vt_signer_free(opts.signer);
    return vt_crew_end(err, &why);
}

static int
desk_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;
    struct vt_desk_opts opts = {.home = s->home,
        .policy = s->policy,
        .origin = s->origin,
        .url = s->url,
        .pass = s->pass};
    struct vt_why why = {0};
    enum vt_err err = VT_OK;

    vt_log_init("desk", VT_LOG_INFO);
    if (s->has_centre_key)
        err = vt_signer_attach(s->centre_signer_fd, &opts.signer, &why);
    if (err == VT_OK)
        err = vt_desk_run(fd, &opts, &why);
    vt_signer_free(opts.signer);
    return vt_crew_end(err, &why);
}

static int
indexer_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;
    const struct vt_indexer_opts opts = {.home = s->home, .policy = s->policy};
    struct vt_why why = {0};

    vt_log_init("indexer", VT_LOG_INFO);
    return vt_crew_end(vt_indexer_run(fd, &opts, &why), &why);
}

static int
herald_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;
    const struct vt_herald_opts opts = {.home = s->home};
    struct vt_why why = {0};

    vt_log_init("herald", VT_LOG_INFO);
    return vt_crew_end(vt_herald_run(fd, &opts, &why), &why);
}

static int
reader_run(int fd, struct vt_site *s, const char *name)
{
    const struct vt_reading_room_opts opts = {
        .home = s->home, .policy = s->policy, .url = s->origin};
    struct vt_why why = {0};

    vt_log_init(name, VT_LOG_INFO);
    return vt_crew_end(vt_reading_room_run(fd, &opts, &why), &why);
}

static int
reader_1_main(int fd, void *ctx)
{
    return reader_run(fd, ctx, "reader-1");
}

static int
reader_2_main(int fd, void *ctx)
{
    return reader_run(fd, ctx, "reader-2");
}

static int
http_main(int fd, void *ctx)
{
    struct vt_site *s = ctx;
    const struct vt_web_opts opts = {.home = s->home,
        .public_dir = s->public_dir,
        .web_dir = s->web_dir[0] != '\0' ? s->web_dir : NULL,
        .policy = s->policy,
        .how = &s->how,
        .tls_fd = s->tls_fd,
        .forwarded = !vt_listen_has_tls(&s->how) &&
                     strncmp(s->origin, "https://", strlen("https://")) == 0,
        .listen_fd = s->listen_fd,
        .stop_fd = fd,
        .log_fd = s->log_fd,
        .desk_fd = s->desk_fd,
        .reader_fd = {s->reader_fd[0], s->reader_fd[1]},
        .indexer_fd = s->indexer_fd};
    struct vt_why why = {0};

    vt_log_init("http", VT_LOG_INFO);
    return vt_crew_end(vt_web_run(&opts, &why), &why);
}

/* A member: what it runs, where the parent's end of its channel is kept, and which of the ends
 * before it gets. */
struct member {
    const char *name;
    int (*body)(int fd, void *ctx);
    size_t fd; /* offsets in struct vt_site */
    size_t keep[8];
    size_t keep_count;
    enum { ALWAYS, WITH_CENTRE_KEY, WITH_TLS } when;
};

#define AT(field) offsetof(struct vt_site, field)

static const struct member members[] = {
    {"signer", signer_main, AT(signer_fd), {0}, 0, ALWAYS},
    {"log", log_main, AT(log_fd), {AT(signer_fd)}, 1, ALWAYS},
    {"tls-signer", tls_signer_main, AT(tls_fd), {0}, 0, WITH_TLS},
    {"signer-2", centre_signer_main, AT(centre_signer_fd), {0}, 0, WITH_CENTRE_KEY},
    {"desk", desk_main, AT(desk_fd), {AT(centre_signer_fd)}, 1, ALWAYS},
    {"indexer", indexer_main, AT(indexer_fd), {0}, 0, ALWAYS},
    {"herald", herald_main, AT(herald_fd), {0}, 0, WITH_CENTRE_KEY},
    {"reader-1", reader_1_main, AT(reader_fd[0]), {0}, 0, ALWAYS},
    {"reader-2", reader_2_main, AT(reader_fd[1]), {0}, 0, ALWAYS},
    /* http holds the herald's end without a use for it: so that the herald ends with it. */
    {"http", http_main, 0,
        {AT(listen_fd), AT(log_fd), AT(desk_fd), AT(indexer_fd), AT(herald_fd),
            AT(reader_fd[0]), AT(reader_fd[1]), AT(tls_fd)},
        8, ALWAYS},
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))
_Static_assert(MEMBERS <= VT_SITE_MEMBERS_MAX, "room for the names of all members");

static bool
is_member(const struct vt_site *s, const struct member *m)
{
    switch (m->when) {
    case WITH_CENTRE_KEY:
        return s->has_centre_key;
    case WITH_TLS:
        return vt_listen_has_tls(&s->how);
    case ALWAYS:
    default:
        return true;
    }
}

unsigned
vt_site_members(const struct vt_site *s, const char *ret[VT_SITE_MEMBERS_MAX])
{
    unsigned n = 0;

    for (size_t i = 0; i < MEMBERS; i++)
        if (is_member(s, &members[i]))
            ret[n++] = members[i].name;
    return n;
}

static int *
fd_at(struct vt_site *s, size_t offset)
{
    return (int *)(void *)((char *)s + offset);
}

static enum vt_err
start_member(struct vt_site *s, struct vt_crew *c, const struct member *m, struct vt_why *why)
{
    int keep[sizeof(m->keep) / sizeof(m->keep[0]) + 1];
    size_t n = 0;
    int fd = -1;
    enum vt_err err;

    for (size_t i = 0; i < m->keep_count; i++)
        if (*fd_at(s, m->keep[i]) >= 0)
            keep[n++] = *fd_at(s, m->keep[i]);
    keep[n] = -1;
    err = vt_crew_start(c, m->body, s, keep, &fd, why);
    if (err == VT_OK && m->fd != 0)
        *fd_at(s, m->fd) = fd;
    return err;
}

enum vt_err
vt_site_start_all(void *ctx, struct vt_crew *c, struct vt_why *why)
{
    struct vt_site *s = ctx;
    enum vt_err err = VT_OK;

    s->tls_fd = -1;
    s->centre_signer_fd = -1;
    s->herald_fd = -1;
    for (size_t i = 0; i < MEMBERS && err == VT_OK; i++)
        if (is_member(s, &members[i]))
            err = start_member(s, c, &members[i], why);
    return err;
}
