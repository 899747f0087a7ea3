/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel to a keeper, from the side that asks.
 */
#include "vault/keeper.h"

#include "base/proc.h"
#include "vault/keeper_ask.h"
#include "vault/place.h"
#include "vault/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STOP_MS 5000

struct vt_keeper {
    int fd;
    pid_t pid; /* -1: somebody else's process */
};

static const struct vt_msg_rule answers[] = {
    {VT_KEEPER_OK, VT_KEEPER_ANSWER_MAX},
    {VT_KEEPER_FAILED, 6 + VT_KEEPER_TEXT_MAX},
    {0, 0},
};

enum vt_err
vt_keeper_bad_answer(struct vt_why *why)
{
    return vt_fail(why, VT_E_SYNTAX, "the keeper's answer is malformed");
}

enum vt_err
vt_keeper_ask(struct vt_keeper *k, enum vt_keeper_type type, const void *body, size_t len,
    struct vt_buf *ret, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    uint16_t got = 0;
    enum vt_err err;

    *ret = (struct vt_buf){.max = VT_KEEPER_ANSWER_MAX, .secret = true};
    err = vt_msg_send(k->fd, (uint16_t)type, body, len, why);
    if (err == VT_OK)
        err = vt_msg_recv(k->fd, answers, -1, &got, ret, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_IO, "the keeper has ended");
    else if (err != VT_OK)
        err = vt_fail_in(why, err, "keeper");
    else if (got == VT_KEEPER_FAILED)
        err = vt_keeper_take_failure(ret->data, ret->len, &refusal, why);
    if (ret_refusal != NULL)
        *ret_refusal = refusal;
    return err;
}

static enum vt_err
introduce(int fd, pid_t pid, struct vt_keeper **ret, struct vt_why *why)
{
    struct vt_keeper *k = calloc(1, sizeof *k);
    struct vt_buf answer = {0};
    enum vt_err err;

    if (k == NULL) {
        vt_proc_stop(pid, fd, 0);
        return vt_fail(why, VT_E_NOMEM, "keeper: out of memory");
    }
    k->fd = fd;
    k->pid = pid;
    err = vt_keeper_ask(k, VT_KEEPER_HELLO, NULL, 0, &answer, NULL, why);
    vt_buf_release(&answer);
    if (err != VT_OK) {
        vt_keeper_close(k);
        return err;
    }
    *ret = k;
    return VT_OK;
}

enum vt_err
vt_keeper_attach(int fd, struct vt_keeper **ret, struct vt_why *why)
{
    return introduce(fd, -1, ret, why);
}

int
vt_keeper_fd(const struct vt_keeper *k)
{
    return k->fd;
}

void
vt_keeper_close(struct vt_keeper *k)
{
    if (k == NULL)
        return;
    vt_proc_stop(k->pid, k->fd, STOP_MS);
    free(k);
}

/* Connects to the socket in a folder, however long the folder's name is. -1: nobody is there.
 */
static int
connect_in(const char *dir)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/keeper.sock", dir_fd);
    if (fd >= 0 && (dir_fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    if (dir_fd >= 0)
        (void)close(dir_fd);
    return fd;
}

static int
serve_one(int fd, void *ctx)
{
    return vt_keeper_serve(fd, -1, ctx);
}

enum vt_err
vt_keeper_open(const struct vt_home *h, struct vt_keeper **ret, struct vt_why *why)
{
    struct vt_home copy = *h;
    char path[VT_PATH_MAX];
    pid_t pid = -1;
    int fd = -1;
    enum vt_err err = vt_vault_path(h, path, why, "ring/snapshot");

    if (err == VT_OK && !vt_file_exists(path))
        err = vt_fail(why, VT_E_STATE,
            "%s has no key ring: `vitrine vault init %s --ledger URL` makes one", h->dir,
            h->dir);
    if (err == VT_OK)
        err = vt_vault_path(h, path, why, "run");
    if (err != VT_OK)
        return err;
    fd = connect_in(path);
    if (fd < 0)
        err = vt_proc_fork("keeper", serve_one, &copy, NULL, &pid, &fd, why);
    return err == VT_OK ? introduce(fd, pid, ret, why) : err;
}

static enum vt_err
ring_dir(const struct vt_home *h, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_vault_path(h, ret, why, "ring");
}

enum vt_err
vt_keeper_init(const struct vt_home *h, enum vt_root_kind kind, const char *uri,
    const char *passphrase, struct vt_box_public *ret, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = ring_dir(h, dir, why);

    return err == VT_OK ? vt_ring_create(dir, h->name, kind, uri, passphrase, ret, why) : err;
}

enum vt_err
vt_keeper_restore(const struct vt_home *h, const void *copy, size_t len, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = ring_dir(h, dir, why);

    return err == VT_OK ? vt_ring_restore(dir, h->name, copy, len, why) : err;
}

static bool
take_status(struct vt_reader *r, struct vt_keeper_status *s)
{
    uint8_t locked, root;
    const uint8_t *box;

    if (!vt_reader_u64(r, &s->generation) || !vt_reader_u64(r, &s->epochs) ||
        !vt_reader_u64(r, &s->subjects) || !vt_keeper_take_digest(r, &s->ring_root) ||
        !vt_reader_u64(r, &s->ledger_size) || !vt_keeper_take_digest(r, &s->policy) ||
        !vt_reader_u64(r, &s->sessions) || !vt_reader_u8(r, &locked) ||
        !vt_reader_u8(r, &root) || !vt_reader_take(r, VT_BOX_SIZE, &box))
        return false;
    s->locked_memory = locked == 1;
    s->root = (enum vt_root_kind)root;
    memcpy(s->box.b, box, VT_BOX_SIZE);
    return r->left == 0;
}

enum vt_err
vt_keeper_status(struct vt_keeper *k, struct vt_keeper_status *ret, struct vt_why *why)
{
    struct vt_keeper_status s = {0};
    struct vt_buf b = {0};
    struct vt_reader r;
    enum vt_err err = vt_keeper_ask(k, VT_KEEPER_STATUS, NULL, 0, &b, NULL, why);

    r = VT_READER(b.data, b.len);
    if (err == VT_OK && !take_status(&r, &s))
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK)
        *ret = s;
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_keeper_set_policy(struct vt_keeper *k, const void *evidence, size_t len, struct vt_why *why)
{
    struct vt_buf b = {0};
    enum vt_err err = vt_keeper_ask(k, VT_KEEPER_SET_POLICY, evidence, len, &b, NULL, why);

    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_keeper_region_new(struct vt_keeper *k, const char *region, struct vt_box_public *ret_public,
    struct vt_buf *ret_shares, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(1 + VT_REGION_MAX);
    struct vt_buf b = {0};
    struct vt_reader r;
    const uint8_t *pub = NULL;
    enum vt_err err;

    vt_keeper_put_text(&ask, region);
    err = vt_buf_check(&ask, "region", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, VT_KEEPER_REGION_NEW, ask.data, ask.len, &b, NULL, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_OK && !vt_reader_take(&r, VT_BOX_SIZE, &pub))
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK) {
        vt_buf_put(ret_shares, r.p, r.left);
        err = vt_buf_check(ret_shares, "shares", why);
    }
    if (err == VT_OK)
        memcpy(ret_public->b, pub, VT_BOX_SIZE);
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}

enum vt_err
vt_keeper_seal_keys(struct vt_keeper *k, const uint8_t segment[VT_SEGMENT_ID_SIZE],
    const char *region, const char *class_name, uint32_t day, uint32_t first,
    const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32], struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(1024 + (size_t)VT_KEEPER_SUBJECTS_MAX * VT_SUBJECT_SIZE);
    struct vt_buf b = {0};
    enum vt_err err;

    if (n == 0 || n > VT_KEEPER_SUBJECTS_MAX)
        return vt_fail(why, VT_E_USAGE, "keys for %zu blocks at once", n);
    vt_buf_put(&ask, segment, VT_SEGMENT_ID_SIZE);
    vt_keeper_put_text(&ask, region);
    vt_keeper_put_text(&ask, class_name);
    vt_buf_put_u32(&ask, day);
    vt_buf_put_u32(&ask, first);
    vt_buf_put_u32(&ask, (uint32_t)n);
    vt_buf_put(&ask, subject, n * VT_SUBJECT_SIZE);
    err = vt_buf_check(&ask, "request for keys", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, VT_KEEPER_SEAL_KEYS, ask.data, ask.len, &b, NULL, why);
    if (err == VT_OK && b.len != n * 32)
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK)
        memcpy(ret, b.data, b.len);
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}
