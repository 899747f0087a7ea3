/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root keys in files:
 *
 *     root-GENERATION: u8[4] "VTK1", u64 generation, u8 0, u8[32] key
 *                  or: u8[4] "VTK1", u64 generation, u8 1, u8[16] salt, u8[12] nonce, u8[48]
 *
 * where the second is the key sealed (AES-256-GCM, what stands before the nonce as associated
 * data) under scrypt(passphrase, salt). The passphrase's key is kept in locked memory for as
 * long as the ring is open, because the next generation's file is sealed by it too.
 */
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/kdf.h"
#include "crypto/locked.h"
#include "crypto/secret.h"
#include "vault/root.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "VTK1"
#define SALT_SIZE 16U
#define FILE_MAX 128U
#define PREFIX "root-"
#define SEALED_KEY_SIZE (VT_ROOT_KEY_SIZE + VT_AEAD_TAG_SIZE)

struct secrets {
    uint8_t kek[VT_AEAD_KEY_SIZE]; /* of the passphrase */
    uint8_t key[VT_ROOT_KEY_SIZE]; /* a root key, while it is used */
};

struct file_root {
    char dir[VT_PATH_MAX];
    bool encrypted;
    uint8_t salt[SALT_SIZE];
    struct secrets *held;
};

static enum vt_err
path_of(
    const struct file_root *f, uint64_t generation, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/" PREFIX "%" PRIu64, f->dir, generation);
}

/* A file taken apart; points into its bytes. */
struct parsed {
    bool encrypted;
    const uint8_t *salt;
    size_t head_len; /* what the seal covers besides the key */
    const uint8_t *nonce;
    const uint8_t *key; /* plain, or SEALED_KEY_SIZE bytes */
};

static bool
parse(const struct vt_buf *b, uint64_t generation, struct parsed *ret)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    uint64_t n;
    uint8_t how;

    *ret = (struct parsed){0};
    if (!vt_reader_skip(&r, MAGIC) || !vt_reader_u64(&r, &n) || n != generation ||
        !vt_reader_u8(&r, &how) || how > 1)
        return false;
    ret->encrypted = how == 1;
    if (!ret->encrypted)
        return vt_reader_take(&r, VT_ROOT_KEY_SIZE, &ret->key) && r.left == 0;
    if (!vt_reader_take(&r, SALT_SIZE, &ret->salt))
        return false;
    ret->head_len = b->len - r.left;
    return vt_reader_take(&r, VT_AEAD_NONCE_SIZE, &ret->nonce) &&
           vt_reader_take(&r, SEALED_KEY_SIZE, &ret->key) && r.left == 0;
}

static enum vt_err
read_file(const struct file_root *f, uint64_t generation, struct vt_buf *b, struct parsed *ret,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(f, generation, path, why);

    if (err == VT_OK)
        err = vt_secret_read(path, b, why);
    if (err == VT_E_NOENT)
        return vt_fail(why, VT_E_NOENT, "%s: the root key of generation %" PRIu64 " is gone",
            path, generation);
    if (err == VT_OK && !parse(b, generation, ret))
        err = vt_fail(
            why, VT_E_SYNTAX, "%s: not a root key of generation %" PRIu64, path, generation);
    return err;
}

/* Fills held->key with the root key of a generation; wipe it after use. */
static enum vt_err
load(struct file_root *f, uint64_t generation, struct vt_why *why)
{
    struct vt_buf b = {.max = FILE_MAX, .secret = true};
    struct parsed p;
    enum vt_err err = read_file(f, generation, &b, &p, why);

    if (err == VT_OK && p.encrypted != f->encrypted)
        err = vt_fail(why, VT_E_SYNTAX,
            "%s: the root key of generation %" PRIu64 " is kept otherwise than the others",
            f->dir, generation);
    if (err == VT_OK && !p.encrypted)
        memcpy(f->held->key, p.key, VT_ROOT_KEY_SIZE);
    if (err == VT_OK && p.encrypted)
        err = vt_aead_open(f->held->kek, p.nonce, b.data, p.head_len, p.key, SEALED_KEY_SIZE,
            f->held->key, why);
    if (err == VT_E_SIG)
        err = vt_fail(why, VT_E_REFUSED,
            "the passphrase does not open the root key of generation %" PRIu64, generation);
    vt_buf_release(&b);
    return err;
}

/* Overwrites what is there, so that undeleting it gives nothing, and removes it. */
static enum vt_err
destroy(const char *path, struct vt_why *why)
{
    uint8_t noise[FILE_MAX];
    struct stat st;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    enum vt_err err;

    if (fd < 0 && errno == ENOENT)
        return VT_OK;
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot destroy the root key", path);
    err = vt_random(noise, sizeof noise, why);
    if (err == VT_OK && fstat(fd, &st) != 0)
        err = vt_fail_errno(why, "%s", path);
    if (err == VT_OK && st.st_size > 0 && (size_t)st.st_size <= sizeof noise)
        err = vt_fd_write(fd, noise, (size_t)st.st_size, why);
    if (err == VT_OK && fsync(fd) != 0)
        err = vt_fail_errno(why, "%s: cannot overwrite the root key", path);
    (void)close(fd);
    if (err == VT_OK && unlink(path) != 0)
        err = vt_fail_errno(why, "%s: cannot remove the root key", path);
    return err;
}

static enum vt_err
put_key(struct file_root *f, struct vt_buf *b, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    size_t head_len;
    uint8_t *p;
    enum vt_err err;

    if (!f->encrypted) {
        vt_buf_put(b, f->held->key, VT_ROOT_KEY_SIZE);
        return VT_OK;
    }
    vt_buf_put(b, f->salt, SALT_SIZE);
    head_len = b->len;
    err = vt_random(nonce, sizeof nonce, why);
    vt_buf_put(b, nonce, sizeof nonce);
    p = vt_buf_reserve(b, SEALED_KEY_SIZE);
    if (err == VT_OK && p != NULL)
        err = vt_aead_seal(
            f->held->kek, nonce, b->data, head_len, f->held->key, VT_ROOT_KEY_SIZE, p, why);
    if (err == VT_OK && p != NULL)
        vt_buf_commit(b, SEALED_KEY_SIZE);
    return err;
}

static enum vt_err
make(void *impl, uint64_t generation, struct vt_why *why)
{
    struct file_root *f = impl;
    struct vt_buf b = {.max = FILE_MAX, .secret = true};
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(f, generation, path, why);

    if (err == VT_OK)
        err = destroy(path, why);
    if (err == VT_OK)
        err = vt_random(f->held->key, VT_ROOT_KEY_SIZE, why);
    vt_buf_puts(&b, MAGIC);
    vt_buf_put_u64(&b, generation);
    vt_buf_put_u8(&b, f->encrypted ? 1 : 0);
    if (err == VT_OK)
        err = put_key(f, &b, why);
    if (err == VT_OK)
        err = vt_buf_check(&b, "root key", why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, b.data, b.len, why);
    vt_wipe(f->held->key, VT_ROOT_KEY_SIZE);
    vt_buf_release(&b);
    return err;
}

/* Wrapped: u8[12] nonce, then the sealed key. */
static enum vt_err
wrap(void *impl, uint64_t generation, const void *aad, size_t aad_len, const uint8_t *key,
    struct vt_buf *b, struct vt_why *why)
{
    uint8_t out[VT_AEAD_NONCE_SIZE + SEALED_KEY_SIZE];
    struct file_root *f = impl;
    enum vt_err err = load(f, generation, why);

    if (err == VT_OK)
        err = vt_random(out, VT_AEAD_NONCE_SIZE, why);
    if (err == VT_OK)
        err = vt_aead_seal(f->held->key, out, aad, aad_len, key, VT_ROOT_KEY_SIZE,
            out + VT_AEAD_NONCE_SIZE, why);
    if (err == VT_OK)
        vt_buf_put(b, out, sizeof out);
    vt_wipe(f->held->key, VT_ROOT_KEY_SIZE);
    return err == VT_OK ? vt_buf_check(b, "wrapped key", why) : err;
}

static enum vt_err
unwrap(void *impl, uint64_t generation, const void *aad, size_t aad_len, const void *wrapped,
    size_t len, uint8_t *ret, struct vt_why *why)
{
    struct file_root *f = impl;
    const uint8_t *p = wrapped;
    enum vt_err err;

    if (len != VT_AEAD_NONCE_SIZE + SEALED_KEY_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "a wrapped key of %zu bytes", len);
    err = load(f, generation, why);
    if (err == VT_OK)
        err = vt_aead_open(
            f->held->key, p, aad, aad_len, p + VT_AEAD_NONCE_SIZE, SEALED_KEY_SIZE, ret, why);
    vt_wipe(f->held->key, VT_ROOT_KEY_SIZE);
    return err;
}

struct sweep {
    const struct file_root *f;
    uint64_t keep;
};

static enum vt_err
sweep_one(void *ctx, const char *name, struct vt_why *why)
{
    struct sweep *s = ctx;
    struct vt_reader r = VT_READER(name, strlen(name));
    char path[VT_PATH_MAX];
    uint64_t generation;
    enum vt_err err;

    if (!vt_reader_skip(&r, PREFIX) || !vt_reader_decimal(&r, UINT64_MAX, &generation) ||
        generation == s->keep)
        return VT_OK;
    err = path_of(s->f, generation, path, why);
    return err == VT_OK ? destroy(path, why) : err;
}

static enum vt_err
sweep(void *impl, uint64_t keep, struct vt_why *why)
{
    struct file_root *f = impl;
    struct sweep s = {.f = f, .keep = keep};
    enum vt_err err = vt_dir_each(f->dir, sweep_one, &s, why);

    return err == VT_OK ? vt_dir_sync(f->dir, why) : err;
}

static void
release(void *impl)
{
    struct file_root *f = impl;

    vt_locked_free(f->held);
    free(f);
}

static const struct vt_root_ops ops = {
    .make = make, .wrap = wrap, .unwrap = unwrap, .sweep = sweep, .free = release};

static enum vt_err
root_new(const char *dir, struct file_root **ret, struct vt_why *why)
{
    struct file_root *f = calloc(1, sizeof *f);
    void *held = NULL;
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "root key: out of memory");
    err = vt_path(f->dir, why, "%s", dir);
    if (err == VT_OK)
        err = vt_locked_new(sizeof *f->held, &held, why);
    f->held = held;
    if (err != VT_OK) {
        release(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

static enum vt_err
use_passphrase(struct file_root *f, const void *pass, size_t len, struct vt_why *why)
{
    f->encrypted = true;
    return vt_scrypt(pass, len, f->salt, f->held->kek, why);
}

enum vt_err
vt_root_file_new(
    const char *dir, const char *passphrase, struct vt_root **ret, struct vt_why *why)
{
    struct file_root *f = NULL;
    enum vt_err err = root_new(dir, &f, why);

    if (err != VT_OK)
        return err;
    if (passphrase != NULL) {
        err = vt_random(f->salt, SALT_SIZE, why);
        if (err == VT_OK)
            err = use_passphrase(f, passphrase, strlen(passphrase), why);
    }
    if (err != VT_OK) {
        release(f);
        return err;
    }
    return vt_root_make_seam(&ops, f, ret, why);
}

/* Learns from the file whether there is a passphrase, and asks for it. */
static enum vt_err
unlock(struct file_root *f, uint64_t generation, struct vt_why *why)
{
    struct vt_buf b = {.max = FILE_MAX, .secret = true};
    struct vt_buf pass = {.max = VT_PASSPHRASE_MAX, .secret = true};
    struct parsed p;
    char path[VT_PATH_MAX];
    enum vt_err err = read_file(f, generation, &b, &p, why);

    if (err == VT_OK && p.encrypted) {
        memcpy(f->salt, p.salt, SALT_SIZE);
        err = path_of(f, generation, path, why);
        if (err == VT_OK)
            err = vt_passphrase_get(path, &pass, why);
        if (err == VT_OK)
            err = use_passphrase(f, pass.data, pass.len, why);
        if (err == VT_OK)
            err = load(f, generation, why);
        vt_wipe(f->held->key, VT_ROOT_KEY_SIZE);
    }
    vt_buf_release(&pass);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_root_file_open(
    const char *dir, uint64_t generation, struct vt_root **ret, struct vt_why *why)
{
    struct file_root *f = NULL;
    enum vt_err err = root_new(dir, &f, why);

    if (err != VT_OK)
        return err;
    err = unlock(f, generation, why);
    if (err != VT_OK) {
        release(f);
        return err;
    }
    return vt_root_make_seam(&ops, f, ret, why);
}
