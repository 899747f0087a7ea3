/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name's place is one of a few that its digest gives, so that looking is quick; the oldest of
 * them gives way.
 */
#include "centre/session_limit.h"

#include <string.h>

enum { PROBES = 16 };

static size_t
first_place(const struct vt_limit *limit, const char *who, struct vt_digest *ret_name)
{
    const struct vt_slice parts[] = {
        {limit->what, strlen(limit->what) + 1}, {who, strlen(who)}};
    size_t at;

    vt_digest_of_slices(parts, 2, ret_name);
    at = (size_t)ret_name->b[0] << 8 | ret_name->b[1];
    return at % VT_LIMIT_PLACES;
}

static bool
in_window(int64_t began, const struct vt_limit *limit, int64_t now)
{
    return now >= began && now < began + (int64_t)limit->window_s;
}

/* The place that a name has, or the best one for it. */
static size_t
find(const struct vt_limits *all, const struct vt_limit *limit, const char *who,
    struct vt_digest *ret_name, bool *ret_has)
{
    size_t first = first_place(limit, who, ret_name);
    size_t best = first;

    *ret_has = true;
    for (size_t i = 0; i < PROBES; i++) {
        size_t at = (first + i) % VT_LIMIT_PLACES;

        if (all->place[at].count > 0 && vt_digest_eq(&all->place[at].name, ret_name))
            return at;
        if (all->place[best].count > 0 &&
            (all->place[at].count == 0 || all->place[at].began < all->place[best].began))
            best = at;
    }
    *ret_has = false;
    return best;
}

bool
vt_limit_ok(const struct vt_limits *all, const struct vt_limit *limit, const char *who,
    int64_t now, uint32_t *ret_wait_s)
{
    struct vt_digest name;
    bool has;
    size_t at = find(all, limit, who, &name, &has);

    if (!has || !in_window(all->place[at].began, limit, now) ||
        all->place[at].count < limit->most)
        return true;
    *ret_wait_s = (uint32_t)(all->place[at].began + (int64_t)limit->window_s - now);
    return false;
}

void
vt_limit_count(
    struct vt_limits *all, const struct vt_limit *limit, const char *who, int64_t now)
{
    struct vt_digest name;
    bool has;
    size_t at = find(all, limit, who, &name, &has);

    if (!has || !in_window(all->place[at].began, limit, now)) {
        all->place[at].name = name;
        all->place[at].began = now;
        all->place[at].count = 0;
    }
    if (all->place[at].count < UINT32_MAX)
        all->place[at].count++;
}

void
vt_limit_forget(struct vt_limits *all, const struct vt_limit *limit, const char *who)
{
    struct vt_digest name;
    bool has;
    size_t at = find(all, limit, who, &name, &has);

    if (has)
        all->place[at].count = 0;
}
