/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/variation.h"

#include "assembly/sandbox_child.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct varied {
    struct vt_sandbox *inner;
    enum vt_variation set;
    struct vt_statement_varied *record;
    struct vt_surroundings around;
};

const char *
vt_variation_name(enum vt_variation v)
{
    return v == VT_VARY_A ? "a" : v == VT_VARY_B ? "b" : "none";
}

bool
vt_variation_parse(const char *s, enum vt_variation *ret)
{
    for (enum vt_variation v = VT_VARY_NONE; v <= VT_VARY_B; v++)
        if (strcmp(s, vt_variation_name(v)) == 0) {
            *ret = v;
            return true;
        }
    return false;
}

enum vt_variation
vt_variation_of(const char *rebuilder)
{
    struct vt_digest d;
    vt_digest_of(rebuilder, strlen(rebuilder), &d);
    return (d.b[0] & 1) != 0 ? VT_VARY_A : VT_VARY_B;
}

static void
note(struct vt_statement_varied *rec, const char *word)
{
    if (rec->count < VT_STATEMENT_VARIED_MAX)
        (void)snprintf(rec->word[rec->count++], sizeof rec->word[0], "%s", word);
}

static void
set_text(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%s", text);
}

#define SET(field, text) set_text((field), sizeof(field), (text))

/* Longer paths than the assembly's, one processor, the far west, no locale. */
static void
surroundings_a(struct vt_surroundings *s)
{
    SET(s->work, "/rebuild/with/a/rather/longer/path/to/the/source");
    SET(s->out, "/rebuild/elsewhere/results");
    SET(s->home, "/rebuild/home/alternate");
    SET(s->host, "rebuild-a");
    SET(s->domain, "a.example");
    SET(s->user, "alternate");
    SET(s->tz, "GMT+12");
    SET(s->locale, "C");
    SET(s->path, "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/nonexistent/a");
    SET(s->hash_seed, "1");
    SET(s->perturb, "90");
    SET(s->extra, "a");
    s->uid = 1717;
    s->gid = 2718;
    s->umask = 002;
    s->cpus = 1;
    s->jobs = 1;
    s->fixed_addresses = true;
}

/* Shorter paths, more jobs than processors, the far east, an old kernel. */
static void
surroundings_b(struct vt_surroundings *s)
{
    SET(s->work, "/b/s");
    SET(s->out, "/b/o");
    SET(s->home, "/b/h");
    SET(s->host, "b");
    SET(s->domain, "rebuild.b.example");
    SET(s->user, "b");
    SET(s->tz, "GMT-14");
    SET(s->path, "/nonexistent/b:/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin");
    SET(s->hash_seed, "4242");
    SET(s->perturb, "165");
    SET(s->extra, "b, longer than the other one");
    s->uid = 60001;
    s->gid = 100;
    s->umask = 077;
    s->jobs = 7;
    s->old_kernel = true;
}

/* A locale of the environment that is not one of C's. */
static bool
other_locale(const char *root, char *ret, size_t size)
{
    char pattern[VT_PATH_MAX];
    glob_t g = {0};
    bool found = false;
    if (vt_path(pattern, NULL, "%s/usr/lib/locale/[a-z]*_*", root) != VT_OK)
        return false;
    if (glob(pattern, GLOB_NOESCAPE, NULL, &g) == 0)
        for (size_t i = 0; !found && i < g.gl_pathc; i++) {
            const char *name = strrchr(g.gl_pathv[i], '/') + 1;
            found = strlen(name) < size;
            if (found)
                set_text(ret, size, name);
        }
    globfree(&g);
    return found;
}

/* The library that shows another time to programs, if the environment has it. */
static bool
other_clock(const char *root, char *ret, size_t size)
{
    char pattern[VT_PATH_MAX];
    glob_t g = {0};
    bool found = false;
    if (vt_path(pattern, NULL, "%s/usr/lib/*/faketime/libfaketime.so.1", root) != VT_OK)
        return false;
    if (glob(pattern, GLOB_NOESCAPE, NULL, &g) == 0 && g.gl_pathc > 0) {
        const char *inside = g.gl_pathv[0] + strlen(root);
        found = strlen(inside) < size;
        if (found)
            set_text(ret, size, inside);
    }
    globfree(&g);
    return found;
}

static void
choose(struct varied *v, const char *root)
{
    static const char *const always[] = {"environment-variable", "build-path", "home",
        "host-name", "domain-name", "user", "group", "umask", "time-zone", "path", "hash-seeds",
        "malloc", "jobs", "folder-order"};
    struct vt_surroundings *s = &v->around;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        note(v->record, always[i]);
    if (v->set == VT_VARY_A) {
        note(v->record, "locale");
        note(v->record, "address-layout");
        struct vt_surroundings normal;
        vt_surroundings_normal(&normal);
        if (vt_sandbox_processors(&normal) > 1)
            note(v->record, "processors");
        if (other_clock(root, s->preload, sizeof s->preload)) {
            SET(s->clock, "+397d");
            note(v->record, "clock");
        }
    } else {
        note(v->record, "kernel-version");
        if (other_locale(root, s->locale, sizeof s->locale))
            note(v->record, "locale");
    }
}

static enum vt_err
varied_prepare(void *impl, const char *source, const char *root, struct vt_why *why)
{
    struct varied *v = impl;
    *v->record = (struct vt_statement_varied){0};
    if (v->set != VT_VARY_NONE) {
        enum vt_err err = vt_variation_reorder(source, v->set == VT_VARY_B, why);
        if (err != VT_OK)
            return err;
        choose(v, root);
    }
    return vt_sandbox_prepare(v->inner, source, root, why);
}

static enum vt_err
varied_run(void *impl, const struct vt_sandbox_job *job, struct vt_sandbox_result *ret,
    struct vt_why *why)
{
    const struct varied *v = impl;
    struct vt_sandbox_job mine = *job;
    mine.around = v->around;
    return vt_sandbox_run(v->inner, &mine, ret, why);
}

static void
varied_free(void *impl)
{
    struct varied *v = impl;
    vt_sandbox_free(v->inner);
    free(v);
}

enum vt_err
vt_sandbox_vary(struct vt_sandbox *inner, enum vt_variation set,
    struct vt_statement_varied *record, struct vt_sandbox **ret, struct vt_why *why)
{
    static const struct vt_sandbox_ops ops = {
        .prepare = varied_prepare, .run = varied_run, .free = varied_free};
    struct varied *v = calloc(1, sizeof *v);
    if (v == NULL) {
        vt_sandbox_free(inner);
        return vt_fail(why, VT_E_NOMEM, "variation: out of memory");
    }
    *v = (struct varied){.inner = inner, .set = set, .record = record};
    vt_surroundings_normal(&v->around);
    if (set == VT_VARY_A)
        surroundings_a(&v->around);
    else if (set == VT_VARY_B)
        surroundings_b(&v->around);
    return vt_sandbox_make(&ops, v, ret, why);
}

/* Moves one entry out of its folder and back, which makes it the newest. */
static enum vt_err
renew(const char *path, const char *aside, struct vt_why *why)
{
    if (rename(path, aside) != 0 || rename(aside, path) != 0)
        return vt_fail_errno(why, "cannot reorder %s", path);
    return VT_OK;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
by_name_down(const FTSENT **a, const FTSENT **b)
{
    return by_name(b, a);
}

/* fts_children gives the entries of the folder just visited, sorted; renewing
 * them in that order leaves the last one the newest. An archive is unpacked
 * upwards, so downwards is its reverse. */
static enum vt_err
reorder_folder(FTS *fts, const FTSENT *dir, bool rotate, const char *aside, struct vt_why *why)
{
    size_t count = 0;
    const FTSENT *first = fts_children(fts, FTS_NAMEONLY);
    for (const FTSENT *e = first; e != NULL; e = e->fts_link)
        count++;
    enum vt_err err = VT_OK;
    for (unsigned pass = rotate ? 0 : 1; err == VT_OK && pass < 2; pass++) {
        size_t i = 0;
        for (const FTSENT *e = first; err == VT_OK && e != NULL; e = e->fts_link, i++) {
            /* Rotated: the second half in the first pass, the first half after it. */
            if (rotate && (i >= count / 2) != (pass == 0))
                continue;
            char path[VT_PATH_MAX];
            err = vt_path(path, why, "%s/%s", dir->fts_path, e->fts_name);
            if (err == VT_OK)
                err = renew(path, aside, why);
        }
    }
    return err;
}

enum vt_err
vt_variation_reorder(const char *dir, bool rotate, struct vt_why *why)
{
    char top[VT_PATH_MAX];
    char aside[VT_PATH_MAX];
    enum vt_err err = vt_path(top, why, "%s", dir);
    if (err == VT_OK)
        err = vt_path(aside, why, "%s.aside", dir);
    if (err != VT_OK)
        return err;
    char *const tops[] = {top, NULL};
    FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, rotate ? by_name : by_name_down);
    if (fts == NULL)
        return vt_fail_errno(why, "%s", dir);
    while (err == VT_OK) {
        errno = 0;
        const FTSENT *e = fts_read(fts);
        if (e == NULL) {
            if (errno != 0)
                err = vt_fail_errno(why, "%s", dir);
            break;
        }
        if (e->fts_info == FTS_D)
            err = reorder_folder(fts, e, rotate, aside, why);
    }
    (void)fts_close(fts);
    return err;
}
