/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coverage of snapshots, reckoned once (review/coverage.h) from the facts' readings and the
 * library's files and kept until a review is added: a snapshot of 100,000 files takes a part of
 * a second, and each page of a list asks again. Private to the reading room.
 */
#ifndef VT_CENTRE_API_COVER_H
#define VT_CENTRE_API_COVER_H

#include "base/buf.h"
#include "review/coverage.h"

struct vt_api_call;

#define VT_API_COVER_FILES_MAX 1000000U

struct vt_api_cover_file {
    size_t path; /* where in paths it begins; NUL-terminated */
    struct vt_digest blob;
    uint64_t lines;
    uint64_t read;  /* bit i: organisation i has read any of it */
    uint64_t whole; /* bit i: organisation i has read all of it */
};

struct vt_api_cover_organisation {
    char name[VT_KEY_NAME_MAX + 1];
    uint64_t files; /* read whole */
    uint64_t lines;
};

/* Files that count: regular and not empty, by path in byte order. */
struct vt_api_cover {
    struct vt_digest source;
    int64_t review; /* the newest review's entry when it was reckoned */
    uint64_t used;
    struct vt_buf paths;
    struct vt_api_cover_file *file;
    size_t file_count;
    size_t file_cap;
    uint32_t *covered_before; /* files [0, i) that are covered; file_count + 1 of them */
    uint64_t covered;
    uint64_t lines;
    uint64_t covered_lines;
    size_t organisation_count;
    struct vt_api_cover_organisation organisation[VT_COVERAGE_ORGANISATIONS_MAX];
};

struct vt_api_covers;
VT_MUST enum vt_err vt_api_covers_new(struct vt_api_covers **ret, struct vt_why *why);
void vt_api_covers_free(struct vt_api_covers *covers);
void vt_api_covers_clear(struct vt_api_covers *covers);

/* The coverage of a snapshot, good until the next call. VT_E_NOENT: the library has it not. */
VT_MUST enum vt_err vt_api_cover(struct vt_api_call *c, const struct vt_digest *source,
    const struct vt_api_cover **ret, struct vt_why *why);

const char *vt_api_cover_path(
    const struct vt_api_cover *cover, const struct vt_api_cover_file *f);
/* The file of that path, or NULL. */
const struct vt_api_cover_file *vt_api_cover_find(
    const struct vt_api_cover *cover, const char *path);
/* How many files below a folder are covered by an organisation or several. */
uint64_t vt_api_cover_below(const struct vt_api_cover *cover, const char *folder);

#endif
