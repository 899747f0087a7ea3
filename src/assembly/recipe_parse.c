/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/recipe_parts.h"
#include "attest/statement.h"
#include "base/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ENV_VALUE_MAX 4096U

/* The parser is one event ahead at most: `ev` is the event last taken. */
struct cursor {
    yaml_parser_t yaml;
    yaml_event_t ev;
    bool have_ev;
    struct vt_recipe *r;
    struct vt_why *why;
};

struct key {
    const char *name;
    enum vt_err (*take)(struct cursor *c);
    bool required;
};

/* Fails at the event last taken. */
static enum vt_err
fail_here(const struct cursor *c, const char *what, const char *detail)
{
    return vt_fail(c->why, VT_E_CONFIG, "recipe line %zu, column %zu: %s%s",
        c->ev.start_mark.line + 1, c->ev.start_mark.column + 1, what, detail);
}

static enum vt_err
fail_yaml(const struct cursor *c)
{
    const yaml_parser_t *y = &c->yaml;
    if (y->error == YAML_MEMORY_ERROR)
        return vt_fail(c->why, VT_E_NOMEM, "recipe: out of memory");
    return vt_fail(c->why, VT_E_CONFIG, "recipe line %zu, column %zu: not YAML: %s",
        y->problem_mark.line + 1, y->problem_mark.column + 1,
        y->problem != NULL ? y->problem : "cannot be read");
}

/* Takes the next event; refuses what recipes may not have anywhere. */
static enum vt_err
next(struct cursor *c)
{
    if (c->have_ev)
        yaml_event_delete(&c->ev);
    c->have_ev = false;
    if (yaml_parser_parse(&c->yaml, &c->ev) == 0)
        return fail_yaml(c);
    c->have_ev = true;
    const yaml_event_t *e = &c->ev;
    bool anchor = false;
    bool tag = false;
    if (e->type == YAML_ALIAS_EVENT) {
        anchor = true;
    } else if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor != NULL;
        tag = e->data.scalar.tag != NULL;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor != NULL;
        tag = e->data.sequence_start.tag != NULL;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor != NULL;
        tag = e->data.mapping_start.tag != NULL;
    }
    if (anchor)
        return fail_here(c, "anchors and aliases are not allowed: write the value out", "");
    if (tag)
        return fail_here(c, "tags are not allowed: take the '!' word away", "");
    return VT_OK;
}

/* The present event as text that lives until the next one: a scalar of 1 to max
 * bytes (0 when `empty`) without control characters but tab and, with `lines`,
 * newline. */
static enum vt_err
scalar(struct cursor *c, const char *what, size_t max, bool empty, bool lines, const char **ret)
{
    const yaml_event_t *e = &c->ev;
    if (e->type != YAML_SCALAR_EVENT)
        return fail_here(c, what, ": one value is wanted here, no list and no mapping");
    const unsigned char *s = e->data.scalar.value;
    size_t len = e->data.scalar.length;
    if ((len == 0 && !empty) || len > max)
        return fail_here(c, what, len == 0 ? ": is empty" : ": is too long");
    for (size_t i = 0; i < len; i++)
        if ((s[i] < 0x20 && s[i] != '\t' && !(lines && s[i] == '\n')) || s[i] == 0x7f)
            return fail_here(c, what, ": holds a control character");
    *ret = (const char *)s;
    return VT_OK;
}

static enum vt_err
keep(struct cursor *c, const char *s, char **ret)
{
    assert(*ret == NULL);
    *ret = strdup(s);
    return *ret != NULL ? VT_OK : vt_fail(c->why, VT_E_NOMEM, "recipe: out of memory");
}

static enum vt_err
take_name_like(struct cursor *c, const char *what, char **ret)
{
    const char *s = NULL;
    enum vt_err err = scalar(c, what, VT_RECIPE_NAME_MAX, false, false, &s);
    if (err != VT_OK)
        return err;
    if (!vt_recipe_name_valid(s))
        return fail_here(
            c, what, ": only letters, digits and ._+~- are allowed, a letter or digit first");
    return keep(c, s, ret);
}

static enum vt_err
take_format(struct cursor *c)
{
    const char *s = NULL;
    enum vt_err err = scalar(c, "vitrine", 64, false, false, &s);
    if (err != VT_OK)
        return err;
    if (strcmp(s, "recipe/v1") != 0)
        return fail_here(c, "vitrine: only recipe/v1 is known", "");
    return VT_OK;
}

static enum vt_err
take_name(struct cursor *c)
{
    return take_name_like(c, "name", &c->r->name);
}

static enum vt_err
take_version(struct cursor *c)
{
    return take_name_like(c, "version", &c->r->version);
}

static enum vt_err
take_subdir(struct cursor *c)
{
    const char *s = NULL;
    enum vt_err err = scalar(c, "subdir", 1024, true, false, &s);
    if (err != VT_OK)
        return err;
    if (strcmp(s, ".") == 0)
        s = "";
    if (*s != '\0' && !vt_path_is_safe(s))
        return fail_here(c, "subdir: must be a plain path below the source's top", "");
    return keep(c, s, &c->r->subdir);
}

/* Walks a list: calls item for each element's first event. */
static enum vt_err
take_list(struct cursor *c, const char *what, size_t max, enum vt_err (*item)(struct cursor *c))
{
    if (c->ev.type != YAML_SEQUENCE_START_EVENT)
        return fail_here(c, what, ": a list is wanted here");
    for (size_t n = 0;; n++) {
        enum vt_err err = next(c);
        if (err != VT_OK || c->ev.type == YAML_SEQUENCE_END_EVENT)
            return err;
        if (n == max)
            return fail_here(c, what, ": the list is too long");
        err = item(c);
        if (err != VT_OK)
            return err;
    }
}

static enum vt_err
take_package(struct cursor *c)
{
    struct vt_recipe *r = c->r;
    const char *s = NULL;
    enum vt_err err = scalar(c, "packages", 127, false, false, &s);
    if (err != VT_OK)
        return err;
    if (!vt_package_name_valid(s))
        return fail_here(c, "packages: not the name of a Debian package", "");
    for (size_t i = 0; i < r->package_count; i++)
        if (strcmp(r->package[i], s) == 0)
            return fail_here(c, "packages: named twice: ", s);
    err = keep(c, s, &r->package[r->package_count]);
    if (err == VT_OK)
        r->package_count++;
    return err;
}

static enum vt_err
take_packages(struct cursor *c)
{
    return take_list(c, "packages", VT_RECIPE_PACKAGES_MAX, take_package);
}

static enum vt_err
take_step(struct cursor *c)
{
    struct vt_recipe *r = c->r;
    const char *s = NULL;
    enum vt_err err = scalar(c, "steps", VT_RECIPE_STEP_MAX, false, true, &s);
    if (err != VT_OK)
        return err;
    err = keep(c, s, &r->step[r->step_count]);
    if (err == VT_OK)
        r->step_count++;
    return err;
}

static enum vt_err
take_steps(struct cursor *c)
{
    return take_list(c, "steps", VT_RECIPE_STEPS_MAX, take_step);
}

/* Walks a mapping by a table of keys; those of which a bit is set in `seen`
 * have been there. Leaves the mapping's end as the present event. */
static enum vt_err
take_mapping(struct cursor *c, const char *what, const struct key *keys, const char *known)
{
    if (c->ev.type != YAML_MAPPING_START_EVENT)
        return vt_fail(c->why, VT_E_CONFIG,
            "recipe line %zu, column %zu: %s: a mapping is wanted here; its keys are %s",
            c->ev.start_mark.line + 1, c->ev.start_mark.column + 1, what, known);
    unsigned seen = 0;
    for (;;) {
        enum vt_err err = next(c);
        if (err != VT_OK)
            return err;
        if (c->ev.type == YAML_MAPPING_END_EVENT)
            break;
        const char *s = NULL;
        err = scalar(c, what, 64, false, false, &s);
        if (err != VT_OK)
            return err;
        size_t k = 0;
        while (keys[k].name != NULL && strcmp(keys[k].name, s) != 0)
            k++;
        if (keys[k].name == NULL)
            return vt_fail(c->why, VT_E_CONFIG,
                "recipe line %zu, column %zu: unknown key \"%.40s\"; known are %s",
                c->ev.start_mark.line + 1, c->ev.start_mark.column + 1, s, known);
        if ((seen & 1U << k) != 0)
            return fail_here(c, "the key stands twice: ", s);
        seen |= 1U << k;
        err = next(c);
        if (err == VT_OK)
            err = keys[k].take(c);
        if (err != VT_OK)
            return err;
    }
    for (size_t k = 0; keys[k].name != NULL; k++)
        if (keys[k].required && (seen & 1U << k) == 0)
            return fail_here(c, "a key is missing before this: ", keys[k].name);
    return VT_OK;
}

/* The output that is being filled is the one after the last that counts. */
static enum vt_err
take_output_name(struct cursor *c)
{
    struct vt_recipe *r = c->r;
    struct vt_recipe_output *o = &r->output[r->output_count];
    char *name = NULL;
    enum vt_err err = take_name_like(c, "outputs", &name);
    if (err != VT_OK)
        return err;
    o->name = name;
    for (size_t i = 0; i < r->output_count; i++)
        if (strcmp(r->output[i].name, name) == 0)
            return fail_here(c, "outputs: two have the name ", name);
    size_t len = strlen(name);
    o->archive = len > 8 && strcmp(name + len - 8, ".tar.zst") == 0;
    return VT_OK;
}

static enum vt_err
take_output_from(struct cursor *c)
{
    const char *s = NULL;
    enum vt_err err = scalar(c, "from", 1024, false, false, &s);
    if (err != VT_OK)
        return err;
    if (strcmp(s, ".") != 0 && !vt_path_is_safe(s))
        return fail_here(c, "from: must be a plain path below OUT, or \".\"", "");
    char *from = NULL;
    err = keep(c, s, &from);
    c->r->output[c->r->output_count].from = from;
    return err;
}

static enum vt_err
take_output(struct cursor *c)
{
    static const struct key keys[] = {{"name", take_output_name, true},
        {"from", take_output_from, true}, {NULL, NULL, false}};
    enum vt_err err = take_mapping(c, "outputs", keys, "name, from");
    if (err != VT_OK)
        return err;
    const struct vt_recipe_output *o = &c->r->output[c->r->output_count];
    if (!o->archive && strcmp(o->from, ".") == 0)
        return fail_here(c,
            "outputs: \".\" is a folder, and only a name that ends in .tar.zst "
            "takes a folder: ",
            o->name);
    c->r->output_count++;
    return VT_OK;
}

static enum vt_err
take_outputs(struct cursor *c)
{
    return take_list(c, "outputs", VT_RECIPE_OUTPUTS_MAX, take_output);
}

static enum vt_err
take_limit(struct cursor *c, const char *what, uint32_t min, uint32_t max, uint32_t *ret)
{
    const char *s = NULL;
    enum vt_err err = scalar(c, what, 20, false, false, &s);
    if (err != VT_OK)
        return err;
    struct vt_reader rd = VT_READER(s, strlen(s));
    uint64_t v = 0;
    if (!vt_reader_decimal(&rd, max, &v) || v < min)
        return vt_fail(c->why, VT_E_CONFIG,
            "recipe line %zu, column %zu: %s: a whole number from %u to %u is wanted",
            c->ev.start_mark.line + 1, c->ev.start_mark.column + 1, what, min, max);
    *ret = (uint32_t)v;
    return VT_OK;
}

static enum vt_err
take_time(struct cursor *c)
{
    return take_limit(c, "time_s", 1, 86400, &c->r->limits.time_s);
}

static enum vt_err
take_memory(struct cursor *c)
{
    return take_limit(c, "memory_mb", 16, 1048576, &c->r->limits.memory_mb);
}

static enum vt_err
take_processes(struct cursor *c)
{
    return take_limit(c, "processes", 8, 32768, &c->r->limits.processes);
}

static enum vt_err
take_disk(struct cursor *c)
{
    return take_limit(c, "disk_mb", 16, 1048576, &c->r->limits.disk_mb);
}

static enum vt_err
take_limits(struct cursor *c)
{
    static const struct key keys[] = {{"time_s", take_time, false},
        {"memory_mb", take_memory, false}, {"processes", take_processes, false},
        {"disk_mb", take_disk, false}, {NULL, NULL, false}};
    return take_mapping(c, "limits", keys, "time_s, memory_mb, processes, disk_mb");
}

/* One variable: the present event is its name. */
static enum vt_err
take_variable(struct cursor *c)
{
    struct vt_recipe *r = c->r;
    struct vt_recipe_env *v = &r->env[r->env_count];
    const char *s = NULL;
    enum vt_err err = scalar(c, "env", VT_RECIPE_NAME_MAX, false, false, &s);
    if (err != VT_OK)
        return err;
    if (!vt_recipe_env_valid(s))
        return fail_here(c, "env: not the name of an environment variable", "");
    if (vt_recipe_env_reserved(s))
        return fail_here(c, "env: every run sets this variable itself: ", s);
    for (size_t i = 0; i < r->env_count; i++)
        if (strcmp(r->env[i].name, s) == 0)
            return fail_here(c, "env: named twice: ", s);
    char *name = NULL;
    char *value = NULL;
    err = keep(c, s, &name);
    v->name = name;
    if (err == VT_OK)
        err = next(c);
    if (err == VT_OK)
        err = scalar(c, "env", ENV_VALUE_MAX, true, true, &s);
    if (err == VT_OK)
        err = keep(c, s, &value);
    v->value = value;
    if (err == VT_OK)
        r->env_count++;
    return err;
}

static enum vt_err
take_env(struct cursor *c)
{
    if (c->ev.type != YAML_MAPPING_START_EVENT)
        return fail_here(c, "env: a mapping of names to values is wanted here", "");
    for (;;) {
        enum vt_err err = next(c);
        if (err != VT_OK || c->ev.type == YAML_MAPPING_END_EVENT)
            return err;
        if (c->r->env_count == VT_RECIPE_ENV_MAX)
            return fail_here(c, "env: too many variables", "");
        err = take_variable(c);
        if (err != VT_OK)
            return err;
    }
}

static enum vt_err
expect(struct cursor *c, yaml_event_type_t type, const char *what)
{
    enum vt_err err = next(c);
    if (err == VT_OK && c->ev.type != type)
        err = fail_here(c, what, "");
    return err;
}

static enum vt_err
take_document(struct cursor *c)
{
    static const struct key keys[] = {{"vitrine", take_format, true}, {"name", take_name, true},
        {"version", take_version, true}, {"packages", take_packages, true},
        {"subdir", take_subdir, false}, {"steps", take_steps, true},
        {"outputs", take_outputs, true}, {"limits", take_limits, false},
        {"env", take_env, false}, {NULL, NULL, false}};
    enum vt_err err = expect(c, YAML_STREAM_START_EVENT, "not a YAML stream");
    if (err == VT_OK)
        err = expect(c, YAML_DOCUMENT_START_EVENT, "the recipe is empty");
    if (err != VT_OK)
        return err;
    if (c->ev.data.document_start.version_directive != NULL ||
        c->ev.data.document_start.tag_directives.start !=
            c->ev.data.document_start.tag_directives.end)
        return fail_here(c, "directives (%...) are not allowed", "");
    err = next(c);
    if (err == VT_OK)
        err = take_mapping(c, "recipe", keys,
            "vitrine, name, version, packages, subdir, steps, outputs, limits, env");
    if (err == VT_OK)
        err = expect(c, YAML_DOCUMENT_END_EVENT, "something follows the recipe's mapping");
    if (err == VT_OK)
        err =
            expect(c, YAML_STREAM_END_EVENT, "a recipe is one document: nothing may follow it");
    return err;
}

static enum vt_err
check_whole(const struct vt_recipe *r, struct vt_why *why)
{
    const char *empty = r->step_count == 0 ? "steps" : r->output_count == 0 ? "outputs" : NULL;
    return empty == NULL ? VT_OK
                         : vt_fail(why, VT_E_CONFIG,
                               "recipe: %s is empty: one at least is needed", empty);
}

enum vt_err
vt_recipe_parse(const void *data, size_t len, struct vt_recipe **ret, struct vt_why *why)
{
    if (len > VT_RECIPE_MAX)
        return vt_fail(
            why, VT_E_CONFIG, "recipe: %zu bytes; at most %u are allowed", len, VT_RECIPE_MAX);
    if (!vt_utf8_valid(data, len))
        return vt_fail(why, VT_E_CONFIG, "recipe: is not UTF-8 text");
    struct cursor c = {.why = why};
    if (yaml_parser_initialize(&c.yaml) == 0)
        return vt_fail(why, VT_E_NOMEM, "recipe: out of memory");
    yaml_parser_set_encoding(&c.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&c.yaml, data, len);
    enum vt_err err = VT_E_NOMEM;
    c.r = vt_recipe_new();
    if (c.r == NULL) {
        (void)vt_fail(why, err, "recipe: out of memory");
        goto out;
    }
    err = take_document(&c);
    if (err == VT_OK)
        err = check_whole(c.r, why);
    if (err != VT_OK)
        goto out;
    *ret = c.r;
    c.r = NULL; /* moved */
out:
    vt_recipe_free(c.r);
    if (c.have_ev)
        yaml_event_delete(&c.ev);
    yaml_parser_delete(&c.yaml);
    return err;
}
