/* SPDX-License-Identifier: Apache-2.0 */
#include "update/trust.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct vt_trust {
    int64_t now;
    const struct vt_tuf_names *names;
    bool sealed;
    struct vt_tuf *root;
    struct vt_tuf *kept_timestamp;
    struct vt_tuf *kept_snapshot;
    struct vt_tuf *timestamp;
    bool timestamp_is_kept; /* timestamp is kept_timestamp: owned once */
    struct vt_tuf *snapshot;
    struct vt_tuf *targets;
    struct vt_tuf *channel;
};

typedef unsigned long long ull;

static enum vt_err
check_expiry(
    const struct vt_trust *t, const struct vt_tuf *m, const char *what, struct vt_why *why)
{
    char expires[VT_TIME_SIZE];
    char now[VT_TIME_SIZE];
    if (vt_tuf_expires(m) > t->now)
        return VT_OK;
    vt_time_format(vt_tuf_expires(m), expires);
    vt_time_format(t->now, now);
    return vt_fail(why, VT_E_EXPIRED,
        "%s version %llu expired at %s and it is %s: an old state is held up as the newest (a "
        "freeze), or the repository is not kept up",
        what, (ull)vt_tuf_version(m), expires, now);
}

enum vt_err
vt_trust_new(const void *root, size_t len, int64_t now, const struct vt_tuf_names *names,
    struct vt_trust **ret, struct vt_why *why)
{
    struct vt_tuf *m = NULL;
    enum vt_err err = vt_tuf_parse(root, len, VT_TUF_ROOT, "the trusted root", &m, why);
    if (err != VT_OK)
        return err;
    struct vt_trust *t = NULL;
    err = vt_tuf_check_role(m, vt_tuf_role(m, "root"), names, why);
    if (err == VT_OK) {
        t = calloc(1, sizeof *t);
        if (t == NULL)
            err = vt_fail(why, VT_E_NOMEM, "no memory for the trusted root");
    }
    if (t == NULL) {
        vt_tuf_free(m);
        return err;
    }
    t->now = now;
    t->names = names;
    t->root = m;
    *ret = t;
    return VT_OK;
}

void
vt_trust_free(struct vt_trust *t)
{
    if (t == NULL)
        return;
    vt_tuf_free(t->root);
    vt_tuf_free(t->kept_timestamp);
    vt_tuf_free(t->kept_snapshot);
    if (!t->timestamp_is_kept)
        vt_tuf_free(t->timestamp);
    vt_tuf_free(t->snapshot);
    vt_tuf_free(t->targets);
    vt_tuf_free(t->channel);
    free(t);
}

static bool
role_has(const struct vt_tuf_role *r, const char *keyid)
{
    for (size_t i = 0; i < r->key_count; i++)
        if (strcmp(r->key[i]->id, keyid) == 0)
            return true;
    return false;
}

static bool
same_keys(const struct vt_tuf *a, const struct vt_tuf *b, const char *role)
{
    const struct vt_tuf_role *ra = vt_tuf_role(a, role);
    const struct vt_tuf_role *rb = vt_tuf_role(b, role);
    if (ra->key_count != rb->key_count)
        return false;
    for (size_t i = 0; i < ra->key_count; i++)
        if (!role_has(rb, ra->key[i]->id))
            return false;
    return true;
}

static enum vt_err
check_next_root(const struct vt_trust *t, const struct vt_tuf *m, struct vt_why *why)
{
    uint64_t have = vt_tuf_version(t->root);
    uint64_t got = vt_tuf_version(m);
    enum vt_err err = vt_tuf_check_role(m, vt_tuf_role(t->root, "root"), t->names, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "by the keys of root version %llu", (ull)have);
    err = vt_tuf_check_role(m, vt_tuf_role(m, "root"), t->names, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "by its own keys");
    if (got <= have)
        return vt_fail(why, VT_E_ROLLBACK,
            "root version %llu is offered where %llu has to follow: a rollback", (ull)got,
            (ull)have + 1);
    if (got != have + 1)
        return vt_fail(why, VT_E_REFUSED,
            "root version %llu is offered where %llu has to follow: none may be skipped",
            (ull)got, (ull)have + 1);
    return VT_OK;
}

enum vt_err
vt_trust_next_root(
    struct vt_trust *t, const void *data, size_t len, bool *ret_rotated, struct vt_why *why)
{
    struct vt_tuf *m = NULL;
    if (t->sealed)
        return vt_fail(why, VT_E_STATE, "the root is sealed already");
    enum vt_err err = vt_tuf_parse(data, len, VT_TUF_ROOT, "the next root", &m, why);
    if (err == VT_OK)
        err = check_next_root(t, m, why);
    if (err != VT_OK) {
        vt_tuf_free(m);
        return err;
    }
    *ret_rotated = !same_keys(t->root, m, "timestamp") || !same_keys(t->root, m, "snapshot");
    vt_tuf_free(t->root);
    t->root = m;
    return VT_OK;
}

enum vt_err
vt_trust_seal_root(struct vt_trust *t, struct vt_why *why)
{
    enum vt_err err = check_expiry(t, t->root, "root", why);
    if (err == VT_OK)
        t->sealed = true;
    return err;
}

/* A kept file, if today's keys still stand behind it. */
static bool
recall(struct vt_trust *t, enum vt_tuf_type type, const void *data, size_t len,
    struct vt_tuf **ret)
{
    struct vt_tuf *m = NULL;
    const char *name = vt_tuf_type_name(type);
    if (!t->sealed || *ret != NULL || vt_tuf_parse(data, len, type, name, &m, NULL) != VT_OK)
        return false;
    if (vt_tuf_check_role(m, vt_tuf_role(t->root, name), NULL, NULL) != VT_OK) {
        vt_tuf_free(m);
        return false;
    }
    *ret = m;
    return true;
}

bool
vt_trust_recall_timestamp(struct vt_trust *t, const void *data, size_t len)
{
    return recall(t, VT_TUF_TIMESTAMP, data, len, &t->kept_timestamp);
}

bool
vt_trust_recall_snapshot(struct vt_trust *t, const void *data, size_t len)
{
    return recall(t, VT_TUF_SNAPSHOT, data, len, &t->kept_snapshot);
}

static enum vt_err
check_timestamp_rollback(const struct vt_trust *t, const struct vt_tuf *m, struct vt_why *why)
{
    const struct vt_tuf *kept = t->kept_timestamp;
    if (vt_tuf_version(m) < vt_tuf_version(kept))
        return vt_fail(why, VT_E_ROLLBACK,
            "timestamp version %llu is older than the trusted %llu: a rollback",
            (ull)vt_tuf_version(m), (ull)vt_tuf_version(kept));
    uint64_t was = vt_tuf_file(kept, "snapshot.json")->version;
    uint64_t is = vt_tuf_file(m, "snapshot.json")->version;
    if (vt_tuf_version(m) > vt_tuf_version(kept) && is < was)
        return vt_fail(why, VT_E_ROLLBACK,
            "timestamp version %llu lists snapshot version %llu, older than the trusted %llu: "
            "a "
            "rollback",
            (ull)vt_tuf_version(m), (ull)is, (ull)was);
    return VT_OK;
}

enum vt_err
vt_trust_timestamp(
    struct vt_trust *t, const void *data, size_t len, bool *ret_new, struct vt_why *why)
{
    struct vt_tuf *m = NULL;
    if (!t->sealed || t->timestamp != NULL)
        return vt_fail(why, VT_E_STATE, "timestamp: not its turn");
    enum vt_err err = vt_tuf_parse(data, len, VT_TUF_TIMESTAMP, "timestamp", &m, why);
    if (err == VT_OK)
        err = vt_tuf_check_role(m, vt_tuf_role(t->root, "timestamp"), t->names, why);
    if (err == VT_OK && t->kept_timestamp != NULL)
        err = check_timestamp_rollback(t, m, why);
    if (err != VT_OK)
        goto out;
    bool same =
        t->kept_timestamp != NULL && vt_tuf_version(m) == vt_tuf_version(t->kept_timestamp);
    err = check_expiry(t, same ? t->kept_timestamp : m, "timestamp", why);
    if (err != VT_OK)
        goto out;
    t->timestamp_is_kept = same;
    t->timestamp = same ? t->kept_timestamp : m;
    *ret_new = !same;
    if (!same)
        m = NULL; /* moved */
out:
    vt_tuf_free(m);
    return err;
}

/* The bytes against what the role above says of them, before they are parsed. */
static enum vt_err
check_bytes(const struct vt_tuf_file *f, const char *by, const void *data, size_t len,
    struct vt_why *why)
{
    struct vt_digest d;
    if (f->has_length && f->length != len)
        return vt_fail(why, VT_E_DIGEST,
            "%s has %zu bytes where %s lists %llu: files of different states are mixed",
            f->name, len, by, (ull)f->length);
    vt_digest_of(data, len, &d);
    if (f->has_hash && !vt_digest_eq(&d, &f->hash))
        return vt_fail(why, VT_E_DIGEST,
            "%s is not the file that %s lists: files of different states are mixed, or it was "
            "changed",
            f->name, by);
    return VT_OK;
}

/* A file that the role above lists. */
struct step {
    enum vt_tuf_type type;
    const struct vt_tuf_file *file;
    const char *by; /* who lists it */
    const struct vt_tuf_role *role;
    enum vt_err (*rollback)(
        const struct vt_trust *t, const struct vt_tuf *m, struct vt_why *why); /* or NULL */
};

/* Bytes, form, signatures, version, rollback and expiry: in this order. */
static enum vt_err
take(const struct vt_trust *t, const struct step *s, const void *data, size_t len,
    struct vt_tuf **ret, struct vt_why *why)
{
    struct vt_tuf *m = NULL;
    const struct vt_tuf_file *f = s->file;
    enum vt_err err = check_bytes(f, s->by, data, len, why);
    if (err == VT_OK)
        err = vt_tuf_parse(data, len, s->type, f->name, &m, why);
    if (err == VT_OK)
        err = vt_tuf_check_role(m, s->role, t->names, why);
    if (err == VT_OK && vt_tuf_version(m) != f->version)
        err = vt_fail(why, VT_E_REFUSED,
            "%s has version %llu where %s lists %llu: files of different states are mixed",
            f->name, (ull)vt_tuf_version(m), s->by, (ull)f->version);
    if (err == VT_OK && s->rollback != NULL)
        err = s->rollback(t, m, why);
    if (err == VT_OK)
        err = check_expiry(t, m, s->role->name, why);
    if (err != VT_OK) {
        vt_tuf_free(m);
        return err;
    }
    *ret = m;
    return VT_OK;
}

static enum vt_err
check_snapshot_rollback(const struct vt_trust *t, const struct vt_tuf *m, struct vt_why *why)
{
    if (t->kept_snapshot == NULL)
        return VT_OK;
    const struct vt_tuf_body *kept = vt_tuf_body(t->kept_snapshot);
    for (size_t i = 0; i < kept->file_count; i++) {
        const struct vt_tuf_file *was = &kept->file[i];
        const struct vt_tuf_file *is = vt_tuf_file(m, was->name);
        if (is == NULL)
            return vt_fail(why, VT_E_ROLLBACK,
                "snapshot version %llu no longer lists %s: a rollback", (ull)vt_tuf_version(m),
                was->name);
        if (is->version < was->version)
            return vt_fail(why, VT_E_ROLLBACK,
                "snapshot version %llu lists %s version %llu, older than the trusted %llu: a "
                "rollback",
                (ull)vt_tuf_version(m), is->name, (ull)is->version, (ull)was->version);
    }
    return VT_OK;
}

enum vt_err
vt_trust_snapshot(struct vt_trust *t, const void *data, size_t len, struct vt_why *why)
{
    const struct vt_tuf_file *f = vt_trust_wants(t, "snapshot.json");
    if (f == NULL || t->snapshot != NULL)
        return vt_fail(why, VT_E_STATE, "snapshot: not its turn");
    struct step s = {VT_TUF_SNAPSHOT, f, "timestamp", vt_tuf_role(t->root, "snapshot"),
        check_snapshot_rollback};
    return take(t, &s, data, len, &t->snapshot, why);
}

enum vt_err
vt_trust_targets(struct vt_trust *t, const void *data, size_t len, struct vt_why *why)
{
    const struct vt_tuf_file *f = vt_trust_wants(t, "targets.json");
    if (f == NULL || t->targets != NULL)
        return vt_fail(why, VT_E_STATE, "targets: not its turn");
    struct step s = {VT_TUF_TARGETS, f, "snapshot", vt_tuf_role(t->root, "targets"), NULL};
    return take(t, &s, data, len, &t->targets, why);
}

enum vt_err
vt_trust_channel(
    struct vt_trust *t, const char *name, const void *data, size_t len, struct vt_why *why)
{
    char file[80];
    if (t->targets == NULL || t->channel != NULL || !vt_tuf_channel_valid(name))
        return vt_fail(why, VT_E_STATE, "channel %.64s: not its turn", name);
    const struct vt_tuf_role *role = vt_tuf_role(t->targets, name);
    if (role == NULL)
        return vt_fail(why, VT_E_NOENT, "the repository has no channel %s", name);
    (void)snprintf(file, sizeof file, "%s.json", name);
    const struct vt_tuf_file *f = vt_trust_wants(t, file);
    if (f == NULL)
        return vt_fail(why, VT_E_NOENT, "channel %s has no release yet", name);
    struct step s = {VT_TUF_TARGETS, f, "snapshot", role, NULL};
    return take(t, &s, data, len, &t->channel, why);
}

enum vt_err
vt_trust_check_time(struct vt_trust *t, int64_t now, struct vt_why *why)
{
    const struct vt_tuf *const all[] = {
        t->root, t->timestamp, t->snapshot, t->targets, t->channel};
    static const char *const names[] = {"root", "timestamp", "snapshot", "targets", "channel"};
    enum vt_err err = VT_OK;
    if (now > t->now)
        t->now = now;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && err == VT_OK; i++)
        if (all[i] != NULL)
            err = check_expiry(t, all[i], names[i], why);
    return err;
}

const struct vt_tuf_file *
vt_trust_wants(const struct vt_trust *t, const char *name)
{
    const struct vt_tuf *by = strcmp(name, "snapshot.json") == 0 ? t->timestamp : t->snapshot;
    return by == NULL ? NULL : vt_tuf_file(by, name);
}

const struct vt_tuf *
vt_trust_root(const struct vt_trust *t)
{
    return t->root;
}

const struct vt_tuf *
vt_trust_targets_role(const struct vt_trust *t)
{
    return t->targets;
}

const struct vt_tuf *
vt_trust_channel_role(const struct vt_trust *t)
{
    return t->channel;
}
