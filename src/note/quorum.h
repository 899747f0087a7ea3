/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quorums as policies define them. For this module only. No I/O.
 *
 * A name is a party (a witness or a signer) or a group of names defined before
 * it. Since each name is in one group at most, the names are a forest whose
 * nodes stand in an order with every member before its group: one pass over
 * them answers any question, without recursion and without memory.
 */
#ifndef VT_NOTE_QUORUM_H
#define VT_NOTE_QUORUM_H

#include "base/err.h"

#include <stdbool.h>

#define VT_QUORUM_NODES_MAX 128U
#define VT_QUORUM_NODE_NONE (-1) /* no node: not found, no group, not a party */

/* What the parties of a name are; a group has parties of one class. */
enum vt_quorum_class { VT_QUORUM_WITNESS = 1, VT_QUORUM_SIGNER };

struct vt_quorum_node {
    const char *name;
    enum vt_quorum_class class;
    int party;        /* the party's index in its class, or VT_QUORUM_NODE_NONE: a group */
    int parent;       /* the group it is in, or VT_QUORUM_NODE_NONE */
    unsigned members; /* of a group */
    unsigned k;       /* of a group: how many of them it takes */
};

struct vt_quorum {
    size_t count;
    struct vt_quorum_node node[VT_QUORUM_NODES_MAX];
};

/* The node of that name, or VT_QUORUM_NODE_NONE. */
int vt_quorum_find(const struct vt_quorum *q, const char *name);
/* Adds a node and returns its number; NULL-terminated name kept by pointer.
 * The caller has seen to it that there is room. */
int vt_quorum_add(struct vt_quorum *q, const struct vt_quorum_node *node);

/* Whether the parties of node's class that `has` holds (by index) are enough
 * for the node. */
bool vt_quorum_met(const struct vt_quorum *q, int node, const bool *has);
/* Fails with VT_E_QUORUM, saying how many of whom are there and who is
 * missing; `what` is the word for one, such as "signature". */
enum vt_err vt_quorum_fail(
    const struct vt_quorum *q, int node, const bool *has, const char *what, struct vt_why *why);
/* Sets ret_has (by index) for the parties at or below the node; returns the
 * least number of them that is enough. */
unsigned vt_quorum_least(const struct vt_quorum *q, int node, bool *ret_has);

#endif
