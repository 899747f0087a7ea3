/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Review documents: what the statements of `reading`, `review`, `objection` and `visits`
 * entries say. docs/formats/review.md is their page. No I/O.
 */
#ifndef VT_REVIEW_DOC_H
#define VT_REVIEW_DOC_H

#include "crypto/key.h"
#include "note/entry.h"

#define VT_REVIEW_MAX (1024U * 1024U) /* bytes of a document */
#define VT_REVIEW_FILES_MAX 4096U
#define VT_REVIEW_SOURCES_MAX 10000U
#define VT_REVIEW_PATH_MAX 1024U /* bytes, decoded */
#define VT_REVIEW_LINE_MAX 0x7fffffffU

/* Whether entries of that kind have a review document for their statement. */
bool vt_review_kind(enum vt_entry_kind kind);

enum vt_verdict { VT_VERDICT_OK = 1, VT_VERDICT_CONCERN };
const char *vt_verdict_name(enum vt_verdict v);

struct vt_review_file {
    struct vt_digest blob;
    enum vt_verdict verdict;
    uint32_t from; /* 0: all of it */
    uint32_t to;
    char *path; /* decoded; owned by the document */
};

struct vt_review_visits {
    struct vt_digest source;
    uint64_t visits;
};

/* A document of one of the four kinds; fields of other kinds are zero. */
struct vt_review {
    enum vt_entry_kind kind;
    struct vt_digest source;
    char reviewer[VT_KEY_NAME_MAX + 1];
    int64_t made;
    char code[16];     /* objection */
    uint64_t log_size; /* review, as the next four */
    uint64_t files;
    uint64_t covered;
    struct vt_digest root;          /* review, visits */
    char site[VT_KEY_NAME_MAX + 1]; /* visits, as the rest */
    char day[11];
    uint64_t visits;
    uint64_t anonymous;
    uint64_t reviewers;
    size_t file_count;
    struct vt_review_file *file;
    size_t visited_count;
    struct vt_review_visits *visited;
};

/* Parses strictly: what vt_review_put writes and nothing else. VT_E_SYNTAX, VT_E_LIMIT,
 * VT_E_NOMEM. Release *ret with vt_review_release. */
VT_MUST enum vt_err vt_review_parse(
    const void *data, size_t len, struct vt_review *ret, struct vt_why *why);
void vt_review_release(struct vt_review *r);
/* Appends the document; files and sources are put in order first. VT_E_USAGE for what parse
 * would refuse. */
VT_MUST enum vt_err vt_review_put(struct vt_buf *b, struct vt_review *r, struct vt_why *why);
/* Adds a file line; copies the path. from 0: all. VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_review_add(struct vt_review *r, const struct vt_digest *blob,
    enum vt_verdict verdict, uint32_t from, uint32_t to, const char *path, struct vt_why *why);

/* Whether an entry says what the document with that digest says, and is signed in its
 * reviewer's name: kind, subject, statement. VT_E_DIGEST. */
VT_MUST enum vt_err vt_review_matches(const struct vt_review *r,
    const struct vt_digest *document, const struct vt_entry *e, const char *key_name,
    struct vt_why *why);
/* The entry of a document. */
VT_MUST enum vt_err vt_review_entry(const struct vt_review *r, const struct vt_digest *document,
    struct vt_entry *ret, struct vt_why *why);

#endif
