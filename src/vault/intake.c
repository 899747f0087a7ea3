/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/intake.h"

#include "base/clock.h"
#include "ledger/evidence.h"
#include "ledger/record.h"
#include "vault/place.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIDE_MAX 512U /* bytes of a move's file `side` */
#define FROM_MAX 16U  /* sites that one region came from */
/* After so long all is read again anyway: a folder's time does not tell of every change. */
#define REREAD_MS 10000

/* By what a file or folder is told to be another than it was. */
struct mark {
    ino_t ino;
    struct timespec modified;
    off_t size;
};

/* A region that is kept here. */
struct region {
    char name[VT_REGION_MAX + 1];
    bool has_key;
    struct vt_digest key;
    size_t
        from_count; /* sites whose batches count as this site's: the region came from there */
    char from[FROM_MAX][VT_KEY_NAME_MAX + 1];
};

struct vt_intake {
    const struct vt_home *home;
    struct vt_vault_policy *policy; /* NULL: none yet */
    bool has_previous;
    struct vt_digest previous;
    struct region *region;
    size_t region_count;
    struct mark policy_mark;
    struct mark keys_mark;
    struct mark moves_mark;
    struct mark done_mark;
    int64_t read_ms;
};

static struct mark
mark_of(const struct vt_intake *in, const char *name)
{
    struct mark m = {0};
    char path[VT_PATH_MAX];
    struct stat st;

    if (vt_vault_path(in->home, path, NULL, "%s", name) == VT_OK && stat(path, &st) == 0)
        m = (struct mark){.ino = st.st_ino, .modified = st.st_mtim, .size = st.st_size};
    return m;
}

static bool
same_mark(const struct mark *a, const struct mark *b)
{
    return a->ino == b->ino && a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

enum vt_err
vt_intake_new(const struct vt_home *home, struct vt_intake **ret, struct vt_why *why)
{
    struct vt_intake *in = calloc(1, sizeof *in);
    bool changed;
    enum vt_err err;

    if (in == NULL)
        return vt_fail(why, VT_E_NOMEM, "intake: out of memory");
    in->home = home;
    err = vt_intake_refresh(in, &changed, why);
    if (err != VT_OK) {
        vt_intake_free(in);
        return err;
    }
    *ret = in;
    return VT_OK;
}

void
vt_intake_free(struct vt_intake *in)
{
    if (in == NULL)
        return;
    vt_vault_policy_free(in->policy);
    free(in->region);
    free(in);
}

const struct vt_digest *
vt_intake_policy(const struct vt_intake *in)
{
    return in->policy == NULL ? NULL : vt_vault_policy_digest(in->policy);
}

const struct vt_vault_policy *
vt_intake_vault_policy(const struct vt_intake *in)
{
    return in->policy;
}

/* NULL without error: there is none yet. */
static enum vt_err
read_policy(const struct vt_intake *in, struct vt_vault_policy **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(in->home, path, why, "policy");

    *ret = NULL;
    if (err == VT_OK && vt_file_exists(path)) {
        err = vt_file_read(path, &b, why);
        if (err == VT_OK)
            err = vt_vault_policy_parse(b.data, b.len, ret, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    vt_buf_release(&b);
    return err;
}

/* The region's key from the evidence that endpoints are given too. It was checked when it was
 * put there. */
static enum vt_err
read_key(const struct vt_intake *in, struct region *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_evidence_file *file = calloc(1, sizeof *file);
    struct vt_region_key *key = calloc(1, sizeof *key);
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(in->home, path, why, "keys/%s.evidence", r->name);

    if (err == VT_OK && (file == NULL || key == NULL))
        err = vt_fail(why, VT_E_NOMEM, "intake: out of memory");
    if (err != VT_OK || !vt_file_exists(path))
        goto out;
    err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_evidence_parse(b.data, b.len, file, why);
    if (err == VT_OK)
        err = vt_doc_parse(
            file->item[0].document.p, file->item[0].document.len, VT_DOC_KEY, &doc, why);
    if (err == VT_OK)
        err = vt_region_key_read(doc, key, why);
    if (err == VT_OK && strcmp(key->region, r->name) != 0)
        err = vt_fail(why, VT_E_CONFIG, "it is the key of %s", key->region);
    if (err == VT_OK) {
        vt_batch_key_id(&key->public, &r->key);
        r->has_key = true;
    } else {
        err = vt_fail_in(why, err, "%s", path);
    }
out:
    vt_doc_free(doc);
    vt_buf_release(&b);
    free(file);
    free(key);
    return err;
}

/* A move's file `side`: "in SITE". */
static enum vt_err
read_side(const char *path, struct region *r)
{
    struct vt_buf b = VT_BUF(SIDE_MAX);
    struct vt_reader text, line;
    char site[VT_KEY_NAME_MAX + 1];
    enum vt_err err = vt_file_read(path, &b, NULL);

    text = VT_READER(b.data, b.len);
    if (err == VT_OK && r->from_count < FROM_MAX && vt_reader_skip(&text, "in ")) {
        if (!vt_reader_line(&text, &line))
            line = text;
        if (vt_reader_cstr(&line, site, sizeof site) && vt_key_name_valid(site))
            memcpy(r->from[r->from_count++], site, sizeof site);
    }
    vt_buf_release(&b);
    return err == VT_E_NOENT ? VT_OK : err;
}

struct done_walk {
    const struct vt_intake *in;
    struct region *region;
};

/* moves/done/REGION-HEX; the name of a region may hold '-' itself, the hexadecimal cannot. */
static enum vt_err
each_done(void *ctx, const char *name, struct vt_why *why)
{
    struct done_walk *w = ctx;
    const char *dash = strrchr(name, '-');
    size_t len = strlen(w->region->name);
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (dash == NULL || (size_t)(dash - name) != len ||
        strncmp(name, w->region->name, len) != 0)
        return VT_OK;
    err = vt_vault_path(w->in->home, path, why, "moves/done/%s/side", name);
    return err == VT_OK ? read_side(path, w->region) : err;
}

/* From where the region came: a move that is under way, and those that are over. */
static enum vt_err
read_moves(const struct vt_intake *in, struct region *r, struct vt_why *why)
{
    struct done_walk w = {.in = in, .region = r};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(in->home, path, why, "moves/%s/side", r->name);

    if (err == VT_OK)
        err = read_side(path, r);
    if (err == VT_OK)
        err = vt_vault_path(in->home, path, why, "moves/done");
    if (err == VT_OK && vt_file_exists(path))
        err = vt_dir_each(path, each_done, &w, why);
    return err;
}

static enum vt_err
read_regions(const struct vt_intake *in, const struct vt_vault_policy *policy,
    struct region **ret, size_t *ret_count, struct vt_why *why)
{
    const struct vt_rule_region *rule = NULL;
    size_t n = policy == NULL ? 0 : vt_vault_policy_regions(policy, &rule);
    struct region *v = calloc(n + 1, sizeof *v);
    size_t count = 0;
    enum vt_err err = VT_OK;

    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "intake: out of memory");
    for (size_t i = 0; i < n && err == VT_OK; i++) {
        if (strcmp(rule[i].site, in->home->name) != 0)
            continue;
        memcpy(v[count].name, rule[i].name, sizeof v[count].name);
        err = read_key(in, &v[count], why);
        if (err == VT_OK)
            err = read_moves(in, &v[count], why);
        count++;
    }
    if (err != VT_OK) {
        free(v);
        return err;
    }
    *ret = v;
    *ret_count = count;
    return VT_OK;
}

static bool
same_policy(const struct vt_vault_policy *a, const struct vt_vault_policy *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return vt_digest_eq(vt_vault_policy_digest(a), vt_vault_policy_digest(b));
}

static enum vt_err
read_all(struct vt_intake *in, bool *ret_changed, struct vt_why *why)
{
    struct vt_vault_policy *policy = NULL;
    struct region *region = NULL;
    size_t count = 0;
    enum vt_err err = read_policy(in, &policy, why);

    if (err == VT_OK)
        err = read_regions(in, policy, &region, &count, why);
    if (err != VT_OK) {
        vt_vault_policy_free(policy);
        return err;
    }
    *ret_changed = !same_policy(in->policy, policy);
    vt_vault_policy_free(in->policy);
    free(in->region);
    in->policy = policy;
    in->region = region;
    in->region_count = count;
    in->has_previous = policy != NULL && vt_vault_policy_previous(policy, &in->previous);
    return VT_OK;
}

enum vt_err
vt_intake_refresh(struct vt_intake *in, bool *ret_changed, struct vt_why *why)
{
    struct mark policy = mark_of(in, "policy");
    struct mark keys = mark_of(in, "keys");
    struct mark moves = mark_of(in, "moves");
    struct mark done = mark_of(in, "moves/done");
    int64_t now = vt_clock_monotonic_ms();
    enum vt_err err;

    *ret_changed = false;
    if (same_mark(&policy, &in->policy_mark) && same_mark(&keys, &in->keys_mark) &&
        same_mark(&moves, &in->moves_mark) && same_mark(&done, &in->done_mark) &&
        in->read_ms > 0 && now - in->read_ms < REREAD_MS)
        return VT_OK;
    err = read_all(in, ret_changed, why);
    if (err == VT_OK) {
        in->policy_mark = policy;
        in->keys_mark = keys;
        in->moves_mark = moves;
        in->done_mark = done;
        in->read_ms = now;
    }
    return err;
}

static const struct region *
find_region(const struct vt_intake *in, const char *name)
{
    for (size_t i = 0; i < in->region_count; i++)
        if (strcmp(in->region[i].name, name) == 0)
            return &in->region[i];
    return NULL;
}

/* Which site keeps the region now, said to who sent it to the wrong one. */
static enum vt_refused
wrong_region(const struct vt_intake *in, const struct vt_batch_header *h, struct vt_why *why)
{
    const struct vt_rule_region *rule = vt_vault_policy_region(in->policy, h->region);

    if (rule == NULL)
        (void)vt_fail(why, VT_E_REFUSED,
            "region: the policy in force has no region %s: take the newest policy", h->region);
    else
        (void)vt_fail(why, VT_E_REFUSED,
            "region: %s is kept at %s, not at %s: take the newest policy", h->region,
            rule->site, in->home->name);
    return VT_REFUSED_REGION;
}

static bool
may_be_from(const struct vt_intake *in, const struct region *r, const char *site)
{
    if (strcmp(site, in->home->name) == 0)
        return true;
    for (size_t i = 0; i < r->from_count; i++)
        if (strcmp(site, r->from[i]) == 0)
            return true;
    return false;
}

static bool
known_policy(const struct vt_intake *in, const struct vt_digest *d)
{
    return vt_digest_eq(d, vt_vault_policy_digest(in->policy)) ||
           (in->has_previous && vt_digest_eq(d, &in->previous));
}

enum vt_refused
vt_intake_check(const struct vt_intake *in, const struct vt_batch_header *h, struct vt_why *why)
{
    const struct region *r = find_region(in, h->region);
    enum vt_refused refused = VT_REFUSED_NONE;

    if (in->policy == NULL) {
        (void)vt_fail(why, VT_E_STATE, "%s has no vault policy in force yet", in->home->name);
        return VT_REFUSED_READY;
    }
    if (r == NULL)
        return wrong_region(in, h, why);
    if (!may_be_from(in, r, h->site)) {
        refused = VT_REFUSED_SITE;
        (void)vt_fail(why, VT_E_REFUSED,
            "site: sealed for %s, this is %s: take the newest policy", h->site, in->home->name);
    } else if (!known_policy(in, &h->policy)) {
        refused = VT_REFUSED_POLICY;
        (void)vt_fail(why, VT_E_REFUSED,
            "policy: made under one that is neither in force nor the one before: take the "
            "newest policy");
    } else if (!r->has_key || !vt_digest_eq(&h->key_id, &r->key)) {
        refused = VT_REFUSED_KEY;
        (void)vt_fail(why, VT_E_REFUSED,
            "key: not sealed to the key of %s: take the newest policy and key", h->region);
    } else if (vt_vault_policy_class(in->policy, h->class_name) == NULL) {
        refused = VT_REFUSED_CLASS;
        (void)vt_fail(why, VT_E_REFUSED,
            "class: the policy in force has no class %s: take the newest policy",
            h->class_name);
    }
    return refused;
}

bool
vt_intake_has_key(
    const struct vt_intake *in, const char *region, const struct vt_digest *key_id)
{
    const struct region *r = find_region(in, region);

    return r != NULL && r->has_key && vt_digest_eq(key_id, &r->key);
}
