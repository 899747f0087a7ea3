/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/commission.h"

#include "assembly/environment.h"
#include "assembly/history.h"
#include "attest/dsse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Whoever assembles the very same is waited for: its result will be ours. */
#define LOCK_TIMEOUT_MS (1800 * 1000)

/* One commission under way. */
struct work {
    const struct vt_commission *c;
    struct vt_store *store;
    struct vt_recipe *recipe;
    struct vt_digest recipe_digest;
    struct vt_digest environment;
    char root[VT_PATH_MAX];
    char sealed_dir[VT_PATH_MAX];
    bool sealed;
    char name[VT_RECORD_NAME_SIZE];
    struct vt_lock lock;
};

static enum vt_err
open_store(const struct vt_home *home, struct vt_store **ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "public/objects");
    return err == VT_OK ? vt_store_open_dir(path, ret, why) : err;
}

static enum vt_err
put_environment(struct vt_store *store, const struct vt_digest *environment,
    const struct vt_digest *root, struct vt_buf *b, struct vt_why *why)
{
    struct vt_statement_environment s = {.manifest = *environment, .root = *root};
    struct vt_environment *e = NULL;
    enum vt_err err = vt_environment_load(store, environment, &e, why);
    if (err != VT_OK)
        return err;
    memcpy(s.distribution, e->distribution, sizeof s.distribution);
    memcpy(s.arch, e->arch, sizeof s.arch);
    s.package_count = e->count;
    vt_environment_free(e);
    return vt_statement_put_environment(b, &s, why);
}

enum vt_err
vt_commission_environment(const struct vt_record *r, struct vt_store *store,
    const struct vt_digest *environment, const char *cache_dir, struct vt_progress *progress,
    char ret_root[VT_PATH_MAX], uint64_t *ret_index, struct vt_why *why)
{
    struct vt_entry entry = {.kind = VT_ENTRY_ENVIRONMENT};
    struct vt_record_said said = {0};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    struct vt_digest root;
    char path[VT_PATH_MAX];
    char name[VT_RECORD_NAME_SIZE];
    enum vt_err err =
        vt_environment_root(store, environment, cache_dir, progress, path, &root, why);
    vt_record_name("environment", environment, name);
    if (err == VT_OK && vt_record_has(r, name)) {
        err = vt_record_send(r, name, &said, why);
    } else if (err == VT_OK) {
        err = put_environment(store, environment, &root, &b, why);
        if (err == VT_OK)
            err = vt_entry_add(&entry, VT_SUBJECT_ENVIRONMENT, environment, why);
        if (err == VT_OK)
            err = vt_record_say(r, name, b.data, b.len, &entry, &said, why);
    }
    vt_buf_release(&b);
    vt_buf_release(&said.envelope);
    if (err != VT_OK)
        return err;
    if (ret_index != NULL)
        *ret_index = said.index;
    memcpy(ret_root, path, VT_PATH_MAX);
    return VT_OK;
}

static enum vt_err
find_environment(struct work *w, struct vt_why *why)
{
    const struct vt_commission *c = w->c;
    enum vt_err err = VT_OK;
    if (c->environment != NULL) {
        w->environment = *c->environment;
    } else {
        size_t count = 0;
        const char *const *names = vt_recipe_packages(w->recipe, &count);
        err = vt_environment_resolve(
            w->store, names, count, c->cache_dir, c->progress, &w->environment, why);
    }
    return err;
}

/* One name for the same three inputs. */
static void
name_inputs(struct work *w)
{
    const struct vt_slice inputs[] = {{w->c->source.b, VT_DIGEST_SIZE},
        {w->environment.b, VT_DIGEST_SIZE}, {w->recipe_digest.b, VT_DIGEST_SIZE}};
    struct vt_digest d;
    vt_digest_of_slices(inputs, sizeof inputs / sizeof inputs[0], &d);
    vt_record_name("assembly", &d, w->name);
}

/* The source is public, or sealed (VT_STORE_SEALED): then where. */
static enum vt_err
find_source(struct work *w, struct vt_why *why)
{
    const struct vt_commission *c = w->c;
    struct vt_store *sealed = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(c->record.home, w->sealed_dir, why, VT_STORE_SEALED);
    if (err == VT_OK)
        err = vt_home_path(c->record.home, path, why, VT_STORE_SEALED "/sha256");
    if (err == VT_OK && vt_file_exists(path)) {
        err = vt_store_open_dir(w->sealed_dir, &sealed, why);
        w->sealed = err == VT_OK && vt_store_has(sealed, &c->source);
        vt_store_free(sealed);
    }
    if (err == VT_OK && !w->sealed && !vt_store_has(w->store, &c->source))
        err = vt_fail(why, VT_E_NOENT,
            "the source is not in the site's store: `vitrine source add` puts it there");
    return err;
}

static enum vt_err
prepare(struct work *w, struct vt_why *why)
{
    const struct vt_commission *c = w->c;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_recipe_parse(c->recipe, c->recipe_len, &w->recipe, why);
    if (err == VT_OK)
        err = open_store(c->record.home, &w->store, why);
    if (err == VT_OK)
        err = find_source(w, why);
    if (err == VT_OK)
        err = vt_store_put(w->store, c->recipe, c->recipe_len, &w->recipe_digest, why);
    if (err == VT_OK)
        err = find_environment(w, why);
    if (err != VT_OK)
        return err;
    name_inputs(w);
    err = vt_home_path(c->record.home, path, why, "records");
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_home_path(c->record.home, path, why, "records/%s.lock", w->name);
    if (err == VT_OK)
        err = vt_lock_wait(
            &w->lock, path, "this very assembly", LOCK_TIMEOUT_MS, c->progress, why);
    return err;
}

/* Fills the result from what is signed. */
static enum vt_err
tell(const struct work *w, uint64_t index, const struct vt_digest *statement,
    const void *envelope, size_t len, struct vt_commission_result *ret, struct vt_why *why)
{
    struct vt_commission_result res = {.index = index, .statement = *statement};
    struct vt_buf payload = VT_BUF(VT_STATEMENT_MAX);
    enum vt_err err =
        vt_dsse_open(envelope, len, vt_signer_public(w->c->record.signer), &payload, why);
    if (err == VT_OK)
        err = vt_statement_get_assembly(payload.data, payload.len, &res.assembly, why);
    vt_buf_release(&payload);
    for (size_t i = 0; err == VT_OK && i < res.assembly.output_count; i++) {
        char path[VT_DIGEST_HEX_SIZE + 4096];
        struct stat st;
        err = vt_store_path(w->store, &res.assembly.output[i].digest, path, why);
        if (err == VT_OK && stat(path, &st) != 0)
            err = vt_fail_errno(why, "%s", path);
        if (err == VT_OK)
            res.size[i] = (uint64_t)st.st_size;
    }
    if (err == VT_OK)
        *ret = res;
    return err;
}

static enum vt_err
tell_said(const struct work *w, struct vt_record_said *said, struct vt_commission_result *ret,
    struct vt_why *why)
{
    enum vt_err err = tell(w, said->index, &said->entry.statement, said->envelope.data,
        said->envelope.len, ret, why);
    vt_buf_release(&said->envelope);
    return err;
}

/* Looks in the log, as far as it is published, for an assembly of these inputs by
 * this assembler. VT_E_NOENT when there is none. */
static enum vt_err
find_in_log(const struct work *w, struct vt_commission_result *ret, struct vt_why *why)
{
    struct vt_log_reader *log = NULL;
    struct vt_history h = {0};
    struct vt_buf envelope = VT_BUF(VT_DSSE_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(w->c->record.home, path, why, "public");
    if (err == VT_OK)
        err = vt_log_reader_open(path, w->c->policy, &log, why);
    if (err == VT_OK)
        err = vt_history_read(log, w->c->policy, NULL, &h, why);
    if (err != VT_OK)
        goto out;
    const struct vt_history_item *it =
        vt_history_find(&h, &w->c->source, &w->environment, &w->recipe_digest);
    if (it == NULL ||
        !vt_pubkey_eq(&it->signer->key.pub, vt_signer_public(w->c->record.signer))) {
        err = VT_E_NOENT;
        goto out;
    }
    err = vt_store_get(w->store, &it->entry.statement, &envelope, why);
    if (err == VT_OK)
        err = tell(w, it->index, &it->entry.statement, envelope.data, envelope.len, ret, why);
out:
    vt_buf_release(&envelope);
    vt_history_release(&h);
    vt_log_reader_free(log);
    return err;
}

static enum vt_err
put_statement(const struct work *w, const struct vt_assembly_result *run, struct vt_buf *b,
    struct vt_why *why)
{
    const struct vt_home *home = w->c->record.home;
    struct vt_environment *e = NULL;
    struct vt_statement_assembly *s = calloc(1, sizeof *s);
    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the statement");
    enum vt_err err = vt_environment_load(w->store, &w->environment, &e, why);
    if (err != VT_OK)
        goto out;
    (void)snprintf(s->product, sizeof s->product, "%s", vt_recipe_name(w->recipe));
    (void)snprintf(s->version, sizeof s->version, "%s", vt_recipe_version(w->recipe));
    (void)snprintf(s->run.site, sizeof s->run.site, "%s", home->name);
    (void)snprintf(s->run.jurisdiction, sizeof s->run.jurisdiction, "%s", home->jurisdiction);
    s->recipe = w->recipe_digest;
    s->source = w->c->source;
    s->environment = w->environment;
    s->run.started = run->started;
    s->run.finished = run->finished;
    s->run.log = run->log;
    s->packages = e->package;
    s->package_count = e->count;
    s->output_count = run->output_count;
    for (size_t i = 0; i < run->output_count; i++) {
        (void)snprintf(s->output[i].name, sizeof s->output[i].name, "%s", run->output[i].name);
        s->output[i].digest = run->output[i].digest;
    }
    err = vt_statement_put_assembly(b, s, why);
out:
    vt_environment_free(e);
    free(s);
    return err;
}

static enum vt_err
fill_entry(const struct work *w, const struct vt_assembly_result *run, struct vt_entry *e,
    struct vt_why *why)
{
    enum vt_err err = vt_entry_add(e, VT_SUBJECT_SOURCE, &w->c->source, why);
    if (err == VT_OK)
        err = vt_entry_add(e, VT_SUBJECT_ENVIRONMENT, &w->environment, why);
    if (err == VT_OK)
        err = vt_entry_add(e, VT_SUBJECT_RECIPE, &w->recipe_digest, why);
    for (size_t i = 0; err == VT_OK && i < run->output_count; i++)
        err = vt_entry_add(e, VT_SUBJECT_ARTIFACT, &run->output[i].digest, why);
    return err;
}

static enum vt_err
assemble(struct work *w, struct vt_commission_result *ret, struct vt_why *why)
{
    const struct vt_commission *c = w->c;
    struct vt_entry entry = {.kind = VT_ENTRY_ASSEMBLY};
    struct vt_buf statement = VT_BUF(VT_STATEMENT_MAX);
    struct vt_record_said said = {0};
    struct vt_assembly_result run;
    char store_dir[VT_PATH_MAX];
    char work_dir[VT_PATH_MAX];
    struct vt_assembly_job job = {.store_dir = store_dir,
        .source_dir = w->sealed ? w->sealed_dir : NULL,
        .source = c->source,
        .recipe = w->recipe,
        .root = w->root,
        .work_dir = work_dir,
        .progress = c->progress};
    enum vt_err err = vt_commission_environment(
        &c->record, w->store, &w->environment, c->cache_dir, c->progress, w->root, NULL, why);
    if (err == VT_OK)
        err = vt_home_path(c->record.home, store_dir, why, "public/objects");
    if (err == VT_OK)
        err = vt_home_path(c->record.home, work_dir, why, "work");
    if (err == VT_OK)
        err = vt_assembly_run(&job, &run, why);
    if (err == VT_OK)
        err = put_statement(w, &run, &statement, why);
    if (err == VT_OK)
        err = fill_entry(w, &run, &entry, why);
    if (err == VT_OK)
        err = vt_record_say(
            &c->record, w->name, statement.data, statement.len, &entry, &said, why);
    vt_buf_release(&statement);
    if (err == VT_OK)
        err = tell_said(w, &said, ret, why);
    if (err == VT_OK) {
        ret->fresh = true;
        memcpy(ret->isolation, run.isolation, sizeof ret->isolation);
    }
    return err;
}

enum vt_err
vt_commission_run(
    const struct vt_commission *c, struct vt_commission_result *ret, struct vt_why *why)
{
    struct work w = {.c = c, .lock = {.fd = -1}};
    struct vt_record_said said = {0};
    enum vt_err err = prepare(&w, why);
    if (err != VT_OK)
        goto out;
    if (vt_record_has(&c->record, w.name)) {
        err = vt_record_send(&c->record, w.name, &said, why);
        if (err == VT_OK)
            err = tell_said(&w, &said, ret, why);
        goto out;
    }
    err = find_in_log(&w, ret, why);
    if (err == VT_E_NOENT)
        err = assemble(&w, ret, why);
out:
    vt_lock_release(&w.lock);
    vt_recipe_free(w.recipe);
    vt_store_free(w.store);
    return err;
}
