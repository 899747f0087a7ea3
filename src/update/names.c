/* SPDX-License-Identifier: Apache-2.0 */
#include "update/names.h"

static const char *
name_of(const void *ctx, const struct vt_pubkey *pub)
{
    const struct vt_policy_party *party = NULL;
    size_t n = vt_policy_signers(ctx, &party);
    for (size_t i = 0; i < n; i++)
        if (party[i].key.alg == VT_NOTE_ED25519 && vt_pubkey_eq(&party[i].key.pub, pub))
            return party[i].key.name;
    return NULL;
}

struct vt_tuf_names
vt_tuf_names_of(const struct vt_policy *policy)
{
    return (struct vt_tuf_names){name_of, policy};
}
