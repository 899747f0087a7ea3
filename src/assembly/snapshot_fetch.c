/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/snapshot_fetch.h"

#include "assembly/gitpack.h"
#include "base/file.h"

#include <git2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REF_MAX 512U

struct fetch {
    const struct vt_snapshot_opts *opts;
    struct vt_pack_limits limits;
    bool over; /* stopped because too much came */
};

static int
on_progress(const git_indexer_progress *stats, void *ctx)
{
    struct fetch *f = ctx;
    struct vt_progress *progress = f->opts->progress;

    if (progress != NULL) {
        progress->total = stats->total_objects;
        vt_progress_set(progress, stats->received_objects);
    }
    f->over = stats->received_bytes > f->limits.size_max;
    return f->over ? -1 : 0;
}

static bool
url_ok(const char *url)
{
    static const char *const schemes[] = {"https://", "http://", "git://", "file://"};
    size_t i;

    for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

static const git_remote_head *
find_head(const git_remote_head **heads, size_t n, const char *name)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(heads[i]->name, name) == 0)
            return heads[i];
    }
    return NULL;
}

/* The full name of what a person calls `ref`: as given, a branch, or a tag. */
static enum vt_err
resolve_ref(
    git_remote *remote, const char *url, const char *ref, char ret[REF_MAX], struct vt_why *why)
{
    static const char *const prefixes[] = {"", "refs/heads/", "refs/tags/"};
    const git_remote_head **heads;
    size_t n;
    size_t i;
    int r = git_remote_ls(&heads, &n, remote);

    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot list the refs of %s", url);
    if (ref == NULL)
        ref = "HEAD";
    for (i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char name[REF_MAX];
        int len = snprintf(name, sizeof name, "%s%s", prefixes[i], ref);

        if (len > 0 && (size_t)len < sizeof name && find_head(heads, n, name) != NULL) {
            memcpy(ret, name, sizeof name);
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_NOENT, "%s has no branch or tag \"%s\"", url, ref);
}

static enum vt_err
fail_fetch(const struct fetch *f, int r, const char *url, struct vt_why *why)
{
    enum vt_err err;

    if (f->over)
        return vt_fail(why, VT_E_LIMIT, "%s sends more than %llu bytes", url,
            (unsigned long long)f->limits.size_max);
    err = vt_gitpack_fail(why, r, "cannot fetch %s", url);
    return err == VT_E_IO ? VT_E_NET : err;
}

/* Fetches the ref to `local` in the repository. */
static enum vt_err
fetch_ref(
    struct fetch *f, git_remote *remote, const char *url, const char *local, struct vt_why *why)
{
    git_fetch_options options;
    char ref[REF_MAX];
    char spec[2 * REF_MAX];
    char *specs[] = {spec};
    const git_strarray list = {specs, 1};
    enum vt_err err;
    int r;

    r = git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot fetch %s", url);
    options.callbacks.transfer_progress = on_progress;
    options.callbacks.payload = f;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    options.update_fetchhead = 0;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    r = git_remote_connect(
        remote, GIT_DIRECTION_FETCH, &options.callbacks, &options.proxy_opts, NULL);
    if (r != 0)
        return fail_fetch(f, r, url, why);
    if ((err = resolve_ref(remote, url, f->opts->ref, ref, why)) != VT_OK)
        return err;
    (void)snprintf(spec, sizeof spec, "+%s:%s", ref, local);
    r = git_remote_fetch(remote, &list, &options, NULL);
    return r == 0 ? VT_OK : fail_fetch(f, r, url, why);
}

/* The commit that `local` leads to, kept under a name of its own, so that the
 * next fetch needs to bring only what is new. */
static enum vt_err
keep_commit(
    git_repository *repo, const char *local, const char *url, git_oid *ret, struct vt_why *why)
{
    char name[REF_MAX];
    char hex[GIT_OID_HEXSZ + 1];
    git_object *commit = NULL;
    git_reference *kept = NULL;
    int r;

    (void)snprintf(name, sizeof name, "%s^{commit}", local);
    r = git_revparse_single(&commit, repo, name);
    if (r != 0)
        return vt_gitpack_fail(why, r, "what %s gives is no commit", url);
    (void)git_oid_tostr(hex, sizeof hex, git_object_id(commit));
    (void)snprintf(name, sizeof name, "refs/vitrine/commit/%s", hex);
    r = git_reference_create(&kept, repo, name, git_object_id(commit), 1, NULL);
    git_reference_free(kept);
    if (r == 0)
        git_oid_cpy(ret, git_object_id(commit));
    git_object_free(commit);
    if (r != 0)
        return vt_gitpack_fail(why, r, "cannot keep the commit of %s", url);
    return VT_OK;
}

/* libgit2 reads a local repository itself, and would ask whose it is. */
static enum vt_err
run_fetch(struct fetch *f, git_repository *repo, const char *url, const char *local,
    struct vt_why *why)
{
    bool local_url = strncmp(url, "file://", 7) == 0;
    git_remote *remote = NULL;
    enum vt_err err;
    int r = git_remote_create_anonymous(&remote, repo, url);

    if (r != 0)
        return vt_gitpack_fail(why, r, "\"%s\" is no URL", url);
    if (local_url)
        (void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    err = fetch_ref(f, remote, url, local, why);
    if (local_url)
        (void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1);
    git_remote_free(remote);
    return err;
}

enum vt_err
vt_snapshot_fetch(git_repository *repo, const char *url, const struct vt_snapshot_opts *opts,
    git_oid *ret, struct vt_why *why)
{
    struct fetch f = {.opts = opts};
    char local[64];
    enum vt_err err;

    if (!url_ok(url))
        return vt_fail(why, VT_E_USAGE,
            "\"%s\": a git URL begins with https://, http://, git:// or file://", url);
    vt_pack_limits_fill(&f.limits, &opts->limits);
    (void)snprintf(local, sizeof local, "refs/vitrine/fetch/%ld", (long)getpid());
    if (opts->progress != NULL)
        vt_progress_begin(opts->progress, "fetching the source", 0);
    err = run_fetch(&f, repo, url, local, why);
    if (opts->progress != NULL)
        vt_progress_end(opts->progress);
    if (err == VT_OK)
        err = keep_commit(repo, local, url, ret, why);
    (void)git_reference_remove(repo, local);
    return err;
}
