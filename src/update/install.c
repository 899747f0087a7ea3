/* SPDX-License-Identifier: Apache-2.0 */
#include "update/install.h"

#include "base/json.h"
#include "store/unpack.h"
#include "update/record.h"
#include "update/treesum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPARE_BYTES (1024U * 1024U) /* for records and folders */

struct job {
    const struct vt_install_opts *o;
    const struct vt_offer *offer;
    bool touched; /* something had to be put back or made */
    uint64_t cosigned_time;
    unsigned reviews;
    struct vt_installed before;
    char product_dir[VT_PATH_MAX];
    char version_dir[VT_PATH_MAX];
    char kept_dir[VT_PATH_MAX];
    char artifact[VT_PATH_MAX];
    char passport[VT_PATH_MAX];
    char link[VT_PATH_MAX];
    char trees_dir[VT_PATH_MAX];
    char record[VT_PATH_MAX];
};

static enum vt_err
make_paths(struct job *j, struct vt_why *why)
{
    const struct vt_install_opts *o = j->o;
    const struct vt_offer *f = j->offer;
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(&f->digest, hex);
    enum vt_err err = vt_path(j->product_dir, why, "%s/%s/%s", o->into, o->channel, f->product);
    if (err == VT_OK)
        err = vt_path(j->version_dir, why, "%s/%s", j->product_dir, f->version);
    if (err == VT_OK)
        err = vt_path(j->link, why, "%s/current", j->product_dir);
    if (err == VT_OK)
        err = vt_path(j->kept_dir, why, "%s/.vitrine/artifacts", o->into);
    if (err == VT_OK)
        err = vt_path(j->artifact, why, "%s/%s.%s", j->kept_dir, hex, f->file);
    if (err == VT_OK)
        err = vt_path(j->passport, why, "%s.passport", j->artifact);
    if (err == VT_OK)
        err = vt_path(
            j->trees_dir, why, "%s/.vitrine/trees/%s/%s", o->into, o->channel, f->product);
    if (err == VT_OK)
        err = vt_path(j->record, why, "%s/%s.json", j->trees_dir, f->version);
    return err;
}

static enum vt_err
make_folders(const struct job *j, struct vt_why *why)
{
    enum vt_err err = vt_dir_make(j->product_dir, 0755, why);
    if (err == VT_OK)
        err = vt_dir_make(j->kept_dir, 0755, why);
    if (err == VT_OK)
        err = vt_dir_make(j->trees_dir, 0755, why);
    return err;
}

static enum vt_err
check_before(const struct job *j, struct vt_why *why)
{
    const struct vt_offer *f = j->offer;
    const struct vt_installed *b = &j->before;
    if (b->channel_version > j->o->channel_version)
        return vt_fail(why, VT_E_ROLLBACK,
            "%s %s comes with channel %s version %llu, but what is installed (%s) came with "
            "the "
            "newer %llu: a rollback",
            f->product, f->version, j->o->channel, (unsigned long long)j->o->channel_version,
            b->version, (unsigned long long)b->channel_version);
    if (strcmp(b->version, f->version) == 0 && !vt_digest_eq(&b->artifact, &f->digest))
        return vt_fail(why, VT_E_REFUSED,
            "%s %s is installed already with other bytes: the same version may not come twice",
            f->product, f->version);
    return VT_OK;
}

static unsigned
count_reviews(const struct vt_passport_report *report)
{
    unsigned n = 0;
    for (size_t i = 0; i < report->count; i++)
        n += report->entry[i].kind == VT_ENTRY_REVIEW;
    return n;
}

static enum vt_err
check_passport(struct job *j, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_passport *p = NULL;
    struct vt_passport_report report = {0};
    enum vt_err err = vt_passport_parse(b->data, b->len, &p, why);
    if (err == VT_OK)
        err = vt_passport_check(p, &j->offer->digest, j->o->policy, &report, why);
    if (err == VT_OK) {
        j->cosigned_time = report.cosigned_time;
        j->reviews = count_reviews(&report);
    }
    vt_passport_free(p);
    return err;
}

static enum vt_err
fetch_passport(struct job *j, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    const struct vt_offer *f = j->offer;
    vt_digest_hex(&f->digest, hex);
    vt_buf_clear(b);
    enum vt_err err = vt_path(path, why, "passports/%s.passport", hex);
    if (err == VT_OK)
        err = j->o->mirror->get(j->o->mirror->ctx, path, b, why);
    if (err == VT_E_NOENT)
        return vt_fail(why, VT_E_REFUSED,
            "%s %s (sha256:%s) has no passport: nothing proves where it comes from", f->product,
            f->version, hex);
    if (err == VT_OK)
        err = check_passport(j, b, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "the passport of %s %s", f->product, f->version);
    return VT_OK;
}

/* The passport that is kept if it still proves the artifact; else the site's. */
static enum vt_err
step_passport(struct job *j, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX);
    enum vt_err err = VT_OK;
    if (vt_file_read(j->passport, &b, NULL) != VT_OK || check_passport(j, &b, NULL) != VT_OK) {
        err = fetch_passport(j, &b, why);
        if (err == VT_OK)
            err = vt_dir_make(j->kept_dir, 0755, why);
        if (err == VT_OK)
            err = vt_file_replace(j->passport, 0644, b.data, b.len, why);
        j->touched = true;
    }
    vt_buf_release(&b);
    return err;
}

static bool
artifact_is_kept(const struct job *j)
{
    struct vt_digest d;
    uint64_t len = 0;
    return vt_digest_of_file(j->artifact, &d, &len, NULL) == VT_OK && len == j->offer->length &&
           vt_digest_eq(&d, &j->offer->digest);
}

/* Room for the artifact and for what is made of it, which takes as much at
 * least. More may be needed; then unpacking fails and leaves the old state. */
static enum vt_err
check_space(const struct job *j, struct vt_why *why)
{
    struct statvfs v;
    if (statvfs(j->o->into, &v) != 0)
        return vt_fail_errno(why, "%s", j->o->into);
    uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    uint64_t need = j->offer->length;
    if (need > (UINT64_MAX - SPARE_BYTES) / 2 || 2 * need + SPARE_BYTES > free_bytes)
        return vt_fail(why, VT_E_NOSPC,
            "%s: %s %s has %llu bytes and %llu are free: make room for twice its size",
            j->o->into, j->offer->product, j->offer->version, (unsigned long long)need,
            (unsigned long long)free_bytes);
    return VT_OK;
}

static void
event_begin(const struct job *j, const char *what, uint64_t total)
{
    const struct vt_update_events *e = j->o->events;
    if (e != NULL && e->begin != NULL)
        e->begin(e->ctx, what, total);
}

static void
event_end(const struct job *j)
{
    const struct vt_update_events *e = j->o->events;
    if (e != NULL && e->end != NULL)
        e->end(e->ctx);
}

static enum vt_err
download_to(const struct job *j, int fd, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    uint64_t len = 0;
    const struct vt_offer *f = j->offer;
    const struct vt_update_events *e = j->o->events;
    vt_digest_hex(&f->digest, hex);
    enum vt_err err =
        vt_path(path, why, "tuf/targets/%s/%s/%s.%s", f->product, f->version, hex, f->file);
    if (err == VT_OK)
        err = j->o->mirror->get_fd(j->o->mirror->ctx, path, fd, f->length,
            e == NULL ? NULL : e->tick, e == NULL ? NULL : e->ctx, &d, &len, why);
    if (err == VT_E_LIMIT)
        return vt_fail(why, err,
            "%s is longer than the %llu bytes that the metadata says: endless data", path,
            (unsigned long long)f->length);
    if (err == VT_OK && len != f->length)
        return vt_fail(why, VT_E_DIGEST, "%s has %llu bytes; the metadata says %llu", path,
            (unsigned long long)len, (unsigned long long)f->length);
    if (err == VT_OK && !vt_digest_eq(&d, &f->digest))
        return vt_fail(
            why, VT_E_DIGEST, "%s does not have the digest that the metadata says", path);
    return err;
}

static enum vt_err
step_artifact(struct job *j, struct vt_why *why)
{
    char what[VT_OFFER_NAME_SIZE + 16];
    struct vt_file_new file = {0};
    if (artifact_is_kept(j))
        return VT_OK;
    j->touched = true;
    enum vt_err err = check_space(j, why);
    if (err == VT_OK)
        err = vt_file_new_begin(&file, j->artifact, 0644, why);
    if (err != VT_OK)
        return err;
    (void)snprintf(what, sizeof what, "fetching %s", j->offer->file);
    event_begin(j, what, j->offer->length);
    err = download_to(j, file.fd, why);
    event_end(j);
    if (err == VT_OK)
        err = vt_file_new_commit(&file, why);
    vt_file_new_abort(&file);
    return err;
}

static bool
is_archive(const char *file)
{
    static const char end[] = ".tar.zst";
    size_t len = strlen(file);
    return len > sizeof end - 1 && strcmp(file + len - (sizeof end - 1), end) == 0;
}

static enum vt_err
copy_artifact(const struct job *j, const char *dir, struct vt_why *why)
{
    char to[VT_PATH_MAX];
    struct vt_file_new file = {0};
    struct vt_mirror from = {0};
    struct vt_digest d;
    uint64_t len = 0;
    char hex[VT_DIGEST_HEX_SIZE];
    char name[VT_DIGEST_HEX_SIZE + VT_OFFER_NAME_SIZE];
    vt_digest_hex(&j->offer->digest, hex);
    (void)snprintf(name, sizeof name, "%s.%s", hex, j->offer->file);
    enum vt_err err = vt_path(to, why, "%s/%s", dir, j->offer->file);
    if (err == VT_OK)
        err = vt_mirror_open(j->kept_dir, &from, why);
    if (err == VT_OK)
        err = vt_file_new_begin(&file, to, 0644, why);
    if (err == VT_OK)
        err = from.get_fd(from.ctx, name, file.fd, j->offer->length, NULL, NULL, &d, &len, why);
    if (err == VT_OK && !vt_digest_eq(&d, &j->offer->digest))
        err = vt_fail(why, VT_E_DIGEST, "%s changed while it was copied", j->artifact);
    if (err == VT_OK)
        err = vt_file_new_commit(&file, why);
    vt_file_new_abort(&file);
    vt_mirror_close(&from);
    return err;
}

static enum vt_err
unpack_artifact(const struct job *j, const char *dir, struct vt_why *why)
{
    static const struct vt_unpack_opts opts = {.durable = true};
    char what[VT_OFFER_NAME_SIZE + 16];
    if (!is_archive(j->offer->file))
        return copy_artifact(j, dir, why);
    (void)snprintf(what, sizeof what, "unpacking %s", j->offer->file);
    event_begin(j, what, 0);
    enum vt_err err = vt_unpack_tar_zst(j->artifact, dir, &opts, NULL, why);
    event_end(j);
    return err;
}

/* What cannot be removed now is swept by the next update. */
static void
discard(const char *dir)
{
    if (vt_tree_remove(dir, NULL) != VT_OK)
        return;
}

/* Puts the folder `tmp` in the place of the version's folder. An old one there
 * (damaged, or left by a crash) is exchanged for it in one step where the file
 * system can, for `current` may lead to it. */
static enum vt_err
put_in_place(const struct job *j, const char *tmp, struct vt_why *why)
{
    char old[VT_PATH_MAX];
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, j->version_dir, RENAME_NOREPLACE) == 0)
        return vt_dir_sync(j->product_dir, why);
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, j->version_dir, RENAME_EXCHANGE) == 0) {
        discard(tmp);
        return vt_dir_sync(j->product_dir, why);
    }
    enum vt_err err = vt_path(old, why, "%s.old", tmp);
    if (err != VT_OK)
        return err;
    if (rename(j->version_dir, old) != 0 && errno != ENOENT)
        return vt_fail_errno(why, "moving %s away", j->version_dir);
    if (rename(tmp, j->version_dir) != 0)
        return vt_fail_errno(why, "putting %s in place", j->version_dir);
    discard(old);
    return vt_dir_sync(j->product_dir, why);
}

static bool
folder_is_right(const struct job *j)
{
    struct vt_tree_record r;
    struct vt_digest tree;
    return vt_tree_record_load(j->record, &r, NULL) == VT_OK &&
           vt_digest_eq(&r.artifact, &j->offer->digest) &&
           vt_treesum(j->version_dir, &tree, NULL) == VT_OK && vt_digest_eq(&tree, &r.tree);
}

/* The record is durable before the folder has its name: a folder that has not
 * the digest in the record was never finished, or is damaged. */
static enum vt_err
step_folder(struct job *j, struct vt_why *why)
{
    char tmp[VT_PATH_MAX] = "";
    struct vt_tree_record r = {.artifact = j->offer->digest};
    if (folder_is_right(j))
        return VT_OK;
    j->touched = true;
    enum vt_err err = vt_dir_temp(j->product_dir, ".tmp", tmp, why);
    if (err != VT_OK)
        return err;
    err = unpack_artifact(j, tmp, why);
    if (err == VT_OK && chmod(tmp, 0755) != 0)
        err = vt_fail_errno(why, "%s", tmp);
    if (err == VT_OK)
        err = vt_dir_sync(tmp, why);
    if (err == VT_OK)
        err = vt_treesum(tmp, &r.tree, why);
    if (err == VT_OK)
        err = vt_tree_record_save(j->record, &r, why);
    if (err == VT_OK)
        err = put_in_place(j, tmp, why);
    if (err != VT_OK) {
        discard(tmp);
        return vt_fail_in(why, err, "installing %s %s", j->offer->product, j->offer->version);
    }
    return VT_OK;
}

static enum vt_err
step_link(struct job *j, struct vt_why *why)
{
    char to[VT_PATH_MAX];
    ssize_t n = readlink(j->link, to, sizeof to);
    if (n > 0 && (size_t)n == strlen(j->offer->version) &&
        memcmp(to, j->offer->version, (size_t)n) == 0)
        return VT_OK;
    j->touched = true;
    return vt_link_switch(j->link, j->offer->version, why);
}

static enum vt_err
step_record(const struct job *j, struct vt_why *why)
{
    struct vt_installed now = {
        .channel_version = j->o->channel_version, .artifact = j->offer->digest};
    memcpy(now.version, j->offer->version, sizeof now.version);
    if (now.channel_version == j->before.channel_version &&
        strcmp(now.version, j->before.version) == 0)
        return VT_OK;
    return vt_installed_save(j->o->into, j->o->channel, j->offer->product, &now, why);
}

static enum vt_err
begin(struct job *j, struct vt_why *why)
{
    enum vt_err err = make_paths(j, why);
    if (err == VT_OK)
        err = vt_installed_load(j->o->into, j->o->channel, j->offer->product, &j->before, why);
    if (err == VT_OK)
        err = check_before(j, why);
    return err;
}

enum vt_err
vt_install_prove(
    const struct vt_install_opts *opts, struct vt_install_proof *ret, struct vt_why *why)
{
    struct job j = {.o = opts, .offer = opts->offer};
    enum vt_err err = begin(&j, why);
    if (err == VT_OK)
        err = step_passport(&j, why);
    if (err == VT_OK)
        *ret = (struct vt_install_proof){j.cosigned_time, j.touched, j.reviews};
    return err;
}

static enum vt_install_outcome
outcome_of(const struct job *j)
{
    if (strcmp(j->before.version, j->offer->version) != 0)
        return VT_INSTALL_NEW;
    return j->touched ? VT_INSTALL_REPAIRED : VT_INSTALL_CURRENT;
}

enum vt_err
vt_install_run(const struct vt_install_opts *opts, const struct vt_install_proof *proof,
    struct vt_install_result *ret, struct vt_why *why)
{
    struct job j = {.o = opts, .offer = opts->offer, .touched = proof->fetched};
    enum vt_err err = begin(&j, why);
    if (err == VT_OK)
        err = make_folders(&j, why);
    if (err == VT_OK)
        err = step_artifact(&j, why);
    if (err == VT_OK)
        err = step_folder(&j, why);
    if (err == VT_OK)
        err = step_link(&j, why);
    if (err == VT_OK)
        err = step_record(&j, why);
    if (err != VT_OK)
        return err;
    ret->outcome = outcome_of(&j);
    ret->reviews = proof->reviews;
    memcpy(ret->folder, j.version_dir, sizeof ret->folder);
    memcpy(ret->artifact, j.artifact, sizeof ret->artifact);
    memcpy(ret->was, j.before.version, sizeof ret->was);
    return VT_OK;
}
