/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/record.h"

#include "attest/dsse.h"
#include "log/reader.h"

#include <stdio.h>

void
vt_record_name(const char *kind, const struct vt_digest *d, char ret[VT_RECORD_NAME_SIZE])
{
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(d, hex);
    (void)snprintf(ret, VT_RECORD_NAME_SIZE, "%.16s-%s", kind, hex);
}

static enum vt_err
file_of(const struct vt_record *r, const char *name, const char *kind, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    return vt_home_path(r->home, ret, why, "records/%s.%s", name, kind);
}

bool
vt_record_has(const struct vt_record *r, const char *name)
{
    char path[VT_PATH_MAX];
    return file_of(r, name, "entry", path, NULL) == VT_OK && vt_file_exists(path);
}

static enum vt_err
keep(const struct vt_record *r, const char *name, const char *kind, const struct vt_buf *b,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_buf_check(b, kind, why);
    if (err == VT_OK)
        err = file_of(r, name, kind, path, why);
    return err == VT_OK ? vt_file_replace(path, 0644, b->data, b->len, why) : err;
}

enum vt_err
vt_record_say(const struct vt_record *r, const char *name, const void *statement, size_t len,
    struct vt_entry *entry, struct vt_record_said *ret, struct vt_why *why)
{
    struct vt_buf envelope = VT_BUF(VT_DSSE_MAX);
    struct vt_buf signed_entry = VT_BUF(VT_ENTRY_MAX);
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(r->home, dir, why, "records");
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_dsse_sign(&envelope, statement, len, r->signer, why);
    if (err != VT_OK)
        goto out;
    vt_digest_of(envelope.data, envelope.len, &entry->statement);
    err = vt_entry_check(entry, why);
    if (err == VT_OK)
        err = vt_entry_sign(&signed_entry, entry, r->signer, why);
    /* The entry last: with it the record is whole. */
    if (err == VT_OK)
        err = keep(r, name, "statement", &envelope, why);
    if (err == VT_OK)
        err = keep(r, name, "entry", &signed_entry, why);
out:
    vt_buf_release(&envelope);
    vt_buf_release(&signed_entry);
    return err == VT_OK ? vt_record_send(r, name, ret, why) : err;
}

static enum vt_err
load(const struct vt_record *r, const char *name, struct vt_buf *envelope, struct vt_buf *entry,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = file_of(r, name, "statement", path, why);
    if (err == VT_OK)
        err = vt_file_read(path, envelope, why);
    if (err == VT_OK)
        err = file_of(r, name, "entry", path, why);
    return err == VT_OK ? vt_file_read(path, entry, why) : err;
}

enum vt_err
vt_record_send(
    const struct vt_record *r, const char *name, struct vt_record_said *ret, struct vt_why *why)
{
    struct vt_buf envelope = VT_BUF(VT_DSSE_MAX);
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX);
    struct vt_record_said said = {0};
    struct vt_note note;
    struct vt_digest stored;
    enum vt_err err = load(r, name, &envelope, &entry, why);
    if (err == VT_OK)
        err = vt_entry_parse(entry.data, entry.len, &note, &said.entry, why);
    if (err == VT_OK)
        err = vt_log_submit_object(r->http, r->url, envelope.data, envelope.len, &stored, why);
    if (err == VT_OK && !vt_digest_eq(&stored, &said.entry.statement))
        err =
            vt_fail(why, VT_E_DIGEST, "records/%s: entry and statement are not one pair", name);
    if (err == VT_OK)
        err = vt_log_submit_entry(r->http, r->url, entry.data, entry.len, &said.index, why);
    vt_buf_release(&entry);
    if (err != VT_OK) {
        vt_buf_release(&envelope);
        return err;
    }
    said.envelope = envelope; /* moved */
    *ret = said;
    return VT_OK;
}
