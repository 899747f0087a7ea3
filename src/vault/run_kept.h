/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of one run while it is under way, so that a command may be killed at any moment
 * and given again: no session goes without a run in the ledger, none is told twice, and no
 * result leaves before the ledger has been told of it. docs/formats/job.md.
 *
 * The files, below HOME/vault/said, by the kind of run and the request's digest (the first 32
 * hex digits):
 *
 *     KIND-HEX.begun   a session is about to be opened: the grant's digest
 *     KIND-HEX.age     the sealed result, until it is handed out
 *     KIND-HEX         the signed document of the last run; removed when the next begins
 *
 * and HOME/vault/accesses/RUN, the tree of the customers whose records were read, RUN being
 * the document's digest. A run goes through them in this order, each step durable before the
 * next:
 *
 *     vt_run_kept_begin       .begun; then the caller opens its session
 *     vt_run_kept_result      .age, which the caller writes
 *     vt_run_kept_store       accesses/RUN, then the document: it is what will be said
 *     vt_run_kept_say         said and cosigned; .begun goes
 *     vt_run_kept_hand_out    .age is where it was asked for, and goes
 *
 * A session that comes to nothing goes to vt_run_kept_fail instead. A command that begins looks
 * for what another left: vt_run_kept_find (made: go on with vt_run_kept_say), else
 * vt_run_kept_end (begun, and nothing made). One command at a time may work on a request: the
 * caller holds a lock, or another's session would look like a dead one's.
 */
#ifndef VT_VAULT_RUN_KEPT_H
#define VT_VAULT_RUN_KEPT_H

#include "ledger/customers.h"
#include "ledger/record.h"
#include "store/home.h"
#include "vault/desk.h"

/* Borrows all of it; holds nothing that would have to be released. */
struct vt_run_kept {
    const struct vt_home *home;
    const char *kind;     /* how the files' names begin: "run", "export" */
    struct vt_desk *desk; /* with the vault's signer; refreshed */
    struct vt_signer *signer;
    const struct vt_digest *request; /* the signed document */
};

/* VT_E_REFUSED: the ledger has as many runs of this request as `q` is for, failed ones
 * included; that is said in the ledger as the keeper's no is. The keeper counts sessions too;
 * but one that was killed before its count was durable would open another, and the ledger would
 * show a run too many. To be asked before vt_run_kept_begin, of a desk that was refreshed after
 * what vt_run_kept_fail said. */
VT_MUST enum vt_err vt_run_kept_spent(
    const struct vt_run_kept *k, const struct vt_request *q, struct vt_why *why);
/* Notes that a session is about to be opened under the grant that this evidence (request,
 * approvals, grant) ends with; *ret_grant is its document. The document of the run before goes,
 * which was said. VT_E_SYNTAX: no such evidence; nothing has changed then. VT_E_IO, VT_E_NOMEM.
 */
VT_MUST enum vt_err vt_run_kept_begin(const struct vt_run_kept *k, const void *evidence,
    size_t len, struct vt_digest *ret_grant, struct vt_why *why);
/* Takes the note back: the keeper said no, so that certainly nothing was opened. Not for
 * a keeper that gave no answer. Fine when there is none. */
VT_MUST enum vt_err vt_run_kept_unbegin(const struct vt_run_kept *k, struct vt_why *why);

/* Where the sealed result belongs. The caller writes it there durably, mode 0600, before
 * vt_run_kept_store; one that is there already is of a run that came to nothing. */
VT_MUST enum vt_err vt_run_kept_result(
    const struct vt_run_kept *k, char ret[VT_PATH_MAX], struct vt_why *why);
/* Signs and stores the document of a run that has its result. The caller fills in *run but for
 * `finished` (now, and not before `started`) and the customers, which are c's: an ended tree.
 * Errors of vt_run_doc, vt_doc_sign, vt_customers_put; VT_E_IO. */
VT_MUST enum vt_err vt_run_kept_store(const struct vt_run_kept *k, struct vt_run *run,
    const struct vt_customers *c, struct vt_why *why);
/* Says the stored document, waits until it is cosigned, and forgets that a session was begun.
 * *ret_index: its entry; again, the same. Errors of vt_say_once. */
VT_MUST enum vt_err vt_run_kept_say(
    const struct vt_run_kept *k, uint64_t *ret_index, struct vt_why *why);
/* Copies the result durably to `out`, mode 0600, then removes it. VT_E_DIGEST: it is not
 * `result`, the digest that was said; it stays then. Errors of vt_backup_copy. */
VT_MUST enum vt_err vt_run_kept_hand_out(const struct vt_run_kept *k,
    const struct vt_digest *result, const char *out, struct vt_why *why);

/* Stores and says the document of a session that came to nothing: outcome `failed` or `limit`,
 * `q` being its request and `started` seconds since 1970; nothing of what it read was given
 * out, and its counts are 0. A result that was made goes. Errors of vt_run_kept_store and
 * vt_run_kept_say; what was stored is then said by vt_run_kept_end. */
VT_MUST enum vt_err vt_run_kept_fail(const struct vt_run_kept *k, const struct vt_request *q,
    const struct vt_digest *grant, int64_t started, enum vt_outcome outcome,
    struct vt_why *why);

/* *ret: there is a result that was not handed out, with its document, which is *ret_run then. A
 * result that the document does not name is none: its run was killed between the two, or
 * somebody else wrote it. VT_E_SYNTAX: the document is none. Cost: the result is hashed. */
VT_MUST enum vt_err vt_run_kept_find(
    const struct vt_run_kept *k, struct vt_run *ret_run, bool *ret, struct vt_why *why);
/* To be called when nothing was found: ends a session that was begun and whose result there is
 * not. A document that was stored for it is said here. *ret: there is none, and the caller says
 * so with vt_run_kept_fail, under *ret_grant. VT_E_SYNTAX: the note is not what
 * vt_run_kept_begin writes. Errors of vt_run_kept_say. */
VT_MUST enum vt_err vt_run_kept_end(
    const struct vt_run_kept *k, struct vt_digest *ret_grant, bool *ret, struct vt_why *why);

#endif
