/* SPDX-License-Identifier: Apache-2.0 */
/* What changed from one release to another: files, rules of a detection database, packages. */
#include "centre/api_parts.h"

#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "out of memory for an answer"
enum { ITEMS_MAX = 5000, RULES_MAX = 200000 };

/* --- Files. --- */

struct files {
    json_t *items;
    int64_t added, changed, removed;
};

static enum vt_err
take_change(void *ctx, const struct vt_library_change *ch, struct vt_why *why)
{
    struct files *f = ctx;

    if (ch->old_blob == NULL)
        f->added++;
    else if (ch->new_blob == NULL)
        f->removed++;
    else
        f->changed++;
    if (json_array_size(f->items) >= ITEMS_MAX)
        return VT_OK;
    return vt_api_add(f->items,
        json_pack("{s:o,s:s,s:I,s:I}", "path", vt_api_text(ch->path), "change", ch->change,
            "lines_added", (json_int_t)ch->lines_added, "lines_removed",
            (json_int_t)ch->lines_removed),
        why);
}

/* --- Rules. --- */

struct rule {
    char *name;
    struct vt_digest text;
};

struct rules {
    struct rule *rule;
    size_t count;
    size_t cap;
};

static void
rules_release(struct rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->rule[i].name);
    free(r->rule);
}

static enum vt_err
take_rule(void *ctx, const char *name, const char *path, const struct vt_digest *text,
    struct vt_why *why)
{
    struct rules *r = ctx;
    struct rule *grown;

    (void)path;
    if (r->count >= RULES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %d rules", RULES_MAX);
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 256 : r->cap * 2;

        grown = realloc(r->rule, cap * sizeof(*grown));
        if (grown == NULL)
            return vt_fail(why, VT_E_NOMEM, NO_MEMORY);
        r->rule = grown;
        r->cap = cap;
    }
    r->rule[r->count] = (struct rule){.name = strdup(name), .text = *text};
    if (r->rule[r->count].name == NULL)
        return vt_fail(why, VT_E_NOMEM, NO_MEMORY);
    r->count++;
    return VT_OK;
}

static int
rule_cmp(const void *a, const void *b)
{
    const struct rule *x = a;
    const struct rule *y = b;
    int c = strcmp(x->name, y->name);

    return c != 0 ? c : vt_digest_cmp(&x->text, &y->text);
}

/* The end of the run of rules of one name from i on. */
static size_t
same_name(const struct rules *r, size_t i)
{
    size_t end = i + 1;

    while (end < r->count && strcmp(r->rule[end].name, r->rule[i].name) == 0)
        end++;
    return end;
}

/* Whether two runs of one name hold the same texts, which stand in order. */
static bool
same_texts(const struct rule *a, size_t a_count, const struct rule *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!vt_digest_eq(&a[i].text, &b[i].text))
            return false;
    return true;
}

static enum vt_err
compare_rules(const struct rules *old, const struct rules *new, json_t *added, json_t *changed,
    json_t *removed, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    size_t i = 0;
    size_t k = 0;

    while ((i < old->count || k < new->count) && err == VT_OK) {
        int c = i == old->count   ? 1
                : k == new->count ? -1
                                  : strcmp(old->rule[i].name, new->rule[k].name);
        size_t i_end = c <= 0 ? same_name(old, i) : i;
        size_t k_end = c >= 0 ? same_name(new, k) : k;

        if (c < 0)
            err = vt_api_add(removed, vt_api_text(old->rule[i].name), why);
        else if (c > 0)
            err = vt_api_add(added, vt_api_text(new->rule[k].name), why);
        else if (!same_texts(&old->rule[i], i_end - i, &new->rule[k], k_end - k))
            err = vt_api_add(changed, vt_api_text(new->rule[k].name), why);
        i = i_end;
        k = k_end;
    }
    return err;
}

static enum vt_err
count_rule_file(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    int64_t *n = ctx;
    const char *dot = strrchr(f->name, '.');

    (void)why;
    if (f->kind == VT_LIBRARY_FILE && dot != NULL &&
        (strcmp(dot, ".yar") == 0 || strcmp(dot, ".yara") == 0))
        (*n)++;
    return VT_OK;
}

static enum vt_err
put_rules(struct vt_library *l, const struct vt_digest *from, const struct vt_digest *to,
    json_t *out, struct vt_why *why)
{
    struct rules old = {.rule = NULL};
    struct rules new = {.rule = NULL};
    int64_t files = 0;
    json_t *added = json_array();
    json_t *changed = json_array();
    json_t *removed = json_array();
    json_t *o;
    enum vt_err err = vt_library_rules(l, from, take_rule, &old, why);

    if (err == VT_OK)
        err = vt_library_rules(l, to, take_rule, &new, why);
    if (err == VT_OK)
        err = vt_library_files(l, to, count_rule_file, &files, why);
    if (old.count > 0)
        qsort(old.rule, old.count, sizeof(*old.rule), rule_cmp);
    if (new.count > 0)
        qsort(new.rule, new.count, sizeof(*new.rule), rule_cmp);
    if (err == VT_OK)
        err = compare_rules(&old, &new, added, changed, removed, why);
    o = json_pack("{s:o,s:o,s:o,s:I}", "added", added, "changed", changed, "removed", removed,
        "files", (json_int_t)files);
    if (old.count + new.count == 0) {
        json_decref(o);
        o = json_null();
    }
    if (err == VT_OK)
        err = vt_api_set(out, "rules", o, why);
    else
        json_decref(o);
    rules_release(&old);
    rules_release(&new);
    return err;
}

/* Files and rules: of snapshots that the library has. */
static enum vt_err
put_source(struct vt_api_call *c, const struct vt_digest *from, const struct vt_digest *to,
    struct vt_why *why)
{
    struct files f = {.items = json_array()};
    struct vt_library *l = NULL;
    json_t *files;
    enum vt_err err = vt_api_library(c, &l, why);

    if (err == VT_OK)
        err = vt_library_compare(l, from, to, take_change, &f, why);
    if (err == VT_E_NOENT)
        err = vt_api_fail(c, 503, "a source of these releases is not indexed yet: try again");
    files = json_pack("{s:I,s:I,s:I,s:o}", "added", (json_int_t)f.added, "changed",
        (json_int_t)f.changed, "removed", (json_int_t)f.removed, "items", f.items);
    if (err != VT_OK) {
        json_decref(files);
        return err;
    }
    err = vt_api_set(c->out, "files", files, why);
    return err == VT_OK ? put_rules(l, from, to, c->out, why) : err;
}

/* --- Packages. --- */

static enum vt_err
put_package(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o}", "name", vt_api_text(vt_sql_text(r, 0)), "version",
        vt_api_text(vt_sql_text(r, 1)));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

static enum vt_err
put_changed_package(
    struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o}", "name", vt_api_text(vt_sql_text(r, 0)), "from",
        vt_api_text(vt_sql_text(r, 1)), "to", vt_api_text(vt_sql_text(r, 2)));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

/* Packages that `has` has and `lacks` has not. */
static enum vt_err
packages_without(struct vt_api_call *c, const struct vt_digest *has,
    const struct vt_digest *lacks, json_t *array, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT p.name,p.version FROM package p WHERE p.environment=?1 AND NOT EXISTS("
        "SELECT 1 FROM package q WHERE q.environment=?2 AND q.name=p.name AND q.arch=p.arch)"
        " ORDER BY p.name,p.arch",
        "dd", has, lacks);

    return err == VT_OK ? vt_api_rows(c, rows, put_package, array, why) : err;
}

static enum vt_err
packages_changed(struct vt_api_call *c, const struct vt_digest *from,
    const struct vt_digest *to, json_t *array, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT p.name,p.version,q.version FROM package p JOIN package q ON q.environment=?2"
        " AND q.name=p.name AND q.arch=p.arch WHERE p.environment=?1 AND p.digest<>q.digest"
        " ORDER BY p.name,p.arch",
        "dd", from, to);

    return err == VT_OK ? vt_api_rows(c, rows, put_changed_package, array, why) : err;
}

static enum vt_err
put_packages(struct vt_api_call *c, const struct vt_digest *from, const struct vt_digest *to,
    struct vt_why *why)
{
    json_t *added = json_array();
    json_t *removed = json_array();
    json_t *changed = json_array();
    json_t *o;
    enum vt_err err = packages_without(c, to, from, added, why);

    if (err == VT_OK)
        err = packages_without(c, from, to, removed, why);
    if (err == VT_OK)
        err = packages_changed(c, from, to, changed, why);
    o = json_pack("{s:o,s:o,s:o}", "added", added, "removed", removed, "changed", changed);
    if (err == VT_OK)
        return vt_api_set(c->out, "packages", o, why);
    json_decref(o);
    return err;
}

/* --- Both releases. --- */

/* The release to compare with: the one that is named, or the one before. */
static enum vt_err
find_since(struct vt_api_call *c, const struct vt_api_release_facts *of,
    struct vt_api_release_facts *ret, struct vt_why *why)
{
    struct vt_digest d;
    enum vt_err err;
    bool found = vt_api_digest_param(c, "since", &d, &err);

    if (err == VT_OK && !found)
        err = vt_api_neighbour(c, of, false, &d, &found, why);
    if (err != VT_OK)
        return err;
    if (!found)
        return vt_api_fail(c, 404, "this is the first release of its product in its channel");
    return vt_api_find_release(c, &d, ret, NULL, why);
}

/* What is sealed is not compared: names of files and of rules are contents too, and this
 * question is not one that the desk is asked about first. */
static enum vt_err
check_open(struct vt_api_call *c, const struct vt_api_release_facts *f, struct vt_why *why)
{
    bool hidden = true;
    enum vt_err err;

    if (!f->has_run)
        return vt_api_fail(
            c, 404, "the log does not say from which source one of these releases was made");
    err = vt_api_hidden(c, &f->source, &hidden, why);
    if (err == VT_OK && hidden)
        return vt_api_fail(c, 403, "a source of these releases is sealed");
    return err;
}

enum vt_err
vt_api_changes(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_api_release_facts to = {.has_run = false};
    struct vt_api_release_facts from = {.has_run = false};
    enum vt_err err = vt_api_find_release(c, &c->digest, &to, NULL, why);

    if (err == VT_OK)
        err = find_since(c, &to, &from, why);
    if (err == VT_OK)
        err = check_open(c, &from, why);
    if (err == VT_OK)
        err = check_open(c, &to, why);
    if (err != VT_OK)
        return err;
    c->out = json_pack("{s:o}", "since", vt_api_digest(&from.artifact));
    if (c->out == NULL)
        return vt_fail(why, VT_E_NOMEM, NO_MEMORY);
    err = put_source(c, &from.source, &to.source, why);
    return err == VT_OK ? put_packages(c, &from.environment, &to.environment, why) : err;
}
