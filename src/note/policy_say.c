/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: what they demand, in words for people. Groups are named before those they are in,
 * so the depth of what is said here is bounded by their number. */
#include "note/policy_compiled.h"

static int
node_of(const struct vt_policy *p, enum vt_entry_kind kind)
{
    if (kind == 0)
        return p->quorum;
    return vt_policy_demand_of(p, kind) == VT_POLICY_QUORUM ? p->require[kind].node
                                                            : VT_QUORUM_NODE_NONE;
}

const char *
vt_policy_demand_name(const struct vt_policy *p, enum vt_entry_kind kind)
{
    int node = node_of(p, kind);

    return node < 0 ? NULL : p->names.node[node].name;
}

unsigned
vt_policy_demand_least(const struct vt_policy *p, enum vt_entry_kind kind)
{
    bool has[VT_POLICY_PARTIES_MAX] = {false};
    int node = node_of(p, kind);

    return node < 0 ? 0 : vt_quorum_least(&p->names, node, has);
}

static void
put_node(struct vt_buf *b, const struct vt_quorum *q, int node, bool outermost)
{
    const struct vt_quorum_node *n = &q->node[node];
    const char *sep = "";

    if (n->party >= 0 || !outermost)
        vt_buf_puts(b, n->name);
    if (n->party >= 0)
        return;
    if (!outermost)
        vt_buf_puts(b, " (");
    if (n->k == n->members)
        vt_buf_puts(b, n->members > 1 ? "all of " : "");
    else if (n->k == 1)
        vt_buf_puts(b, "any of ");
    else
        vt_buf_putf(b, "%u of ", n->k);
    for (int i = 0; i < node; i++) {
        if (q->node[i].parent != node)
            continue;
        vt_buf_puts(b, sep);
        put_node(b, q, i, false);
        sep = ", ";
    }
    if (!outermost)
        vt_buf_puts(b, ")");
}

void
vt_policy_put_demand(struct vt_buf *b, const struct vt_policy *p, enum vt_entry_kind kind)
{
    int node = node_of(p, kind);

    if (node >= 0)
        put_node(b, &p->names, node, true);
}
