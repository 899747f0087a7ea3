/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/settle.h"

#include "base/clock.h"
#include "vault/packer.h"
#include "vault/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST "run/pack"
enum { STEP_MS = 50, LOOK_TURNS = 40 };

static enum vt_err
give_keys(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    return vt_keeper_seal_keys(
        ctx, id, m->region, m->class_name, m->day, first, subject, n, ret, why);
}

struct settling {
    const struct vt_home *home;
    struct vt_packer packer;
    struct vt_buf names; /* of write-ahead files, each ended by a newline */
};

static enum vt_err
add_name(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_buf *names = ctx;

    vt_buf_putf(names, "%s\n", name);
    return vt_buf_check(names, "the names of write-ahead files", why);
}

static enum vt_err
list_files(struct settling *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->home, path, why, "wal");

    vt_buf_init(&s->names, 64U * 1024 * 1024);
    return err == VT_OK && vt_file_exists(path) ? vt_dir_each(path, add_name, &s->names, why)
                                                : err;
}

/* --- a vault that does not run ---------------------------------------------------------------
 */

static enum vt_err
pack_file(struct settling *s, const char *path, struct vt_why *why)
{
    struct vt_packed packed = {0};
    enum vt_err err = vt_packer_run(&s->packer, path, &packed, why);

    vt_packed_release(&packed);
    if (err == VT_OK && unlink(path) != 0)
        err = vt_fail_errno(why, "%s", path);
    return err;
}

static enum vt_err
pack_here(struct settling *s, struct vt_why *why)
{
    struct vt_reader r, line;
    char name[64];
    char path[VT_PATH_MAX];
    enum vt_err err = list_files(s, why);
    enum vt_err waits = VT_OK;

    r = VT_READER(s->names.data, s->names.len);
    while (err == VT_OK && vt_reader_line(&r, &line)) {
        if (!vt_reader_cstr(&line, name, sizeof name))
            continue; /* no write-ahead file's name */
        err = vt_vault_path(s->home, path, why, "wal/%s", name);
        if (err == VT_OK)
            err = pack_file(s, path, why);
        if (err == VT_E_BUSY) { /* others of its batches are packed */
            waits = err;
            err = VT_OK;
        }
    }
    if (err == VT_OK)
        err = vt_vault_path(s->home, path, why, "wal");
    if (err == VT_OK && s->names.len > 0)
        err = vt_dir_sync(path, why);
    return err == VT_OK ? waits : err;
}

/* --- a vault that runs -----------------------------------------------------------------------
 */

static enum vt_err
ask(const struct settling *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->home, path, why, REQUEST);

    return err == VT_OK ? vt_file_replace(path, 0600, "", 0, why) : err;
}

bool
vt_settle_asked(const struct vt_home *h)
{
    char path[VT_PATH_MAX];

    return vt_vault_path(h, path, NULL, REQUEST) == VT_OK && unlink(path) == 0;
}

/* Whether the vault has not heard yet, or any of the files that were there is there still. It
 * hears after it has read the policy anew, so that then it takes no batch by an older one. */
static bool
some_left(const struct settling *s)
{
    struct vt_reader r = VT_READER(s->names.data, s->names.len);
    struct vt_reader line;
    char name[64];
    char path[VT_PATH_MAX];

    if (vt_vault_path(s->home, path, NULL, REQUEST) == VT_OK && vt_file_exists(path))
        return true;
    while (vt_reader_line(&r, &line)) {
        if (vt_reader_cstr(&line, name, sizeof name) &&
            vt_vault_path(s->home, path, NULL, "wal/%s", name) == VT_OK && vt_file_exists(path))
            return true;
    }
    return false;
}

static void
pause_step(void)
{
    const struct timespec t = {.tv_nsec = STEP_MS * 1000000L};

    (void)nanosleep(&t, NULL);
}

/* Until the files that were there are gone. When they stay for another region's sake, a look
 * into them tells, which costs more. */
static enum vt_err
await(const struct settling *s, const char *region, int64_t until_ms, struct vt_why *why)
{
    for (unsigned turn = 0;; turn++) {
        bool left = some_left(s);
        uint64_t waiting = left;
        enum vt_err err = VT_OK;

        if (region != NULL && (!left || turn % LOOK_TURNS == 0))
            err = vt_packer_waiting(s->home, region, &waiting, why);
        if (err != VT_OK || waiting == 0)
            return err;
        if (vt_clock_monotonic_ms() > until_ms)
            return vt_fail(why, VT_E_TIMEOUT,
                "batches that the vault has acknowledged are not in segments yet (its log says "
                "why): try again later");
        pause_step();
    }
}

static enum vt_err
settle(const struct vt_home *h, struct vt_keeper *keeper, const char *region,
    int64_t timeout_ms, struct vt_why *why)
{
    struct settling s = {.home = h,
        .packer = {.home = h,
            .keys = give_keys,
            .keys_ctx = keeper,
            .keys_max = VT_KEEPER_SUBJECTS_MAX}};
    int64_t until_ms = vt_clock_monotonic_ms() + timeout_ms;
    struct vt_lock lock = {.fd = -1};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(h, path, why, "run");

    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_vault_path(h, path, why, "run/lock");
    if (err != VT_OK)
        return err;
    err = vt_lock_take(&lock, path, "the vault", why);
    if (err == VT_OK) {
        err = pack_here(&s, why);
        vt_lock_release(&lock);
        if (err == VT_E_BUSY && region != NULL)
            err = await(&s, region, 0, why);
    } else if (err == VT_E_BUSY) {
        err = list_files(&s, why);
        if (err == VT_OK)
            err = ask(&s, why);
        if (err == VT_OK)
            err = await(&s, region, until_ms, why);
    }
    vt_buf_release(&s.names);
    return err;
}

enum vt_err
vt_settle_all(
    const struct vt_home *h, struct vt_keeper *keeper, int64_t timeout_ms, struct vt_why *why)
{
    return settle(h, keeper, NULL, timeout_ms, why);
}

enum vt_err
vt_settle_region(const struct vt_home *h, struct vt_keeper *keeper, const char *region,
    int64_t timeout_ms, struct vt_why *why)
{
    return settle(h, keeper, region, timeout_ms, why);
}
