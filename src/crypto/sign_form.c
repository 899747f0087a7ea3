/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of what may be signed. No message has two forms: a checkpoint's
 * second line is a number, where a cosignature has "time" and an entry has
 * "kind"; DSSE begins with a space after its first word, which no key name
 * has; TUF metadata is one line that begins with a brace and ends in one.
 */
#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/signer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Origin, size and root hash of a tree, a line each; what is left in r are
 * extension lines. */
static bool
take_tree_lines(struct vt_reader *r, struct vt_reader *origin)
{
    struct vt_reader size;
    struct vt_reader root;
    uint8_t hash[VT_DIGEST_SIZE];
    uint64_t n;
    size_t len;

    return vt_reader_line(r, origin) && origin->left > 0 && vt_reader_line(r, &size) &&
           vt_reader_decimal(&size, INT64_MAX, &n) && vt_reader_line(r, &root) &&
           vt_b64_decode((const char *)root.p, root.left, hash, sizeof hash, &len) &&
           len == sizeof hash;
}

static bool
is_checkpoint(const char *key_name, struct vt_reader r)
{
    struct vt_reader origin;

    return take_tree_lines(&r, &origin) && vt_reader_is(&origin, key_name) && r.left == 0;
}

static bool
is_cosignature(struct vt_reader r)
{
    struct vt_reader line;
    uint64_t time;

    if (!vt_reader_skip(&r, "cosignature/v1\n") || !vt_reader_line(&r, &line) ||
        !vt_reader_skip(&line, "time ") || !vt_reader_decimal(&line, INT64_MAX, &time) ||
        !take_tree_lines(&r, &line))
        return false;
    while (r.left > 0) {
        if (!vt_reader_line(&r, &line) || line.left == 0)
            return false;
    }
    return true;
}

static bool
is_entry(struct vt_reader r)
{
    struct vt_reader line;

    if (!vt_reader_skip(&r, "vitrine/entry/v1\n") || !vt_reader_line(&r, &line) ||
        !vt_reader_skip(&line, "kind ") || line.left == 0)
        return false;
    while (r.left > 0) {
        if (!vt_reader_line(&r, &line) || line.left == 0)
            return false;
    }
    return true;
}

static bool
is_dsse(struct vt_reader r)
{
    struct vt_reader word;
    uint64_t len;

    return vt_reader_skip(&r, "DSSEv1 28 application/vnd.in-toto+json ") &&
           vt_reader_word(&r, ' ', &word) && vt_reader_decimal(&word, UINT32_MAX, &len) &&
           len == r.left && len > 0;
}

static bool
is_tuf_role(const char *type)
{
    return strcmp(type, "root") == 0 || strcmp(type, "targets") == 0 ||
           strcmp(type, "snapshot") == 0 || strcmp(type, "timestamp") == 0;
}

static bool
is_tuf(struct vt_reader r)
{
    struct vt_buf again = VT_BUF(r.left);
    const char *type = NULL;
    const char *version = NULL;
    json_t *v = NULL;
    bool ok;

    ok = vt_json_parse(r.p, r.left, "metadata", &v, NULL) == VT_OK &&
         vt_json_str(v, "_type", &type, NULL) == VT_OK && is_tuf_role(type) &&
         vt_json_str(v, "spec_version", &version, NULL) == VT_OK &&
         vt_json_canonical(v, &again, NULL) == VT_OK && again.len == r.left &&
         memcmp(again.data, r.p, r.left) == 0;
    json_decref(v);
    vt_buf_release(&again);
    return ok;
}

/* A first line of ours, then whole lines of a word, a space and more. */
static bool
is_vault(struct vt_reader r)
{
    struct vt_reader line;
    struct vt_reader word;

    if (!vt_reader_skip(&r, "vitrine/vault/") || !vt_reader_line(&r, &line) || r.left == 0)
        return false;
    while (r.left > 0) {
        if (!vt_reader_line(&r, &line) || !vt_reader_word(&line, ' ', &word) ||
            word.left == 0 || line.left == 0)
            return false;
    }
    return true;
}

/* A first line, then the key's own name as a line, then more. */
static bool
is_of_log(const char *first, const char *key_name, struct vt_reader r)
{
    struct vt_reader line;

    return vt_reader_skip(&r, first) && vt_reader_line(&r, &line) &&
           vt_reader_is(&line, key_name) && r.left > 0;
}

/* A text after its length in a byte; not empty. */
static bool
take_text(struct vt_reader *r, struct vt_reader *ret)
{
    const uint8_t *p;
    uint8_t len;

    if (!vt_reader_u8(r, &len) || len == 0 || !vt_reader_take(r, len, &p))
        return false;
    *ret = VT_READER(p, len);
    return true;
}

/* A label, the cosigner's own name, the time, the log's origin, and a whole tree. */
static bool
is_subtree(const char *key_name, struct vt_reader r)
{
    struct vt_reader name, origin;
    uint64_t time, start, end;
    uint8_t zero;

    return vt_reader_skip(&r, "subtree/v1\n") && vt_reader_u8(&r, &zero) && zero == 0 &&
           take_text(&r, &name) && vt_reader_is(&name, key_name) && vt_reader_u64(&r, &time) &&
           time <= INT64_MAX && take_text(&r, &origin) && vt_reader_u64(&r, &start) &&
           start == 0 && vt_reader_u64(&r, &end) && end <= INT64_MAX &&
           r.left == VT_DIGEST_SIZE;
}

bool
vt_sign_form_ok(enum vt_sign_kind kind, const char *key_name, const void *msg, size_t len)
{
    struct vt_reader r = VT_READER(msg, len);

    switch (kind) {
    case VT_SIGN_CHECKPOINT:
        return is_checkpoint(key_name, r);
    case VT_SIGN_COSIGNATURE:
        return is_cosignature(r);
    case VT_SIGN_ENTRY:
        return is_entry(r);
    case VT_SIGN_DSSE:
        return is_dsse(r);
    case VT_SIGN_TUF:
        return is_tuf(r);
    case VT_SIGN_VAULT:
        return is_vault(r);
    case VT_SIGN_SUBTREE:
        return is_subtree(key_name, r);
    case VT_SIGN_LOG_FROZEN:
        return is_of_log("vitrine/log-frozen/v1\n", key_name, r);
    case VT_SIGN_LOG_INDEX:
        return is_of_log("vitrine/log-index/v1\n", key_name, r);
    default:
        return false;
    }
}
