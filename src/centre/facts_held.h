/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts' writer as its parts share it. Private to src/centre/facts*.c.
 *
 * Two kinds of failure are kept apart. What others wrote and cannot be used is a problem: a
 * line in `problem`, and the function gives VT_OK. What this machine cannot do is an error, and
 * ends the transaction.
 */
#ifndef VT_CENTRE_FACTS_HELD_H
#define VT_CENTRE_FACTS_HELD_H

#include "centre/facts_writer.h"
#include "log/reader.h"
#include "sql/sql.h"

/* Digests, some of them perhaps twice. */
struct vt_facts_list {
    struct vt_digest *d;
    size_t count;
    size_t cap;
};

struct vt_facts {
    const struct vt_home *home;
    const struct vt_policy *policy;
    struct vt_lock lock;
    bool locked;
    struct vt_sql *db;
    char public_dir[VT_PATH_MAX];
    struct vt_log_reader *reader; /* while it follows or retries */
    const struct vt_policy_party *signer;
    size_t signer_count;
    uint64_t taken; /* entries that have rows */
    int64_t told;   /* entries below it are no news; -1: not known yet */
    /* The first checkpoint that covers entries below cover_size. */
    uint64_t cover_size;
    uint64_t cover_time;
    /* What must be judged again before the commit: the releases of artifacts, and all that come
     * from a source or an environment. */
    struct vt_facts_list artifacts;
    struct vt_facts_list sources;
    struct vt_facts_list environments;
    /* Where vt_facts_retry goes on. */
    int64_t retry_from;
};

/* An entry that is being taken in. */
struct vt_facts_entry {
    uint64_t index;
    struct vt_entry entry;
    const struct vt_policy_party *signer; /* never NULL where a statement is read */
    const char *organisation;
};

/* VT_OK when err is about what others wrote (and stands in problem), err with its line in why
 * when it is about this machine. */
VT_MUST enum vt_err vt_facts_theirs(
    enum vt_err err, const struct vt_why *problem, struct vt_why *why);

/* HOME/public/objects or HOME/sealed/objects, as `where` ("public", "sealed") says. */
VT_MUST enum vt_err vt_facts_object_path(const struct vt_facts *f, const char *where,
    const struct vt_digest *d, char ret[VT_PATH_MAX], struct vt_why *why);
/* The size of a public object; false: there is none. */
bool vt_facts_object_size(const struct vt_facts *f, const struct vt_digest *d, int64_t *ret);
/* The organisation of a signer. */
const char *vt_facts_organisation(
    const struct vt_facts *f, const struct vt_policy_party *signer);

/* Takes in one entry of the log: its rows and its facts. */
VT_MUST enum vt_err vt_facts_take(
    struct vt_facts *f, uint64_t index, const void *data, size_t len, struct vt_why *why);
/* Reads the statement of an entry and writes its facts; on a problem nothing. */
VT_MUST enum vt_err vt_facts_take_statement(struct vt_facts *f, const struct vt_facts_entry *e,
    struct vt_why *problem, struct vt_why *why);
/* Remembers that something about an entry is to be looked for again. */
VT_MUST enum vt_err vt_facts_wait(
    struct vt_facts *f, uint64_t index, const char *what, struct vt_why *why);

/* The facts of each kind. data: the verified payload or the document. */
typedef enum vt_err vt_facts_take_fn(struct vt_facts *f, const struct vt_facts_entry *e,
    const void *data, size_t len, struct vt_why *problem, struct vt_why *why);
vt_facts_take_fn vt_facts_take_source, vt_facts_take_environment, vt_facts_take_assembly,
    vt_facts_take_rebuild, vt_facts_take_mismatch, vt_facts_take_release,
    vt_facts_take_document, vt_facts_take_review;

/* What was waited for; they do nothing when it is still not there. */
VT_MUST enum vt_err vt_facts_take_manifest(
    struct vt_facts *f, uint64_t index, bool *ret_done, struct vt_why *why);
VT_MUST enum vt_err vt_facts_take_targets(
    struct vt_facts *f, uint64_t index, bool *ret_done, struct vt_why *why);
VT_MUST enum vt_err vt_facts_take_sizes(
    struct vt_facts *f, uint64_t index, bool *ret_done, struct vt_why *why);

/* Marks the releases of an artifact, or all that come from a source or an environment (the
 * entry's kind says which), to be judged again; vt_facts_judge does it. */
VT_MUST enum vt_err vt_facts_touch(
    struct vt_facts *f, const struct vt_entry *e, struct vt_why *why);
/* Notes who says what of a source, an environment or an artifact; once its statement was read.
 */
VT_MUST enum vt_err vt_facts_vote(
    struct vt_facts *f, const struct vt_facts_entry *e, struct vt_why *why);
VT_MUST enum vt_err vt_facts_judge(struct vt_facts *f, struct vt_why *why);
/* Forgets what was marked. */
void vt_facts_untouch(struct vt_facts *f);

/* Writes an event about an entry, when its kind is one that others are told of. */
VT_MUST enum vt_err vt_facts_tell(
    struct vt_facts *f, const struct vt_facts_entry *e, struct vt_why *why);
VT_MUST enum vt_err vt_facts_tell_checkpoint(
    struct vt_facts *f, const struct vt_checkpoint *c, uint64_t time, struct vt_why *why);

#endif
