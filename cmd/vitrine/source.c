/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine source add
 *
 * A sealed source goes to a store of its own (VT_STORE_SEALED), which nobody serves. So that a
 * source that is sealed here is not published by mistake, a site with sealed sources takes each
 * other snapshot aside first.
 */
#include "cmd.h"

#include "assembly/snapshot.h"
#include "attest/dsse.h"
#include "log/reader.h"
#include "party.h"

#include <inttypes.h>

#define PUBLISHED_MS 60000

struct args {
    const char *source;
    const char *site;
    const char *key;
    const char *subdir;
    const char *ref;
    bool sealed;
};

struct result {
    struct vt_statement_source source;
    struct vt_digest statement;
    uint64_t index;
};

/* Takes the snapshot into the store in folder `into`. */
static enum vt_err
take_into(const char *into, const struct args *a, const struct vt_party *p,
    struct vt_progress *progress, struct vt_statement_source *ret, struct vt_why *why)
{
    const struct vt_snapshot_opts opts = {
        .subdir = a->subdir, .ref = a->ref, .progress = progress};
    struct vt_store *store = NULL;
    char repo[VT_PATH_MAX];
    char work[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_home_path(&p->home, repo, why, "source.git")) == VT_OK &&
        (err = vt_home_path(&p->home, work, why, "work")) == VT_OK &&
        (err = vt_store_open_dir(into, &store, why)) == VT_OK)
        err = vt_snapshot_take(store, repo, work, a->source, &opts, ret, why);
    vt_store_free(store);
    return err;
}

/* Moves a snapshot from the store where it was put aside to the public one, unless it is
 * sealed. */
static enum vt_err
publish_aside(const char *aside, const char *objects, const char *sealed,
    const struct vt_statement_source *s, struct vt_why *why)
{
    struct vt_store *from = NULL;
    struct vt_store *to = NULL;
    struct vt_store *shut = NULL;
    char path[VT_DIGEST_HEX_SIZE + 4096];
    enum vt_err err;

    if ((err = vt_store_open_dir(aside, &from, why)) == VT_OK &&
        (err = vt_store_open_dir(objects, &to, why)) == VT_OK &&
        (err = vt_store_open_dir(sealed, &shut, why)) == VT_OK &&
        (err = vt_store_path(from, &s->archive, path, why)) == VT_OK) {
        if (vt_store_has(shut, &s->archive))
            err = vt_fail(why, VT_E_STATE,
                "this source is sealed here: give --sealed; or publish it for good: `vitrine "
                "source hand-over HOME SOURCE --to %s`",
                objects);
        else
            err = vt_store_put_file(to, path, &s->archive, NULL, NULL, why);
    }
    vt_store_free(from);
    vt_store_free(to);
    vt_store_free(shut);
    return err;
}

static enum vt_err
take_aside(const char *objects, const char *sealed, const struct args *a,
    const struct vt_party *p, struct vt_progress *progress, struct vt_statement_source *ret,
    struct vt_why *why)
{
    char work[VT_PATH_MAX];
    char aside[VT_PATH_MAX];
    struct vt_why ignored = {0};
    enum vt_err err;

    if ((err = vt_home_path(&p->home, work, why, "work")) != VT_OK ||
        (err = vt_dir_make(work, 0700, why)) != VT_OK ||
        (err = vt_dir_temp(work, "source", aside, why)) != VT_OK)
        return err;
    err = take_into(aside, a, p, progress, ret, why);
    if (err == VT_OK)
        err = publish_aside(aside, objects, sealed, ret, why);
    if (vt_tree_remove(aside, err == VT_OK ? why : &ignored) != VT_OK && err == VT_OK)
        err = VT_E_IO;
    return err;
}

static enum vt_err
check_not_public(const char *objects, const struct vt_statement_source *s, struct vt_why *why)
{
    struct vt_store *store = NULL;
    enum vt_err err = vt_store_open_dir(objects, &store, why);

    if (err == VT_OK && vt_store_has(store, &s->archive))
        err = vt_fail(
            why, VT_E_STATE, "this source is public already: it cannot be sealed any more");
    vt_store_free(store);
    return err;
}

static enum vt_err
take(const struct args *a, const struct vt_party *p, struct vt_progress *progress,
    struct vt_statement_source *ret, struct vt_why *why)
{
    char objects[VT_PATH_MAX];
    char sealed[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_home_path(&p->home, objects, why, "public/objects")) != VT_OK ||
        (err = vt_home_path(&p->home, path, why, "sealed")) != VT_OK ||
        (err = vt_home_path(&p->home, sealed, why, VT_STORE_SEALED)) != VT_OK)
        return err;
    if (a->sealed) {
        if ((err = vt_dir_make(path, 0700, why)) == VT_OK &&
            (err = take_into(sealed, a, p, progress, ret, why)) == VT_OK)
            err = check_not_public(objects, ret, why);
        return err;
    }
    if ((err = vt_path(path, why, "%s/sha256", sealed)) != VT_OK)
        return err;
    return vt_file_exists(path) ? take_aside(objects, sealed, a, p, progress, ret, why)
                                : take_into(objects, a, p, progress, ret, why);
}

static enum vt_err
submit_statement(const struct vt_party *p, struct result *r, struct vt_why *why)
{
    struct vt_buf statement = VT_BUF(VT_STATEMENT_MAX);
    struct vt_buf envelope = VT_BUF(VT_DSSE_MAX);
    enum vt_err err;

    if ((err = vt_statement_put_source(&statement, &r->source, why)) == VT_OK &&
        (err = vt_dsse_sign(&envelope, statement.data, statement.len, p->signer, why)) == VT_OK)
        err = vt_log_submit_object(
            p->http, p->url, envelope.data, envelope.len, &r->statement, why);
    vt_buf_release(&statement);
    vt_buf_release(&envelope);
    return err;
}

/* The same source and key give the same bytes, so that the log, given them
 * again, answers with the index that it gave before. */
static enum vt_err
submit_entry(const struct vt_party *p, struct result *r, struct vt_why *why)
{
    struct vt_entry entry = {.kind = VT_ENTRY_SOURCE, .statement = r->statement};
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    enum vt_err err;

    if ((err = vt_entry_add(&entry, VT_SUBJECT_SOURCE, &r->source.archive, why)) == VT_OK &&
        (err = vt_entry_sign(&b, &entry, p->signer, why)) == VT_OK)
        err = vt_log_submit_entry(p->http, p->url, b.data, b.len, &r->index, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
run(const struct args *a, struct vt_party *p, struct vt_progress *progress, struct result *ret,
    struct vt_why *why)
{
    enum vt_err err;

    if ((err = vt_party_open_key(p, a->site, VT_HOME_SITE, a->key,
             VT_SIGN_BIT(VT_SIGN_DSSE) | VT_SIGN_BIT(VT_SIGN_ENTRY), NULL, why)) != VT_OK ||
        (err = take(a, p, progress, &ret->source, why)) != VT_OK ||
        (err = submit_statement(p, ret, why)) != VT_OK ||
        (err = submit_entry(p, ret, why)) != VT_OK)
        return err;
    return vt_log_wait_published(p->http, p->url, p->policy, ret->index, PUBLISHED_MS, why);
}

static const char *
origin_name(enum vt_origin origin)
{
    return origin == VT_ORIGIN_GIT      ? "git"
           : origin == VT_ORIGIN_DEBIAN ? "debian"
                                        : "directory";
}

static json_t *
result_json(const struct result *r)
{
    char archive[VT_DIGEST_HEX_SIZE];
    char statement[VT_DIGEST_HEX_SIZE];
    json_t *v;

    vt_digest_hex(&r->source.archive, archive);
    vt_digest_hex(&r->statement, statement);
    v = json_pack("{s:o, s:s, s:s, s:I, s:o, s:I, s:I}", "source",
        json_sprintf("sha256:%s", archive), "origin", origin_name(r->source.origin), "gitTree",
        r->source.git_tree, "entry", (json_int_t)r->index, "statement",
        json_sprintf("sha256:%s", statement), "size", (json_int_t)r->source.archive_size,
        "files", (json_int_t)r->source.file_count);
    if (r->source.git_commit[0] != '\0')
        (void)json_object_set_new(v, "gitCommit", json_string(r->source.git_commit));
    if (r->source.origin == VT_ORIGIN_DEBIAN) {
        (void)json_object_set_new(v, "package", json_string(r->source.debian.name));
        (void)json_object_set_new(v, "version", json_string(r->source.debian.version));
    }
    return v;
}

static int
report(const struct vt_cmd *c, const struct result *r)
{
    char archive[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(&r->source.archive, archive);
    return vt_cmd_done(c, result_json(r),
        "source logged as entry %" PRIu64 ": %" PRIu64 " files, git tree %s\n  sha256:%s",
        r->index, r->source.file_count, r->source.git_tree, archive);
}

static int
add(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &a.site, true},
        {"key", 'k', VT_OPT_STR, "FILE", "the developer's key, which signs", &a.key, true},
        {"subdir", 0, VT_OPT_STR, "D", "only this folder of the source", &a.subdir, false},
        {"ref", 0, VT_OPT_STR, "R", "branch or tag of a git URL; default its HEAD", &a.ref,
            false},
        {"sealed", 0, VT_OPT_FLAG, NULL,
            "keep its files to those to whom `centre open` opens them", &a.sealed, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "source add",
        .args = "SOURCE --site DIR --key FILE",
        .summary = "take a snapshot of source code, store it, sign it and log it",
        .details =
            "SOURCE is a folder (of a git checkout: its HEAD), a git URL (https://, "
            "http://, git://, file://), or the name of a Debian source package. The site "
            "must run. The same source gives the same entry.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_party p = {0};
    struct result r = {0};
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc < 0) {
        enum vt_err err;

        a.source = c.argv[0];
        err = run(&a, &p, &c.progress, &r, &why);
        rc = err != VT_OK ? vt_cmd_fail(&c, err, &why) : report(&c, &r);
    }
    vt_party_release(&p);
    return rc;
}

int
vt_cmd_source(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"add", "take a snapshot, store it, sign it and log it", add},
        {"hand-over", "copy a sealed source out for a named party", vt_cmd_source_hand_over},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("source", "source snapshots", verbs, argc, argv);
}
