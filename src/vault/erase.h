/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasure of one data subject: its keys are destroyed, the ring's root key is changed, the
 * ledger says so, and known backups get the new ring. docs/formats/erasure.md.
 *
 * Keys first, words after: a run that was killed in between is given again, the keeper then
 * answers what it did, and the same entry is said.
 */
#ifndef VT_VAULT_ERASE_H
#define VT_VAULT_ERASE_H

#include "ledger/record.h"
#include "report/subject_file.h"
#include "vault/desk.h"
#include "vault/keeper.h"

struct vt_erase {
    const struct vt_home *home;
    struct vt_keeper *keeper;
    struct vt_desk *desk; /* with the vault's signer */
    struct vt_signer *signer;
    const struct vt_digest *request; /* the signed document */
    const uint8_t *opening;          /* VT_SUBJECT_OPENING_SIZE: salt, tag */
    const char *receipt;             /* file for the subject; NULL: only the one at the home */
};
struct vt_erased {
    struct vt_erasure said;
    uint64_t index; /* of the entry */
    char receipt[VT_PATH_MAX];
    struct vt_buf
        missed; /* backups that could not be given the new ring, one a line; release */
};

/* VT_E_QUORUM, VT_E_REFUSED: approvals are missing, or the keeper says no (which is then said
 * in the ledger too). VT_E_NOENT: the region has no data of that subject. */
VT_MUST enum vt_err vt_erase_run(
    const struct vt_erase *e, struct vt_erased *ret, struct vt_why *why);

#endif
