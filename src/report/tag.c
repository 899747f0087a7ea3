/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/kdf.h"
#include "report/batch.h"

#include <string.h>

static void
tag(const uint8_t secret[32], const char *label, const char *name, uint8_t *ret)
{
    const struct vt_slice v[] = {{label, strlen(label) + 1}, {name, strlen(name)}};
    struct vt_digest d;

    vt_hmac(secret, 32, v, 2, &d);
    memcpy(ret, d.b, VT_SUBJECT_SIZE);
}

void
vt_subject_tag(const uint8_t secret[32], const char *name, uint8_t ret[VT_SUBJECT_SIZE])
{
    tag(secret, "vitrine/subject/v1", name, ret);
}

void
vt_customer_tag(const uint8_t secret[32], const char *name, uint8_t ret[VT_SUBJECT_SIZE])
{
    tag(secret, "vitrine/customer/v1", name, ret);
}
