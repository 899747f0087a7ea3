/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A voucher: the old site's vault says which sealed keys it sends. Sealing is to the other
 * keeper's public key, which everybody can do, so without it a stranger could hand that keeper
 * keys of his own, and the true ones would come too late.
 */
#include "vault/move_voucher.h"

#include "crypto/signer.h"

#include <string.h>

static void
put_text(struct vt_buf *b, const struct vt_digest *relocation, const struct vt_digest *sealed)
{
    char hex[2][VT_DIGEST_HEX_SIZE];

    vt_digest_hex(relocation, hex[0]);
    vt_digest_hex(sealed, hex[1]);
    vt_buf_putf(b, "vitrine/vault/moved-keys/v1\nrelocation sha256:%s\nkeys sha256:%s\n",
        hex[0], hex[1]);
}

enum vt_err
vt_move_voucher_put(struct vt_buf *b, struct vt_signer *s, const struct vt_digest *relocation,
    const struct vt_digest *sealed, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(VT_MOVE_VOUCHER_MAX);
    struct vt_vkey key;
    struct vt_sig sig;
    enum vt_err err;

    put_text(&text, relocation, sealed);
    err = vt_buf_check(&text, "a voucher", why);
    if (err == VT_OK)
        err = vt_vkey_make(vt_signer_name(s), VT_NOTE_ED25519, vt_signer_public(s), &key, why);
    if (err == VT_OK)
        err = vt_signer_sign(s, VT_SIGN_VAULT, text.data, text.len, &sig, why);
    if (err == VT_OK) {
        vt_buf_put(b, text.data, text.len);
        vt_buf_puts(b, "\n");
        vt_note_put_sig(b, key.name, key.id, sig.b, sizeof sig.b);
        err = vt_buf_check(b, "a voucher", why);
    }
    vt_buf_release(&text);
    return err;
}

enum vt_err
vt_move_voucher_check(const void *data, size_t len, const struct vt_vkey *key,
    const struct vt_digest *relocation, const struct vt_digest *sealed, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(VT_MOVE_VOUCHER_MAX);
    struct vt_note note;
    enum vt_err err = vt_note_parse(data, len, &note, why);

    put_text(&text, relocation, sealed);
    if (err == VT_OK)
        err = vt_note_verify(&note, key, why);
    if (err == VT_OK &&
        (note.text_len != text.len || memcmp(note.text, text.data, text.len) != 0))
        err = vt_fail(why, VT_E_DIGEST, "the voucher is not of the keys that arrived");
    vt_buf_release(&text);
    return err;
}
