/* SPDX-License-Identifier: Apache-2.0 */
/* Passports: made, written and parsed. */
#include "note/passport.h"

#include "note/field.h"
#include "note/passport_held.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PASSPORT_HEAD "vitrine/passport/v1"

enum vt_err
vt_passport_new(const struct vt_digest *artifact, struct vt_passport **ret, struct vt_why *why)
{
    struct vt_passport *p = calloc(1, sizeof *p);
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a passport");
    p->artifact = *artifact;
    *ret = p;
    return VT_OK;
}

void
vt_passport_free(struct vt_passport *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->item[i]);
    free(p->checkpoint);
    free(p);
}

/* An item with its own copy of the entry, parsed. */
static enum vt_err
item_new(uint64_t index, const void *entry, size_t len, const struct vt_proof *path,
    struct vt_passport_item **ret, struct vt_why *why)
{
    if (index > INT64_MAX || path->len > VT_PROOF_MAX || len > VT_ENTRY_MAX)
        return vt_fail(why, VT_E_LIMIT, "entry %" PRIu64 " is too large for a passport", index);
    struct vt_passport_item *item = calloc(1, sizeof *item + len);
    if (item == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a passport");
    item->index = index;
    item->path = *path;
    item->len = len;
    if (len > 0)
        memcpy(item->bytes, entry, len);
    enum vt_err err = vt_entry_parse(item->bytes, len, &item->note, &item->entry, why);
    if (err != VT_OK) {
        free(item);
        return vt_fail_in(why, err, "entry %" PRIu64, index);
    }
    *ret = item;
    return VT_OK;
}

enum vt_err
vt_passport_add(struct vt_passport *p, uint64_t index, const void *entry, size_t entry_len,
    const struct vt_proof *path, struct vt_why *why)
{
    struct vt_passport_item *item = NULL;
    size_t at = p->count;

    if (p->count == VT_PASSPORT_ENTRIES_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a passport has at most %u entries", VT_PASSPORT_ENTRIES_MAX);
    while (at > 0 && p->item[at - 1]->index >= index)
        at--;
    if (at < p->count && p->item[at]->index == index)
        return vt_fail(
            why, VT_E_EXIST, "the passport has an entry of index %" PRIu64 " already", index);
    enum vt_err err = item_new(index, entry, entry_len, path, &item, why);
    if (err != VT_OK)
        return err;
    memmove(
        &p->item[at + 1], &p->item[at], (p->count - at) * sizeof(struct vt_passport_item *));
    p->item[at] = item;
    p->count++;
    return VT_OK;
}

enum vt_err
vt_passport_set_checkpoint(
    struct vt_passport *p, const void *note, size_t len, struct vt_why *why)
{
    struct vt_checkpoint c;
    struct vt_note n;
    uint8_t *copy;

    enum vt_err err = vt_note_parse(note, len, &n, why);
    if (err == VT_OK)
        err = vt_checkpoint_parse(n.text, n.text_len, &c, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "the passport's checkpoint");
    /* So that no checkpoint can be taken for a block "entry ...". */
    if (!vt_note_name_valid(c.origin, strlen(c.origin)))
        return vt_fail(
            why, VT_E_SYNTAX, "the origin `%s` of the checkpoint is no key's name", c.origin);
    copy = malloc(len);
    if (copy == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a passport");
    memcpy(copy, note, len);
    free(p->checkpoint);
    p->checkpoint = copy;
    p->checkpoint_len = len;
    return VT_OK;
}

static void
put_digest_line(struct vt_buf *b, const char *name, const struct vt_digest *d)
{
    vt_buf_puts(b, name);
    vt_field_put_digest(b, d);
    vt_buf_put_u8(b, '\n');
}

enum vt_err
vt_passport_put(const struct vt_passport *p, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf file = VT_BUF(VT_PASSPORT_MAX);
    struct vt_digest d;

    if (p->checkpoint == NULL)
        return vt_fail(why, VT_E_STATE, "the passport has no checkpoint yet");
    vt_digest_of(p->checkpoint, p->checkpoint_len, &d);
    vt_buf_puts(&file, PASSPORT_HEAD "\n");
    put_digest_line(&file, "artifact ", &p->artifact);
    put_digest_line(&file, "checkpoint ", &d);
    vt_buf_put_u8(&file, '\n');
    for (size_t i = 0; i < p->count; i++) {
        vt_buf_putf(&file, "entry %" PRIu64 " ", p->item[i]->index);
        vt_buf_put_b64(&file, p->item[i]->bytes, p->item[i]->len);
        vt_buf_put_u8(&file, '\n');
        vt_field_put_path(&file, &p->item[i]->path);
        vt_buf_put_u8(&file, '\n');
    }
    vt_buf_put(&file, p->checkpoint, p->checkpoint_len);
    enum vt_err err = vt_buf_check(&file, "a passport", why);
    if (err == VT_OK) {
        vt_buf_put(b, file.data, file.len);
        err = vt_buf_check(b, "a passport", why);
    }
    vt_buf_release(&file);
    return err;
}

/* `INDEX BASE64` and the path's lines; the first word is taken already. */
static enum vt_err
parse_item(struct vt_reader *r, struct vt_passport *p, struct vt_why *why)
{
    struct vt_reader line, word;
    uint8_t *entry = NULL;
    struct vt_proof path;
    uint64_t index;
    size_t len;

    if (!vt_reader_line(r, &line) || !vt_reader_word(&line, ' ', &word) ||
        !vt_reader_decimal(&word, INT64_MAX, &index))
        return vt_fail(why, VT_E_SYNTAX, "an entry's line is not `entry INDEX BASE64`");
    len = vt_field_b64_size(&line);
    if (len == 0 || len > VT_ENTRY_MAX)
        return vt_fail(why, VT_E_SYNTAX, "entry %" PRIu64 " is not base64 of 1 to %u bytes",
            index, VT_ENTRY_MAX);
    if (p->count > 0 && p->item[p->count - 1]->index >= index)
        return vt_fail(
            why, VT_E_SYNTAX, "entry %" PRIu64 " is out of order or there twice", index);
    enum vt_err err = vt_field_path(r, &path, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "entry %" PRIu64, index);
    entry = malloc(len);
    if (entry == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a passport");
    if (vt_field_b64(&line, entry, len))
        err = vt_passport_add(p, index, entry, len, &path, why);
    else
        err = vt_fail(why, VT_E_SYNTAX, "entry %" PRIu64 " is not base64", index);
    free(entry);
    return err;
}

/* `NAME sha256:HEX` */
static bool
take_digest_line(struct vt_reader *r, const char *name, struct vt_digest *ret)
{
    struct vt_reader line;
    return vt_reader_line(r, &line) && vt_reader_skip(&line, name) &&
           vt_field_digest(&line, ret);
}

static enum vt_err
parse_head(struct vt_reader *r, struct vt_digest *ret_artifact,
    struct vt_digest *ret_checkpoint, struct vt_why *why)
{
    struct vt_reader line;
    if (!vt_reader_line(r, &line) || !vt_reader_is(&line, PASSPORT_HEAD))
        return vt_fail(why, VT_E_SYNTAX, "line 1 of a passport must be `" PASSPORT_HEAD "`");
    if (!take_digest_line(r, "artifact ", ret_artifact))
        return vt_fail(why, VT_E_SYNTAX, "line 2 of a passport must be `artifact sha256:HEX`");
    if (!take_digest_line(r, "checkpoint ", ret_checkpoint))
        return vt_fail(
            why, VT_E_SYNTAX, "line 3 of a passport must be `checkpoint sha256:HEX`");
    if (!vt_reader_line(r, &line) || line.left != 0)
        return vt_fail(why, VT_E_SYNTAX, "line 4 of a passport must be empty");
    return VT_OK;
}

static enum vt_err
parse_rest(struct vt_reader r, struct vt_passport *p, const struct vt_digest *checkpoint,
    struct vt_why *why)
{
    struct vt_digest d;
    while (vt_reader_skip(&r, "entry ")) {
        enum vt_err err = parse_item(&r, p, why);
        if (err != VT_OK)
            return err;
    }
    vt_digest_of(r.p, r.left, &d);
    if (!vt_digest_eq(&d, checkpoint))
        return vt_fail(why, VT_E_DIGEST,
            "the passport's checkpoint is not the one it was made with: the file is damaged");
    return vt_passport_set_checkpoint(p, r.p, r.left, why);
}

enum vt_err
vt_passport_parse(const void *data, size_t len, struct vt_passport **ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_digest artifact, checkpoint;
    struct vt_passport *p = NULL;

    if (len > VT_PASSPORT_MAX)
        return vt_fail(why, VT_E_LIMIT, "a passport has at most %u bytes", VT_PASSPORT_MAX);
    enum vt_err err = parse_head(&r, &artifact, &checkpoint, why);
    if (err == VT_OK)
        err = vt_passport_new(&artifact, &p, why);
    if (err == VT_OK)
        err = parse_rest(r, p, &checkpoint, why);
    if (err == VT_OK) {
        *ret = p;
        p = NULL; /* moved */
    }
    vt_passport_free(p);
    return err;
}

const struct vt_digest *
vt_passport_artifact(const struct vt_passport *p)
{
    return &p->artifact;
}

size_t
vt_passport_count(const struct vt_passport *p)
{
    return p->count;
}

void
vt_passport_entry(const struct vt_passport *p, size_t i, uint64_t *ret_index,
    const struct vt_entry **ret_entry, const struct vt_note **ret_note)
{
    const struct vt_passport_item *item = p->item[i];
    if (ret_index != NULL)
        *ret_index = item->index;
    if (ret_entry != NULL)
        *ret_entry = &item->entry;
    if (ret_note != NULL)
        *ret_note = &item->note;
}

const void *
vt_passport_checkpoint(const struct vt_passport *p, size_t *ret_len)
{
    *ret_len = p->checkpoint_len;
    return p->checkpoint;
}
