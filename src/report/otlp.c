/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each record becomes a JSON object of our own; its text is the record's line, and the
 * subject is looked for in that text.
 */
#include "report/otlp.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define ARRAY_MAX 65536U
#define NANOS 1000000000ULL

struct parse {
    const struct vt_otlp_opts *o;
    struct vt_otlp_report *report;
    struct vt_buf line;
    uint64_t seen;
};

static enum vt_err
no_memory(struct vt_why *why)
{
    return vt_fail(why, VT_E_NOMEM, "OTLP: out of memory");
}

/* ---- Values. ---- */

static enum vt_err any_value(const json_t *v, unsigned depth, json_t **ret, struct vt_why *why);

/* A member that may be missing (or null): an array. */
static enum vt_err
get_array(const json_t *obj, const char *key, const json_t **ret, struct vt_why *why)
{
    const json_t *v = json_object_get(obj, key);

    *ret = NULL;
    if (v == NULL || json_is_null(v))
        return VT_OK;
    if (!json_is_array(v) || json_array_size(v) > ARRAY_MAX)
        return vt_fail(
            why, VT_E_SYNTAX, "OTLP: `%s` is no array of at most %u", key, ARRAY_MAX);
    *ret = v;
    return VT_OK;
}

/* A list of {key, value} becomes an object; of equal keys the last counts. */
static enum vt_err
key_values(const json_t *list, unsigned depth, json_t **ret, struct vt_why *why)
{
    json_t *obj = json_object();
    enum vt_err err = obj == NULL ? no_memory(why) : VT_OK;

    for (size_t i = 0; i < json_array_size(list) && err == VT_OK; i++) {
        const json_t *kv = json_array_get(list, i);
        json_t *value = NULL;
        const char *key;

        err = vt_json_str(kv, "key", &key, why);
        if (err == VT_OK)
            err = any_value(json_object_get(kv, "value"), depth, &value, why);
        if (err == VT_OK && json_object_set_new(obj, key, value) != 0)
            err = no_memory(why);
    }
    if (err != VT_OK) {
        json_decref(obj);
        return err;
    }
    *ret = obj;
    return VT_OK;
}

static enum vt_err
array_value(const json_t *list, unsigned depth, json_t **ret, struct vt_why *why)
{
    json_t *array = json_array();
    enum vt_err err = array == NULL ? no_memory(why) : VT_OK;

    for (size_t i = 0; i < json_array_size(list) && err == VT_OK; i++) {
        json_t *value = NULL;

        err = any_value(json_array_get(list, i), depth, &value, why);
        if (err == VT_OK && json_array_append_new(array, value) != 0)
            err = no_memory(why);
    }
    if (err != VT_OK) {
        json_decref(array);
        return err;
    }
    *ret = array;
    return VT_OK;
}

static bool
parse_int(const char *s, json_int_t *ret)
{
    bool minus = s[0] == '-';
    struct vt_reader r = VT_READER(s + minus, strlen(s + minus));
    uint64_t n;

    if (!vt_reader_decimal(&r, (uint64_t)INT64_MAX + minus, &n))
        return false;
    *ret = minus ? (json_int_t)(0 - n) : (json_int_t)n;
    return true;
}

/* A 64-bit integer is a decimal string, or a number. */
static enum vt_err
int_value(const json_t *v, json_t **ret, struct vt_why *why)
{
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) && !(json_is_string(v) && parse_int(json_string_value(v), &n)))
        return vt_fail(why, VT_E_SYNTAX, "OTLP: an integer that is none");
    *ret = json_integer(n);
    return *ret == NULL ? no_memory(why) : VT_OK;
}

static enum vt_err
list_value(const json_t *v, const char *kind, unsigned depth, json_t **ret, struct vt_why *why)
{
    const json_t *list;
    enum vt_err err = get_array(v, "values", &list, why);

    if (err != VT_OK)
        return err;
    return strcmp(kind, "kvlistValue") == 0 ? key_values(list, depth, ret, why)
                                            : array_value(list, depth, ret, why);
}

/* One member of AnyValue says what it is; none of them: null. */
static enum vt_err
any_value(const json_t *v, unsigned depth, json_t **ret, struct vt_why *why)
{
    static const char *const plain[] = {
        "stringValue", "boolValue", "doubleValue", "bytesValue"};
    static const char *const nested[] = {"kvlistValue", "arrayValue"};
    const json_t *m;

    if (depth == 0)
        return vt_fail(
            why, VT_E_LIMIT, "OTLP: values nested deeper than %u", VT_OTLP_DEPTH_MAX);
    if (v != NULL && !json_is_object(v) && !json_is_null(v))
        return vt_fail(why, VT_E_SYNTAX, "OTLP: a value that is no object");
    if ((m = json_object_get(v, "intValue")) != NULL)
        return int_value(m, ret, why);
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++)
        if ((m = json_object_get(v, nested[i])) != NULL)
            return list_value(m, nested[i], depth - 1, ret, why);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        m = json_object_get(v, plain[i]);
        if (m == NULL)
            continue;
        if (json_is_object(m) || json_is_array(m))
            return vt_fail(why, VT_E_SYNTAX, "OTLP: a `%s` that is none", plain[i]);
        *ret = json_deep_copy(m);
        return *ret == NULL ? no_memory(why) : VT_OK;
    }
    *ret = json_null();
    return VT_OK;
}

/* ---- A record. ---- */

/* Nanoseconds since 1970, as RFC 3339 with nine digits; NULL when none are given. */
static enum vt_err
time_value(const json_t *rec, json_t **ret, struct vt_why *why)
{
    const json_t *v = json_object_get(rec, "timeUnixNano");
    char text[VT_TIME_SIZE];
    json_t *n = NULL;
    uint64_t t = 0;
    enum vt_err err = VT_OK;

    for (int i = 0; i < 2 && err == VT_OK && t == 0; i++) {
        if (i == 1)
            v = json_object_get(rec, "observedTimeUnixNano");
        if (v == NULL || json_is_null(v))
            continue;
        err = int_value(v, &n, why);
        if (err == VT_OK && json_integer_value(n) < 0)
            err = vt_fail(why, VT_E_SYNTAX, "OTLP: a time before 1970");
        t = (uint64_t)json_integer_value(n);
        json_decref(n);
        n = NULL;
    }
    if (err != VT_OK || t == 0)
        return err;
    vt_time_format((int64_t)(t / NANOS), text);
    *ret = json_sprintf("%.19s.%09lluZ", text, (unsigned long long)(t % NANOS));
    return *ret == NULL ? no_memory(why) : VT_OK;
}

/* Puts a member that is a plain value under a name of ours. */
static enum vt_err
put_plain(json_t *obj, const char *to, const json_t *from, const char *key, struct vt_why *why)
{
    json_t *v = json_object_get(from, key);

    if (v == NULL || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0))
        return VT_OK;
    if (json_is_object(v) || json_is_array(v))
        return vt_fail(why, VT_E_SYNTAX, "OTLP: a `%s` that is none", key);
    return json_object_set(obj, to, v) == 0 ? VT_OK : no_memory(why);
}

static enum vt_err
put_new(json_t *obj, const char *to, enum vt_err err, json_t *value, struct vt_why *why)
{
    if (err != VT_OK || value == NULL)
        return err;
    return json_object_set_new(obj, to, value) == 0 ? VT_OK : no_memory(why);
}

static enum vt_err
put_attributes(json_t *obj, const json_t *rec, struct vt_why *why)
{
    const json_t *list;
    json_t *v = NULL;
    enum vt_err err = get_array(rec, "attributes", &list, why);

    if (err == VT_OK && list != NULL)
        err = key_values(list, VT_OTLP_DEPTH_MAX, &v, why);
    return put_new(obj, "attributes", err, v, why);
}

static enum vt_err
put_record(
    json_t *obj, const json_t *rec, json_t *resource, const json_t *scope, struct vt_why *why)
{
    json_t *v = NULL;
    enum vt_err err = time_value(rec, &v, why);

    err = put_new(obj, "time", err, v, why);
    if (err == VT_OK)
        err = put_plain(obj, "severity", rec, "severityText", why);
    if (err == VT_OK)
        err = put_plain(obj, "severity_number", rec, "severityNumber", why);
    v = NULL;
    if (err == VT_OK && json_object_get(rec, "body") != NULL) {
        err = any_value(json_object_get(rec, "body"), VT_OTLP_DEPTH_MAX, &v, why);
        err = put_new(obj, "body", err, v, why);
    }
    if (err == VT_OK)
        err = put_attributes(obj, rec, why);
    if (err == VT_OK && resource != NULL && json_object_set(obj, "resource", resource) != 0)
        err = no_memory(why);
    if (err == VT_OK)
        err = put_plain(obj, "scope", scope, "name", why);
    if (err == VT_OK)
        err = put_plain(obj, "trace_id", rec, "traceId", why);
    return err == VT_OK ? put_plain(obj, "span_id", rec, "spanId", why) : err;
}

/* ---- Whose it is. ---- */

static const char *
find_subject(
    const struct parse *p, const struct vt_buf *line, char name[VT_SUBJECT_NAME_MAX + 1])
{
    static const char *const parts[] = {"attributes.", "body.", "resource.", ""};
    char path[VT_FIELD_PATH_MAX + 1];

    for (size_t i = 0; p->o->field != NULL && i < sizeof parts / sizeof parts[0]; i++) {
        int n = snprintf(path, sizeof path, "%s%s", parts[i], p->o->field);

        if (n > 0 && (size_t)n < sizeof path &&
            vt_field_of_json(line->data, line->len, path, name))
            return name;
    }
    return p->o->subject;
}

static void
refuse(struct parse *p, const struct vt_why *why)
{
    if (p->report->refused++ == 0)
        p->report->first_why = *why;
}

static int
put_text(const char *text, size_t len, void *ctx)
{
    struct vt_buf *b = ctx;

    vt_buf_put(b, text, len);
    return b->err == VT_OK ? 0 : -1;
}

static enum vt_err
hand_over(struct parse *p, const json_t *obj, struct vt_why *why)
{
    char name[VT_SUBJECT_NAME_MAX + 1];
    struct vt_why no = {{0}};
    const char *subject;
    enum vt_err err;

    vt_buf_clear(&p->line);
    if (json_dump_callback(obj, put_text, &p->line, JSON_COMPACT) != 0)
        return p->line.err == VT_OK ? no_memory(why) : vt_buf_check(&p->line, "a record", why);
    subject = find_subject(p, &p->line, name);
    if (subject == NULL) {
        (void)vt_fail(&no, VT_E_SYNTAX, "a record without a subject: no `%s`", p->o->field);
        refuse(p, &no);
        return VT_OK;
    }
    err = p->o->take(p->o->ctx, subject, p->line.data, p->line.len, &no);
    if (err == VT_E_SYNTAX || err == VT_E_USAGE) {
        refuse(p, &no);
        return VT_OK;
    }
    if (err != VT_OK)
        return vt_fail(why, err, "%s", no.text);
    p->report->records++;
    return VT_OK;
}

static enum vt_err
take_record(struct parse *p, const json_t *rec, json_t *resource, const json_t *scope,
    struct vt_why *why)
{
    json_t *obj;
    enum vt_err err;

    if (!json_is_object(rec))
        return vt_fail(why, VT_E_SYNTAX, "OTLP: a log record that is no object");
    if (p->seen++ == VT_OTLP_RECORDS_MAX)
        return vt_fail(why, VT_E_LIMIT, "OTLP: more than %u records", VT_OTLP_RECORDS_MAX);
    obj = json_object();
    if (obj == NULL)
        return no_memory(why);
    err = put_record(obj, rec, resource, scope, why);
    if (err == VT_OK)
        err = hand_over(p, obj, why);
    json_decref(obj);
    return err;
}

/* ---- The request. ---- */

static enum vt_err
take_scope(struct parse *p, const json_t *scope_logs, json_t *resource, struct vt_why *why)
{
    const json_t *records;
    enum vt_err err = get_array(scope_logs, "logRecords", &records, why);

    for (size_t i = 0; i < json_array_size(records) && err == VT_OK; i++)
        err = take_record(
            p, json_array_get(records, i), resource, json_object_get(scope_logs, "scope"), why);
    return err;
}

static enum vt_err
take_resource(struct parse *p, const json_t *resource_logs, struct vt_why *why)
{
    const json_t *attributes;
    const json_t *scopes = NULL;
    json_t *resource = NULL;
    enum vt_err err =
        get_array(json_object_get(resource_logs, "resource"), "attributes", &attributes, why);

    if (err == VT_OK && attributes != NULL)
        err = key_values(attributes, VT_OTLP_DEPTH_MAX, &resource, why);
    if (err == VT_OK)
        err = get_array(resource_logs, "scopeLogs", &scopes, why);
    for (size_t i = 0; i < json_array_size(scopes) && err == VT_OK; i++)
        err = take_scope(p, json_array_get(scopes, i), resource, why);
    json_decref(resource);
    return err;
}

enum vt_err
vt_otlp_parse(const void *body, size_t len, const struct vt_otlp_opts *opts,
    struct vt_otlp_report *ret, struct vt_why *why)
{
    struct parse p = {.o = opts, .report = ret, .line = VT_BUF(VT_OTLP_PLAIN_MAX)};
    const json_t *resources;
    json_t *doc = NULL;
    enum vt_err err;

    *ret = (struct vt_otlp_report){0};
    p.line.secret = true;
    if (len > VT_OTLP_PLAIN_MAX)
        return vt_fail(why, VT_E_LIMIT, "OTLP: more than %u bytes", VT_OTLP_PLAIN_MAX);
    err = vt_json_parse(body, len, "the OTLP request", &doc, why);
    if (err != VT_OK)
        return err;
    err = json_is_object(doc) ? get_array(doc, "resourceLogs", &resources, why)
                              : vt_fail(why, VT_E_SYNTAX, "OTLP: the request is no object");
    for (size_t i = 0; err == VT_OK && i < json_array_size(resources); i++)
        err = take_resource(&p, json_array_get(resources, i), why);
    json_decref(doc);
    vt_buf_release(&p.line);
    return err;
}
