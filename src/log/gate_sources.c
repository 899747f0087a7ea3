/* SPDX-License-Identifier: Apache-2.0 */
#include "log/gate.h"
#include "log/names.h"
#include "log/writer.h"

#include <stdlib.h>

struct vt_gate_sources {
    struct vt_log_writer *writer;
    struct vt_names known; /* a source's digest, and the entry that has it */
    uint64_t seen;         /* entries of the log that were read */
};

enum vt_err
vt_gate_sources_new(struct vt_log_writer *w, struct vt_gate_sources **ret, struct vt_why *why)
{
    struct vt_gate_sources *s = calloc(1, sizeof *s);

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the log's sources");
    s->writer = w;
    *ret = s;
    return VT_OK;
}

void
vt_gate_sources_free(struct vt_gate_sources *s)
{
    if (s == NULL)
        return;
    vt_names_release(&s->known);
    free(s);
}

/* All entries of a log came through the gate; one that is of no kind known here says nothing.
 */
static enum vt_err
take(struct vt_gate_sources *s, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_note note;
    struct vt_entry e;

    if (vt_entry_parse(b->data, b->len, &note, &e, NULL) != VT_OK || e.kind != VT_ENTRY_SOURCE)
        return VT_OK;
    return vt_names_put(&s->known, vt_entry_one(&e, VT_SUBJECT_SOURCE), s->seen, why);
}

static enum vt_err
catch_up(struct vt_gate_sources *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    enum vt_err err = VT_OK;

    while (err == VT_OK && s->seen < vt_log_writer_size(s->writer)) {
        vt_buf_clear(&b);
        err = vt_log_writer_entry(s->writer, s->seen, &b, why);
        if (err == VT_OK)
            err = take(s, &b, why);
        if (err == VT_OK)
            s->seen++;
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_gate_sources_check(
    struct vt_gate_sources *s, const void *entry, size_t len, struct vt_why *why)
{
    struct vt_note note;
    struct vt_entry e;
    const struct vt_digest *source;
    char hex[VT_DIGEST_HEX_SIZE];
    uint64_t index;
    enum vt_err err = vt_entry_parse(entry, len, &note, &e, why);

    if (err != VT_OK || (e.kind != VT_ENTRY_READING && e.kind != VT_ENTRY_REVIEW &&
                            e.kind != VT_ENTRY_OBJECTION))
        return err;
    err = catch_up(s, why);
    if (err != VT_OK)
        return err;
    source = vt_entry_one(&e, VT_SUBJECT_SOURCE);
    if (vt_names_find(&s->known, source, &index))
        return VT_OK;
    vt_digest_hex(source, hex);
    return vt_fail(why, VT_E_STATE, "the log has no source sha256:%s", hex);
}
