/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passports: there is one way to write one, and none of chance is proven for
 * an artifact that the example's signers know nothing of.
 */
#include "note/passport.h"

#include "must.h"

/* The policy of docs/formats/passport.md. */
static const char policy_text[] =
    "log zurich.example/log+482d0507+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\n"
    "witness witness-1 "
    "witness-1.example+978b58f4+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\n"
    "witness witness-2 "
    "witness-2.example+8142a518+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR\n"
    "group witnesses all witness-1 witness-2\n"
    "quorum witnesses\n"
    "signer developer "
    "developer.zurich.example+abcd2bc7+AcqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58\n"
    "signer assembler "
    "zurich.example/assembler+85c9899d+AW56HN0psLeP0Tr0xVmP7/TvKpcWbjym8uT7/M2AUFvx\n"
    "signer release "
    "zurich.example/release+146adbc2+AYqHX/8es4RRV3rNWv7kBUVlaN18ieCQhjoFV7x69J8X\n"
    "signer alpha "
    "alpha.example/rebuilder+44b455b7+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs\n"
    "signer beta beta.example/rebuilder+4e425fbe+AROY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK\n"
    "group rebuilders all alpha beta\n"
    "require source developer\n"
    "require environment assembler\n"
    "require assembly assembler\n"
    "require rebuild rebuilders\n"
    "require release release\n";

/* The artifact of that page: nothing else was ever signed for. */
static const char known[] = "the artifact\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vt_policy *policy;
    struct vt_passport *p = NULL;
    struct vt_passport_report report;
    struct vt_digest artifact;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX);

    if (policy == NULL)
        must(vt_policy_parse(policy_text, strlen(policy_text), &policy, NULL) == VT_OK);
    enum vt_err err = vt_passport_parse(data, size, &p, &why);
    must_say(err, &why);
    must((err == VT_OK) == (p != NULL));
    if (err != VT_OK)
        return 0;
    must(vt_passport_put(p, &b, NULL) == VT_OK);
    must_be(&b, data, size);
    err = vt_passport_check(p, vt_passport_artifact(p), policy, &report, &why);
    must_say(err, &why);
    must(report.count <= vt_passport_count(p));
    vt_digest_of(known, strlen(known), &artifact);
    must(err != VT_OK || vt_digest_eq(vt_passport_artifact(p), &artifact));
    vt_passport_free(p);
    return 0;
}
