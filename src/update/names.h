/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that a policy gives to keys, for messages about TUF signatures:
 * "alpha.example/rebuilder" tells a person more than a keyid.
 */
#ifndef VT_UPDATE_NAMES_H
#define VT_UPDATE_NAMES_H

#include "note/policy.h"
#include "update/metadata.h"

/* Names the policy's signers by their keys' names. The policy must outlive it. */
struct vt_tuf_names vt_tuf_names_of(const struct vt_policy *policy);

#endif
