/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that a reader's answers are made of; for the files api_*.c, atom.c, sbom.c and
 * reading_room*.c alone. A handler answers one kind of question: it checks the parameters, asks
 * the facts and the library, and leaves an object in call->out or bytes in call->body.
 *
 * Values of JSON are jansson's. A function that gives one gives NULL when memory is out;
 * json_pack, vt_api_set and vt_api_add take a NULL as that failure, so it need not be looked at
 * in between.
 */
#ifndef VT_CENTRE_API_PARTS_H
#define VT_CENTRE_API_PARTS_H

#include "base/file.h"
#include "base/json.h"
#include "centre/facts.h"
#include "centre/reading_room.h"
#include "centre/room.h"
#include "log/reader.h"
#include "note/policy.h"
#include "search/library.h"
#include "sql/sql.h"

#define VT_API_LIMIT_MOST 500
#define VT_API_LIMIT_USUAL 50
#define VT_API_CURSOR_SIZE 96

struct vt_vault_policy;
struct vt_api_kept;   /* answers (api_kept.h) */
struct vt_api_covers; /* snapshots whose coverage is known (api_cover.h) */

/* A reader: what it has open. */
struct vt_api {
    const struct vt_reading_room_opts *opts;
    const struct vt_policy *policy;
    char public_dir[VT_PATH_MAX];
    char facts_path[VT_PATH_MAX];
    char library_dir[VT_PATH_MAX];
    struct vt_sql *facts; /* NULL: there are none yet */
    uint64_t facts_file;  /* which file that is */
    int64_t generation;
    struct vt_library *library; /* NULL: there is none yet */
    struct vt_log_reader *log;  /* at the newest checkpoint that was asked for, or NULL */
    struct vt_api_covers *covers;
    struct vt_api_kept *kept;
    struct vt_vault_policy *vault; /* the last that was asked for (api_vault.h), or NULL */
    struct vt_digest vault_digest;
    char etag[40]; /* of the answer under way, which points to these */
    char disposition[160];
};

/* One question. */
struct vt_api_call {
    struct vt_api *api;
    const struct vt_ask *ask;
    struct vt_answer *answer;
    struct vt_buf *body;
    json_t *out;             /* the answer when it is an object */
    struct vt_digest digest; /* the D of its path */
    uint64_t number;         /* the N of its path */
    bool refused;            /* the answer is an error, and made already */
    bool passing;            /* it may be another the next time: not to be kept */
};

/* Answers with an error of the API; gives VT_E_REFUSED, for `return vt_api_fail(...)`. */
enum vt_err vt_api_fail(struct vt_api_call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- What is asked for (api_param.c). False: it is not there. *err: not as it must be, and the
 * answer is made. --- */
bool vt_api_text_param(
    struct vt_api_call *c, const char *name, char *ret, size_t size, enum vt_err *err);
bool vt_api_digest_param(
    struct vt_api_call *c, const char *name, struct vt_digest *ret, enum vt_err *err);
/* A path in a snapshot; "" is its top, where that is permitted. */
VT_MUST enum vt_err vt_api_path_param(
    struct vt_api_call *c, bool top, char ret[VT_LIBRARY_PATH_MAX + 1]);
VT_MUST enum vt_err vt_api_limit_param(struct vt_api_call *c, int64_t *ret);
/* One of `words` (ended by NULL), the first when nothing is said. */
VT_MUST enum vt_err vt_api_word_param(
    struct vt_api_call *c, const char *name, const char *const *words, size_t *ret);

/* Where a list goes on: an entry's index, and a digest where an entry may give several items.
 */
struct vt_api_page {
    int64_t limit;
    int64_t before;          /* items of entries below this one; INT64_MAX at the beginning */
    struct vt_digest digest; /* of that entry: items with a greater digest */
};
VT_MUST enum vt_err vt_api_page_param(struct vt_api_call *c, struct vt_api_page *ret);

/* --- Values (api_put.c). --- */
json_t *vt_api_text(const char *s); /* with '?' for what is not UTF-8 */
json_t *vt_api_text_n(const void *s, size_t len);
json_t *vt_api_text_or_null(const char *s); /* null for "" */
json_t *vt_api_digest(const struct vt_digest *d);
json_t *vt_api_time(int64_t t); /* null for 0 */
json_t *vt_api_b64(const void *data, size_t len);
/* Columns of a row. */
json_t *vt_api_column_text(struct vt_sql_rows *r, int column); /* null for null */
json_t *vt_api_column_digest(struct vt_sql_rows *r, int column);
json_t *vt_api_column_int(struct vt_sql_rows *r, int column);
json_t *vt_api_column_time(struct vt_sql_rows *r, int column);
/* Takes v over, whatever comes of it. VT_E_NOMEM. */
VT_MUST enum vt_err vt_api_set(json_t *o, const char *key, json_t *v, struct vt_why *why);
VT_MUST enum vt_err vt_api_add(json_t *array, json_t *v, struct vt_why *why);
/* All members of `from` go to `to`; takes from over. */
VT_MUST enum vt_err vt_api_join(json_t *to, json_t *from, struct vt_why *why);

/* --- Rows (api_put.c). --- */
/* Appends what fn makes of each row, and ends the query, whatever comes of it. */
typedef enum vt_err vt_api_row_fn(
    struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why);
VT_MUST enum vt_err vt_api_rows(struct vt_api_call *c, struct vt_sql_rows *rows,
    vt_api_row_fn *fn, json_t *array, struct vt_why *why);
/* A list: `items` was asked for one more than the page's limit, which says whether it goes on.
 * The cursor is made of the last item's `index`, and of its member `digest` when not NULL.
 * Takes items over. */
VT_MUST enum vt_err vt_api_list(struct vt_api_call *c, json_t *items,
    const struct vt_api_page *page, const char *digest, struct vt_why *why);
/* The columns of an entry `e`, and the LINK of them. */
#define VT_API_LINK "e.idx,e.kind,e.signer,e.key,e.organisation,e.time,e.statement"
#define VT_API_LINK_COLUMNS 7
vt_api_row_fn vt_api_link;

/* Of reviews and objections of a source a signer's last word counts: none of them comes after
 * the entry `e` with the subject `s`. */
#define VT_API_LAST_WORD                                                                       \
    " NOT EXISTS(SELECT 1 FROM subject t JOIN entry l ON l.idx=t.idx WHERE t.digest=s.digest"  \
    " AND t.role='source' AND t.idx>s.idx AND l.signer=e.signer AND (l.kind='objection'"       \
    " OR (l.kind='review' AND l.problem IS NULL)))"

/* --- Shared by several (api_shared.c). --- */
/* The public folder's reader at the newest checkpoint. An error is 503 for the asker. */
VT_MUST enum vt_err vt_api_log(
    struct vt_api_call *c, struct vt_log_reader **ret, struct vt_why *why);
/* The library, with what was added meanwhile. 503 when there is none yet. */
VT_MUST enum vt_err vt_api_library(
    struct vt_api_call *c, struct vt_library **ret, struct vt_why *why);
/* The same for those who can do without. VT_E_NOENT: there is none yet. */
VT_MUST enum vt_err vt_api_library_try(
    struct vt_api *a, struct vt_library **ret, struct vt_why *why);
/* The newest checkpoint's note, as the facts have it. 503 when there is none. */
VT_MUST enum vt_err vt_api_note(struct vt_api_call *c, struct vt_buf *b, struct vt_why *why);
/* Whether that snapshot's contents may not be shown to who asks. */
VT_MUST enum vt_err vt_api_hidden(
    struct vt_api_call *c, const struct vt_digest *source, bool *ret, struct vt_why *why);
/* Checks that the snapshot c->digest is there (404) and open to who asks (403), and gives the
 * library. *ret_sealed: then the answer is marked and not kept by anybody. */
VT_MUST enum vt_err vt_api_open_source(
    struct vt_api_call *c, struct vt_library **ret, bool *ret_sealed, struct vt_why *why);
/* What people call a snapshot: "lantern 1.0.0", or the beginning of its digest. */
json_t *vt_api_label(struct vt_api_call *c, const struct vt_digest *source);
/* COVER of a snapshot; null when the library has it not. */
VT_MUST enum vt_err vt_api_cover_of(struct vt_api_call *c, const struct vt_digest *source,
    bool known, json_t **ret, struct vt_why *why);
/* RELEASE of a row of VT_API_RELEASE; FROM must have it as `r`, its run as `a` (LEFT JOIN), its
 * entry as `e`. */
#define VT_API_RELEASE                                                                         \
    "r.artifact,r.file,r.channel,r.product,r.version,r.length,r.idx,r.metadata,e.time,"        \
    "a.source,a.environment,a.recipe,r.state,r.rebuilds,r.needed,r.contradictions,r.run,r."    \
    "path"
vt_api_row_fn vt_api_release;
/* The newest release of an artifact; 404. */
struct vt_api_release_facts {
    struct vt_digest artifact;
    struct vt_digest source;
    struct vt_digest environment;
    struct vt_digest recipe;
    bool has_run;
    int64_t idx;
    int64_t run;
    char channel[VT_PATH_MAX];
    char product[512];
    char version[512];
    char file[512];
    char path[VT_PATH_MAX];
};
VT_MUST enum vt_err vt_api_find_release(struct vt_api_call *c, const struct vt_digest *artifact,
    struct vt_api_release_facts *ret, json_t **ret_release, struct vt_why *why);
/* The release before this one of its product in its channel (after: the next). False: none. */
VT_MUST enum vt_err vt_api_neighbour(struct vt_api_call *c,
    const struct vt_api_release_facts *of, bool after, struct vt_digest *ret, bool *ret_found,
    struct vt_why *why);

/* --- The questions. --- */
typedef enum vt_err vt_api_fn(struct vt_api_call *c, struct vt_why *why);
vt_api_fn vt_api_site, vt_api_checkpoint, vt_api_terms, vt_api_openapi;
vt_api_fn vt_api_entries, vt_api_entry, vt_api_proof, vt_api_atom;
vt_api_fn vt_api_releases, vt_api_one_release, vt_api_packages, vt_api_sbom, vt_api_changes,
    vt_api_artifact;
vt_api_fn vt_api_sources, vt_api_one_source, vt_api_tree, vt_api_file, vt_api_raw,
    vt_api_symbols, vt_api_history, vt_api_diff, vt_api_coverage;
vt_api_fn vt_api_search;
vt_api_fn vt_api_regions, vt_api_requests, vt_api_one_request, vt_api_erasures,
    vt_api_retentions, vt_api_runs, vt_api_relocations;
vt_api_fn vt_api_health;

/* The chain of a release: STEPs. */
VT_MUST enum vt_err vt_api_chain(struct vt_api_call *c, const struct vt_api_release_facts *of,
    json_t **ret, struct vt_why *why);

#endif
