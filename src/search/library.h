/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library: every source snapshot's tree, its files' contents, symbols and an index over all
 * of them. A folder (HOME/centre/source/) with one file of tables (library.db) and shards
 * (search/shard.h) that hold each distinct blob once, however many snapshots have it. A blob is
 * named by the SHA-256 of its bytes. docs/formats/library.md is its page.
 *
 * One process adds; any number read, also while it adds: a snapshot is there for readers from
 * the commit that ends its adding on, whole or not at all.
 */
#ifndef VT_SEARCH_LIBRARY_H
#define VT_SEARCH_LIBRARY_H

#include "base/progress.h"
#include "search/pattern.h"
#include "store/store.h"

#define VT_LIBRARY_PATH_MAX 1024U
#define VT_LIBRARY_SHOWN_MAX (4U * 1024U * 1024U) /* bytes of a file that is shown, indexed */

struct vt_library;

/* writable: the folder is made when missing; VT_E_BUSY when another process writes (it waits
 * two seconds for that to end). Else VT_E_NOENT: there is none yet. VT_E_STATE: of another
 * version; whoever writes removes the folder and adds all again. No library may be open when a
 * process is forked that opens one itself (sql/sql.h). */
VT_MUST enum vt_err vt_library_open(
    const char *dir, bool writable, struct vt_library **ret, struct vt_why *why);
void vt_library_close(struct vt_library *l);
/* For readers, before each use: takes in what was added meanwhile. Cheap when nothing was. */
VT_MUST enum vt_err vt_library_refresh(struct vt_library *l, struct vt_why *why);

/* Adds a snapshot from its archive (source.tar.zst), whose SHA-256 is `source`; nothing when it
 * is there. Symbols come from Universal Ctags in a process of its own, sandboxed; without that
 * program there are none, and *ret_symbols (or NULL) says so. VT_E_DIGEST, VT_E_SYNTAX,
 * VT_E_LIMIT, VT_E_IO; nothing was added then. */
VT_MUST enum vt_err vt_library_add(struct vt_library *l, const struct vt_digest *source,
    const char *archive, struct vt_progress *progress, bool *ret_symbols, struct vt_why *why);

struct vt_library_source {
    uint64_t files; /* regular files and links */
    uint64_t lines;
    uint64_t bytes;
};
/* VT_E_NOENT: not added. */
VT_MUST enum vt_err vt_library_source(struct vt_library *l, const struct vt_digest *source,
    struct vt_library_source *ret, struct vt_why *why);

enum vt_library_kind { VT_LIBRARY_FILE = 1, VT_LIBRARY_FOLDER, VT_LIBRARY_LINK };
struct vt_library_file {
    enum vt_library_kind kind;
    const char *name; /* the last part of its path, in a tree; else the whole path */
    uint64_t size;
    uint64_t lines;        /* 0 when not text */
    uint64_t files;        /* of a folder: files below it */
    bool text;             /* UTF-8 without NUL, at most VT_LIBRARY_SHOWN_MAX */
    const char *language;  /* "C", "Python", ...; "" when not known */
    const char *target;    /* of a link; else "" */
    struct vt_digest blob; /* of a file */
};
/* Calls fn for what is in a folder ("" is the top), folders first, then by name; for
 * vt_library_files for all files of the snapshot, by path. Strings are valid during the call.
 * fn's error ends it. VT_E_NOENT: no such snapshot or folder. */
typedef enum vt_err vt_library_fn(
    void *ctx, const struct vt_library_file *f, struct vt_why *why);
VT_MUST enum vt_err vt_library_tree(struct vt_library *l, const struct vt_digest *source,
    const char *path, vt_library_fn *fn, void *ctx, struct vt_why *why);
VT_MUST enum vt_err vt_library_files(struct vt_library *l, const struct vt_digest *source,
    vt_library_fn *fn, void *ctx, struct vt_why *why);
/* One path; fn is called once. VT_E_NOENT. */
VT_MUST enum vt_err vt_library_find(struct vt_library *l, const struct vt_digest *source,
    const char *path, vt_library_fn *fn, void *ctx, struct vt_why *why);
/* Appends a blob's bytes, verified against its digest. VT_E_NOENT, VT_E_DIGEST, VT_E_LIMIT. */
VT_MUST enum vt_err vt_library_blob(
    struct vt_library *l, const struct vt_digest *blob, struct vt_buf *b, struct vt_why *why);
/* Languages of a snapshot: name and language of the vt_library_file are the language, files and
 * lines are counts; most lines first. */
VT_MUST enum vt_err vt_library_languages(struct vt_library *l, const struct vt_digest *source,
    vt_library_fn *fn, void *ctx, struct vt_why *why);

struct vt_library_symbol {
    const char *name;
    const char *kind;  /* "function", "struct", ... as ctags says */
    const char *scope; /* "struct:point", or "" */
    const char *path;
    const char *language;
    uint64_t line;
    uint64_t end; /* 0: not known */
};
typedef enum vt_err vt_library_symbol_fn(
    void *ctx, const struct vt_library_symbol *s, struct vt_why *why);
/* Symbols of one file, by line; those of a name in a snapshot (prefix: whose name begins so),
 * by name then path; at most `limit` (0: 10,000), and of a name that stands in over 1,000 files
 * those of 1,000. */
VT_MUST enum vt_err vt_library_symbols_of(struct vt_library *l, const struct vt_digest *source,
    const char *path, vt_library_symbol_fn *fn, void *ctx, struct vt_why *why);
VT_MUST enum vt_err vt_library_symbols(struct vt_library *l, const struct vt_digest *source,
    const char *name, bool prefix, size_t limit, vt_library_symbol_fn *fn, void *ctx,
    struct vt_why *why);

/* What became of files from one snapshot to another, by path. Renames are a removal and an
 * addition. */
struct vt_library_change {
    const char *path;
    const char *change;               /* "added", "changed", "removed" */
    const struct vt_digest *old_blob; /* NULL: none */
    const struct vt_digest *new_blob;
    uint64_t lines_added; /* of text files */
    uint64_t lines_removed;
};
VT_MUST enum vt_err vt_library_compare(struct vt_library *l, const struct vt_digest *from,
    const struct vt_digest *to,
    enum vt_err (*fn)(void *ctx, const struct vt_library_change *c, struct vt_why *why),
    void *ctx, struct vt_why *why);

/* Lines of a difference, in order: `kind` is ' ', '+' or '-', or '@' for a hunk's head, which
 * alone has the four numbers. Text has no line ending. Three lines of context. */
struct vt_library_line {
    char kind;
    const char *text;
    size_t len;
    uint64_t old_start, old_lines, new_start, new_lines;
};
/* Either blob may be NULL: empty. VT_E_STATE: one is not text. */
VT_MUST enum vt_err vt_library_diff(struct vt_library *l, const struct vt_digest *old_blob,
    const struct vt_digest *new_blob,
    enum vt_err (*fn)(void *ctx, const struct vt_library_line *line, struct vt_why *why),
    void *ctx, struct vt_why *why);

/* Rules of a detection database, from the .yar and .yara files of a snapshot: fn gets each
 * rule's name and the digest of its text, white space and comments left out; by name. Names
 * that stand twice come twice. */
VT_MUST enum vt_err vt_library_rules(struct vt_library *l, const struct vt_digest *source,
    enum vt_err (*fn)(void *ctx, const char *name, const char *path,
        const struct vt_digest *text, struct vt_why *why),
    void *ctx, struct vt_why *why);

/* Search in contents: blobs that have the pattern, those of newer shards first. source NULL:
 * all snapshots; `path`: a word that the path must hold, or NULL. The matches of one file point
 * into its bytes. */
struct vt_library_hit {
    const struct vt_digest *blob;
    const char *path; /* in the newest snapshot that has it (or in `source`) */
    const char *language;
    const struct vt_digest *sources; /* the snapshots that have it, newest first */
    size_t source_count;
    const uint8_t *data; /* the whole blob */
    size_t len;
    const struct vt_match *match; /* in order, at most VT_LIBRARY_MATCHES_MAX */
    size_t match_count;
    uint64_t more; /* matches beyond those, counted up to 100 */
};
#define VT_LIBRARY_MATCHES_MAX 20U
struct vt_library_search {
    const struct vt_pattern *pattern;
    const struct vt_digest *source;
    const char *path;
    size_t limit;    /* files */
    int64_t most_ms; /* then it ends with what it has */
    /* Snapshots that are not to be looked at: sealed ones. May be NULL. */
    bool (*hidden)(void *ctx, const struct vt_digest *source);
    void *hidden_ctx;
};
/* *ret_truncated: there may be more than was given. */
VT_MUST enum vt_err vt_library_search(struct vt_library *l, const struct vt_library_search *q,
    enum vt_err (*fn)(void *ctx, const struct vt_library_hit *h, struct vt_why *why), void *ctx,
    bool *ret_truncated, struct vt_why *why);
/* Paths that hold a word (or match), newest snapshot first; sources as above. data is NULL. */
VT_MUST enum vt_err vt_library_search_names(struct vt_library *l,
    const struct vt_library_search *q,
    enum vt_err (*fn)(void *ctx, const struct vt_library_hit *h, struct vt_why *why), void *ctx,
    bool *ret_truncated, struct vt_why *why);

/* The snapshots, newest first. */
VT_MUST enum vt_err vt_library_history(struct vt_library *l, const char *path,
    enum vt_err (*fn)(void *ctx, const struct vt_digest *source,
        const struct vt_digest *blob_or_null, struct vt_why *why),
    void *ctx, struct vt_why *why);

#endif
