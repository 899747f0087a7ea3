/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded writer and the bounded reader: all bytes that leave or enter
 * go through these two.
 *
 * struct vt_buf grows up to a maximum that is given when it is made. Its put
 * functions do not return an error each: the first failure sticks, later puts
 * do nothing, and vt_buf_check tells at the end. A buffer with an error never
 * exposes half a value as if it were whole.
 *
 * struct vt_reader walks over bytes that somebody else owns. Nothing is taken
 * beyond the end; a failed take leaves the reader where it was.
 */
#ifndef VT_BASE_BUF_H
#define VT_BASE_BUF_H

#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct vt_buf {
    uint8_t *data; /* NULL until the first put; always one NUL beyond len */
    size_t len;
    size_t cap;
    size_t max; /* bytes at the most, the NUL not counted */
    bool secret;
    enum vt_err err; /* the first failure: VT_E_LIMIT or VT_E_NOMEM */
};

/* A value initialiser: struct vt_buf b = VT_BUF(65536); */
#define VT_BUF(max_) ((struct vt_buf){.max = (max_)})

void vt_buf_init(struct vt_buf *b, size_t max);
/* Frees (and wipes, when secret is set); the buffer may then be used again. */
void vt_buf_release(struct vt_buf *b);
/* Sets the length to 0 and forgets an error; keeps the memory. */
void vt_buf_clear(struct vt_buf *b);
/* The bytes as a C string; "" when empty. Valid until the next put. */
const char *vt_buf_str(const struct vt_buf *b);

void vt_buf_put(struct vt_buf *b, const void *data, size_t len);
void vt_buf_puts(struct vt_buf *b, const char *s);
void vt_buf_putf(struct vt_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void vt_buf_put_u8(struct vt_buf *b, uint8_t v);
void vt_buf_put_u16(struct vt_buf *b, uint16_t v); /* big endian */
void vt_buf_put_u32(struct vt_buf *b, uint32_t v);
void vt_buf_put_u64(struct vt_buf *b, uint64_t v);
void vt_buf_put_hex(struct vt_buf *b, const void *data, size_t len);
void vt_buf_put_b64(struct vt_buf *b, const void *data, size_t len);

/* Makes room for len bytes more and returns where to write them, or NULL (the
 * error sticks). Follow with vt_buf_commit for what was really written. */
uint8_t *vt_buf_reserve(struct vt_buf *b, size_t len);
void vt_buf_commit(struct vt_buf *b, size_t len);

/* VT_OK, or the error that stuck, with `what` named in the message. */
VT_MUST enum vt_err vt_buf_check(const struct vt_buf *b, const char *what, struct vt_why *why);

struct vt_reader {
    const uint8_t *p;
    size_t left;
};

#define VT_READER(data_, len_)                                                                 \
    ((struct vt_reader){.p = (const uint8_t *)(data_), .left = (len_)})

/* Points *ret at the next len bytes and steps over them. */
VT_MUST bool vt_reader_take(struct vt_reader *r, size_t len, const uint8_t **ret);
VT_MUST bool vt_reader_u8(struct vt_reader *r, uint8_t *ret);
VT_MUST bool vt_reader_u16(struct vt_reader *r, uint16_t *ret); /* big endian */
VT_MUST bool vt_reader_u32(struct vt_reader *r, uint32_t *ret);
VT_MUST bool vt_reader_u64(struct vt_reader *r, uint64_t *ret);
/* The next line without its newline; false when no newline follows. */
VT_MUST bool vt_reader_line(struct vt_reader *r, struct vt_reader *ret);
/* The next run of bytes up to `sep`, which is stepped over; when no sep
 * follows, all that is left (false only when nothing is left). */
VT_MUST bool vt_reader_word(struct vt_reader *r, char sep, struct vt_reader *ret);
/* Steps over `s` when the next bytes are exactly that. */
VT_MUST bool vt_reader_skip(struct vt_reader *r, const char *s);
/* Whether all that is left is exactly `s`. */
VT_MUST bool vt_reader_is(const struct vt_reader *r, const char *s);
/* All that is left as a decimal number without sign, leading zeros or
 * surplus characters; consumes it. */
VT_MUST bool vt_reader_decimal(struct vt_reader *r, uint64_t max, uint64_t *ret);
/* Copies all that is left into a C string; false when it holds a NUL or does
 * not fit `size` with its terminator. */
VT_MUST bool vt_reader_cstr(const struct vt_reader *r, char *ret, size_t size);

/* Text codecs. Decoders are strict: no white space, canonical padding, no
 * stray bits. vt_b64_decode takes the standard alphabet. They want exact
 * room: ret_size is the room at ret, *ret_len what was written. */
VT_MUST bool vt_hex_decode(const char *s, size_t len, uint8_t *ret, size_t ret_size,
    size_t *ret_len); /* lower case only */
VT_MUST bool vt_b64_decode(
    const char *s, size_t len, uint8_t *ret, size_t ret_size, size_t *ret_len);
/* The URL-safe alphabet, with or without padding, for DSSE readers. */
VT_MUST bool vt_b64url_decode(
    const char *s, size_t len, uint8_t *ret, size_t ret_size, size_t *ret_len);
/* Writes 2*len characters and a NUL. */
void vt_hex_encode(const void *data, size_t len, char *ret);

/* Whether the bytes are UTF-8 (no overlong forms, no surrogates). */
bool vt_utf8_valid(const void *data, size_t len);

#endif
