/* SPDX-License-Identifier: Apache-2.0 */
#include "note/note.h"

#include "note/field.h"

#include <inttypes.h>
#include <string.h>

#define SIG_PREFIX "\xe2\x80\x94 " /* em dash, space */

static enum vt_err
check_characters(const struct vt_reader *all, struct vt_why *why)
{
    if (!vt_utf8_valid(all->p, all->left))
        return vt_fail(why, VT_E_SYNTAX, "a signed note must be UTF-8");
    for (size_t i = 0; i < all->left; i++) {
        if (all->p[i] < 0x20 && all->p[i] != '\n')
            return vt_fail(why, VT_E_SYNTAX,
                "a signed note has the control character %02x at byte %zu", all->p[i], i);
    }
    return VT_OK;
}

/* The last empty line separates text and signatures, since neither a
 * signature line nor the end of the text is one. */
static bool
split(const struct vt_reader *all, struct vt_reader *ret_text, struct vt_reader *ret_sigs)
{
    const uint8_t *at = memrchr(all->p, '\n', all->left);
    if (at == NULL || at != all->p + all->left - 1)
        return false;
    while ((at = memrchr(all->p, '\n', (size_t)(at - all->p))) != NULL) {
        if (at == all->p || at[-1] != '\n')
            continue;
        *ret_text = VT_READER(all->p, (size_t)(at - all->p));
        *ret_sigs = VT_READER(at + 1, all->left - ret_text->left - 1);
        return ret_sigs->left > 0;
    }
    return false;
}

/* The key id, from the first four of the decoded bytes. */
static uint32_t
sig_id(const struct vt_reader *b64)
{
    const struct vt_reader head = VT_READER(b64->p, 8); /* six bytes, or four and padding */
    uint8_t b[6] = {0};
    size_t len;
    if (!vt_b64_decode((const char *)head.p, head.left, b, sizeof b, &len))
        return 0;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool
parse_sig(struct vt_reader line, struct vt_note_sig *ret)
{
    struct vt_reader name;
    if (!vt_reader_skip(&line, SIG_PREFIX) || !vt_reader_word(&line, ' ', &name))
        return false;
    if (!vt_note_name_valid((const char *)name.p, name.left) || vt_field_b64_size(&line) <= 4)
        return false;
    *ret = (struct vt_note_sig){
        .name = (const char *)name.p,
        .name_len = name.left,
        .id = sig_id(&line),
        .b64 = (const char *)line.p,
        .b64_len = line.left,
    };
    return true;
}

enum vt_err
vt_note_parse(const void *data, size_t len, struct vt_note *ret, struct vt_why *why)
{
    const struct vt_reader all = VT_READER(data, len);
    struct vt_reader text, sigs, line;
    struct vt_note n = {0};

    if (len > VT_NOTE_MAX)
        return vt_fail(why, VT_E_LIMIT, "a signed note has more than %u bytes", VT_NOTE_MAX);
    enum vt_err err = check_characters(&all, why);
    if (err != VT_OK)
        return err;
    if (len == 0 || !split(&all, &text, &sigs))
        return vt_fail(why, VT_E_SYNTAX,
            "a signed note must end in an empty line and signature lines; is it cut short?");
    n.text = text.p;
    n.text_len = text.left;
    while (vt_reader_line(&sigs, &line)) {
        if (n.sig_count == VT_NOTE_SIGS_MAX)
            return vt_fail(
                why, VT_E_LIMIT, "a signed note has more than %u signatures", VT_NOTE_SIGS_MAX);
        if (!parse_sig(line, &n.sig[n.sig_count]))
            return vt_fail(why, VT_E_SYNTAX,
                "signature line %zu of a note is not `\xe2\x80\x94 NAME BASE64`",
                n.sig_count + 1);
        n.sig_count++;
    }
    *ret = n;
    return VT_OK;
}

enum vt_err
vt_note_sig_bytes(const struct vt_note_sig *sig, uint8_t *ret, size_t ret_size, size_t *ret_len,
    struct vt_why *why)
{
    const struct vt_reader b64 = VT_READER(sig->b64, sig->b64_len);
    size_t size = vt_field_b64_size(&b64), done = 0, got;
    uint8_t three[3];

    if (size <= 4 || size - 4 > ret_size)
        return vt_fail(why, VT_E_SYNTAX,
            "the signature of `%.*s` has not the length of its type",
            (int)(sig->name_len < 256 ? sig->name_len : 256), sig->name);
    for (size_t at = 0; at < sig->b64_len; at += 4) {
        if (!vt_b64_decode(sig->b64 + at, 4, three, sizeof three, &got))
            return vt_fail(why, VT_E_SYNTAX, "a signature is not base64");
        for (size_t i = 0; i < got; i++, done++) {
            if (done >= 4)
                ret[done - 4] = three[i];
        }
    }
    *ret_len = size - 4;
    return VT_OK;
}

bool
vt_note_sig_is(const struct vt_note_sig *sig, const struct vt_vkey *k)
{
    return sig->id == k->id && sig->name_len == strlen(k->name) &&
           memcmp(sig->name, k->name, sig->name_len) == 0;
}

static enum vt_err
verify_passkey(const struct vt_note *n, const struct vt_note_sig *line, const struct vt_vkey *k,
    struct vt_why *why)
{
    uint8_t sig[VT_PASSKEY_SIG_MAX];
    size_t len = 0;
    enum vt_err err = vt_note_sig_bytes(line, sig, sizeof sig, &len, why);

    if (err == VT_OK)
        err = vt_passkey_verify(&k->passkey, n->text, n->text_len, sig, len, why);
    if (err == VT_OK)
        return VT_OK;
    return vt_fail_in(why, VT_E_SIG, "the signature of `%s` does not verify", k->name);
}

/* One signature line, which is that key's. */
static enum vt_err
verify_line(const struct vt_note *n, const struct vt_note_sig *line, const struct vt_vkey *k,
    struct vt_verifier *v, struct vt_why *why)
{
    struct vt_sig sig;
    size_t len;
    bool ok;

    if (k->alg == VT_NOTE_PASSKEY)
        return verify_passkey(n, line, k, why);
    ok = vt_note_sig_bytes(line, sig.b, sizeof sig.b, &len, NULL) == VT_OK &&
         len == sizeof sig.b;
    if (ok)
        ok = v != NULL ? vt_verifier_check(v, n->text, n->text_len, sig.b, sizeof sig.b)
                       : vt_pubkey_verify(&k->pub, n->text, n->text_len, &sig);
    if (!ok)
        return vt_fail(why, VT_E_SIG, "the signature of `%s` does not verify", k->name);
    return VT_OK;
}

enum vt_err
vt_note_verify(const struct vt_note *n, const struct vt_vkey *k, struct vt_why *why)
{
    return vt_note_verify_with(n, k, NULL, why);
}

enum vt_err
vt_note_verify_with(
    const struct vt_note *n, const struct vt_vkey *k, struct vt_verifier *v, struct vt_why *why)
{
    bool found = false;

    if (k->alg != VT_NOTE_ED25519 && k->alg != VT_NOTE_PASSKEY)
        return vt_fail(
            why, VT_E_USAGE, "the key `%s` is a cosigner's and signs no notes", k->name);
    for (size_t i = 0; i < n->sig_count; i++) {
        if (!vt_note_sig_is(&n->sig[i], k))
            continue;
        found = true;
        enum vt_err err = verify_line(n, &n->sig[i], k, v, why);
        if (err != VT_OK)
            return err;
    }
    if (!found)
        return vt_fail(
            why, VT_E_UNKNOWN, "not signed by `%s` (key id %08" PRIx32 ")", k->name, k->id);
    return VT_OK;
}

void
vt_note_put_sig(
    struct vt_buf *b, const char *name, uint32_t id, const void *sig, size_t sig_len)
{
    struct vt_buf raw = VT_BUF(VT_NOTE_MAX);
    vt_buf_put_u32(&raw, id);
    vt_buf_put(&raw, sig, sig_len);
    if (raw.err != VT_OK && b->err == VT_OK)
        b->err = raw.err;
    vt_buf_puts(b, SIG_PREFIX);
    vt_buf_puts(b, name);
    vt_buf_put_u8(b, ' ');
    vt_buf_put_b64(b, raw.data, raw.len);
    vt_buf_put_u8(b, '\n');
    vt_buf_release(&raw);
}
