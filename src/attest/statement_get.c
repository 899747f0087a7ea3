/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/statement.h"
#include "attest/statement_rules.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Readers fill a struct that is scratch: the public functions copy it out only
 * when all of it holds. */

static enum vt_err
get_text(const json_t *obj, const char *key, char *ret, size_t size, struct vt_why *why)
{
    const char *s;
    enum vt_err err = vt_json_str(obj, key, &s, why);

    if (err != VT_OK)
        return err;
    if (strlen(s) >= size)
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is longer than %zu bytes", key, size - 1);
    memcpy(ret, s, strlen(s) + 1);
    return VT_OK;
}

static enum vt_err
get_word(const json_t *obj, const char *key, const char *want, struct vt_why *why)
{
    const char *s;
    enum vt_err err = vt_json_str(obj, key, &s, why);

    if (err != VT_OK)
        return err;
    if (strcmp(s, want) != 0)
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is \"%.100s\", not \"%s\"", key, s, want);
    return VT_OK;
}

static enum vt_err
get_count(const json_t *obj, const char *key, uint64_t *ret, struct vt_why *why)
{
    int64_t n;
    enum vt_err err = vt_json_int(obj, key, 0, VT_STATEMENT_COUNT_MAX, &n, why);

    if (err == VT_OK)
        *ret = (uint64_t)n;
    return err;
}

/* The member `key`, an object {"sha256": HEX}. */
static enum vt_err
get_digest(const json_t *obj, const char *key, struct vt_digest *ret, struct vt_why *why)
{
    json_t *set;
    const char *hex;
    enum vt_err err;

    if ((err = vt_json_obj(obj, key, &set, why)) != VT_OK ||
        (err = vt_json_str(set, "sha256", &hex, why)) != VT_OK)
        return err;
    if (!vt_digest_from_hex(hex, strlen(hex), ret))
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is not a SHA-256", key);
    return VT_OK;
}

static enum vt_err
get_time(const json_t *obj, const char *key, int64_t *ret, struct vt_why *why)
{
    const char *s;
    enum vt_err err = vt_json_str(obj, key, &s, why);

    if (err != VT_OK)
        return err;
    if (!vt_time_parse(s, ret))
        return vt_fail(why, VT_E_SYNTAX, "\"%s\" is not an RFC 3339 time in UTC", key);
    return VT_OK;
}

static enum vt_err
get_outputs(json_t *subjects, size_t from, struct vt_statement_output *ret, size_t *ret_count,
    struct vt_why *why)
{
    size_t n = json_array_size(subjects);
    size_t i;
    enum vt_err err;

    if (n < from || n - from > VT_STATEMENT_OUTPUTS_MAX)
        return vt_fail(why, VT_E_SYNTAX, "the statement has %zu subjects", n);
    for (i = from; i < n; i++) {
        json_t *one = json_array_get(subjects, i);

        if ((err = get_text(one, "name", ret[i - from].name, sizeof ret[0].name, why)) !=
                VT_OK ||
            (err = get_digest(one, "digest", &ret[i - from].digest, why)) != VT_OK)
            return vt_fail_in(why, err, "subject %zu", i);
    }
    *ret_count = n - from;
    return VT_OK;
}

static enum vt_err
get_varied(const json_t *obj, struct vt_statement_varied *ret, struct vt_why *why)
{
    json_t *list;
    json_t *one;
    size_t i;
    enum vt_err err = vt_json_arr(obj, "varied", VT_STATEMENT_VARIED_MAX, &list, why);

    if (err != VT_OK)
        return err;
    json_array_foreach(list, i, one)
    {
        const char *s = json_string_value(one);

        if (s == NULL || strlen(s) >= VT_STATEMENT_WORD_SIZE)
            return vt_fail(why, VT_E_SYNTAX, "\"varied\" holds what is not a short word");
        memcpy(ret->word[i], s, strlen(s) + 1);
    }
    ret->count = json_array_size(list);
    return VT_OK;
}

/* Undoes %XX in the first len bytes of s. */
static bool
unescape(const char *s, size_t len, char *ret, size_t size)
{
    size_t i = 0;
    size_t n = 0;

    while (i < len) {
        char c = s[i++];

        if (c == '%') {
            char digits[3] = {0};

            if (len - i < 2)
                return false;
            memcpy(digits, s + i, 2);
            if (strspn(digits, "0123456789ABCDEF") != 2)
                return false;
            c = (char)strtoul(digits, NULL, 16);
            i += 2;
        }
        if (n + 1 >= size || c == '\0')
            return false;
        ret[n++] = c;
    }
    ret[n] = '\0';
    return true;
}

static enum vt_err
get_site(const json_t *builder, struct vt_statement_run *ret, struct vt_why *why)
{
    const char *id;
    const char *query;
    size_t len;
    enum vt_err err = vt_json_str(builder, "id", &id, why);

    if (err != VT_OK)
        return err;
    if (strncmp(id, VT_SITE_URN, strlen(VT_SITE_URN)) != 0)
        return vt_fail(why, VT_E_SYNTAX, "the builder's id does not begin with " VT_SITE_URN);
    id += strlen(VT_SITE_URN);
    query = strstr(id, VT_SITE_QUERY);
    len = query == NULL ? strlen(id) : (size_t)(query - id);
    ret->jurisdiction[0] = '\0';
    if (query != NULL) {
        query += strlen(VT_SITE_QUERY);
        if (strlen(query) != 2)
            return vt_fail(why, VT_E_SYNTAX, "the builder's jurisdiction is not two letters");
        memcpy(ret->jurisdiction, query, 3);
    }
    if (!unescape(id, len, ret->site, sizeof ret->site))
        return vt_fail(why, VT_E_SYNTAX, "the builder's id holds no site's name");
    return VT_OK;
}

/* The run's log is the byproduct named so; others are not ours to judge. */
static enum vt_err
get_log(const json_t *details, struct vt_digest *ret, struct vt_why *why)
{
    json_t *list;
    json_t *one;
    size_t i;
    enum vt_err err = vt_json_arr(details, "byproducts", 16, &list, why);

    if (err != VT_OK)
        return err;
    json_array_foreach(list, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));

        if (name != NULL && strcmp(name, "log") == 0)
            return get_digest(one, "digest", ret, why);
    }
    return vt_fail(why, VT_E_SYNTAX, "\"byproducts\" has no log");
}

static enum vt_err
get_run(const json_t *predicate, struct vt_statement_run *ret, struct vt_why *why)
{
    json_t *details;
    json_t *part;
    enum vt_err err;

    if ((err = vt_json_obj(predicate, "runDetails", &details, why)) != VT_OK ||
        (err = vt_json_obj(details, "builder", &part, why)) != VT_OK ||
        (err = get_site(part, ret, why)) != VT_OK ||
        (err = vt_json_obj(details, "metadata", &part, why)) != VT_OK ||
        (err = get_time(part, "startedOn", &ret->started, why)) != VT_OK ||
        (err = get_time(part, "finishedOn", &ret->finished, why)) != VT_OK)
        return err;
    return get_log(details, &ret->log, why);
}

/* Takes one kind's members into its struct. */
typedef enum vt_err read_fn(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why);

/* Parses the frame that all statements share, and its inside by `read`. */
static enum vt_err
read_statement(const void *data, size_t len, const char *type, read_fn *read, void *ret,
    struct vt_why *why)
{
    json_t *root = NULL;
    json_t *subjects;
    json_t *predicate;
    enum vt_err err;

    if (len > VT_STATEMENT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "the statement is longer than %u bytes", VT_STATEMENT_MAX);
    if ((err = vt_json_parse(data, len, "statement", &root, why)) != VT_OK)
        return err;
    if ((err = get_word(root, "_type", VT_STATEMENT_TYPE, why)) == VT_OK &&
        (err = get_word(root, "predicateType", type, why)) == VT_OK &&
        (err = vt_json_arr(root, "subject", VT_STATEMENT_OUTPUTS_MAX + 1, &subjects, why)) ==
            VT_OK &&
        (err = vt_json_obj(root, "predicate", &predicate, why)) == VT_OK)
        err = read(subjects, predicate, ret, why);
    json_decref(root);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "statement");
}

static enum vt_err
get_origin(const json_t *predicate, enum vt_origin *ret, struct vt_why *why)
{
    const char *name;
    enum vt_origin o;
    enum vt_err err = vt_json_str(predicate, "origin", &name, why);

    if (err != VT_OK)
        return err;
    for (o = VT_ORIGIN_DIRECTORY; o <= VT_ORIGIN_DEBIAN; o++) {
        if (strcmp(name, vt_origin_name(o)) == 0) {
            *ret = o;
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_SYNTAX, "\"origin\" is \"%.100s\", which is unknown", name);
}

static enum vt_err
get_debian(const json_t *predicate, struct vt_statement_source *s, struct vt_why *why)
{
    json_t *debian;
    enum vt_err err;

    if (json_object_get(predicate, "debian") == NULL)
        return VT_OK;
    if ((err = vt_json_obj(predicate, "debian", &debian, why)) != VT_OK ||
        (err = get_text(debian, "name", s->debian.name, sizeof s->debian.name, why)) != VT_OK)
        return err;
    return get_text(debian, "version", s->debian.version, sizeof s->debian.version, why);
}

static enum vt_err
read_source(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why)
{
    struct vt_statement_source *s = ret;
    json_t *subject = json_array_get(subjects, 0);
    enum vt_err err;

    if ((err = get_word(subject, "name", VT_STATEMENT_ARCHIVE, why)) != VT_OK ||
        (err = get_digest(subject, "digest", &s->archive, why)) != VT_OK ||
        (err = get_origin(predicate, &s->origin, why)) != VT_OK ||
        (err = get_text(predicate, "gitTree", s->git_tree, sizeof s->git_tree, why)) != VT_OK ||
        (err = get_word(json_object_get(subject, "digest"), "gitTree", s->git_tree, why)) !=
            VT_OK ||
        (err = get_count(predicate, "archiveSize", &s->archive_size, why)) != VT_OK ||
        (err = get_count(predicate, "fileCount", &s->file_count, why)) != VT_OK ||
        (err = get_debian(predicate, s, why)) != VT_OK)
        return err;
    if (json_object_get(predicate, "gitCommit") != NULL &&
        (err = get_text(predicate, "gitCommit", s->git_commit, sizeof s->git_commit, why)) !=
            VT_OK)
        return err;
    return vt_statement_check_source(s, why);
}

enum vt_err
vt_statement_get_source(
    const void *data, size_t len, struct vt_statement_source *ret, struct vt_why *why)
{
    struct vt_statement_source s = {0};
    enum vt_err err = read_statement(data, len, VT_PREDICATE_SOURCE, read_source, &s, why);

    if (err == VT_OK)
        *ret = s;
    return err;
}

static enum vt_err
read_environment(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why)
{
    struct vt_statement_environment *s = ret;
    json_t *subject = json_array_get(subjects, 0);
    enum vt_err err;

    if ((err = get_word(subject, "name", VT_STATEMENT_MANIFEST, why)) != VT_OK ||
        (err = get_digest(subject, "digest", &s->manifest, why)) != VT_OK ||
        (err = get_text(predicate, "distribution", s->distribution, sizeof s->distribution,
             why)) != VT_OK ||
        (err = get_text(predicate, "architecture", s->arch, sizeof s->arch, why)) != VT_OK ||
        (err = get_count(predicate, "packageCount", &s->package_count, why)) != VT_OK ||
        (err = get_digest(predicate, "root", &s->root, why)) != VT_OK)
        return err;
    return vt_statement_check_environment(s, why);
}

enum vt_err
vt_statement_get_environment(
    const void *data, size_t len, struct vt_statement_environment *ret, struct vt_why *why)
{
    struct vt_statement_environment s = {0};
    enum vt_err err =
        read_statement(data, len, VT_PREDICATE_ENVIRONMENT, read_environment, &s, why);

    if (err == VT_OK)
        *ret = s;
    return err;
}

/* How many of the resolved dependencies are packages. */
static size_t
count_packages(json_t *materials)
{
    size_t n = 0;
    size_t i;
    json_t *one;

    json_array_foreach(materials, i, one)
    {
        const char *uri = json_string_value(json_object_get(one, "uri"));

        if (uri != NULL && strncmp(uri, "pkg:", 4) == 0)
            n++;
    }
    return n;
}

static enum vt_err
read_assembly(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why)
{
    struct vt_statement_assembly *s = ret;
    json_t *build;
    json_t *external;
    json_t *materials;
    enum vt_err err;

    if ((err = get_outputs(subjects, 0, s->output, &s->output_count, why)) != VT_OK ||
        (err = vt_json_obj(predicate, "buildDefinition", &build, why)) != VT_OK ||
        (err = get_word(build, "buildType", VT_BUILD_TYPE, why)) != VT_OK ||
        (err = vt_json_obj(build, "externalParameters", &external, why)) != VT_OK ||
        (err = get_text(external, "product", s->product, sizeof s->product, why)) != VT_OK ||
        (err = get_text(external, "version", s->version, sizeof s->version, why)) != VT_OK ||
        (err = get_digest(external, "recipe", &s->recipe, why)) != VT_OK ||
        (err = get_digest(external, "source", &s->source, why)) != VT_OK ||
        (err = get_digest(external, "environment", &s->environment, why)) != VT_OK ||
        (err = vt_json_arr(build, "resolvedDependencies", VT_STATEMENT_PACKAGES_MAX + 16,
             &materials, why)) != VT_OK ||
        (err = get_run(predicate, &s->run, why)) != VT_OK)
        return err;
    s->package_count = count_packages(materials);
    return vt_statement_check_assembly(s, why);
}

enum vt_err
vt_statement_get_assembly(
    const void *data, size_t len, struct vt_statement_assembly *ret, struct vt_why *why)
{
    struct vt_statement_assembly s = {0};
    enum vt_err err = read_statement(data, len, VT_PREDICATE_ASSEMBLY, read_assembly, &s, why);

    if (err == VT_OK)
        *ret = s;
    return err;
}

static enum vt_err
read_rebuild(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why)
{
    struct vt_statement_rebuild *s = ret;
    enum vt_err err;

    if ((err = get_outputs(subjects, 0, s->output, &s->output_count, why)) != VT_OK ||
        (err = get_digest(predicate, "assembly", &s->assembly, why)) != VT_OK ||
        (err = get_word(predicate, "result", VT_STATEMENT_IDENTICAL, why)) != VT_OK ||
        (err = get_varied(predicate, &s->varied, why)) != VT_OK ||
        (err = get_run(predicate, &s->run, why)) != VT_OK)
        return err;
    return vt_statement_check_rebuild(s, why);
}

enum vt_err
vt_statement_get_rebuild(
    const void *data, size_t len, struct vt_statement_rebuild *ret, struct vt_why *why)
{
    struct vt_statement_rebuild s = {0};
    enum vt_err err = read_statement(data, len, VT_PREDICATE_REBUILD, read_rebuild, &s, why);

    if (err == VT_OK)
        *ret = s;
    return err;
}

static enum vt_err
read_mismatch(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why)
{
    struct vt_statement_mismatch *s = ret;
    json_t *subject = json_array_get(subjects, 0);
    enum vt_err err;

    if (json_array_size(subjects) != 1)
        return vt_fail(why, VT_E_SYNTAX, "a mismatch has one subject");
    if ((err = get_text(subject, "name", s->output.name, sizeof s->output.name, why)) !=
            VT_OK ||
        (err = get_digest(subject, "digest", &s->output.digest, why)) != VT_OK ||
        (err = get_digest(predicate, "assembly", &s->assembly, why)) != VT_OK ||
        (err = get_word(predicate, "result", VT_STATEMENT_DIFFERENT, why)) != VT_OK ||
        (err = get_digest(predicate, "rebuilt", &s->rebuilt, why)) != VT_OK ||
        (err = get_count(predicate, "firstOffset", &s->first_offset, why)) != VT_OK ||
        (err = get_digest(predicate, "report", &s->report, why)) != VT_OK ||
        (err = get_varied(predicate, &s->varied, why)) != VT_OK ||
        (err = get_run(predicate, &s->run, why)) != VT_OK)
        return err;
    return vt_statement_check_mismatch(s, why);
}

enum vt_err
vt_statement_get_mismatch(
    const void *data, size_t len, struct vt_statement_mismatch *ret, struct vt_why *why)
{
    struct vt_statement_mismatch s = {0};
    enum vt_err err = read_statement(data, len, VT_PREDICATE_MISMATCH, read_mismatch, &s, why);

    if (err == VT_OK)
        *ret = s;
    return err;
}

static enum vt_err
read_release(json_t *subjects, json_t *predicate, void *ret, struct vt_why *why)
{
    struct vt_statement_release *s = ret;
    struct vt_digest first;
    json_t *subject = json_array_get(subjects, 0);
    enum vt_err err;

    if ((err = get_word(subject, "name", VT_STATEMENT_METADATA, why)) != VT_OK ||
        (err = get_digest(subject, "digest", &first, why)) != VT_OK ||
        (err = get_outputs(subjects, 1, s->output, &s->output_count, why)) != VT_OK ||
        (err = get_text(predicate, "channel", s->channel, sizeof s->channel, why)) != VT_OK ||
        (err = get_count(predicate, "version", &s->version, why)) != VT_OK ||
        (err = get_digest(predicate, "metadata", &s->metadata, why)) != VT_OK)
        return err;
    if (!vt_digest_eq(&first, &s->metadata))
        return vt_fail(why, VT_E_SYNTAX, "the release's first subject is not its metadata");
    return vt_statement_check_release(s, why);
}

enum vt_err
vt_statement_get_release(
    const void *data, size_t len, struct vt_statement_release *ret, struct vt_why *why)
{
    struct vt_statement_release s = {0};
    enum vt_err err = read_statement(data, len, VT_PREDICATE_RELEASE, read_release, &s, why);

    if (err == VT_OK)
        *ret = s;
    return err;
}
