/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passports: one file beside an artifact with all entries that prove it, each
 * with its path to one cosigned checkpoint. docs/formats/passport.md. No I/O.
 *
 *     vitrine/passport/v1
 *     artifact sha256:HEX
 *     checkpoint sha256:HEX
 *
 *     entry INDEX BASE64(entry)
 *     HASH...
 *
 *     entry INDEX BASE64(entry)
 *     HASH...
 *
 *     CHECKPOINT (signed note, verbatim, to the end)
 *
 * Entries stand in order of their index, none twice. The checkpoint line has the
 * digest of the checkpoint's bytes: a reader must ignore signatures by keys it
 * does not know, so without it damage could turn one line into such a signature
 * unnoticed. It proves nothing beyond that.
 */
#ifndef VT_NOTE_PASSPORT_H
#define VT_NOTE_PASSPORT_H

#include "merkle/tree.h"
#include "note/entry.h"
#include "note/policy.h"

#define VT_PASSPORT_MAX (2U * 1024U * 1024U)
#define VT_PASSPORT_ENTRIES_MAX 64U

struct vt_passport; /* owns copies of all it holds */

VT_MUST enum vt_err vt_passport_new(
    const struct vt_digest *artifact, struct vt_passport **ret, struct vt_why *why);
void vt_passport_free(struct vt_passport *p);
/* Adds an entry's bytes with its path; copies. VT_E_SYNTAX when it is no entry,
 * VT_E_LIMIT, VT_E_EXIST when there is one of that index. */
VT_MUST enum vt_err vt_passport_add(struct vt_passport *p, uint64_t index, const void *entry,
    size_t entry_len, const struct vt_proof *path, struct vt_why *why);
/* Replaces the checkpoint; copies. VT_E_SYNTAX, VT_E_LIMIT: no checkpoint, or
 * one of an origin that is no key's name. */
VT_MUST enum vt_err vt_passport_set_checkpoint(
    struct vt_passport *p, const void *note, size_t len, struct vt_why *why);
/* Appends the file; entries are put in order. VT_E_STATE without checkpoint,
 * VT_E_LIMIT when the file would be over VT_PASSPORT_MAX. */
VT_MUST enum vt_err vt_passport_put(
    const struct vt_passport *p, struct vt_buf *b, struct vt_why *why);

/* Parses a whole file, strictly: what vt_passport_put writes and nothing else.
 * VT_E_SYNTAX, VT_E_LIMIT, VT_E_DIGEST (the checkpoint is not the one it was
 * made with), VT_E_NOMEM. */
VT_MUST enum vt_err vt_passport_parse(
    const void *data, size_t len, struct vt_passport **ret, struct vt_why *why);

const struct vt_digest *vt_passport_artifact(const struct vt_passport *p);
size_t vt_passport_count(const struct vt_passport *p);
/* Entry i in order of index; any of the ret_ may be NULL. Points into p. */
void vt_passport_entry(const struct vt_passport *p, size_t i, uint64_t *ret_index,
    const struct vt_entry **ret_entry, const struct vt_note **ret_note);
const void *vt_passport_checkpoint(const struct vt_passport *p, size_t *ret_len);

/* What a check found out, for people and --json. Objections stand in it too, where the policy
 * demands no reviews. */
struct vt_passport_report {
    struct vt_checkpoint checkpoint;
    uint64_t cosigned_time; /* as vt_policy_check_checkpoint */
    size_t count;           /* entries that counted */
    struct {
        uint64_t index;
        enum vt_entry_kind kind;
        const char *signer; /* its name in the policy; owned by the policy */
    } entry[VT_PASSPORT_ENTRIES_MAX];
};

/*
 * The whole offline check. In this order: the policy says something (a name or
 * none) about each of source, environment, assembly, rebuild and release,
 * VT_E_CONFIG otherwise; the passport is for `artifact`; the checkpoint is
 * signed by a log of the policy and cosigned by its quorum; every entry is in
 * that tree; every entry of a known signer has that signer's valid signature
 * (an unknown signer's entry counts for nothing); no signer of the policy has
 * logged a mismatch that names the artifact; there is an assembly entry with
 * the artifact whose signers meet `require assembly`; the source, environment
 * and rebuild entries that speak of that assembly's very inputs and outputs
 * meet theirs; so do review entries of its source when the policy has a line `require
 * review NAME`, and then no known signer's last word on that source is an objection;
 * so does a release entry naming the artifact. When the artifact
 * was assembled from several inputs, one assembly that meets all of it is
 * enough. Errors as those of the parts; the message names the missing party.
 * *ret_report may be filled in part.
 */
VT_MUST enum vt_err vt_passport_check(const struct vt_passport *p,
    const struct vt_digest *artifact, const struct vt_policy *policy,
    struct vt_passport_report *ret_report, struct vt_why *why);
/* The same for an artifact that is not released yet: all but the release entries. */
VT_MUST enum vt_err vt_passport_check_unreleased(const struct vt_passport *p,
    const struct vt_digest *artifact, const struct vt_policy *policy,
    struct vt_passport_report *ret_report, struct vt_why *why);

#endif
