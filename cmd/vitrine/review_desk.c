/* SPDX-License-Identifier: Apache-2.0 */
#include "review.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "party.h"
#include "store/policy_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVE_MAX (16ULL << 30)
#define PUBLISHED_MS 60000

struct vt_digest_text
vt_digest_text(const struct vt_digest *d)
{
    struct vt_digest_text t = {"sha256:"};

    vt_digest_hex(d, t.s + 7);
    return t;
}

static bool
is_url(const char *s)
{
    return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

/* Where readers find the log, and whose policy it is when none was named. */
static enum vt_err
find_log(struct vt_review_desk *d, char policy[VT_PATH_MAX], struct vt_why *why)
{
    char home[VT_PATH_MAX];
    enum vt_err err = vt_path(home, why, "%s/home.conf", d->from);

    if (err != VT_OK)
        return err;
    const bool is_home = !is_url(d->from) && vt_file_exists(home);
    if (d->policy_path == NULL && !is_home)
        return vt_fail(why, VT_E_USAGE,
            "--policy is missing: whom to trust is yours to say, not the site's");
    err = d->policy_path != NULL ? vt_path(policy, why, "%s", d->policy_path)
                                 : vt_path(policy, why, "%s/policy", d->from);
    if (err == VT_OK)
        err = vt_path(d->where, why, is_home ? "%s/public" : "%s", d->from);
    return err;
}

enum vt_err
vt_review_desk_open(struct vt_review_desk *d, struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = 4};
    char policy[VT_PATH_MAX];
    enum vt_err err = find_log(d, policy, why);

    if (err == VT_OK)
        err = vt_policy_load(policy, &d->policy, why);
    if (err == VT_OK)
        err = vt_log_reader_open(d->where, d->policy, &d->log, why);
    if (err == VT_OK)
        err = vt_http_new(&limits, &d->http, why);
    return err;
}

void
vt_review_desk_release(struct vt_review_desk *d)
{
    struct vt_why why = {0};

    vt_signer_free(d->signer);
    vt_http_free(d->http);
    vt_reckon_free(d->reckon);
    vt_log_reader_free(d->log);
    vt_policy_free(d->policy);
    if (d->temp[0] != '\0' && vt_tree_remove(d->temp, &why) != VT_OK)
        vt_log(VT_LOG_WARN, "%s", why.text);
    *d = (struct vt_review_desk){.from = NULL};
}

/* ---- the snapshot ---- */

static void
tick(void *ctx, uint64_t done)
{
    vt_progress_set(ctx, done);
}

/* The site's copy, into a folder of our own. */
static enum vt_err
download(struct vt_review_desk *d, const char *hex, char ret[VT_PATH_MAX],
    struct vt_progress *progress, struct vt_why *why)
{
    const char *parent = getenv("TMPDIR");
    char object[128];
    struct vt_digest got;
    uint64_t len;
    int fd = -1;
    enum vt_err err =
        vt_dir_temp(parent == NULL ? "/tmp" : parent, "vitrine-review", d->temp, why);

    if (err == VT_OK)
        err = vt_path(ret, why, "%s/source.tar.zst", d->temp);
    if (err != VT_OK)
        return err;
    (void)snprintf(object, sizeof object, "objects/sha256/%.2s/%s", hex, hex);
    fd = open(ret, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return vt_fail_errno(why, "%s", ret);
    vt_progress_begin(progress, "fetching the source", 0);
    err = vt_http_get_fd(
        d->http, d->where, object, fd, ARCHIVE_MAX, tick, progress, &got, &len, why);
    vt_progress_end(progress);
    (void)close(fd);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_NOENT,
            "the site does not give out the source sha256:%s: is it sealed? then name your "
            "copy "
            "with --archive",
            hex);
    return err;
}

static enum vt_err
find_archive(struct vt_review_desk *d, char ret[VT_PATH_MAX], struct vt_progress *progress,
    struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    vt_digest_hex(&d->source, hex);
    if (d->archive != NULL)
        return vt_path(ret, why, "%s", d->archive);
    if (is_url(d->where))
        return download(d, hex, ret, progress, why);
    err = vt_path(ret, why, "%s/objects/sha256/%.2s/%s", d->where, hex, hex);
    if (err == VT_OK && !vt_file_exists(ret))
        err = vt_path(ret, why, "%s/../sealed/objects/sha256/%.2s/%s", d->where, hex, hex);
    return err;
}

enum vt_err
vt_review_desk_open_source(struct vt_review_desk *d, const char *source,
    struct vt_progress *progress, struct vt_why *why)
{
    char archive[VT_PATH_MAX];
    enum vt_err err = vt_party_digest("the source", source, &d->source, why);

    if (err == VT_OK)
        err = vt_review_desk_open(d, why);
    if (err == VT_OK)
        err = vt_reckon_new(d->log, &d->reckon, why);
    if (err == VT_OK)
        err = find_archive(d, archive, progress, why);
    if (err == VT_OK) {
        vt_progress_begin(progress, "reading the source", 0);
        err = vt_reckon_take(d->reckon, &d->source, archive, why);
        vt_progress_end(progress);
    }
    return err;
}

/* ---- signing ---- */

static enum vt_err
find_site(struct vt_review_desk *d, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_URL_MAX - 1);
    const char *to = d->to != NULL ? d->to : d->from;
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    if (is_url(to)) {
        vt_buf_puts(&b, to);
        err = vt_buf_check(&b, "the site's URL", why);
    } else {
        err = vt_path(path, why, "%s/run/url", d->from);
        if (err == VT_OK)
            err = vt_file_read(path, &b, why);
        if (err == VT_E_NOENT)
            err = vt_fail(why, VT_E_STATE, "no site runs on %s: name one with --to", d->from);
    }
    if (err == VT_OK)
        (void)snprintf(d->url, sizeof d->url, "%.*s", (int)strcspn(vt_buf_str(&b), "\r\n"),
            vt_buf_str(&b));
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_review_desk_open_key(struct vt_review_desk *d, struct vt_why *why)
{
    const struct vt_policy_party *v;
    enum vt_err err = find_site(d, why);

    if (err == VT_OK)
        err = vt_signer_spawn(d->key_path, VT_SIGN_BIT(VT_SIGN_ENTRY), &d->signer, why);
    if (err != VT_OK)
        return err;
    size_t n = vt_policy_signers(d->policy, &v);
    for (size_t i = 0; i < n && d->party == NULL; i++)
        if (v[i].key.alg == VT_NOTE_ED25519 &&
            strcmp(v[i].key.name, vt_signer_name(d->signer)) == 0 &&
            vt_pubkey_eq(&v[i].key.pub, vt_signer_public(d->signer)))
            d->party = &v[i];
    if (d->party == NULL)
        return vt_fail(why, VT_E_UNKNOWN, "%s: the policy names no signer with the key of %s",
            d->key_path, vt_signer_name(d->signer));
    d->organisation = vt_policy_group_of(d->policy, d->party);
    if (d->organisation == NULL)
        d->organisation = d->party->name;
    return VT_OK;
}

enum vt_err
vt_review_desk_submit(
    struct vt_review_desk *d, struct vt_review *r, uint64_t *ret_index, struct vt_why *why)
{
    struct vt_buf document = VT_BUF(VT_REVIEW_MAX), entry = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest digest;
    struct vt_entry e;
    enum vt_err err;

    (void)snprintf(r->reviewer, sizeof r->reviewer, "%s", vt_signer_name(d->signer));
    r->source = d->source;
    r->made = vt_clock_now(&vt_clock_system);
    err = vt_review_put(&document, r, why);
    if (err != VT_OK)
        goto out;
    vt_digest_of(document.data, document.len, &digest);
    err = vt_review_entry(r, &digest, &e, why);
    if (err == VT_OK)
        err = vt_entry_sign(&entry, &e, d->signer, why);
    if (err != VT_OK)
        goto out;
    const struct vt_slice parts[] = {{document.data, document.len}, {entry.data, entry.len}};
    err = vt_log_submit_review(d->http, d->url, &parts[0], &parts[1], ret_index, why);
    if (err == VT_OK)
        err = vt_log_wait_published(d->http, d->url, d->policy, *ret_index, PUBLISHED_MS, why);
out:
    vt_buf_release(&document);
    vt_buf_release(&entry);
    return err;
}

/* The lines at the end of `PATH:FROM-TO`: where the colon is; NULL when there are none. */
static const char *
find_lines(const char *arg, uint32_t *ret_from, uint32_t *ret_to)
{
    const char *colon = strrchr(arg, ':');
    struct vt_reader r, from;
    uint64_t a, b;

    if (colon == NULL)
        return NULL;
    r = VT_READER(colon + 1, strlen(colon + 1));
    if (!vt_reader_word(&r, '-', &from) || !vt_reader_decimal(&from, VT_REVIEW_LINE_MAX, &a) ||
        !vt_reader_decimal(&r, VT_REVIEW_LINE_MAX, &b))
        return NULL;
    *ret_from = (uint32_t)a;
    *ret_to = (uint32_t)b;
    return colon;
}

enum vt_err
vt_review_desk_add(const struct vt_review_desk *d, struct vt_review *r, const char *arg,
    enum vt_verdict verdict, struct vt_why *why)
{
    uint32_t from = 0, to = 0;
    const char *colon = find_lines(arg, &from, &to);
    const struct vt_reckon_file *f;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%.*s",
        (int)(colon == NULL ? strnlen(arg, VT_PATH_MAX) : (size_t)(colon - arg)), arg);

    if (err != VT_OK)
        return err;
    f = vt_reckon_find(d->reckon, path);
    if (f == NULL)
        return vt_fail(
            why, VT_E_USAGE, "--path %s: the snapshot has no such file, or it is empty", path);
    if (colon != NULL && (from == 0 || from > to || to > f->lines))
        return vt_fail(why, VT_E_USAGE, "--path %s: it has lines 1 to %llu", arg,
            (unsigned long long)f->lines);
    return vt_review_add(r, &f->blob, verdict, from, to, path, why);
}
