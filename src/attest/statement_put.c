/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/statement.h"
#include "attest/statement_rules.h"

#include "base/clock.h"

#include <string.h>

static json_t *
hex_json(const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return json_string(hex);
}

/* {"sha256": HEX} */
static json_t *
digest_json(const struct vt_digest *d)
{
    return json_pack("{s:o}", "sha256", hex_json(d));
}

static json_t *
time_json(int64_t t)
{
    char text[VT_TIME_SIZE];

    vt_time_format(t, text);
    return json_string(text);
}

/* {"name": NAME, "digest": {"sha256": HEX}} */
static json_t *
subject_json(const char *name, const struct vt_digest *d)
{
    return json_pack("{s:s,s:o}", "name", name, "digest", digest_json(d));
}

/* The list with v (stolen) at its end; NULL, with both given up, when memory
 * ran out, which json_pack then passes on to put_statement. */
static json_t *
append(json_t *list, json_t *v)
{
    if (json_array_append_new(list, v) == 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *
outputs_json(json_t *list, const struct vt_statement_output *out, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        list = append(list, subject_json(out[i].name, &out[i].digest));
    return list;
}

static json_t *
varied_json(const struct vt_statement_varied *v)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < v->count; i++)
        list = append(list, json_string(v->word[i]));
    return list;
}

/* Characters that need no escape in the name part of a URN. */
static bool
urn_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~/:@", c) != NULL;
}

/* urn:vitrine:site:NAME, with ?=jurisdiction=CC when there is one. */
static json_t *
site_json(const struct vt_statement_run *run)
{
    struct vt_buf b = VT_BUF(1024);
    json_t *ret;
    const char *p;

    vt_buf_puts(&b, VT_SITE_URN);
    for (p = run->site; *p != '\0'; p++) {
        if (urn_plain(*p))
            vt_buf_put(&b, p, 1);
        else
            vt_buf_putf(&b, "%%%02X", (unsigned)(unsigned char)*p);
    }
    if (run->jurisdiction[0] != '\0')
        vt_buf_putf(&b, VT_SITE_QUERY "%s", run->jurisdiction);
    ret = json_string(vt_buf_str(&b));
    vt_buf_release(&b);
    return ret;
}

static json_t *
run_json(const struct vt_statement_run *run)
{
    return json_pack("{s:{s:o},s:{s:o,s:o},s:[o]}", "builder", "id", site_json(run), "metadata",
        "startedOn", time_json(run->started), "finishedOn", time_json(run->finished),
        "byproducts", subject_json("log", &run->log));
}

/* Wraps subjects and predicate (both stolen), and appends the text. */
static enum vt_err
put_statement(
    struct vt_buf *b, const char *type, json_t *subjects, json_t *predicate, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(VT_STATEMENT_MAX);
    json_t *root = json_pack("{s:s,s:s,s:o,s:o}", "_type", VT_STATEMENT_TYPE, "predicateType",
        type, "subject", subjects, "predicate", predicate);
    enum vt_err err;

    if (root == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a statement");
    err = vt_json_text(root, false, &text, why);
    json_decref(root);
    if (err == VT_OK) {
        vt_buf_put(b, text.data, text.len);
        err = vt_buf_check(b, "the statement", why);
    }
    vt_buf_release(&text);
    return err;
}

static json_t *
set(json_t *obj, const char *key, json_t *v)
{
    if (json_object_set_new(obj, key, v) == 0)
        return obj;
    json_decref(obj);
    return NULL;
}

enum vt_err
vt_statement_put_source(
    struct vt_buf *b, const struct vt_statement_source *s, struct vt_why *why)
{
    json_t *subjects;
    json_t *predicate;

    if (vt_statement_check_source(s, why) != VT_OK)
        return VT_E_USAGE;
    subjects = json_pack("[{s:s,s:{s:o,s:s}}]", "name", VT_STATEMENT_ARCHIVE, "digest",
        "sha256", hex_json(&s->archive), "gitTree", s->git_tree);
    predicate = json_pack("{s:s,s:s,s:I,s:I}", "origin", vt_origin_name(s->origin), "gitTree",
        s->git_tree, "archiveSize", (json_int_t)s->archive_size, "fileCount",
        (json_int_t)s->file_count);
    if (s->git_commit[0] != '\0')
        predicate = set(predicate, "gitCommit", json_string(s->git_commit));
    if (s->origin == VT_ORIGIN_DEBIAN)
        predicate = set(predicate, "debian",
            json_pack("{s:s,s:s}", "name", s->debian.name, "version", s->debian.version));
    return put_statement(b, VT_PREDICATE_SOURCE, subjects, predicate, why);
}

enum vt_err
vt_statement_put_environment(
    struct vt_buf *b, const struct vt_statement_environment *s, struct vt_why *why)
{
    json_t *subjects;
    json_t *predicate;

    if (vt_statement_check_environment(s, why) != VT_OK)
        return VT_E_USAGE;
    subjects = json_pack("[o]", subject_json(VT_STATEMENT_MANIFEST, &s->manifest));
    predicate = json_pack("{s:s,s:s,s:I,s:o}", "distribution", s->distribution, "architecture",
        s->arch, "packageCount", (json_int_t)s->package_count, "root", digest_json(&s->root));
    return put_statement(b, VT_PREDICATE_ENVIRONMENT, subjects, predicate, why);
}

static json_t *
material_json(const char *name, const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return json_pack("{s:s,s:o,s:o}", "name", name, "uri",
        json_sprintf("urn:vitrine:object:sha256:%s", hex), "digest", digest_json(d));
}

static json_t *
materials_json(const struct vt_statement_assembly *s)
{
    json_t *list = json_pack("[o,o]", material_json("source", &s->source),
        material_json("environment", &s->environment));
    size_t i;

    for (i = 0; i < s->package_count; i++) {
        struct vt_buf purl = VT_BUF(2048);

        vt_package_put_purl(&purl, &s->packages[i]);
        list = append(list, json_pack("{s:s,s:o}", "uri", vt_buf_str(&purl), "digest",
                                digest_json(&s->packages[i].digest)));
        vt_buf_release(&purl);
    }
    return list;
}

enum vt_err
vt_statement_put_assembly(
    struct vt_buf *b, const struct vt_statement_assembly *s, struct vt_why *why)
{
    json_t *external;
    json_t *predicate;

    if (vt_statement_check_assembly(s, why) != VT_OK)
        return VT_E_USAGE;
    external = json_pack("{s:s,s:s,s:o,s:o,s:o}", "product", s->product, "version", s->version,
        "recipe", digest_json(&s->recipe), "source", digest_json(&s->source), "environment",
        digest_json(&s->environment));
    predicate = json_pack("{s:{s:s,s:o,s:{},s:o},s:o}", "buildDefinition", "buildType",
        VT_BUILD_TYPE, "externalParameters", external, "internalParameters",
        "resolvedDependencies", materials_json(s), "runDetails", run_json(&s->run));
    return put_statement(b, VT_PREDICATE_ASSEMBLY,
        outputs_json(json_array(), s->output, s->output_count), predicate, why);
}

enum vt_err
vt_statement_put_rebuild(
    struct vt_buf *b, const struct vt_statement_rebuild *s, struct vt_why *why)
{
    json_t *predicate;

    if (vt_statement_check_rebuild(s, why) != VT_OK)
        return VT_E_USAGE;
    predicate = json_pack("{s:o,s:s,s:o,s:o}", "assembly", digest_json(&s->assembly), "result",
        VT_STATEMENT_IDENTICAL, "varied", varied_json(&s->varied), "runDetails",
        run_json(&s->run));
    return put_statement(b, VT_PREDICATE_REBUILD,
        outputs_json(json_array(), s->output, s->output_count), predicate, why);
}

enum vt_err
vt_statement_put_mismatch(
    struct vt_buf *b, const struct vt_statement_mismatch *s, struct vt_why *why)
{
    json_t *predicate;

    if (vt_statement_check_mismatch(s, why) != VT_OK)
        return VT_E_USAGE;
    predicate =
        json_pack("{s:o,s:s,s:o,s:I,s:o,s:o,s:o}", "assembly", digest_json(&s->assembly),
            "result", VT_STATEMENT_DIFFERENT, "rebuilt", digest_json(&s->rebuilt),
            "firstOffset", (json_int_t)s->first_offset, "report", digest_json(&s->report),
            "varied", varied_json(&s->varied), "runDetails", run_json(&s->run));
    return put_statement(
        b, VT_PREDICATE_MISMATCH, outputs_json(json_array(), &s->output, 1), predicate, why);
}

enum vt_err
vt_statement_put_release(
    struct vt_buf *b, const struct vt_statement_release *s, struct vt_why *why)
{
    json_t *predicate;
    json_t *subjects;

    if (vt_statement_check_release(s, why) != VT_OK)
        return VT_E_USAGE;
    subjects = append(json_array(), subject_json(VT_STATEMENT_METADATA, &s->metadata));
    subjects = outputs_json(subjects, s->output, s->output_count);
    predicate = json_pack("{s:s,s:I,s:o}", "channel", s->channel, "version",
        (json_int_t)s->version, "metadata", digest_json(&s->metadata));
    return put_statement(b, VT_PREDICATE_RELEASE, subjects, predicate, why);
}
