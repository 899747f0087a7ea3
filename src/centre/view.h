/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the status page shows, gathered from the public folder: the entries of
 * the log (all checked against the checkpoint), and the names that published
 * TUF metadata gives to artifacts. No HTML here.
 */
#ifndef VT_CENTRE_VIEW_H
#define VT_CENTRE_VIEW_H

#include "note/policy.h"

#define VT_VIEW_ENTRIES_MAX 200000U
#define VT_VIEW_WITNESSES_MAX VT_POLICY_PARTIES_MAX

struct vt_view_entry {
    enum vt_entry_kind kind;
    const struct vt_policy_party
        *signer; /* NULL: nobody that the policy names, or unreadable */
    struct vt_digest statement;
    size_t subject_count;
    struct vt_subject *subject;
};

struct vt_view_cosignature {
    const struct vt_policy_party *witness;
    uint64_t time; /* 0: it did not cosign this checkpoint */
};

/* An artifact as a channel's metadata names it. */
struct vt_view_target {
    char channel[65];
    char product[129];
    char version[129];
    char path[513]; /* PRODUCT/VERSION/FILE */
    uint64_t length;
    struct vt_digest hash;
    struct vt_digest metadata; /* the metadata file that says so */
};

struct vt_view {
    const char *public_dir;
    const struct vt_policy *policy;
    struct vt_buf note; /* the checkpoint's file; empty when there is none */
    struct vt_checkpoint checkpoint;
    size_t witness_count;
    struct vt_view_cosignature witness[VT_VIEW_WITNESSES_MAX];
    struct vt_view_entry *entry;
    size_t entry_count;
    size_t entry_cap;
    struct vt_view_target *target;
    size_t target_count;
    int64_t names_changed_ns; /* when the folder of metadata last changed, as read */
    struct vt_why problem;    /* why there is nothing newer to show; "" when all is well */
    uint64_t generation;      /* counts changes */
    int64_t looked_ms;
};

void vt_view_init(struct vt_view *v, const char *public_dir, const struct vt_policy *policy);
void vt_view_release(struct vt_view *v);
/* Looks for a new checkpoint and takes in what it brings; looks at most four
 * times a second. Never fails: what is
 * wrong stands in v->problem and the former state stays. */
void vt_view_refresh(struct vt_view *v);

/* The newest entry of a kind with that subject, at or before `upto`; false when
 * there is none. By known signers only. */
VT_MUST bool vt_view_find(const struct vt_view *v, enum vt_entry_kind kind,
    enum vt_subject_role role, const struct vt_digest *digest, size_t upto, size_t *ret);
/* The entry's first subject of a role, or NULL. */
const struct vt_digest *vt_view_subject(
    const struct vt_view_entry *e, enum vt_subject_role role);
bool vt_view_has(
    const struct vt_view_entry *e, enum vt_subject_role role, const struct vt_digest *digest);
/* Whether two entries speak of the same source, environment and recipe. */
bool vt_view_same_inputs(const struct vt_view_entry *a, const struct vt_view_entry *b);
/* The target that a metadata file gives to an artifact, or NULL. */
const struct vt_view_target *vt_view_target(const struct vt_view *v,
    const struct vt_digest *metadata, const struct vt_digest *artifact);

#endif
