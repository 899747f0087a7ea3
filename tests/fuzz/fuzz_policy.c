/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: what is taken answers every question, and its quorums are
 * monotone: nobody's signature makes a quorum fail.
 */
#include "note/policy.h"

#include "must.h"

static void
check_kind(const struct vt_policy *p, enum vt_entry_kind kind)
{
    enum vt_policy_demand demand = vt_policy_demand_of(p, kind);
    struct vt_signer_set members, some = {{false}};
    struct vt_why why = {0};
    unsigned least, count = 0;

    vt_policy_members(p, kind, &members, &least);
    for (size_t i = 0; i < VT_POLICY_PARTIES_MAX; i++)
        count += members.has[i];
    must((demand == VT_POLICY_QUORUM) == (count > 0));
    must((least == 0) == (count == 0) && least <= count);
    enum vt_err err = vt_policy_check_signers(p, kind, &some, &why);
    must_say(err, &why);
    must(err == (demand == VT_POLICY_SILENT    ? VT_E_CONFIG
                    : demand == VT_POLICY_NONE ? VT_OK
                                               : VT_E_QUORUM));
    if (demand != VT_POLICY_QUORUM)
        return;
    must(vt_policy_check_signers(p, kind, &members, NULL) == VT_OK);
    bool met = false;
    for (size_t i = 0; i < VT_POLICY_PARTIES_MAX; i++) {
        some.has[i] = members.has[i];
        bool now = vt_policy_check_signers(p, kind, &some, NULL) == VT_OK;
        must(now || !met);
        met = now;
    }
    must(met);
}

/* Of a kind that the policy demands, every signer can make entries. */
static void
check_demand(const struct vt_policy *p, enum vt_entry_kind kind)
{
    const struct vt_policy_party *v;
    struct vt_signer_set members;
    size_t n = vt_policy_signers(p, &v);
    unsigned least;

    vt_policy_members(p, kind, &members, &least);
    for (size_t i = 0; i < n; i++)
        must(!members.has[i] || vt_entry_kind_signable(kind, v[i].key.alg));
}

static void
check_parties(const struct vt_policy_party *v, size_t n, enum vt_note_alg alg, bool signers)
{
    for (size_t i = 0; i < n; i++) {
        must(v[i].name[0] != '\0');
        must(v[i].key.alg == alg ||
             (alg == VT_NOTE_ED25519 && v[i].key.alg == VT_NOTE_PASSKEY && signers) ||
             (alg == VT_NOTE_COSIG_ED25519 && v[i].key.alg == VT_NOTE_COSIG_MLDSA44));
        must(v[i].url == NULL || strlen(v[i].url) <= VT_POLICY_URL_MAX);
        for (size_t j = 0; j < i; j++)
            must(!vt_pubkey_eq(&v[i].key.pub, &v[j].key.pub));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_policy *p = NULL;
    const struct vt_policy_party *v;
    struct vt_checkpoint c;
    struct vt_why why = {0};
    uint64_t time;
    size_t n;

    enum vt_err err = vt_policy_parse(data, size, &p, &why);
    must_say(err, &why);
    must((err == VT_OK) == (p != NULL));
    if (err != VT_OK) {
        must(err == VT_E_CONFIG);
        return 0;
    }
    n = vt_policy_logs(p, &v);
    must(n <= VT_POLICY_LOGS_MAX);
    check_parties(v, n, VT_NOTE_ED25519, false);
    for (size_t i = 0; i < n; i++)
        must(vt_policy_log(p, v[i].name) != NULL);
    n = vt_policy_witnesses(p, &v);
    must(n <= VT_POLICY_PARTIES_MAX);
    check_parties(v, n, VT_NOTE_COSIG_ED25519, false);
    n = vt_policy_signers(p, &v);
    must(n <= VT_POLICY_PARTIES_MAX);
    check_parties(v, n, VT_NOTE_ED25519, true);
    for (unsigned kind = 1; kind < VT_ENTRY_KIND_COUNT; kind++) {
        check_kind(p, (enum vt_entry_kind)kind);
        check_demand(p, (enum vt_entry_kind)kind);
    }
    must(vt_policy_check_checkpoint(p, data, size, &c, &time, NULL) != VT_OK);
    vt_policy_free(p);
    return 0;
}
