/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write-ahead file of the vault. The input says what is written, and then what becomes of the
 * file: bytes changed, its end cut off, anything put behind it. What is read is a beginning of
 * what was written, or the file is refused; a cut alone never refuses it.
 */
#include "must.h"
#include "vault/bwal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCHES_MAX 24U

struct written {
    struct vt_reader in;
    const uint8_t *batch[BATCHES_MAX];
    size_t len[BATCHES_MAX];
    size_t count; /* committed */
};

/* Writes batches until the input says enough. */
static bool
write_file(const char *path, struct written *w)
{
    const struct vt_digest policy = {{1}};
    struct vt_bwal *f = NULL;
    uint8_t op = 0;

    if (vt_bwal_create(path, &policy, &f, NULL) != VT_OK)
        return false;
    while (w->count < BATCHES_MAX && vt_reader_u8(&w->in, &op) && op < 0xf0) {
        struct vt_bwal_record r = {.arrived = op, .len = (size_t)(op % 31) + 1};

        if (!vt_reader_take(&w->in, r.len, &r.batch))
            break;
        must(vt_bwal_append(f, &r, NULL) == VT_OK);
        w->batch[w->count] = r.batch;
        w->len[w->count++] = r.len;
        if (op % 3 == 0)
            must(vt_bwal_commit(f, NULL) == VT_OK);
    }
    must(vt_bwal_commit(f, NULL) == VT_OK);
    must(vt_bwal_count(f) == w->count);
    vt_bwal_free(f);
    return true;
}

/* Cuts, changes and lengthens it. true: it was cut at most. */
static bool
spoil(int fd, struct written *w)
{
    struct stat st;
    uint16_t at;
    uint8_t n, what;
    bool only_cut = true;

    must(fstat(fd, &st) == 0);
    if (vt_reader_u16(&w->in, &at) && at % 4 != 0)
        must(ftruncate(fd, at % (st.st_size + 1)) == 0);
    if (vt_reader_u8(&w->in, &n))
        for (; n % 8 > 0 && vt_reader_u16(&w->in, &at) && vt_reader_u8(&w->in, &what); n--) {
            must(pwrite(fd, &what, 1, at % (st.st_size + 1)) == 1);
            only_cut = false;
        }
    if (w->in.left > 0) {
        must(lseek(fd, 0, SEEK_END) >= 0);
        must(write(fd, w->in.p, w->in.left) == (ssize_t)w->in.left);
        only_cut = false;
    }
    return only_cut;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct written w = {.in = VT_READER(data, size)};
    struct vt_bwal_file *f = NULL;
    struct vt_why why = {{0}};
    bool only_cut;
    enum vt_err err;
    int fd;

    (void)snprintf(path, sizeof path, "/dev/shm/vt-fuzz-bwal-%ld", (long)getpid());
    (void)unlink(path);
    if (!write_file(path, &w))
        return 0;
    fd = open(path, O_RDWR);
    must(fd >= 0);
    only_cut = spoil(fd, &w);
    close(fd);
    err = vt_bwal_open(path, &f, &why);
    must_say(err, &why);
    must(err == VT_OK || err == VT_E_DIGEST);
    if (err == VT_OK) {
        must(vt_bwal_records(f) <= w.count);
        for (size_t i = 0; i < vt_bwal_records(f); i++) {
            const struct vt_bwal_record *r = vt_bwal_record(f, i);

            must(r->len == w.len[i] && memcmp(r->batch, w.batch[i], r->len) == 0);
        }
    } else if (only_cut) {
        struct stat st;

        must(stat(path, &st) == 0 && st.st_size < 101); /* into its first line */
    }
    vt_bwal_close(f);
    (void)unlink(path);
    return 0;
}
