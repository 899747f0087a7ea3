/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory comes in regions: pages between two that cannot be touched. What is
 * larger than SMALL_MAX has a region of its own and ends where its last page
 * does, so that a write beyond it faults at once. Smaller things share regions
 * of one page, cut into 64 units, so that some hundred keys need some ten
 * pages of the little that an ordinary user may lock. What is known about a
 * region stands outside it.
 */
#include "crypto/locked.h"

#include "base/proc.h"
#include "crypto/digest.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEN_MAX (64U * 1024U * 1024U)
#define UNITS 64U
#define SMALL_UNITS_MAX 16U

struct region {
    struct region *next;
    uint8_t *data; /* its pages, the guards not counted */
    size_t len;    /* of the pages */
    bool shared;
    /* Of a shared one: the units in use, and those that something begins in. */
    uint64_t used;
    uint64_t first;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct region *regions;
static size_t page;

static void
before_fork(void)
{
    (void)pthread_mutex_lock(&lock);
}

static void
after_fork(void)
{
    (void)pthread_mutex_unlock(&lock);
}

/* Nothing of the parent's was given to this process. */
static void
after_fork_child(void)
{
    while (regions != NULL) {
        struct region *r = regions;
        regions = r->next;
        free(r);
    }
    (void)pthread_mutex_unlock(&lock);
}

static void
set_up(void)
{
    int failed = pthread_atfork(before_fork, after_fork, after_fork_child);

    assert(failed == 0);
    (void)failed;
    page = (size_t)sysconf(_SC_PAGESIZE);
}

/* As many bytes as this process may lock without asking anybody. */
static rlim_t
limit_raised(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_MEMLOCK, &l) != 0)
        return 0;
    if (l.rlim_cur != l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        if (setrlimit(RLIMIT_MEMLOCK, &l) != 0)
            (void)getrlimit(RLIMIT_MEMLOCK, &l);
    }
    return l.rlim_cur;
}

static enum vt_err
lock_pages(void *p, size_t len, struct vt_why *why)
{
    rlim_t most;

    if (mlock(p, len) == 0)
        return VT_OK;
    most = limit_raised();
    if (mlock(p, len) == 0)
        return VT_OK;
    return vt_fail(why, VT_E_NOMEM,
        "cannot lock %zu bytes more of memory for secrets: this process may lock %llu in all; "
        "raise it with `ulimit -l`, LimitMEMLOCK= of its service, or memlock in "
        "/etc/security/limits.conf",
        len, (unsigned long long)most);
}

/* The middle of a mapping: usable, locked, in no core dump and in no child. */
static enum vt_err
open_pages(uint8_t *data, size_t len, struct vt_why *why)
{
    if (mprotect(data, len, PROT_READ | PROT_WRITE) != 0)
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu bytes of secrets", len);
    if (madvise(data, len, MADV_DONTDUMP) != 0 || madvise(data, len, MADV_DONTFORK) != 0)
        return vt_fail_errno(why, "cannot keep secrets out of core dumps and children");
    return lock_pages(data, len, why);
}

static enum vt_err
region_new(size_t len, bool shared, struct region **ret, struct vt_why *why)
{
    struct region *r = calloc(1, sizeof *r);
    size_t pages = (len + page - 1) / page * page;
    uint8_t *all;
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    all = mmap(NULL, pages + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        free(r);
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu bytes of secrets", pages);
    }
    err = open_pages(all + page, pages, why);
    if (err != VT_OK) {
        (void)munmap(all, pages + 2 * page);
        free(r);
        return err;
    }
    *r = (struct region){.next = regions, .data = all + page, .len = pages, .shared = shared};
    regions = r;
    *ret = r;
    return VT_OK;
}

static void
region_free(struct region *r)
{
    struct region **at = &regions;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    vt_wipe(r->data, r->len);
    (void)munmap(r->data - page, r->len + 2 * page);
    free(r);
}

/* n ones from bit `at` on; n is less than 64. */
static uint64_t
units_mask(unsigned at, unsigned n)
{
    return (((uint64_t)1 << n) - 1) << at;
}

/* Finds room for n units in a shared region; NULL when it has none. */
static void *
take_units(struct region *r, unsigned n)
{
    for (unsigned at = 0; at + n <= UNITS; at++) {
        if ((r->used & units_mask(at, n)) != 0)
            continue;
        r->used |= units_mask(at, n);
        r->first |= (uint64_t)1 << at;
        return r->data + at * (page / UNITS);
    }
    return NULL;
}

/* The units from `at` to the end of what begins there. */
static void
give_units(struct region *r, const uint8_t *p)
{
    size_t size = page / UNITS;
    unsigned at = (unsigned)((size_t)(p - r->data) / size);
    unsigned n = 1;

    assert((size_t)(p - r->data) % size == 0 && (r->first >> at & 1) != 0);
    while (at + n < UNITS && (r->used >> (at + n) & 1) != 0 && (r->first >> (at + n) & 1) == 0)
        n++;
    vt_wipe(r->data + at * size, n * size);
    r->used &= ~units_mask(at, n);
    r->first &= ~((uint64_t)1 << at);
}

static enum vt_err
new_small(size_t len, void **ret, struct vt_why *why)
{
    unsigned n = len == 0 ? 1 : (unsigned)((len + page / UNITS - 1) / (page / UNITS));
    struct region *fresh;
    enum vt_err err;

    for (struct region *r = regions; r != NULL; r = r->next) {
        void *p = r->shared ? take_units(r, n) : NULL;
        if (p != NULL) {
            *ret = p;
            return VT_OK;
        }
    }
    err = region_new(page, true, &fresh, why);
    if (err == VT_OK)
        *ret = take_units(fresh, n);
    return err;
}

static enum vt_err
new_large(size_t len, void **ret, struct vt_why *why)
{
    const size_t align = 16;
    struct region *r;
    enum vt_err err = region_new(len, false, &r, why);

    if (err == VT_OK)
        *ret = r->data + (r->len - len) / align * align;
    return err;
}

enum vt_err
vt_locked_new(size_t len, void **ret, struct vt_why *why)
{
    enum vt_err err;

    if (len > LEN_MAX)
        return vt_fail(why, VT_E_NOMEM, "%zu bytes of secrets are more than %u", len, LEN_MAX);
    (void)pthread_once(&once, set_up);
    (void)pthread_mutex_lock(&lock);
    if (len <= page / UNITS * SMALL_UNITS_MAX)
        err = new_small(len, ret, why);
    else
        err = new_large(len, ret, why);
    (void)pthread_mutex_unlock(&lock);
    return err;
}

/* An empty region is kept when there is no other with room, so that one that
 * makes and frees a key again and again asks the kernel once. */
static bool
is_spare(const struct region *r)
{
    for (const struct region *o = regions; o != NULL; o = o->next) {
        if (o != r && o->shared && o->used != UINT64_MAX)
            return false;
    }
    return true;
}

void
vt_locked_free(void *p)
{
    const uint8_t *at = p;
    struct region *r;

    if (p == NULL)
        return;
    (void)pthread_once(&once, set_up);
    (void)pthread_mutex_lock(&lock);
    for (r = regions; r != NULL; r = r->next) {
        if (at >= r->data && at < r->data + r->len)
            break;
    }
    /* Not found: the parent's, which this process was not given. */
    if (r != NULL && r->shared)
        give_units(r, at);
    if (r != NULL && r->used == 0 && (!r->shared || !is_spare(r)))
        region_free(r);
    (void)pthread_mutex_unlock(&lock);
}

static bool
may_lock_all(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (limit_raised() == RLIM_INFINITY)
        return true;
    return syscall(SYS_capget, &head, caps) == 0 &&
           (caps[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

bool
vt_locked_process(void)
{
    vt_proc_harden();
    /* Below a limit, locking everything would leave nothing for what counts, and
     * make memory that is asked for later fail: then secrets alone are locked. */
    if (!may_lock_all())
        return false;
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 ||
           mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}
