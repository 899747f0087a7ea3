/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reviews of a source, reckoned from the log and the snapshot's archive alone: what a reviewer
 * asks before signing off, and an auditor to find out whether what was signed is so. Knows
 * nothing of a site's own tables (centre/facts.h). Organisations are those of the policy that
 * the log is read by.
 */
#ifndef VT_CENTRE_RECKON_H
#define VT_CENTRE_RECKON_H

#include "log/reader.h"
#include "review/coverage.h"

/* An entry of kind reading, review or objection by a signer of the policy. */
struct vt_reckon_said {
    uint64_t index;
    enum vt_entry_kind kind;
    struct vt_digest source;
    const char *signer;       /* its name in the policy */
    const char *organisation; /* the group it is a direct member of, or its own name */
    struct vt_review doc;     /* kind 0: it could not be had */
    struct vt_why problem;    /* why not; then it counts for nothing */
};

struct vt_reckon_file {
    char *path;
    uint64_t size;
    uint64_t lines; /* 0 when it is no text: see docs/formats/review.md */
    struct vt_digest blob;
};

struct vt_reckon;

/* Reads the whole log with the documents of its reviews. The reader's policy must outlive *ret.
 * Errors of vt_log_reader_each; a document that cannot be had or does not match is no error. */
VT_MUST enum vt_err vt_reckon_new(
    struct vt_log_reader *log, struct vt_reckon **ret, struct vt_why *why);
void vt_reckon_free(struct vt_reckon *r);

/* Takes in the snapshot: the archive file must have that SHA-256. Once. Errors of
 * vt_unpacked_each. */
VT_MUST enum vt_err vt_reckon_take(struct vt_reckon *r, const struct vt_digest *source,
    const char *archive, struct vt_why *why);

/* What was said, in the log's order, of all sources. */
size_t vt_reckon_said(const struct vt_reckon *r, const struct vt_reckon_said **ret);
/* Whether review or objection i is its signer's last word on that source. */
bool vt_reckon_is_last(const struct vt_reckon *r, size_t i);
/* The snapshot's regular files that are not empty, by path. */
size_t vt_reckon_files(const struct vt_reckon *r, const struct vt_reckon_file **ret);
/* The file of that path, or NULL. */
const struct vt_reckon_file *vt_reckon_find(const struct vt_reckon *r, const char *path);

/* Who has read that file, by the readings among the first log_size entries. */
VT_MUST enum vt_err vt_reckon_coverage(const struct vt_reckon *r,
    const struct vt_reckon_file *f, uint64_t log_size, struct vt_coverage_blob *ret,
    struct vt_why *why);

/* What a review by that organisation says of the snapshot: its files, how many of them it
 * covers, and the root over the covered blobs. */
struct vt_reckon_claim {
    uint64_t files;
    uint64_t covered;
    struct vt_digest root;
};
VT_MUST enum vt_err vt_reckon_claim(const struct vt_reckon *r, const char *organisation,
    uint64_t log_size, struct vt_reckon_claim *ret, struct vt_why *why);

#endif
