/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log that is somebody else's: over HTTP or from a folder of public
 * files, as any C2SP tile client would. Everything read is checked against a
 * checkpoint that the policy accepts before it is given out.
 */
#ifndef VT_LOG_READER_H
#define VT_LOG_READER_H

#include "merkle/tree.h"
#include "note/frozen.h"
#include "note/passport.h"
#include "note/policy.h"

struct vt_log_reader;

/* `where` is a URL (http://, https://) or a folder. Fetches the checkpoint and
 * checks it by the policy. The reader then stays at that checkpoint; tiles are
 * cached. The policy must outlive it. */
VT_MUST enum vt_err vt_log_reader_open(const char *where, const struct vt_policy *policy,
    struct vt_log_reader **ret, struct vt_why *why);
void vt_log_reader_free(struct vt_log_reader *r);

const struct vt_checkpoint *vt_log_reader_checkpoint(const struct vt_log_reader *r);
const struct vt_policy *vt_log_reader_policy(const struct vt_log_reader *r);
/* The time that the witness quorum vouches for (vt_policy_check_checkpoint). */
uint64_t vt_log_reader_cosigned_time(const struct vt_log_reader *r);
/* The signed note as fetched. */
const void *vt_log_reader_note(const struct vt_log_reader *r, size_t *ret_len);
/* Bytes of entry `index`, verified to be in the tree; replaces what is in b. */
VT_MUST enum vt_err vt_log_reader_entry(
    struct vt_log_reader *r, uint64_t index, struct vt_buf *b, struct vt_why *why);
VT_MUST enum vt_err vt_log_reader_inclusion(
    struct vt_log_reader *r, uint64_t index, struct vt_proof *ret, struct vt_why *why);
VT_MUST enum vt_err vt_log_reader_consistency(
    struct vt_log_reader *r, uint64_t old_size, struct vt_proof *ret, struct vt_why *why);
/* The log's final statement, signed by its key. VT_E_NOENT: it has made none. VT_E_PROOF: it
 * broke it, see vt_log_frozen_check. */
VT_MUST enum vt_err vt_log_reader_frozen(
    struct vt_log_reader *r, struct vt_frozen *ret, struct vt_why *why);
/* Holds a checkpoint against a final statement by the same log. VT_E_PROOF: it has more
 * entries, or as many with another root: with both in hand anybody can see that the log broke
 * its word. */
VT_MUST enum vt_err vt_log_frozen_check(
    const struct vt_frozen *f, const struct vt_checkpoint *c, struct vt_why *why);

/* Calls fn for the entries [from, size) in order, each verified; over the network
 * several bundles are fetched at once, 32 MiB of them at the most. fn's error ends the walk;
 * VT_E_EXIST from fn ends it as success. */
VT_MUST enum vt_err vt_log_reader_each(struct vt_log_reader *r, uint64_t from,
    enum vt_err (*fn)(
        void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why),
    void *ctx, struct vt_why *why);

/* Appends the bytes of a public object, verified by its digest: what an entry names.
 * VT_E_NOENT, VT_E_DIGEST, VT_E_LIMIT, VT_E_NET. On failure b is as it was. */
VT_MUST enum vt_err vt_log_reader_object(
    struct vt_log_reader *r, const struct vt_digest *d, struct vt_buf *b, struct vt_why *why);

/* Parses an entry and verifies its signature. VT_E_UNKNOWN when it is by nobody
 * that the policy names as a signer. *ret_note points into entry; it and
 * ret_signer may be NULL. */
VT_MUST enum vt_err vt_log_entry_open(const struct vt_policy *policy, const void *entry,
    size_t len, struct vt_entry *ret, struct vt_note *ret_note,
    const struct vt_policy_party **ret_signer, struct vt_why *why);

/* Finds an assembly entry by a known signer with that artifact: the newest.
 * VT_E_NOENT. */
VT_MUST enum vt_err vt_log_reader_find_assembly(struct vt_log_reader *r,
    const struct vt_digest *artifact, uint64_t *ret_index, struct vt_entry *ret,
    struct vt_why *why);
/* Collects the passport of an artifact: the entries by known signers that speak
 * of the newest assembly of it, its inputs, reviews of its source and objections to it,
 * rebuilds, mismatches and releases, the newest of each kind by each signer (of reviews and
 * objections the last word), with paths to this reader's
 * checkpoint. Does not check it. Cost: reads the whole log twice. */
VT_MUST enum vt_err vt_log_reader_passport(struct vt_log_reader *r,
    const struct vt_digest *artifact, struct vt_passport **ret, struct vt_why *why);

/*
 * Submitting. POST URL/objects (a DSSE envelope), POST URL/add (an entry) and POST URL/review
 * (a review document with its entry); see docs/formats/site-http.md.
 */
struct vt_http;
VT_MUST enum vt_err vt_log_submit_object(struct vt_http *h, const char *url, const void *data,
    size_t len, struct vt_digest *ret, struct vt_why *why);
/* Durable in the log when it returns. An entry with the same text that is in
 * the log already gives that one's index. */
VT_MUST enum vt_err vt_log_submit_entry(struct vt_http *h, const char *url, const void *entry,
    size_t len, uint64_t *ret_index, struct vt_why *why);
/* The same for a review document and its entry: both are durable when it returns. */
VT_MUST enum vt_err vt_log_submit_review(struct vt_http *h, const char *url,
    const struct vt_slice *document, const struct vt_slice *entry, uint64_t *ret_index,
    struct vt_why *why);
/* Waits until the published checkpoint covers `index`; VT_E_TIMEOUT. */
VT_MUST enum vt_err vt_log_wait_published(struct vt_http *h, const char *url,
    const struct vt_policy *policy, uint64_t index, int64_t timeout_ms, struct vt_why *why);

#endif
