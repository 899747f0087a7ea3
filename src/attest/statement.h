/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-toto Statements v1 about each kind of entry: what a source snapshot, an
 * environment, an assembly (SLSA provenance v1), a rebuild, a mismatch and a
 * release are in full. docs/formats/statement.md is their page. No I/O.
 *
 * Each kind is one plain struct. vt_statement_put_KIND appends its JSON (keys
 * sorted, compact, one newline at the end: the same facts give the same bytes);
 * vt_statement_get_KIND reads bytes whose signature was verified back into the
 * struct. Both hold the same rules: put refuses what get would refuse, with
 * VT_E_USAGE; get says VT_E_SYNTAX. No statement holds a local path, a user's
 * name or free text.
 */
#ifndef VT_ATTEST_STATEMENT_H
#define VT_ATTEST_STATEMENT_H

#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/key.h"

#define VT_STATEMENT_MAX (4U * 1024U * 1024U) /* bytes of a statement */
#define VT_STATEMENT_OUTPUTS_MAX 32U
#define VT_STATEMENT_VARIED_MAX 32U
#define VT_STATEMENT_PACKAGES_MAX 4096U
#define VT_STATEMENT_NAME_SIZE 256 /* a file or product name with its NUL */
#define VT_STATEMENT_WORD_SIZE 64  /* a short word with its NUL */
#define VT_GIT_ID_SIZE 65          /* 40 or 64 lower-case hex digits and NUL */

/* Predicate types. */
#define VT_PREDICATE_SOURCE "urn:vitrine:source:v1"
#define VT_PREDICATE_ENVIRONMENT "urn:vitrine:environment:v1"
#define VT_PREDICATE_ASSEMBLY "https://slsa.dev/provenance/v1"
#define VT_PREDICATE_REBUILD "urn:vitrine:rebuild:v1"
#define VT_PREDICATE_MISMATCH "urn:vitrine:mismatch:v1"
#define VT_PREDICATE_RELEASE "urn:vitrine:release:v1"
#define VT_BUILD_TYPE "urn:vitrine:assembly:v1"

/* A Debian binary package. */
struct vt_package {
    char name[128];    /* lower-case letters, digits, "+-." */
    char version[128]; /* letters, digits, ".+-:~" */
    char arch[32];     /* "amd64", "all" */
    uint64_t size;     /* bytes of the .deb */
    struct vt_digest digest;
};
bool vt_package_name_valid(const char *s);
bool vt_package_version_valid(const char *s);
bool vt_package_arch_valid(const char *s);
/* Appends `pkg:deb/debian/NAME@VERSION?arch=ARCH`, percent-encoded. */
void vt_package_put_purl(struct vt_buf *b, const struct vt_package *p);

/* Whether s may name an output, a product, a version or a channel: 1 to 255 of
 * letters, digits and "._+~-", not beginning with '.' or '-'. */
bool vt_statement_name_valid(const char *s);

/* Where a source snapshot came from. */
enum vt_origin { VT_ORIGIN_DIRECTORY = 1, VT_ORIGIN_GIT, VT_ORIGIN_DEBIAN };

struct vt_statement_source {
    enum vt_origin origin;
    struct vt_digest archive; /* the deterministic archive */
    uint64_t archive_size;    /* bytes */
    uint64_t file_count;      /* files and links in it */
    char git_tree[VT_GIT_ID_SIZE];
    char git_commit[VT_GIT_ID_SIZE]; /* "" when there is none */
    struct {                         /* VT_ORIGIN_DEBIAN: the source package; else "" */
        char name[128];
        char version[128];
    } debian;
};

struct vt_statement_environment {
    struct vt_digest manifest;
    char distribution[VT_STATEMENT_WORD_SIZE]; /* "bookworm" */
    char arch[32];
    uint64_t package_count;
    struct vt_digest root; /* the root folder's tar, as this maker made it */
};

struct vt_statement_output {
    char name[VT_STATEMENT_NAME_SIZE];
    struct vt_digest digest;
};

/* Who ran it, where and when. */
struct vt_statement_run {
    char site[VT_KEY_NAME_MAX + 1]; /* the home's name */
    char jurisdiction[3];           /* ISO 3166-1 alpha-2, or "" */
    int64_t started;                /* seconds since 1970, UTC */
    int64_t finished;
    struct vt_digest log; /* the run's log, kept in the store */
};

struct vt_statement_assembly {
    char product[VT_STATEMENT_NAME_SIZE];
    char version[VT_STATEMENT_NAME_SIZE];
    struct vt_digest recipe;
    struct vt_digest source;
    struct vt_digest environment;
    struct vt_statement_run run;
    size_t output_count; /* 1 at least */
    struct vt_statement_output output[VT_STATEMENT_OUTPUTS_MAX];
    /* The environment's packages, borrowed. put lists each as a resolved
     * dependency; get checks nothing of them and leaves NULL and their number. */
    const struct vt_package *packages;
    size_t package_count;
};

/* What a rebuild varied: short words such as "clock" (letters, digits, '-'). */
struct vt_statement_varied {
    size_t count;
    char word[VT_STATEMENT_VARIED_MAX][VT_STATEMENT_WORD_SIZE];
};

/* A rebuild that gave the same bytes for every output. */
struct vt_statement_rebuild {
    struct vt_digest assembly; /* the assembly's statement (its envelope) */
    struct vt_statement_run run;
    struct vt_statement_varied varied;
    size_t output_count;
    struct vt_statement_output output[VT_STATEMENT_OUTPUTS_MAX];
};

/* A rebuild that gave other bytes for one output. */
struct vt_statement_mismatch {
    struct vt_digest assembly;
    struct vt_statement_run run;
    struct vt_statement_varied varied;
    struct vt_statement_output output; /* as the assembly says */
    struct vt_digest rebuilt;          /* what the rebuild gave instead */
    uint64_t first_offset;             /* of the first byte that differs */
    struct vt_digest report;           /* the comparison's report, kept in the store */
};

struct vt_statement_release {
    char channel[VT_STATEMENT_NAME_SIZE];
    uint64_t version;          /* of the channel's targets metadata */
    struct vt_digest metadata; /* that file, as published */
    size_t output_count;       /* may be 0 */
    struct vt_statement_output output[VT_STATEMENT_OUTPUTS_MAX];
};

VT_MUST enum vt_err vt_statement_put_source(
    struct vt_buf *b, const struct vt_statement_source *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_put_environment(
    struct vt_buf *b, const struct vt_statement_environment *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_put_assembly(
    struct vt_buf *b, const struct vt_statement_assembly *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_put_rebuild(
    struct vt_buf *b, const struct vt_statement_rebuild *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_put_mismatch(
    struct vt_buf *b, const struct vt_statement_mismatch *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_put_release(
    struct vt_buf *b, const struct vt_statement_release *s, struct vt_why *why);

/* data: a verified payload. All of *ret is set. */
VT_MUST enum vt_err vt_statement_get_source(
    const void *data, size_t len, struct vt_statement_source *ret, struct vt_why *why);
VT_MUST enum vt_err vt_statement_get_environment(
    const void *data, size_t len, struct vt_statement_environment *ret, struct vt_why *why);
VT_MUST enum vt_err vt_statement_get_assembly(
    const void *data, size_t len, struct vt_statement_assembly *ret, struct vt_why *why);
VT_MUST enum vt_err vt_statement_get_rebuild(
    const void *data, size_t len, struct vt_statement_rebuild *ret, struct vt_why *why);
VT_MUST enum vt_err vt_statement_get_mismatch(
    const void *data, size_t len, struct vt_statement_mismatch *ret, struct vt_why *why);
VT_MUST enum vt_err vt_statement_get_release(
    const void *data, size_t len, struct vt_statement_release *ret, struct vt_why *why);

#endif
