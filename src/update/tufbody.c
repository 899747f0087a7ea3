/* SPDX-License-Identifier: Apache-2.0 */
#include "update/tufbody.h"

#include <stdlib.h>
#include <string.h>

#define THRESHOLD_MAX 1000
#define LENGTH_MAX INT64_MAX

static enum vt_err
make_array(
    size_t count, size_t max, size_t size, const char *what, void **ret, struct vt_why *why)
{
    if (count > max)
        return vt_fail(why, VT_E_LIMIT, "%zu %s: more than %zu", count, what, max);
    void *p = calloc(count == 0 ? 1 : count, size);
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu %s", count, what);
    *ret = p;
    return VT_OK;
}

static enum vt_err
read_keys(struct vt_tuf_body *b, const json_t *obj, struct vt_why *why)
{
    json_t *keys = NULL;
    void *mem = NULL;
    const char *id;
    json_t *value;
    enum vt_err err = vt_json_obj(obj, "keys", &keys, why);
    if (err == VT_OK)
        err = make_array(
            json_object_size(keys), VT_TUF_KEYS_MAX, sizeof *b->key, "keys", &mem, why);
    if (err != VT_OK)
        return err;
    b->key = mem;
    json_object_foreach(keys, id, value)
    {
        err = vt_tuf_key_parse(id, value, &b->key[b->key_count], why);
        if (err != VT_OK)
            return err;
        b->key_count++;
    }
    return VT_OK;
}

static const struct vt_tuf_key *
find_key(const struct vt_tuf_body *b, const char *id)
{
    for (size_t i = 0; i < b->key_count; i++)
        if (strcmp(b->key[i].id, id) == 0)
            return &b->key[i];
    return NULL;
}

/* A keyid without a key is passed over: nobody can sign for it. */
static enum vt_err
add_role_key(
    const struct vt_tuf_body *b, struct vt_tuf_role *r, const json_t *id, struct vt_why *why)
{
    if (!json_is_string(id))
        return vt_fail(why, VT_E_SYNTAX, "role %s: a keyid is not a string", r->name);
    const struct vt_tuf_key *k = find_key(b, json_string_value(id));
    if (k == NULL)
        return VT_OK;
    for (size_t i = 0; i < r->key_count; i++)
        if (r->key[i] == k)
            return vt_fail(why, VT_E_SYNTAX, "role %s names key %s twice", r->name, k->id);
    r->key[r->key_count++] = k;
    return VT_OK;
}

static enum vt_err
read_role(const struct vt_tuf_body *b, const char *name, const json_t *obj,
    struct vt_tuf_role *r, struct vt_why *why)
{
    json_t *ids = NULL;
    int64_t threshold = 0;
    void *mem = NULL;
    r->name = name;
    if (!json_is_object(obj))
        return vt_fail(why, VT_E_SYNTAX, "role %s is not an object", name);
    enum vt_err err = vt_json_arr(obj, "keyids", VT_TUF_ROLE_KEYS_MAX, &ids, why);
    if (err == VT_OK)
        err = vt_json_int(obj, "threshold", 1, THRESHOLD_MAX, &threshold, why);
    if (err == VT_OK)
        err = make_array(
            json_array_size(ids), VT_TUF_ROLE_KEYS_MAX, sizeof(void *), "keyids", &mem, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "role %s", name);
    r->threshold = (uint64_t)threshold;
    r->key = mem;
    for (size_t i = 0; i < json_array_size(ids) && err == VT_OK; i++)
        err = add_role_key(b, r, json_array_get(ids, i), why);
    return err;
}

static const char *const top_roles[] = {"root", "targets", "snapshot", "timestamp"};
#define TOP_ROLES (sizeof top_roles / sizeof top_roles[0])

enum vt_err
vt_tuf_body_root(struct vt_tuf_body *b, const json_t *obj, struct vt_why *why)
{
    json_t *roles = NULL;
    void *mem = NULL;
    const json_t *consistent = json_object_get(obj, "consistent_snapshot");
    if (consistent != NULL && !json_is_boolean(consistent))
        return vt_fail(why, VT_E_SYNTAX, "consistent_snapshot is not true or false");
    b->consistent_snapshot = json_is_true(consistent);
    enum vt_err err = read_keys(b, obj, why);
    if (err == VT_OK)
        err = vt_json_obj(obj, "roles", &roles, why);
    if (err == VT_OK)
        err = make_array(TOP_ROLES, TOP_ROLES, sizeof *b->role, "roles", &mem, why);
    if (err != VT_OK)
        return err;
    b->role = mem;
    for (size_t i = 0; i < TOP_ROLES; i++) {
        json_t *role = NULL;
        b->role_count = i + 1;
        err = vt_json_obj(roles, top_roles[i], &role, why);
        if (err == VT_OK)
            err = read_role(b, top_roles[i], role, &b->role[i], why);
        if (err != VT_OK)
            return err;
    }
    return VT_OK;
}

/* "paths" or "path_hash_prefixes", and exactly one of them. */
static enum vt_err
read_paths(const json_t *obj, struct vt_tuf_role *r, struct vt_why *why)
{
    json_t *paths = NULL;
    void *mem = NULL;
    bool plain = json_object_get(obj, "paths") != NULL;
    r->by_hash = json_object_get(obj, "path_hash_prefixes") != NULL;
    if (plain == r->by_hash)
        return vt_fail(why, VT_E_SYNTAX,
            "delegation %s must have one of paths and path_hash_prefixes", r->name);
    enum vt_err err =
        vt_json_arr(obj, plain ? "paths" : "path_hash_prefixes", VT_TUF_PATHS_MAX, &paths, why);
    if (err == VT_OK)
        err = make_array(
            json_array_size(paths), VT_TUF_PATHS_MAX, sizeof(char *), "paths", &mem, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "delegation %s", r->name);
    r->path = mem;
    for (size_t i = 0; i < json_array_size(paths); i++) {
        const char *s = json_string_value(json_array_get(paths, i));
        if (s == NULL)
            return vt_fail(why, VT_E_SYNTAX, "delegation %s: a path is no string", r->name);
        r->path[r->path_count++] = s;
    }
    return VT_OK;
}

static enum vt_err
read_delegation(struct vt_tuf_body *b, const json_t *obj, struct vt_why *why)
{
    const char *name = "";
    struct vt_tuf_role *r = &b->role[b->role_count];
    enum vt_err err = vt_json_str(obj, "name", &name, why);
    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < b->role_count; i++)
        if (b->role[i].name != NULL && strcmp(b->role[i].name, name) == 0)
            return vt_fail(why, VT_E_SYNTAX, "two delegations are named %s", name);
    for (size_t i = 0; i < TOP_ROLES; i++)
        if (strcmp(top_roles[i], name) == 0)
            return vt_fail(why, VT_E_SYNTAX, "a delegation may not be named %s", name);
    b->role_count++;
    err = read_role(b, name, obj, r, why);
    if (err == VT_OK)
        err = read_paths(obj, r, why);
    const json_t *terminating = json_object_get(obj, "terminating");
    if (err == VT_OK && terminating != NULL && !json_is_boolean(terminating))
        err = vt_fail(why, VT_E_SYNTAX, "delegation %s: terminating is not a boolean", name);
    r->terminating = json_is_true(terminating);
    return err;
}

static enum vt_err
read_delegations(struct vt_tuf_body *b, const json_t *obj, struct vt_why *why)
{
    json_t *roles = NULL;
    void *mem = NULL;
    enum vt_err err = read_keys(b, obj, why);
    if (err != VT_OK || json_object_get(obj, "roles") == NULL)
        return err;
    err = vt_json_arr(obj, "roles", VT_TUF_ROLES_MAX, &roles, why);
    if (err == VT_OK)
        err = make_array(json_array_size(roles), VT_TUF_ROLES_MAX, sizeof *b->role,
            "delegations", &mem, why);
    if (err != VT_OK)
        return err;
    b->role = mem;
    for (size_t i = 0; i < json_array_size(roles) && err == VT_OK; i++)
        err = read_delegation(b, json_array_get(roles, i), why);
    return err;
}

/* The SHA-256 among the hashes; others may stand beside it. */
static enum vt_err
read_hash(const json_t *obj, const char *name, struct vt_digest *ret, struct vt_why *why)
{
    json_t *hashes = NULL;
    const char *hex = NULL;
    enum vt_err err = vt_json_obj(obj, "hashes", &hashes, why);
    if (err == VT_OK)
        err = vt_json_str(hashes, "sha256", &hex, why);
    if (err == VT_OK && !vt_digest_from_hex(hex, strlen(hex), ret))
        err = vt_fail(why, VT_E_SYNTAX, "its sha256 is not 64 lower-case hex digits");
    if (err != VT_OK)
        return vt_fail_in(why, err, "%.200s", name);
    return VT_OK;
}

static enum vt_err
read_target(const char *path, const json_t *obj, struct vt_tuf_target *t, struct vt_why *why)
{
    int64_t length = 0;
    t->path = path;
    if (!json_is_object(obj))
        return vt_fail(why, VT_E_SYNTAX, "target %.200s is not an object", path);
    enum vt_err err = vt_json_int(obj, "length", 0, LENGTH_MAX, &length, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "target %.200s", path);
    t->length = (uint64_t)length;
    t->custom = json_object_get(obj, "custom");
    if (t->custom != NULL && !json_is_object(t->custom))
        return vt_fail(why, VT_E_SYNTAX, "target %.200s: custom is not an object", path);
    return read_hash(obj, path, &t->hash, why);
}

enum vt_err
vt_tuf_body_targets(struct vt_tuf_body *b, const json_t *obj, struct vt_why *why)
{
    json_t *targets = NULL;
    json_t *delegations = json_object_get(obj, "delegations");
    void *mem = NULL;
    const char *path;
    json_t *value;
    enum vt_err err = vt_json_obj(obj, "targets", &targets, why);
    if (err == VT_OK)
        err = make_array(json_object_size(targets), VT_TUF_TARGETS_MAX, sizeof *b->target,
            "targets", &mem, why);
    if (err != VT_OK)
        return err;
    b->target = mem;
    json_object_foreach(targets, path, value)
    {
        err = read_target(path, value, &b->target[b->target_count], why);
        if (err != VT_OK)
            return err;
        b->target_count++;
    }
    if (delegations == NULL)
        return VT_OK;
    if (!json_is_object(delegations))
        return vt_fail(why, VT_E_SYNTAX, "delegations is not an object");
    return read_delegations(b, delegations, why);
}

static enum vt_err
read_file(const char *name, const json_t *obj, struct vt_tuf_file *f, struct vt_why *why)
{
    int64_t n = 0;
    f->name = name;
    if (!json_is_object(obj))
        return vt_fail(why, VT_E_SYNTAX, "meta %.200s is not an object", name);
    enum vt_err err = vt_json_int(obj, "version", 1, INT64_MAX, &n, why);
    f->version = (uint64_t)n;
    f->has_length = json_object_get(obj, "length") != NULL;
    if (err == VT_OK && f->has_length)
        err = vt_json_int(obj, "length", 1, LENGTH_MAX, &n, why);
    f->length = f->has_length ? (uint64_t)n : 0;
    if (err != VT_OK)
        return vt_fail_in(why, err, "meta %.200s", name);
    f->has_hash = json_object_get(obj, "hashes") != NULL;
    return f->has_hash ? read_hash(obj, name, &f->hash, why) : VT_OK;
}

enum vt_err
vt_tuf_body_meta(struct vt_tuf_body *b, const json_t *obj, const char *must, struct vt_why *why)
{
    json_t *meta = NULL;
    void *mem = NULL;
    const char *name;
    json_t *value;
    enum vt_err err = vt_json_obj(obj, "meta", &meta, why);
    if (err == VT_OK && json_object_get(meta, must) == NULL)
        err = vt_fail(why, VT_E_SYNTAX, "meta does not list %s", must);
    if (err == VT_OK)
        err = make_array(json_object_size(meta), VT_TUF_FILES_MAX, sizeof *b->file,
            "metadata files", &mem, why);
    if (err != VT_OK)
        return err;
    b->file = mem;
    json_object_foreach(meta, name, value)
    {
        err = read_file(name, value, &b->file[b->file_count], why);
        if (err != VT_OK)
            return err;
        b->file_count++;
    }
    return VT_OK;
}

void
vt_tuf_body_release(struct vt_tuf_body *b)
{
    for (size_t i = 0; i < b->key_count; i++)
        vt_tuf_key_release(&b->key[i]);
    for (size_t i = 0; i < b->role_count; i++) {
        free(b->role[i].key);
        free(b->role[i].path);
    }
    free(b->key);
    free(b->role);
    free(b->file);
    free(b->target);
    *b = (struct vt_tuf_body){0};
}

/* Matches with at most one step back for each character, so that no pattern is
 * slow: on a mismatch the last star takes one character more, and earlier
 * stars never need to be tried again, as a later star can do all they could. A
 * star stops at '/', after which the stars before it can do nothing more. */
static bool
glob(const char *pattern, const char *s)
{
    const char *star = NULL;
    const char *resume = NULL;
    while (*s != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = s;
        } else if ((*pattern == '?' && *s != '/') || (*pattern == *s && *pattern != '?')) {
            if (*s == '/')
                star = NULL;
            pattern++;
            s++;
        } else if (star != NULL && *resume != '/') {
            pattern = star;
            s = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool
hash_begins(const char *path, const char *prefix)
{
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_of(path, strlen(path), &d);
    vt_digest_hex(&d, hex);
    return strncmp(hex, prefix, strlen(prefix)) == 0;
}

bool
vt_tuf_role_matches(const struct vt_tuf_role *r, const char *path)
{
    for (size_t i = 0; i < r->path_count; i++)
        if (r->by_hash ? hash_begins(path, r->path[i]) : glob(r->path[i], path))
            return true;
    return false;
}
