/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/history.h"

#include <stdlib.h>

struct walk {
    const struct vt_policy *policy;
    const struct vt_policy_party *signers;
    struct vt_signer_set assemblers;
    const struct vt_vkey *me;
    struct vt_history h;
    size_t room;
};

static bool
same_one(const struct vt_entry *a, const struct vt_entry *b, enum vt_subject_role role)
{
    const struct vt_digest *x = vt_entry_one(a, role);
    const struct vt_digest *y = vt_entry_one(b, role);
    return x != NULL && y != NULL && vt_digest_eq(x, y);
}

static bool
same_inputs(const struct vt_entry *a, const struct vt_entry *b)
{
    return same_one(a, b, VT_SUBJECT_SOURCE) && same_one(a, b, VT_SUBJECT_ENVIRONMENT) &&
           same_one(a, b, VT_SUBJECT_RECIPE);
}

/* How many of a's artifacts b has too; *ret_all: of how many. */
static size_t
common_artifacts(const struct vt_entry *a, const struct vt_entry *b, size_t *ret_all)
{
    size_t common = 0;
    size_t all = 0;
    for (size_t i = 0; i < a->subject_count; i++) {
        if (a->subject[i].role != VT_SUBJECT_ARTIFACT)
            continue;
        all++;
        common += vt_entry_has(b, VT_SUBJECT_ARTIFACT, &a->subject[i].digest);
    }
    *ret_all = all;
    return common;
}

static void
take_answer(struct walk *w, const struct vt_entry *e)
{
    for (size_t i = 0; i < w->h.count; i++) {
        struct vt_history_item *it = &w->h.item[i];
        size_t all = 0;
        if (!same_inputs(&it->entry, e))
            continue;
        size_t common = common_artifacts(&it->entry, e, &all);
        if (e->kind == VT_ENTRY_REBUILD && common == all)
            it->confirmed = true;
        else if (e->kind == VT_ENTRY_MISMATCH && common > 0)
            it->contradicted = true;
    }
}

static enum vt_err
take_assembly(struct walk *w, uint64_t index, const struct vt_entry *e,
    const struct vt_policy_party *signer, struct vt_why *why)
{
    if (w->h.count == VT_HISTORY_MAX)
        return vt_fail(why, VT_E_LIMIT, "the log has more than %u assemblies", VT_HISTORY_MAX);
    if (w->h.count == w->room) {
        size_t room = w->room == 0 ? 64 : w->room * 2;
        struct vt_history_item *more = reallocarray(w->h.item, room, sizeof *more);
        if (more == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory for the log's assemblies");
        w->h.item = more;
        w->room = room;
    }
    w->h.item[w->h.count++] =
        (struct vt_history_item){.index = index, .entry = *e, .signer = signer};
    return VT_OK;
}

/* An entry that is malformed, or not by a known signer, counts for nothing. */
static enum vt_err
take_entry(void *ctx, uint64_t index, const void *data, size_t len, struct vt_why *why)
{
    struct walk *w = ctx;
    struct vt_note note;
    struct vt_entry e;
    struct vt_why ignored;
    if (vt_entry_parse(data, len, &note, &e, &ignored) != VT_OK)
        return VT_OK;
    if (e.kind == VT_ENTRY_ASSEMBLY) {
        const struct vt_policy_party *p = vt_policy_signer_of(w->policy, &note);
        if (p != NULL && w->assemblers.has[p - w->signers] &&
            vt_entry_verify(&e, &note, &p->key, &ignored) == VT_OK)
            return take_assembly(w, index, &e, p, why);
    } else if (w->me != NULL && (e.kind == VT_ENTRY_REBUILD || e.kind == VT_ENTRY_MISMATCH) &&
               vt_note_verify(&note, w->me, &ignored) == VT_OK) {
        take_answer(w, &e);
    }
    return VT_OK;
}

enum vt_err
vt_history_read(struct vt_log_reader *log, const struct vt_policy *policy,
    const struct vt_vkey *me, struct vt_history *ret, struct vt_why *why)
{
    struct walk w = {.policy = policy, .me = me};
    unsigned least = 0;
    (void)vt_policy_signers(policy, &w.signers);
    vt_policy_members(policy, VT_ENTRY_ASSEMBLY, &w.assemblers, &least);
    if (least == 0)
        return vt_fail(why, VT_E_CONFIG,
            "the policy requires nobody for assemblies: give it a `require assembly` line");
    enum vt_err err = vt_log_reader_each(log, 0, take_entry, &w, why);
    if (err != VT_OK) {
        vt_history_release(&w.h);
        return err;
    }
    *ret = w.h;
    return VT_OK;
}

void
vt_history_release(struct vt_history *h)
{
    free(h->item);
    *h = (struct vt_history){0};
}

static bool
is_input(const struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *d)
{
    const struct vt_digest *x = vt_entry_one(e, role);
    return x != NULL && vt_digest_eq(x, d);
}

const struct vt_history_item *
vt_history_find(const struct vt_history *h, const struct vt_digest *source,
    const struct vt_digest *environment, const struct vt_digest *recipe)
{
    for (size_t i = h->count; i > 0; i--) {
        const struct vt_entry *e = &h->item[i - 1].entry;
        if (is_input(e, VT_SUBJECT_SOURCE, source) &&
            is_input(e, VT_SUBJECT_ENVIRONMENT, environment) &&
            is_input(e, VT_SUBJECT_RECIPE, recipe))
            return &h->item[i - 1];
    }
    return NULL;
}

const struct vt_history_item *
vt_history_confirmed(const struct vt_history *h, const struct vt_digest *artifact)
{
    for (size_t i = h->count; i > 0; i--)
        if (h->item[i - 1].confirmed &&
            vt_entry_has(&h->item[i - 1].entry, VT_SUBJECT_ARTIFACT, artifact))
            return &h->item[i - 1];
    return NULL;
}
