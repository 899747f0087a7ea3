/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vault's commands of endpoints share: where and by what they report.
 */
#ifndef VT_CMD_VAULT_ENDPOINT_H
#define VT_CMD_VAULT_ENDPOINT_H

#include "cmd.h"
#include "report/reporter.h"

struct vt_vault_endpoint {
    const char *spool;
    uint64_t spool_max_mb;
    struct vt_opt_list from;
    const char *policy;
    const char *region;
    const char *class_name;
    const char *customer;
    const char *secret;
    const char *subject;
    const char *subject_field;
};

/* The lines that both commands have in their tables of options. */
#define VT_VAULT_ENDPOINT_OPTS(e)                                                              \
    {"spool", 0, VT_OPT_STR, "DIR", "folder that keeps sealed batches until they are taken",   \
        &(e).spool, false},                                                                    \
        {"spool-max", 0, VT_OPT_U64, "MB", "how much that may be (256)", &(e).spool_max_mb,    \
            false},                                                                            \
        {"from", 0, VT_OPT_LIST, "URL", "the vault; one for each site that there is",          \
            &(e).from, false},                                                                 \
        {"policy", 0, VT_OPT_STR, "FILE", "trust policy", &(e).policy, false},                 \
        {"region", 0, VT_OPT_STR, "REGION", "whose data", &(e).region, false},                 \
        {"class", 0, VT_OPT_STR, "CLASS", "which data", &(e).class_name, false},               \
        {"customer", 0, VT_OPT_STR, "NAME", "the customer", &(e).customer, false},             \
        {"secret", 0, VT_OPT_STR, "FILE", "the customer's secret", &(e).secret, false},        \
        {"subject", 0, VT_OPT_STR, "NAME", "whom all events are of", &(e).subject, false},     \
    {                                                                                          \
        "subject-field", 0, VT_OPT_STR, "FIELD", "where an event says whom it is of",          \
            &(e).subject_field, false                                                          \
    }

/* Opens the reporter; *ret_stop is readable once SIGTERM or SIGINT came. VT_E_USAGE names what
 * is missing. */
VT_MUST enum vt_err vt_vault_endpoint_open(const struct vt_vault_endpoint *e, int64_t linger_ms,
    struct vt_reporter **ret, int *ret_stop, struct vt_why *why);

#endif
