/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TUF metadata: the first byte picks the type (0: a bare key object). What is
 * accepted must be of use to nobody who did not sign it, and what it offers
 * must be names that a path can be made of.
 */
#include "attest/statement.h"
#include "update/offer.h"

#include "must.h"

#include <string.h>

static void
check_roles(const struct vt_tuf *t)
{
    const struct vt_tuf_body *b = vt_tuf_body(t);
    for (size_t i = 0; i < b->role_count; i++) {
        struct vt_why why = {0};
        const struct vt_tuf_role *r = &b->role[i];
        bool by[VT_TUF_ROLE_KEYS_MAX] = {false};
        size_t n = vt_tuf_signers(t, r, by);
        must(n <= r->key_count);
        must(r->threshold > 0);
        enum vt_err err = vt_tuf_check_role(t, r, NULL, &why);
        must((err == VT_OK) == (n >= r->threshold));
        must_say(err, &why);
        must(vt_tuf_role(t, r->name) == r);
        (void)vt_tuf_role_matches(r, "lantern/1.0.0/lantern.tar.zst");
    }
}

static void
check_offers(const struct vt_tuf *t)
{
    const struct vt_tuf_body *b = vt_tuf_body(t);
    for (size_t i = 0; i < b->target_count; i++) {
        struct vt_why why = {0};
        struct vt_offer o;
        enum vt_err err = vt_offer_read(t, "products", t, i, &o, &why);
        must_say(err, &why);
        if (err != VT_OK)
            continue;
        must(vt_statement_name_valid(o.product) && vt_statement_name_valid(o.version));
        must(vt_statement_name_valid(o.file) && strchr(o.file, '/') == NULL);
        must(strcmp(o.version, "current") != 0 && o.product[0] != '.');
    }
}

static void
check_key(const uint8_t *data, size_t size)
{
    struct vt_tuf_key k;
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {0};
    json_t *obj = NULL;
    char id[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    if (vt_json_parse(data, size, "key", &obj, NULL) == VT_OK &&
        vt_json_canonical(obj, &b, NULL) == VT_OK && b.err == VT_OK) {
        vt_digest_of(b.data, b.len, &d);
        vt_digest_hex(&d, id);
        enum vt_err err = vt_tuf_key_parse(id, obj, &k, &why);
        must_say(err, &why);
        if (err == VT_OK) {
            must(!vt_tuf_key_verify(&k, "message", 7, (const uint8_t *)"no signature", 12));
            vt_tuf_key_release(&k);
        }
    }
    vt_buf_release(&b);
    json_decref(obj);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_tuf *t = NULL;
    struct vt_why why = {0};
    if (size == 0)
        return 0;
    unsigned type = data[0] % 5U;
    if (type == 0) {
        check_key(data + 1, size - 1);
        return 0;
    }
    enum vt_err err =
        vt_tuf_parse(data + 1, size - 1, (enum vt_tuf_type)type, "fuzz.json", &t, &why);
    must_say(err, &why);
    must((err == VT_OK) == (t != NULL));
    if (err != VT_OK)
        return 0;
    must(vt_tuf_version(t) > 0);
    check_roles(t);
    check_offers(t);
    vt_tuf_free(t);
    return 0;
}
