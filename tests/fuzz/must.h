/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target is sure of: anything else is a finding. */
#ifndef VT_FUZZ_MUST_H
#define VT_FUZZ_MUST_H

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
must(bool ok)
{
    if (!ok)
        abort();
}

/* A refusal has a reason; an acceptance has none to give. */
static inline void
must_say(enum vt_err err, const struct vt_why *why)
{
    must((err == VT_OK) == (why->text[0] == '\0'));
}

/* What was taken is written as it was read; releases b. */
static inline void
must_be(struct vt_buf *b, const void *data, size_t len)
{
    must(b->err == VT_OK && b->len == len && (len == 0 || memcmp(b->data, data, len) == 0));
    vt_buf_release(b);
}

#endif
