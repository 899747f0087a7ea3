/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/rebuild_answer.h"

#include "assembly/environment.h"
#include "attest/dsse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One assembly that is being answered. */
struct answer {
    struct vt_rebuild_state *s;
    struct vt_history_item *item;
    struct vt_fetch fetch;
    struct vt_statement_assembly statement;
    struct vt_recipe *recipe;
    struct vt_assembly_result run;
    struct vt_rebuild_difference difference[VT_STATEMENT_OUTPUTS_MAX];
    struct vt_rebuild_outcome outcome;
};

struct vt_fetch
vt_rebuild_fetch(const struct vt_rebuild_state *s)
{
    return (struct vt_fetch){.http = s->r->record.http,
        .url = s->r->record.url,
        .store = s->store,
        .work_dir = s->work_dir,
        .progress = s->r->progress};
}

/* The number of artifacts that an entry names. */
static size_t
artifact_count(const struct vt_entry *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->subject_count; i++)
        n += e->subject[i].role == VT_SUBJECT_ARTIFACT;
    return n;
}

/* An entry and the statement that it names must say the same. */
static enum vt_err
check_statement(
    const struct vt_entry *e, const struct vt_statement_assembly *s, struct vt_why *why)
{
    const struct vt_digest *source = vt_entry_one(e, VT_SUBJECT_SOURCE);
    const struct vt_digest *environment = vt_entry_one(e, VT_SUBJECT_ENVIRONMENT);
    const struct vt_digest *recipe = vt_entry_one(e, VT_SUBJECT_RECIPE);
    bool same = source != NULL && environment != NULL && recipe != NULL &&
                vt_digest_eq(source, &s->source) &&
                vt_digest_eq(environment, &s->environment) && vt_digest_eq(recipe, &s->recipe);
    struct vt_entry told = {0};
    for (size_t i = 0; same && i < s->output_count; i++)
        same = vt_entry_has(e, VT_SUBJECT_ARTIFACT, &s->output[i].digest) &&
               vt_entry_add(&told, VT_SUBJECT_ARTIFACT, &s->output[i].digest, NULL) == VT_OK;
    same = same && artifact_count(&told) == artifact_count(e);
    return same ? VT_OK
                : vt_fail(why, VT_E_REFUSED, "its entry and its statement do not say the same");
}

/* Fetches, verifies and reads the statement of an assembly. */
enum vt_err
vt_rebuild_statement(struct vt_fetch *f, const struct vt_history_item *it,
    struct vt_statement_assembly *ret, struct vt_why *why)
{
    struct vt_buf envelope = VT_BUF(VT_DSSE_MAX);
    struct vt_buf payload = VT_BUF(VT_STATEMENT_MAX);
    enum vt_err err = vt_fetch_bytes(f, &it->entry.statement, &envelope, why);
    if (err == VT_OK)
        err = vt_dsse_open(envelope.data, envelope.len, &it->signer->key.pub, &payload, why);
    if (err == VT_OK)
        err = vt_statement_get_assembly(payload.data, payload.len, ret, why);
    if (err == VT_OK)
        err = check_statement(&it->entry, ret, why);
    vt_buf_release(&envelope);
    vt_buf_release(&payload);
    return err == VT_OK
               ? err
               : vt_fail_in(why, err, "assembly of entry %llu", (unsigned long long)it->index);
}

/* The recipe must have just the outputs that the statement claims. */
static enum vt_err
check_recipe(const struct answer *a, struct vt_why *why)
{
    size_t count = 0;
    const struct vt_recipe_output *o = vt_recipe_outputs(a->recipe, &count);
    bool same = count == a->statement.output_count &&
                strcmp(vt_recipe_name(a->recipe), a->statement.product) == 0 &&
                strcmp(vt_recipe_version(a->recipe), a->statement.version) == 0;
    for (size_t i = 0; same && i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < count; k++)
            found = found || strcmp(o[i].name, a->statement.output[k].name) == 0;
        same = found;
    }
    return same ? VT_OK
                : vt_fail(why, VT_E_REFUSED,
                      "its recipe has another name, version or outputs than its statement");
}

/* Whether the source was handed over. */
static enum vt_err
has_source(const struct answer *a, bool *ret, struct vt_why *why)
{
    const char *dir = a->s->r->source_dir;
    struct vt_store *store = NULL;
    enum vt_err err = VT_OK;
    *ret = false;
    if (dir != NULL) {
        err = vt_store_open_dir(dir, &store, why);
        *ret = err == VT_OK && vt_store_has(store, &a->statement.source);
        vt_store_free(store);
    }
    return err;
}

static enum vt_err
fetch_source(struct answer *a, struct vt_why *why)
{
    struct vt_fetch *f = &a->fetch;
    bool has = false;
    enum vt_err err = has_source(a, &has, why);
    if (err != VT_OK || has)
        return err;
    if (!vt_store_has(f->store, &a->statement.source) && f->progress != NULL)
        vt_progress_begin(f->progress, "fetching the source", 0);
    err = vt_fetch_object(f, &a->statement.source, VT_FETCH_ARCHIVE_MAX, why);
    if (f->progress != NULL)
        vt_progress_end(f->progress);
    return err == VT_E_NOENT ? vt_fail_in(why, err,
                                   "the site does not give its source: when it is sealed, have "
                                   "it handed over")
                             : err;
}

static enum vt_err
fetch_inputs(struct answer *a, struct vt_why *why)
{
    struct vt_buf recipe = VT_BUF(VT_RECIPE_MAX);
    struct vt_fetch *f = &a->fetch;
    enum vt_err err = vt_fetch_bytes(f, &a->statement.recipe, &recipe, why);
    if (err == VT_OK)
        err = vt_recipe_parse(recipe.data, recipe.len, &a->recipe, why);
    vt_buf_release(&recipe);
    if (err == VT_OK)
        err = check_recipe(a, why);
    if (err != VT_OK)
        return err;
    err = fetch_source(a, why);
    return err == VT_OK ? vt_fetch_environment(f, &a->statement.environment, why) : err;
}

static enum vt_err
run(struct answer *a, struct vt_why *why)
{
    const struct vt_rebuild *r = a->s->r;
    char root[VT_PATH_MAX];
    struct vt_assembly_job job = {.store_dir = a->s->store_dir,
        .source_dir = a->s->r->source_dir,
        .source = a->statement.source,
        .recipe = a->recipe,
        .root = root,
        .work_dir = a->s->work_dir,
        .vary = r->vary,
        .progress = r->progress};
    enum vt_err err = vt_environment_root(
        a->s->store, &a->statement.environment, r->cache_dir, r->progress, root, NULL, why);
    return err == VT_OK ? vt_assembly_run(&job, &a->run, why) : err;
}

/* Compares one output that is not the same, with the assembled bytes if the site
 * gives them: that it does not must not keep the mismatch from being logged. */
static enum vt_err
compare_output(struct answer *a, const struct vt_statement_output *was,
    const struct vt_assembly_output *is, struct vt_why *why)
{
    struct vt_rebuild_difference *d = &a->difference[a->outcome.difference_count];
    char assembled[VT_DIGEST_HEX_SIZE + 4096];
    char rebuilt[VT_DIGEST_HEX_SIZE + 4096];
    *d = (struct vt_rebuild_difference){.assembled = was->digest, .rebuilt = is->digest};
    memcpy(d->name, was->name, sizeof d->name);
    enum vt_err err = vt_fetch_object(&a->fetch, &was->digest, VT_FETCH_ARCHIVE_MAX, why);
    if (err == VT_OK) {
        err = vt_store_path(a->s->store, &was->digest, assembled, why);
        if (err == VT_OK)
            err = vt_store_path(a->s->store, &is->digest, rebuilt, why);
        if (err == VT_OK)
            err = vt_compare_files(assembled, rebuilt, &d->compare, why);
        d->compared = true;
    } else if (err == VT_E_NOENT || err == VT_E_DIGEST || err == VT_E_LIMIT) {
        err = VT_OK;
    }
    if (err == VT_OK)
        a->outcome.difference_count++;
    return err;
}

static enum vt_err
compare(struct answer *a, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    for (size_t i = 0; err == VT_OK && i < a->run.output_count; i++) {
        const struct vt_assembly_output *is = &a->run.output[i];
        for (size_t k = 0; err == VT_OK && k < a->statement.output_count; k++) {
            const struct vt_statement_output *was = &a->statement.output[k];
            if (strcmp(is->name, was->name) == 0 && !vt_digest_eq(&is->digest, &was->digest))
                err = compare_output(a, was, is, why);
        }
    }
    return err;
}

static struct vt_statement_run
run_of(const struct answer *a)
{
    const struct vt_home *home = a->s->r->record.home;
    struct vt_statement_run run = {
        .started = a->run.started, .finished = a->run.finished, .log = a->run.log};
    (void)snprintf(run.site, sizeof run.site, "%s", home->name);
    (void)snprintf(run.jurisdiction, sizeof run.jurisdiction, "%s", home->jurisdiction);
    return run;
}

static enum vt_err
add_inputs(const struct answer *a, struct vt_entry *e, struct vt_why *why)
{
    enum vt_err err = vt_entry_add(e, VT_SUBJECT_SOURCE, &a->statement.source, why);
    if (err == VT_OK)
        err = vt_entry_add(e, VT_SUBJECT_ENVIRONMENT, &a->statement.environment, why);
    if (err == VT_OK)
        err = vt_entry_add(e, VT_SUBJECT_RECIPE, &a->statement.recipe, why);
    return err;
}

/* The name that an answer is kept under: of the assembly's statement and of the
 * first artifact that the answer is about. */
static void
name_answer(const struct answer *a, const char *kind, const struct vt_digest *artifact,
    char ret[VT_RECORD_NAME_SIZE])
{
    const struct vt_slice about[] = {
        {a->item->entry.statement.b, VT_DIGEST_SIZE}, {artifact->b, VT_DIGEST_SIZE}};
    struct vt_digest d;
    vt_digest_of_slices(about, 2, &d);
    vt_record_name(kind, &d, ret);
}

static enum vt_err
say(struct answer *a, const char *name, const struct vt_buf *statement, struct vt_entry *e,
    struct vt_why *why)
{
    const struct vt_record *record = &a->s->r->record;
    struct vt_record_said said = {0};
    enum vt_err err = vt_record_has(record, name) ? vt_record_send(record, name, &said, why)
                                                  : vt_record_say(record, name, statement->data,
                                                        statement->len, e, &said, why);
    vt_buf_release(&said.envelope);
    if (err == VT_OK) {
        a->outcome.index = said.index;
        a->s->said = true;
        if (said.index > a->s->said_index)
            a->s->said_index = said.index;
    }
    return err;
}

static enum vt_err
say_same(struct answer *a, struct vt_why *why)
{
    struct vt_entry e = {.kind = VT_ENTRY_REBUILD};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    char name[VT_RECORD_NAME_SIZE];
    struct vt_statement_rebuild *s = calloc(1, sizeof *s);
    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the statement");
    s->assembly = a->item->entry.statement;
    s->run = run_of(a);
    s->varied = a->run.varied;
    s->output_count = a->statement.output_count;
    memcpy(s->output, a->statement.output, sizeof s->output);
    enum vt_err err = vt_statement_put_rebuild(&b, s, why);
    free(s);
    if (err == VT_OK)
        err = add_inputs(a, &e, why);
    for (size_t i = 0; err == VT_OK && i < a->statement.output_count; i++)
        err = vt_entry_add(&e, VT_SUBJECT_ARTIFACT, &a->statement.output[i].digest, why);
    name_answer(a, "rebuild", &a->statement.output[0].digest, name);
    if (err == VT_OK)
        err = say(a, name, &b, &e, why);
    vt_buf_release(&b);
    if (err == VT_OK)
        a->item->confirmed = true;
    return err;
}

/* The comparison's report goes to this rebuilder's own store. */
static enum vt_err
store_report(const struct answer *a, const struct vt_rebuild_difference *d,
    struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(65536);
    char assembled[VT_DIGEST_HEX_SIZE];
    char rebuilt[VT_DIGEST_HEX_SIZE];
    json_t *report = NULL;
    vt_digest_hex(&d->assembled, assembled);
    vt_digest_hex(&d->rebuilt, rebuilt);
    enum vt_err err = vt_compare_report(&d->compare, assembled, rebuilt, &report, why);
    if (err == VT_OK)
        err = vt_json_text(report, true, &b, why);
    if (err == VT_OK)
        err = vt_store_put(a->s->store, b.data, b.len, ret, why);
    json_decref(report);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
say_different(struct answer *a, const struct vt_rebuild_difference *d, struct vt_why *why)
{
    struct vt_entry e = {.kind = VT_ENTRY_MISMATCH};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    char name[VT_RECORD_NAME_SIZE];
    struct vt_statement_mismatch s = {.assembly = a->item->entry.statement,
        .run = run_of(a),
        .varied = a->run.varied,
        .rebuilt = d->rebuilt,
        .first_offset = d->compare.first_offset};
    memcpy(s.output.name, d->name, sizeof s.output.name);
    s.output.digest = d->assembled;
    enum vt_err err = store_report(a, d, &s.report, why);
    if (err == VT_OK)
        err = vt_statement_put_mismatch(&b, &s, why);
    if (err == VT_OK)
        err = add_inputs(a, &e, why);
    if (err == VT_OK)
        err = vt_entry_add(&e, VT_SUBJECT_ARTIFACT, &d->assembled, why);
    if (err == VT_OK)
        err = vt_entry_add(&e, VT_SUBJECT_REBUILT, &d->rebuilt, why);
    name_answer(a, "mismatch", &d->assembled, name);
    if (err == VT_OK)
        err = say(a, name, &b, &e, why);
    vt_buf_release(&b);
    if (err == VT_OK)
        a->item->contradicted = true;
    return err;
}

/* Sends an answer that was signed before this command was killed. VT_E_NOENT:
 * there is none. */
static enum vt_err
answer_again(struct answer *a, struct vt_why *why)
{
    const struct vt_record *record = &a->s->r->record;
    struct vt_record_said said = {0};
    char name[VT_RECORD_NAME_SIZE];
    name_answer(a, "rebuild", &a->statement.output[0].digest, name);
    if (!vt_record_has(record, name))
        return VT_E_NOENT;
    enum vt_err err = vt_record_send(record, name, &said, why);
    vt_buf_release(&said.envelope);
    if (err == VT_OK) {
        a->outcome.index = said.index;
        a->item->confirmed = true;
    }
    return err;
}

static enum vt_err
answer(struct answer *a, struct vt_why *why)
{
    enum vt_err err = vt_rebuild_statement(&a->fetch, a->item, &a->statement, why);
    if (err != VT_OK)
        return err;
    err = answer_again(a, why);
    if (err != VT_E_NOENT)
        return err;
    err = fetch_inputs(a, why);
    if (err == VT_OK)
        err = run(a, why);
    if (err == VT_OK)
        err = compare(a, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s %s", a->statement.product, a->statement.version);
    if (a->outcome.difference_count == 0)
        err = say_same(a, why);
    for (size_t i = 0; err == VT_OK && i < a->outcome.difference_count; i++)
        err = say_different(a, &a->difference[i], why);
    return err;
}

/* The sentence about a mismatch that a person reads. */
static void
describe(const struct answer *a, struct vt_why *why)
{
    const struct vt_rebuild_difference *d = &a->difference[0];
    const struct vt_compare *c = &d->compare;
    char was[VT_DIGEST_HEX_SIZE];
    char is[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(&d->assembled, was);
    vt_digest_hex(&d->rebuilt, is);
    if (!d->compared) {
        (void)vt_fail(why, VT_E_REFUSED,
            "mismatch: %s of %s %s: assembled sha256:%s, rebuilt sha256:%s; the site does not "
            "give "
            "the assembled bytes; logged as entry %llu",
            d->name, a->statement.product, a->statement.version, was, is,
            (unsigned long long)a->outcome.index);
        return;
    }
    (void)vt_fail(why, VT_E_REFUSED,
        "mismatch: %s of %s %s differs from byte %llu on: %llu bytes in %llu places, %llu "
        "bytes "
        "assembled (sha256:%s), %llu rebuilt (sha256:%s); logged as entry %llu",
        d->name, a->statement.product, a->statement.version,
        (unsigned long long)c->first_offset, (unsigned long long)c->differing,
        (unsigned long long)c->ranges, (unsigned long long)c->size_a, was,
        (unsigned long long)c->size_b, is, (unsigned long long)a->outcome.index);
}

enum vt_err
vt_rebuild_answer(struct vt_rebuild_state *s, struct vt_history_item *it,
    struct vt_why *mismatch, struct vt_why *why)
{
    struct answer *a = calloc(1, sizeof *a);
    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a rebuild");
    a->s = s;
    a->item = it;
    a->fetch = vt_rebuild_fetch(s);
    enum vt_err err = answer(a, why);
    a->outcome.err = err;
    a->outcome.text = err == VT_OK ? "" : why->text;
    a->outcome.assembly = it->index;
    a->outcome.statement = &a->statement;
    a->outcome.varied = a->run.varied;
    a->outcome.difference = a->difference;
    if (s->r->outcome != NULL)
        s->r->outcome(s->r->outcome_ctx, &a->outcome);
    if (err == VT_OK && a->outcome.difference_count > 0 && mismatch->text[0] == '\0')
        describe(a, mismatch);
    vt_recipe_free(a->recipe);
    free(a);
    return err;
}
