/* SPDX-License-Identifier: Apache-2.0 */
#include "release/publish.h"

#include "attest/dsse.h"
#include "attest/statement.h"
#include "release/claim.h"
#include "release/passports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    struct vt_repository *r;
    const struct vt_publish_opts *o;
    const struct vt_home *home;
    struct vt_buf bytes; /* the metadata that is published */
    uint64_t version;
    struct vt_tuf *now;    /* parsed bytes */
    struct vt_tuf *former; /* what was published before, or NULL */
    struct vt_buf statement;
    struct vt_buf entry;
    uint64_t index;
};

static void
say(const struct job *j, const char *what)
{
    if (j->o->step != NULL)
        j->o->step(j->o->step_ctx, what);
}

/* Whether the target was published before, as it is now. */
static bool
is_former(const struct job *j, const struct vt_tuf_target *t)
{
    const struct vt_tuf_target *was =
        j->former == NULL ? NULL : vt_tuf_target(j->former, t->path);
    return was != NULL && vt_digest_eq(&was->hash, &t->hash);
}

/* The artifacts that this release is about: those that are new, or all when it
 * only renews the metadata. */
static enum vt_err
list_outputs(const struct job *j, struct vt_statement_release *s, struct vt_why *why)
{
    const struct vt_tuf_body *b = vt_tuf_body(j->now);
    size_t fresh = 0;
    for (size_t i = 0; i < b->target_count; i++)
        fresh += !is_former(j, &b->target[i]);
    for (size_t i = 0; i < b->target_count; i++) {
        struct vt_offer o;
        if (fresh > 0 && is_former(j, &b->target[i]))
            continue;
        if (s->output_count == VT_STATEMENT_OUTPUTS_MAX)
            return vt_fail(why, VT_E_LIMIT,
                "more than %u artifacts in one release: stage fewer", VT_STATEMENT_OUTPUTS_MAX);
        enum vt_err err = vt_offer_parse_path(b->target[i].path, &o, why);
        if (err != VT_OK)
            return err;
        struct vt_statement_output *out = &s->output[s->output_count++];
        memcpy(out->name, o.file, sizeof out->name);
        out->digest = b->target[i].hash;
    }
    return VT_OK;
}

static enum vt_err
make_release(const struct job *j, struct vt_statement_release *s, struct vt_why *why)
{
    (void)snprintf(s->channel, sizeof s->channel, "%s", j->o->channel);
    s->version = j->version;
    vt_digest_of(j->bytes.data, j->bytes.len, &s->metadata);
    return list_outputs(j, s, why);
}

/* Reads the file, or makes it with `make` and keeps it first. */
static enum vt_err
once(struct job *j, const char *kind, struct vt_buf *b,
    enum vt_err (*make)(struct job *j, struct vt_buf *b, struct vt_why *why),
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_claim_file(j->home, j->o->channel, j->version, kind, path, why);
    if (err != VT_OK)
        return err;
    if (vt_file_exists(path))
        return vt_file_read(path, b, why);
    err = make(j, b, why);
    if (err == VT_OK)
        err = vt_buf_check(b, kind, why);
    return err != VT_OK ? err : vt_file_create(path, 0600, b->data, b->len, why);
}

static enum vt_err
make_statement(struct job *j, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf body = VT_BUF(VT_STATEMENT_MAX);
    struct vt_statement_release *s = calloc(1, sizeof *s);
    enum vt_err err = s == NULL ? vt_fail(why, VT_E_NOMEM, "no memory") : VT_OK;
    if (err == VT_OK)
        err = make_release(j, s, why);
    if (err == VT_OK)
        err = vt_statement_put_release(&body, s, why);
    if (err == VT_OK)
        err = vt_buf_check(&body, "the release's statement", why);
    if (err == VT_OK)
        err = vt_dsse_sign(b, body.data, body.len, j->o->release, why);
    free(s);
    vt_buf_release(&body);
    return err;
}

static enum vt_err
make_entry(struct job *j, struct vt_buf *b, struct vt_why *why)
{
    struct vt_entry e = {.kind = VT_ENTRY_RELEASE};
    struct vt_statement_release *s = calloc(1, sizeof *s);
    enum vt_err err = s == NULL ? vt_fail(why, VT_E_NOMEM, "no memory") : VT_OK;
    if (err == VT_OK)
        err = make_release(j, s, why);
    for (size_t i = 0; err == VT_OK && i < s->output_count; i++)
        err = vt_entry_add(&e, VT_SUBJECT_ARTIFACT, &s->output[i].digest, why);
    if (err == VT_OK)
        err = vt_entry_add(&e, VT_SUBJECT_METADATA, &s->metadata, why);
    vt_digest_of(j->statement.data, j->statement.len, &e.statement);
    if (err == VT_OK)
        err = vt_entry_check(&e, why);
    if (err == VT_OK)
        err = vt_entry_sign(b, &e, j->o->release, why);
    free(s);
    return err;
}

/* The entry's index, kept for those who ask once it is published. */
static enum vt_err
make_index(struct job *j, struct vt_buf *b, struct vt_why *why)
{
    (void)why;
    vt_buf_putf(b, "%llu\n", (unsigned long long)j->index);
    return VT_OK;
}

static enum vt_err
read_index(struct job *j, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(32);
    struct vt_reader line = {0};
    enum vt_err err = vt_claim_file(j->home, j->o->channel, j->version, "index", path, why);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    struct vt_reader r = VT_READER(b.data, b.len);
    if (err == VT_OK &&
        (!vt_reader_line(&r, &line) || !vt_reader_decimal(&line, INT64_MAX, &j->index)))
        err = vt_fail(why, VT_E_SYNTAX, "%s: not a number", path);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
log_release(struct job *j, struct vt_why *why)
{
    struct vt_buf index = VT_BUF(32);
    struct vt_digest d;
    const struct vt_publish_opts *o = j->o;
    enum vt_err err = once(j, "statement", &j->statement, make_statement, why);
    if (err == VT_OK)
        err = once(j, "entry", &j->entry, make_entry, why);
    if (err != VT_OK)
        return err;
    say(j, "logging the release");
    err = vt_log_submit_object(o->http, o->url, j->statement.data, j->statement.len, &d, why);
    if (err == VT_OK)
        err = vt_log_submit_entry(o->http, o->url, j->entry.data, j->entry.len, &j->index, why);
    if (err == VT_OK)
        err = once(j, "index", &index, make_index, why);
    vt_buf_release(&index);
    if (err != VT_OK)
        return err;
    say(j, "waiting for the witnesses");
    return vt_log_wait_published(o->http, o->url, o->policy, j->index, o->timeout_ms, why);
}

static enum vt_err
make_passport(const struct job *j, struct vt_log_reader *log, const struct vt_tuf_target *t,
    struct vt_why *why)
{
    if (is_former(j, t) && vt_passports_good(j->home, j->o->policy, &t->hash))
        return VT_OK;
    enum vt_err err = vt_passports_make(j->home, log, &t->hash, why);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "the passport of %s", t->path);
}

/* All of them are checked before the metadata that needs them is published. */
static enum vt_err
make_passports(struct job *j, struct vt_why *why)
{
    struct vt_log_reader *log = NULL;
    const struct vt_tuf_body *b = vt_tuf_body(j->now);
    say(j, "making the passports");
    enum vt_err err = vt_passports_prepare(j->home, why);
    if (err == VT_OK)
        err = vt_log_reader_open(j->o->url, j->o->policy, &log, why);
    for (size_t i = 0; i < b->target_count && err == VT_OK; i++)
        err = make_passport(j, log, &b->target[i], why);
    vt_log_reader_free(log);
    return err;
}

static enum vt_err
put_out(struct job *j, struct vt_why *why)
{
    struct vt_repository_news news = {
        .channel = j->o->channel,
        .version = j->version,
        .data = j->bytes.data,
        .len = j->bytes.len,
        .release = j->o->release,
        .lifetimes = j->o->lifetimes,
        .now = j->o->now,
    };
    say(j, "publishing the metadata");
    return vt_repository_publish(j->r, &news, why);
}

static enum vt_err
run(struct job *j, bool *ret_news, struct vt_why *why)
{
    enum vt_err err = vt_publish_collect(j->r, j->o, &j->bytes, &j->version, why);
    if (err != VT_OK)
        return err;
    *ret_news = vt_repository_version(j->r, j->o->channel) < j->version;
    if (!*ret_news)
        return read_index(j, why);
    err =
        vt_tuf_parse(j->bytes.data, j->bytes.len, VT_TUF_TARGETS, j->o->channel, &j->now, why);
    if (err == VT_OK)
        err = vt_repository_published(j->r, j->o->channel, &j->former, why);
    if (err == VT_OK)
        err = log_release(j, why);
    if (err == VT_OK)
        err = make_passports(j, why);
    return err != VT_OK ? err : put_out(j, why);
}

enum vt_err
vt_publish_run(struct vt_repository *r, const struct vt_publish_opts *opts,
    struct vt_publish_result *ret, struct vt_why *why)
{
    bool news = false;
    struct job j = {
        .r = r,
        .o = opts,
        .home = vt_repository_home(r),
        .bytes = VT_BUF(VT_TUF_METADATA_MAX),
        .statement = VT_BUF(VT_DSSE_MAX),
        .entry = VT_BUF(VT_ENTRY_MAX),
    };
    enum vt_err err = run(&j, &news, why);
    if (err == VT_OK)
        *ret = (struct vt_publish_result){j.version, j.index, news};
    vt_tuf_free(j.now);
    vt_tuf_free(j.former);
    vt_buf_release(&j.bytes);
    vt_buf_release(&j.statement);
    vt_buf_release(&j.entry);
    return err;
}
