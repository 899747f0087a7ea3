/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes and statements: bytes of chance are signed by nobody; and a
 * statement that is read, written again and read again is the same.
 */
#include "attest/dsse.h"
#include "attest/statement.h"

#include "must.h"

/* RFC 8032's first public key, whose private half everybody has, but no fuzzer. */
static const struct vt_pubkey known = {{0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5,
    0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
    0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a}};

/* Reads, writes, reads: for a kind KIND, of struct vt_statement_KIND. */
#define TRY(kind)                                                                              \
    static void try_##kind(const uint8_t *data, size_t size)                                   \
    {                                                                                          \
        static struct vt_statement_##kind one;                                                 \
        static struct vt_statement_##kind two;                                                 \
        struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);                                            \
        struct vt_why why = {0};                                                               \
        enum vt_err err = vt_statement_get_##kind(data, size, &one, &why);                     \
                                                                                               \
        must_say(err, &why);                                                                   \
        if (err == VT_OK) {                                                                    \
            forget_packages_##kind(&one);                                                      \
            must(vt_statement_put_##kind(&b, &one, NULL) == VT_OK);                            \
            must(vt_statement_get_##kind(b.data, b.len, &two, NULL) == VT_OK);                 \
            must(memcmp(&one, &two, sizeof one) == 0);                                         \
        }                                                                                      \
        vt_buf_release(&b);                                                                    \
    }
#define NO_PACKAGES(kind)                                                                      \
    static void forget_packages_##kind(struct vt_statement_##kind *s)                          \
    {                                                                                          \
        (void)s;                                                                               \
    }

/* Packages are counted, not kept. */
static void
forget_packages_assembly(struct vt_statement_assembly *s)
{
    s->package_count = 0;
}

NO_PACKAGES(source)
NO_PACKAGES(environment)
NO_PACKAGES(rebuild)
NO_PACKAGES(mismatch)
NO_PACKAGES(release)
TRY(source)
TRY(environment)
TRY(assembly)
TRY(rebuild)
TRY(mismatch)
TRY(release)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf payload = VT_BUF(VT_DSSE_MAX);
    struct vt_why why = {0};
    enum vt_err err = vt_dsse_open(data, size, &known, &payload, &why);

    must_say(err, &why);
    must(err != VT_OK && payload.len == 0);
    vt_buf_release(&payload);
    try_source(data, size);
    try_environment(data, size);
    try_assembly(data, size);
    try_rebuild(data, size);
    try_mismatch(data, size);
    try_release(data, size);
    return 0;
}
