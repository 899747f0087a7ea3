/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading age files. The head is read whole into memory, with what follows it
 * in the same read; the chunks are opened one by one, each with the next byte
 * at hand, for the last has another nonce than those before.
 */
#include "crypto/age.h"

#include "base/file.h"
#include "crypto/age_priv.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MAX (64U * 1024U)
#define LINE_MAX_BODY 64U
#define X25519_BODY 43U /* characters, for 32 bytes */

struct opening {
    int from;
    const struct vt_box *key;
    struct vt_box_public pub;
    bool found;
    uint8_t file_key[VT_AGE_FILE_KEY];
    uint8_t payload_key[VT_AEAD_KEY_SIZE];
    size_t stanzas;
    bool scrypt; /* a passphrase's stanza, which must stand alone */
    /* What was read and not used yet: `have` bytes from `at`. */
    size_t at;
    size_t have;
    uint8_t buf[HEAD_MAX + VT_AGE_SEALED + 1];
    uint8_t plain[VT_AGE_SEALED];
};

static enum vt_err
bad_head(struct vt_why *why, const char *what)
{
    return vt_fail(why, VT_E_SYNTAX, "not an age file: %s", what);
}

/* 32 bytes of base64 without padding and without stray bits. */
static bool
take_32(const struct vt_reader *r, uint8_t ret[32])
{
    char padded[X25519_BODY + 2];
    size_t len;

    if (r->left != X25519_BODY)
        return false;
    memcpy(padded, r->p, X25519_BODY);
    padded[X25519_BODY] = '=';
    return vt_b64_decode(padded, X25519_BODY + 1, ret, 32, &len) && len == 32;
}

/* Whether a line of a body is base64 that ends where bytes do. */
static bool
is_base64(const struct vt_reader *r)
{
    char padded[LINE_MAX_BODY + 4];
    uint8_t bytes[LINE_MAX_BODY];
    size_t len = r->left;

    if (len == 0)
        return true;
    if (memchr(r->p, '=', len) != NULL) /* padding is never written */
        return false;
    memcpy(padded, r->p, len);
    while (len % 4 != 0)
        padded[len++] = '=';
    return vt_b64_decode(padded, len, bytes, sizeof bytes, &len);
}

/* Arguments are words of visible characters, one space between them. */
static bool
are_words(struct vt_reader r)
{
    bool in_word = false;
    uint8_t c;

    while (vt_reader_u8(&r, &c)) {
        if (c == ' ' ? !in_word : c <= ' ' || c > '~')
            return false;
        in_word = c != ' ';
    }
    return in_word;
}

/* Full lines, then a shorter one; *ret_first is the first of them. */
static bool
take_body(struct vt_reader *r, struct vt_reader *ret_first, size_t *ret_lines)
{
    struct vt_reader line;

    for (*ret_lines = 1;; (*ret_lines)++) {
        if (!vt_reader_line(r, &line) || line.left > LINE_MAX_BODY || !is_base64(&line))
            return false;
        if (*ret_lines == 1)
            *ret_first = line;
        if (line.left < LINE_MAX_BODY)
            return true;
    }
}

/* An X25519 stanza: a share, and the file key wrapped for who can agree with it.
 * One for somebody else fails to open, which is no error. */
static enum vt_err
try_stanza(struct opening *o, struct vt_reader args, const struct vt_reader *body, size_t lines,
    struct vt_why *why)
{
    const uint8_t nonce[VT_AEAD_NONCE_SIZE] = {0};
    uint8_t key[VT_AEAD_KEY_SIZE], wrapped[VT_AGE_WRAPPED];
    struct vt_box_public share;
    enum vt_err err;

    if (!take_32(&args, share.b) || lines != 1 || !take_32(body, wrapped))
        return bad_head(why, "a recipient's lines are no X25519 share and file key");
    if (o->found)
        return VT_OK;
    err = vt_age_wrap_key(o->key, &share, &share, &o->pub, key, why);
    if (err != VT_OK)
        return err;
    o->found = vt_chacha_open(key, nonce, wrapped, sizeof wrapped, o->file_key, NULL) == VT_OK;
    vt_wipe(key, sizeof key);
    return VT_OK;
}

static enum vt_err
take_stanza(struct opening *o, struct vt_reader args, struct vt_reader *r, struct vt_why *why)
{
    struct vt_reader body, type;
    size_t lines;

    if (!are_words(args) || !take_body(r, &body, &lines) || !vt_reader_word(&args, ' ', &type))
        return bad_head(why, "a recipient's lines are malformed");
    o->stanzas++;
    o->scrypt = o->scrypt || vt_reader_is(&type, "scrypt");
    if (!vt_reader_is(&type, "X25519"))
        return VT_OK;
    return try_stanza(o, args, &body, lines, why);
}

/* The last line: its MAC covers all before it and its own first three bytes. */
static enum vt_err
check_mac(const struct opening *o, const struct vt_reader *line, struct vt_why *why)
{
    struct vt_reader r = *line;
    struct vt_digest said, mac;

    if (!vt_reader_skip(&r, VT_AGE_MAC_MARK " ") || !take_32(&r, said.b))
        return bad_head(why, "the head does not end in `--- MAC`");
    if (o->stanzas == 0 || (o->scrypt && o->stanzas > 1))
        return bad_head(why, "the head has no recipient, or a passphrase among them");
    if (!o->found)
        return vt_fail(why, VT_E_REFUSED, "the file is not encrypted to this key");
    vt_age_mac(o->file_key, o->buf, (size_t)(line->p - o->buf) + strlen(VT_AGE_MAC_MARK), &mac);
    if (!vt_digest_eq(&said, &mac))
        return vt_fail(why, VT_E_SIG, "the head of the encrypted file was changed");
    return VT_OK;
}

static enum vt_err
parse_lines(struct opening *o, struct vt_reader *r, struct vt_why *why)
{
    struct vt_reader line;

    if (!vt_reader_line(r, &line) || !vt_reader_is(&line, VT_AGE_VERSION))
        return bad_head(why, "it does not begin with `" VT_AGE_VERSION "`");
    while (vt_reader_line(r, &line)) {
        struct vt_reader args = line;
        if (!vt_reader_skip(&args, "-> "))
            return check_mac(o, &line, why);
        enum vt_err err = take_stanza(o, args, r, why);
        if (err != VT_OK)
            return err;
    }
    return bad_head(why, "the head is cut short");
}

static enum vt_err
parse_head(struct opening *o, struct vt_reader *r, struct vt_why *why)
{
    enum vt_err err = parse_lines(o, r, why);
    struct vt_reader line;

    /* It stopped where we stopped reading, not where the file ends. */
    if (err == VT_E_SYNTAX && o->have >= HEAD_MAX && !vt_reader_line(r, &line))
        return vt_fail(
            why, VT_E_LIMIT, "the head of the encrypted file is over %u bytes", HEAD_MAX);
    return err;
}

static enum vt_err
cut_short(struct vt_why *why)
{
    return vt_fail(why, VT_E_SIG, "the encrypted file is cut short; get it anew");
}

/* Reads until `want` bytes are at hand, or all there are. */
static enum vt_err
fill(struct opening *o, size_t want, struct vt_why *why)
{
    size_t got = 0;
    enum vt_err err;

    if (o->have >= want)
        return VT_OK;
    memmove(o->buf, o->buf + o->at, o->have);
    o->at = 0;
    err = vt_fd_read(o->from, o->buf + o->have, want - o->have, &got, why);
    if (err == VT_OK)
        o->have += got;
    return err;
}

static enum vt_err
open_head(struct opening *o, struct vt_why *why)
{
    struct vt_reader r;
    const uint8_t *nonce;
    enum vt_err err = fill(o, HEAD_MAX, why);

    if (err != VT_OK)
        return err;
    r = VT_READER(o->buf, o->have);
    err = parse_head(o, &r, why);
    if (err != VT_OK)
        return err;
    o->at = o->have - r.left;
    o->have = r.left;
    err = fill(o, VT_AGE_NONCE, why);
    if (err != VT_OK)
        return err;
    r = VT_READER(o->buf + o->at, o->have);
    if (!vt_reader_take(&r, VT_AGE_NONCE, &nonce))
        return cut_short(why);
    vt_age_payload_key(o->file_key, nonce, o->payload_key);
    o->at += VT_AGE_NONCE;
    o->have -= VT_AGE_NONCE;
    return VT_OK;
}

/* Opens the next chunk and writes it; *ret_last: there is none after it. */
static enum vt_err
open_chunk(struct opening *o, uint64_t number, int to, bool *ret_last, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    size_t len;
    enum vt_err err = fill(o, VT_AGE_SEALED + 1, why);

    if (err != VT_OK)
        return err;
    *ret_last = o->have <= VT_AGE_SEALED;
    len = *ret_last ? o->have : VT_AGE_SEALED;
    if (len < VT_AEAD_TAG_SIZE)
        return cut_short(why);
    vt_age_chunk_nonce(number, *ret_last, nonce);
    if (vt_chacha_open(o->payload_key, nonce, o->buf + o->at, len, o->plain, why) != VT_OK)
        return vt_fail(
            why, VT_E_SIG, "the encrypted file was changed or cut short; get it anew");
    o->at += len;
    o->have -= len;
    len -= VT_AEAD_TAG_SIZE;
    if (len == 0 && number > 0)
        return vt_fail(why, VT_E_SYNTAX, "the encrypted file ends in a chunk of nothing");
    return vt_fd_write(to, o->plain, len, why);
}

enum vt_err
vt_age_open(int from, const struct vt_box *key, int to, struct vt_why *why)
{
    struct opening *o = calloc(1, sizeof *o);
    bool last = false;
    enum vt_err err;

    if (o == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    o->from = from;
    o->key = key;
    vt_box_public(key, &o->pub);
    err = open_head(o, why);
    for (uint64_t number = 0; err == VT_OK && !last; number++)
        err = open_chunk(o, number, to, &last, why);
    vt_wipe(o, sizeof *o);
    free(o);
    return err;
}
