/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that a person will see, made from bytes that nobody vouches for.
 */
#ifndef VT_BASE_TEXT_H
#define VT_BASE_TEXT_H

#include <stddef.h>

/* Copies src (len bytes) into ret as a C string, cut between characters to fit
 * size (at least 1). Control characters (C0, DEL, C1), line separators, the
 * characters that turn the direction of writing, and bytes that are not UTF-8
 * become '?', so that the result is one line and cannot drive a terminal.
 * Returns the length written. src and ret must not overlap. */
size_t vt_text_clean(char *ret, size_t size, const char *src, size_t len);

/* The length of the UTF-8 character that begins at p (left bytes remain), with
 * its code point; 0 when there is none: an overlong form, a surrogate, a value
 * over U+10FFFF, a stray or missing byte. */
size_t vt_text_char(const unsigned char *p, size_t left, unsigned *ret_code);

#endif
