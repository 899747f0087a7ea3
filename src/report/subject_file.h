/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two small files of people who deal with data subjects, each one line of 64 lower-case hex
 * digits and a newline, for its owner alone (crypto/secret.h). docs/formats/subject-files.md.
 *
 *     customer.secret   32 bytes: what tags of subjects and customers are made with
 *     FILE.salt         16 bytes of salt, 16 bytes of tag: opens the commitment by which a
 *                       request of mode export or erasure names its subject
 */
#ifndef VT_REPORT_SUBJECT_FILE_H
#define VT_REPORT_SUBJECT_FILE_H

#include "ledger/grant.h"

#define VT_CUSTOMER_SECRET_SIZE 32U
#define VT_SUBJECT_OPENING_SIZE 32U /* salt, tag */

/* Makes a customer's secret in a file that must not exist (VT_E_EXIST). */
VT_MUST enum vt_err vt_customer_secret_new(const char *path, struct vt_why *why);
/* Wipe ret. Errors of vt_secret_read; VT_E_CONFIG when it is no such line. */
VT_MUST enum vt_err vt_customer_secret_load(
    const char *path, uint8_t ret[VT_CUSTOMER_SECRET_SIZE], struct vt_why *why);

/* Commits to a subject with a new salt, and writes the file that opens it. A file that opens
 * a commitment to the same subject is taken as it is; any other: VT_E_EXIST. */
VT_MUST enum vt_err vt_subject_opening_new(const char *path, const uint8_t tag[VT_SUBJECT_SIZE],
    struct vt_digest *ret_commitment, struct vt_why *why);
VT_MUST enum vt_err vt_subject_opening_load(
    const char *path, uint8_t ret[VT_SUBJECT_OPENING_SIZE], struct vt_why *why);

#endif
