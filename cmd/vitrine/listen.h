/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of every command that listens (docs/formats/listeners.md): rows for its table,
 * and what they come to.
 */
#ifndef VT_CMD_LISTEN_H
#define VT_CMD_LISTEN_H

#include "cmd.h"
#include "http/listen.h"

struct vt_listen_cli {
    struct vt_listen_opts how; /* for who serves, once vt_listen_cli_take has been called */
    const char *format;        /* --log-format */
};

/* Rows of a struct vt_opt table, for a struct vt_listen_cli that is zeroed. */
#define VT_LISTEN_OPTS(l_)                                                                     \
    {"tls-cert", 0, VT_OPT_STR, "FILE",                                                        \
        "speak TLS 1.3 with this certificate chain (PEM); taken again when it changes",        \
        &(l_)->how.tls_cert, false},                                                           \
        {"tls-key", 0, VT_OPT_STR, "FILE",                                                     \
            "its private key (PEM), which nobody else may read", &(l_)->how.tls_key, false},   \
        {"client-ca", 0, VT_OPT_STR, "FILE",                                                   \
            "take what is sent for the log or the vault only from clients whose certificate "  \
            "one of these authorities (PEM) signed",                                           \
            &(l_)->how.client_ca, false},                                                      \
        {"access-log", 0, VT_OPT_FLAG, NULL, "write a line for each request",                  \
            &(l_)->how.access_log, false},                                                     \
        {"log-addresses", 0, VT_OPT_FLAG, NULL, "with the clients' addresses in these lines",  \
            &(l_)->how.log_addresses, false},                                                  \
    {                                                                                          \
        "log-format", 0, VT_OPT_STR, "text|json", "how lines are written (text)",              \
            &(l_)->format, false                                                               \
    }

/* After vt_cmd_parse: has lines written as they are to be, in this process and those that it
 * starts, and $VITRINE_ACCESS_LOG taken into account. VT_E_USAGE: no such format. */
VT_MUST enum vt_err vt_listen_cli_take(struct vt_listen_cli *l, struct vt_why *why);

#endif
