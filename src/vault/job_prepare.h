/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer needs before any key is asked for: the request, the job's bytes, the
 * environment it runs in, the threshold. Private to the answer.
 */
#ifndef VT_VAULT_JOB_PREPARE_H
#define VT_VAULT_JOB_PREPARE_H

#include "vault/job_answer.h"

struct vt_prepared {
    struct vt_request request;
    struct vt_buf artifact;
    struct vt_buf query; /* len 0: none */
    struct vt_buf passport;
    uint32_t threshold;     /* the highest of the scope's classes */
    uint64_t epsilon_spent; /* of the region's budget, as the ledger shows */
    struct vt_digest environment;
    char root[VT_PATH_MAX];
};
void vt_prepared_release(struct vt_prepared *p);

/* Reads the request, artifact and query, and checks that they belong together; and the vault
 * policy for the threshold. VT_E_NOENT, VT_E_DIGEST, VT_E_REFUSED (a mode that runs no job). */
VT_MUST enum vt_err vt_prepare_request(
    const struct vt_answer *a, struct vt_prepared *ret, struct vt_why *why);
/* Checks the passport and makes (or finds) the root folder of the environment that its assembly
 * names. Errors of vt_passport_parse, vt_passport_check and vt_environment_root. *ret_passport:
 * the passport was good. */
VT_MUST enum vt_err vt_prepare_environment(
    const struct vt_answer *a, struct vt_prepared *p, bool *ret_passport, struct vt_why *why);

#endif
