/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data subject's own data, handed to that subject: an age file (crypto/age.h) with one record
 * a line, for the key that the request names. docs/formats/job.md has the `run` document that
 * it is said by; it is in the ledger before the file is handed out. A session that came to
 * nothing is said as a run that failed, and counts as one (vault/run_kept.h).
 */
#ifndef VT_VAULT_EXPORT_H
#define VT_VAULT_EXPORT_H

#include "ledger/record.h"
#include "report/subject_file.h"
#include "vault/desk.h"
#include "vault/keeper.h"
#include "vault/scan.h"

struct vt_progress;

struct vt_export {
    const struct vt_home *home;
    struct vt_keeper *keeper;
    struct vt_desk *desk; /* with the vault's signer; refreshed */
    struct vt_signer *signer;
    const struct vt_digest *request; /* the signed document */
    const uint8_t *opening;          /* VT_SUBJECT_OPENING_SIZE: salt, tag */
    const void *shares;              /* as approvers sent them (vt_shares_join) */
    size_t shares_len;
    const char *out; /* where the file goes */
    struct vt_progress *progress;
};
struct vt_exported {
    struct vt_run said;
    uint64_t index; /* of the entry */
};

/* VT_E_QUORUM, VT_E_REFUSED: approvals are missing, or the keeper says no (which is then said
 * in the ledger too). VT_E_DIGEST: a segment is damaged; nothing is handed out. A run that was
 * killed after the file was made is given again: it says the same and hands the file out; one
 * that was killed before is said as failed, and the export begins anew. VT_E_BUSY: another
 * export is being made at this site. */
VT_MUST enum vt_err vt_export_run(
    const struct vt_export *e, struct vt_exported *ret, struct vt_why *why);

#endif
