/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/compare.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256U * 1024U)

struct walk {
    struct vt_compare c;
    bool in_range; /* the byte before this one differed */
};

static void
differ(struct walk *w, uint64_t offset, uint64_t count)
{
    if (w->c.equal)
        w->c.first_offset = offset;
    w->c.equal = false;
    w->c.differing += count;
    if (!w->in_range)
        w->c.ranges++;
    w->in_range = true;
}

/* Compares two chunks that stand at the same offset. */
static void
compare_chunks(struct walk *w, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t both = a_len < b_len ? a_len : b_len;
    size_t longer = a_len < b_len ? b_len : a_len;
    if (memcmp(a, b, both) == 0) {
        w->in_range = both == 0 && w->in_range;
    } else {
        for (size_t i = 0; i < both; i++)
            if (a[i] != b[i])
                differ(w, w->c.size_a + i, 1);
            else
                w->in_range = false;
    }
    if (longer > both)
        differ(w, (a_len < b_len ? w->c.size_a : w->c.size_b) + both, longer - both);
    w->c.size_a += a_len;
    w->c.size_b += b_len;
}

static enum vt_err
walk_files(struct walk *w, int a, int b, uint8_t *room, struct vt_why *why)
{
    for (;;) {
        size_t a_len = 0;
        size_t b_len = 0;
        enum vt_err err = vt_fd_read(a, room, CHUNK, &a_len, why);
        if (err == VT_OK)
            err = vt_fd_read(b, room + CHUNK, CHUNK, &b_len, why);
        if (err != VT_OK || (a_len == 0 && b_len == 0))
            return err;
        compare_chunks(w, room, a_len, room + CHUNK, b_len);
    }
}

enum vt_err
vt_compare_files(const char *a, const char *b, struct vt_compare *ret, struct vt_why *why)
{
    struct walk w = {.c = {.equal = true}};
    enum vt_err err = VT_OK;
    int fa = open(a, O_RDONLY | O_CLOEXEC);
    int fb = -1;
    uint8_t *room = NULL;
    if (fa < 0) {
        err = vt_fail_errno(why, "%s", a);
        goto out;
    }
    fb = open(b, O_RDONLY | O_CLOEXEC);
    if (fb < 0) {
        err = vt_fail_errno(why, "%s", b);
        goto out;
    }
    room = malloc((size_t)CHUNK * 2);
    if (room == NULL)
        err = vt_fail(why, VT_E_NOMEM, "comparing: out of memory");
    else
        err = walk_files(&w, fa, fb, room, why);
    if (err == VT_OK)
        *ret = w.c;
out:
    free(room);
    if (fa >= 0)
        (void)close(fa);
    if (fb >= 0)
        (void)close(fb);
    return err;
}

enum vt_err
vt_compare_report(const struct vt_compare *c, const char *assembled, const char *rebuilt,
    json_t **ret, struct vt_why *why)
{
    json_t *v = json_pack("{s:b, s:{s:s, s:I}, s:{s:s, s:I}, s:I, s:I, s:I}", "equal",
        (int)c->equal, "assembled", "sha256", assembled, "size", (json_int_t)c->size_a,
        "rebuilt", "sha256", rebuilt, "size", (json_int_t)c->size_b, "first_offset",
        (json_int_t)c->first_offset, "differing_bytes", (json_int_t)c->differing,
        "differing_ranges", (json_int_t)c->ranges);
    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "comparing: out of memory");
    *ret = v;
    return VT_OK;
}
