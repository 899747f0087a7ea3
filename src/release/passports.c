/* SPDX-License-Identifier: Apache-2.0 */
#include "release/passports.h"

#include "base/file.h"
#include "note/passport.h"

#include <string.h>

#define SUFFIX ".passport"
#define HEX_LEN (VT_DIGEST_HEX_SIZE - 1)

enum vt_err
vt_passports_prepare(const struct vt_home *h, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(h, dir, why, "public/passports");

    return err == VT_OK ? vt_dir_make(dir, 0755, why) : err;
}

static enum vt_err
path_of(const struct vt_home *h, const struct vt_digest *d, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return vt_home_path(h, ret, why, "public/passports/%s" SUFFIX, hex);
}

static enum vt_err
load(const struct vt_home *h, const struct vt_digest *artifact, struct vt_passport **ret,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(h, artifact, path, why);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_passport_parse(b.data, b.len, ret, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
save(const struct vt_home *h, const struct vt_digest *artifact, const struct vt_passport *p,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(h, artifact, path, why);

    if (err == VT_OK)
        err = vt_passport_put(p, &b, why);
    if (err == VT_OK)
        err = vt_buf_check(&b, "a passport", why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

bool
vt_passports_good(
    const struct vt_home *h, const struct vt_policy *policy, const struct vt_digest *artifact)
{
    struct vt_passport *p = NULL;
    struct vt_passport_report report;
    bool good = load(h, artifact, &p, NULL) == VT_OK &&
                vt_passport_check(p, artifact, policy, &report, NULL) == VT_OK;

    vt_passport_free(p);
    return good;
}

enum vt_err
vt_passports_make(const struct vt_home *h, struct vt_log_reader *log,
    const struct vt_digest *artifact, struct vt_why *why)
{
    struct vt_passport_report report;
    struct vt_passport *p = NULL;
    enum vt_err err = vt_log_reader_passport(log, artifact, &p, why);

    if (err == VT_OK)
        err = vt_passport_check(p, artifact, vt_log_reader_policy(log), &report, why);
    if (err == VT_OK)
        err = save(h, artifact, p, why);
    vt_passport_free(p);
    return err;
}

enum vt_err
vt_passports_check_unreleased(
    struct vt_log_reader *log, const struct vt_digest *artifact, struct vt_why *why)
{
    struct vt_passport_report report;
    struct vt_passport *p = NULL;
    enum vt_err err = vt_log_reader_passport(log, artifact, &p, why);

    if (err == VT_OK)
        err =
            vt_passport_check_unreleased(p, artifact, vt_log_reader_policy(log), &report, why);
    vt_passport_free(p);
    return err;
}

/* ---- anew ---- */

struct renewal {
    const struct vt_home *home;
    struct vt_log_reader *log;
    enum vt_err (*fn)(void *ctx, const struct vt_passport_news *n, struct vt_why *why);
    void *ctx;
};

static bool
same_entries(const struct vt_passport *a, const struct vt_passport *b)
{
    uint64_t x = 0, y = 0;

    if (vt_passport_count(a) != vt_passport_count(b))
        return false;
    for (size_t i = 0; i < vt_passport_count(a); i++) {
        vt_passport_entry(a, i, &x, NULL, NULL);
        vt_passport_entry(b, i, &y, NULL, NULL);
        if (x != y)
            return false;
    }
    return true;
}

static bool
is_released(const struct vt_passport *p)
{
    const struct vt_entry *e = NULL;

    for (size_t i = 0; i < vt_passport_count(p); i++) {
        vt_passport_entry(p, i, NULL, &e, NULL);
        if (e->kind == VT_ENTRY_RELEASE)
            return true;
    }
    return false;
}

static enum vt_err
renew_one(const struct renewal *r, const struct vt_digest *artifact, struct vt_why *why)
{
    struct vt_passport_news n = {.artifact = *artifact};
    struct vt_passport *former = NULL, *p = NULL;
    struct vt_passport_report report;
    enum vt_err err = vt_log_reader_passport(r->log, artifact, &p, why);

    if (err == VT_OK && !is_released(p))
        err = vt_fail(why, VT_E_NOENT, "the log has no release of this artifact");
    if (err != VT_OK)
        goto out;
    n.news = load(r->home, artifact, &former, NULL) != VT_OK || !same_entries(former, p);
    if (n.news)
        err = save(r->home, artifact, p, why);
    if (err != VT_OK)
        goto out;
    n.judgement = vt_passport_check(
        n.news ? p : former, artifact, vt_log_reader_policy(r->log), &report, &n.why);
    err = r->fn(r->ctx, &n, why);
out:
    vt_passport_free(former);
    vt_passport_free(p);
    return err;
}

/* A name in the folder; those that are no passport's are nobody's business. */
static enum vt_err
renew_file(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_digest d;

    if (strlen(name) != HEX_LEN + strlen(SUFFIX) || strcmp(name + HEX_LEN, SUFFIX) != 0 ||
        !vt_digest_from_hex(name, HEX_LEN, &d))
        return VT_OK;
    enum vt_err err = renew_one(ctx, &d, why);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", name);
}

enum vt_err
vt_passports_renew(const struct vt_home *h, struct vt_log_reader *log,
    const struct vt_digest *artifact, size_t count,
    enum vt_err (*fn)(void *ctx, const struct vt_passport_news *n, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct renewal r = {.home = h, .log = log, .fn = fn, .ctx = ctx};
    char dir[VT_PATH_MAX], hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_passports_prepare(h, why);

    for (size_t i = 0; i < count && err == VT_OK; i++) {
        err = renew_one(&r, &artifact[i], why);
        vt_digest_hex(&artifact[i], hex);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "sha256:%s", hex);
    }
    if (err == VT_OK)
        err = vt_home_path(h, dir, why, "public/passports");
    return err != VT_OK || count > 0 ? err : vt_dir_each(dir, renew_file, &r, why);
}
