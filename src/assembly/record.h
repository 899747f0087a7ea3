/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saying something in a site's log exactly once: the signed statement and the
 * signed entry are kept in files before they are sent, so that a command that
 * was killed at any point sends the same bytes when it is given again, and the
 * log answers with the index that it gave the first time.
 *
 *     HOME/records/NAME.statement    the DSSE envelope
 *     HOME/records/NAME.entry        the entry; there only when both are whole
 */
#ifndef VT_ASSEMBLY_RECORD_H
#define VT_ASSEMBLY_RECORD_H

#include "crypto/signer.h"
#include "http/client.h"
#include "note/entry.h"
#include "store/home.h"

/* Who says it, and where. All borrowed. */
struct vt_record {
    const struct vt_home *home;
    struct vt_http *http;
    const char *url;          /* of the site */
    struct vt_signer *signer; /* signs DSSE and entries */
};

/* What was said. */
struct vt_record_said {
    uint64_t index; /* of the entry in the log */
    struct vt_entry entry;
    struct vt_buf envelope; /* the caller releases it */
};

/* A name such as "assembly-HEX" from a digest. */
#define VT_RECORD_NAME_SIZE 96
void vt_record_name(const char *kind, const struct vt_digest *d, char ret[VT_RECORD_NAME_SIZE]);

/* Whether it was signed before; it may or may not have been sent. */
bool vt_record_has(const struct vt_record *r, const char *name);

/* Signs a statement and an entry about it (whose `statement` is set here), keeps
 * both, and sends them. VT_E_* of vt_record_send. */
VT_MUST enum vt_err vt_record_say(const struct vt_record *r, const char *name,
    const void *statement, size_t len, struct vt_entry *entry, struct vt_record_said *ret,
    struct vt_why *why);

/* Sends what was kept; durable in the log when it returns. VT_E_NOENT (never
 * signed), VT_E_NET (also: the site does not run), errors of vt_log_submit_*.
 * *ret is filled on success only; ret->envelope must be empty before. */
VT_MUST enum vt_err vt_record_send(const struct vt_record *r, const char *name,
    struct vt_record_said *ret, struct vt_why *why);

#endif
