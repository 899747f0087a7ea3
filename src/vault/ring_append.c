/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was added to a ring since its snapshot, one record each time:
 *
 *     u32 n, u32 complement of n, u8[12] nonce, sealed items (n bytes from the nonce on)
 *
 * Each is bound to its number and to the tag of the one before it, so none can be taken out,
 * put elsewhere or doubled. Nonces are random, since a record whose writing failed or was
 * torn is written anew under the same number.
 */
#include "vault/ring_held.h"

#include "base/log.h"
#include "crypto/aead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "VTA1"
#define FILE_HEAD (4U + VT_DIGEST_SIZE)
#define RECORD_HEAD 8U
#define SEAL_SIZE                                                                              \
    (VT_AEAD_NONCE_SIZE + VT_AEAD_TAG_SIZE) /* what a record has beside its items */
#define RECORD_MAX (VT_RING_ITEMS_MAX + SEAL_SIZE)
#define AAD_SIZE 24U
#define SECTOR 512U

static enum vt_err
path_of(const struct vt_ring *r, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/append-%llu", r->dir, (unsigned long long)r->generation);
}

static void
aad_of(const struct vt_ring *r, uint8_t ret[AAD_SIZE])
{
    memcpy(ret, r->chain, sizeof r->chain);
    for (unsigned i = 0; i < 8; i++)
        ret[16 + i] = (uint8_t)(r->append_count >> (56 - 8 * i));
}

/* One record's seal; its items are added. VT_E_SIG: not authentic. */
static enum vt_err
take_record(struct vt_ring *r, const uint8_t *p, size_t len, struct vt_why *why)
{
    struct vt_buf b = {.max = RECORD_MAX, .secret = true};
    uint8_t aad[AAD_SIZE];
    uint8_t *plain = vt_buf_reserve(&b, len - VT_AEAD_NONCE_SIZE);
    enum vt_err err;

    if (plain == NULL)
        return vt_buf_check(&b, "ring", why);
    aad_of(r, aad);
    err = vt_aead_open(r->key, p, aad, sizeof aad, p + VT_AEAD_NONCE_SIZE,
        len - VT_AEAD_NONCE_SIZE, plain, why);
    if (err == VT_OK) {
        vt_buf_commit(&b, len - SEAL_SIZE);
        memcpy(r->chain, p + len - sizeof r->chain, sizeof r->chain);
        r->append_count++;
        err = vt_ring_items_each(b.data, b.len, vt_ring_item_apply, r, why);
    }
    vt_buf_release(&b);
    return err;
}

static bool
all_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Only the last record can be torn: each is durable before the next begins. Then the file ends
 * within it, or some of its sectors were not written and are zeros: its seal is wrong, or its
 * head is zero up to the sector's end or from a sector's begin. Any other head that is wrong
 * is damage. */
static bool
head_torn(const uint8_t *p, uint64_t offset)
{
    size_t to_sector = SECTOR - (size_t)(offset % SECTOR);

    if (to_sector >= RECORD_HEAD)
        return all_zero(p, RECORD_HEAD);
    return all_zero(p, to_sector) || all_zero(p + to_sector, RECORD_HEAD - to_sector);
}

enum vt_err
vt_ring_records_read(struct vt_ring *r, const uint8_t *data, size_t len, bool at_end,
    size_t *ret_len, struct vt_why *why)
{
    struct vt_reader in = VT_READER(data, len);
    size_t whole = 0;

    while (in.left >= RECORD_HEAD) {
        const uint8_t *p;
        uint32_t n = 0, complement = 0;
        enum vt_err err;
        if (!vt_reader_u32(&in, &n) || !vt_reader_u32(&in, &complement))
            break;
        if (n != ~complement && at_end && in.left <= RECORD_MAX &&
            head_torn(data + whole, FILE_HEAD + whole))
            break;
        if (n != ~complement || n < SEAL_SIZE || n > RECORD_MAX)
            return vt_fail(why, VT_E_SYNTAX, "record %llu has a misformed head",
                (unsigned long long)r->append_count);
        if (!vt_reader_take(&in, n, &p))
            break;
        err = take_record(r, p, n, why);
        if (err == VT_E_SIG && at_end && in.left == 0)
            break;
        if (err != VT_OK)
            return vt_fail_in(why, err, "record %llu", (unsigned long long)r->append_count);
        whole = len - in.left;
    }
    *ret_len = whole;
    return VT_OK;
}

static enum vt_err
begin_file(struct vt_ring *r, const char *path, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(FILE_HEAD);
    enum vt_err err;

    vt_buf_puts(&b, MAGIC);
    vt_buf_put(&b, r->head.b, VT_DIGEST_SIZE);
    err = vt_buf_check(&b, "ring", why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
cut_tail(struct vt_ring *r, const char *path, size_t len, size_t whole, struct vt_why *why)
{
    if (whole == len)
        return VT_OK;
    vt_log(VT_LOG_WARN, "%s: cut %zu bytes of a record that was never completed", path,
        len - whole);
    if (ftruncate(r->append_fd, (off_t)whole) != 0 || fdatasync(r->append_fd) != 0)
        return vt_fail_errno(why, "%s: cannot cut a torn record", path);
    return VT_OK;
}

static enum vt_err
read_records(
    struct vt_ring *r, const char *path, const uint8_t *data, size_t len, struct vt_why *why)
{
    struct vt_reader in = VT_READER(data, len);
    const uint8_t *head;
    size_t whole = 0;
    enum vt_err err;

    if (!vt_reader_skip(&in, MAGIC) || !vt_reader_take(&in, VT_DIGEST_SIZE, &head) ||
        memcmp(head, r->head.b, VT_DIGEST_SIZE) != 0)
        return vt_fail(why, VT_E_SYNTAX,
            "%s: does not belong to the snapshot beside it; restore both from a backup", path);
    err = vt_ring_records_read(r, in.p, in.left, true, &whole, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s: damaged; restore it from a backup", path);
    r->append_len = FILE_HEAD + whole;
    return cut_tail(r, path, len, FILE_HEAD + whole, why);
}

/* Maps the file, which may be larger than memory should hold twice. */
static enum vt_err
read_file(struct vt_ring *r, const char *path, struct vt_why *why)
{
    struct stat st;
    void *map;
    enum vt_err err;

    if (fstat(r->append_fd, &st) != 0)
        return vt_fail_errno(why, "%s", path);
    if (st.st_size < (off_t)FILE_HEAD)
        return vt_fail(why, VT_E_SYNTAX, "%s: cut short; restore it from a backup", path);
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, r->append_fd, 0);
    if (map == MAP_FAILED)
        return vt_fail_errno(why, "%s: cannot read", path);
    err = read_records(r, path, map, (size_t)st.st_size, why);
    (void)munmap(map, (size_t)st.st_size);
    return err;
}

enum vt_err
vt_ring_append_read(struct vt_ring *r, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = path_of(r, path, why);

    if (err == VT_OK && !vt_file_exists(path))
        err = begin_file(r, path, why);
    if (err != VT_OK)
        return err;
    if (r->append_fd >= 0)
        (void)close(r->append_fd);
    memcpy(r->chain, r->head.b, sizeof r->chain);
    r->append_count = 0;
    r->append_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (r->append_fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    return read_file(r, path, why);
}

static enum vt_err
seal_record(
    const struct vt_ring *r, const struct vt_buf *items, struct vt_buf *b, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    uint8_t aad[AAD_SIZE];
    uint32_t n = (uint32_t)(items->len + SEAL_SIZE);
    uint8_t *p;
    enum vt_err err = vt_random(nonce, sizeof nonce, why);

    aad_of(r, aad);
    vt_buf_put_u32(b, n);
    vt_buf_put_u32(b, ~n);
    vt_buf_put(b, nonce, sizeof nonce);
    p = vt_buf_reserve(b, items->len + VT_AEAD_TAG_SIZE);
    if (err == VT_OK)
        err = vt_buf_check(b, "ring", why);
    if (err == VT_OK)
        err = vt_aead_seal(r->key, nonce, aad, sizeof aad, items->data, items->len, p, why);
    if (err == VT_OK)
        vt_buf_commit(b, items->len + VT_AEAD_TAG_SIZE);
    return err;
}

static enum vt_err
write_record(struct vt_ring *r, const struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err;

    if (lseek(r->append_fd, (off_t)r->append_len, SEEK_SET) < 0)
        return vt_fail_errno(why, "key ring: cannot append");
    err = vt_fd_write(r->append_fd, b->data, b->len, why);
    if (err == VT_OK && fdatasync(r->append_fd) != 0) {
        /* What the kernel could not write it may have forgotten: no trying again. */
        r->broken = true;
        return vt_fail_errno(why, "key ring: cannot make an addition durable");
    }
    if (err != VT_OK && ftruncate(r->append_fd, (off_t)r->append_len) != 0)
        r->broken = true;
    return err == VT_OK ? err : vt_fail_in(why, err, "key ring: cannot append");
}

enum vt_err
vt_ring_append_add(struct vt_ring *r, const struct vt_buf *items, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(RECORD_HEAD + RECORD_MAX);
    enum vt_err err;

    if (items->len > VT_RING_ITEMS_MAX)
        return vt_fail(why, VT_E_LIMIT, "key ring: %zu bytes at once", items->len);
    err = seal_record(r, items, &b, why);
    if (err == VT_OK)
        err = write_record(r, &b, why);
    if (err == VT_OK) {
        memcpy(r->chain, b.data + b.len - sizeof r->chain, sizeof r->chain);
        r->append_len += b.len;
        r->append_count++;
    }
    vt_buf_release(&b);
    return err;
}
