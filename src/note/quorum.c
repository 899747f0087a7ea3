/* SPDX-License-Identifier: Apache-2.0 */
#include "note/quorum.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct tally {
    unsigned got[VT_QUORUM_NODES_MAX]; /* of a group: members that are met */
    bool met[VT_QUORUM_NODES_MAX];
};

int
vt_quorum_find(const struct vt_quorum *q, const char *name)
{
    for (size_t i = 0; i < q->count; i++) {
        if (strcmp(q->node[i].name, name) == 0)
            return (int)i;
    }
    return VT_QUORUM_NODE_NONE;
}

int
vt_quorum_add(struct vt_quorum *q, const struct vt_quorum_node *node)
{
    assert(q->count < VT_QUORUM_NODES_MAX);
    q->node[q->count] = *node;
    return (int)q->count++;
}

static void
count_up(
    const struct vt_quorum *q, enum vt_quorum_class class, const bool *has, struct tally *t)
{
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < q->count; i++) {
        const struct vt_quorum_node *n = &q->node[i];
        if (n->class != class)
            continue;
        t->met[i] = n->party >= 0 ? has[n->party] : t->got[i] >= n->k;
        if (t->met[i] && n->parent >= 0)
            t->got[n->parent]++;
    }
}

bool
vt_quorum_met(const struct vt_quorum *q, int node, const bool *has)
{
    struct tally t;
    count_up(q, q->node[node].class, has, &t);
    return t.met[node];
}

/* Whether party node i is below `node` with nothing met on the way there. */
static bool
is_missing(const struct vt_quorum *q, const struct tally *t, int node, int i)
{
    for (; i >= 0; i = q->node[i].parent) {
        if (t->met[i])
            return false;
        if (i == node)
            return true;
    }
    return false;
}

/* "a", "a and b", "a, b and c"; cut when it gets long. Returns how many. */
static unsigned
list_missing(
    const struct vt_quorum *q, const struct tally *t, int node, char *ret, size_t ret_size)
{
    unsigned total = 0, done = 0;
    size_t at = 0;

    for (size_t i = 0; i < q->count; i++)
        total += q->node[i].party >= 0 && is_missing(q, t, node, (int)i);
    for (size_t i = 0; i < q->count && at < ret_size; i++) {
        if (q->node[i].party < 0 || !is_missing(q, t, node, (int)i))
            continue;
        const char *sep = done == 0 ? "" : done + 1 == total ? " and " : ", ";
        int n = snprintf(ret + at, ret_size - at, "%s%s", sep, q->node[i].name);
        at += n > 0 ? (size_t)n : 0;
        done++;
    }
    return total;
}

enum vt_err
vt_quorum_fail(
    const struct vt_quorum *q, int node, const bool *has, const char *what, struct vt_why *why)
{
    const struct vt_quorum_node *n = &q->node[node];
    char missing[640] = "";
    struct tally t;

    count_up(q, n->class, has, &t);
    if (n->party >= 0)
        return vt_fail(why, VT_E_QUORUM, "the %s of `%s` is missing", what, n->name);
    unsigned count = list_missing(q, &t, node, missing, sizeof missing);
    return vt_fail(why, VT_E_QUORUM, "%u of the %u %ss that `%s` asks for: %s %s missing",
        t.got[node], n->k, what, n->name, missing, count == 1 ? "is" : "are");
}

/* Adds up the k least of a group's members. */
static unsigned
least_of(const struct vt_quorum *q, int group, const unsigned *least)
{
    bool used[VT_QUORUM_NODES_MAX] = {false};
    unsigned sum = 0;

    for (unsigned k = 0; k < q->node[group].k; k++) {
        int best = VT_QUORUM_NODE_NONE;
        for (int i = 0; i < group; i++) {
            if (q->node[i].parent == group && !used[i] && (best < 0 || least[i] < least[best]))
                best = i;
        }
        assert(best >= 0);
        used[best] = true;
        sum += least[best];
    }
    return sum;
}

unsigned
vt_quorum_least(const struct vt_quorum *q, int node, bool *ret_has)
{
    unsigned least[VT_QUORUM_NODES_MAX] = {0};

    for (int i = 0; i <= node; i++) {
        const struct vt_quorum_node *n = &q->node[i];
        least[i] = n->party >= 0 ? 1 : least_of(q, i, least);
        int up = i;
        while (up >= 0 && up != node)
            up = q->node[up].parent;
        if (n->party >= 0 && up == node)
            ret_has[n->party] = true;
    }
    return least[node];
}
