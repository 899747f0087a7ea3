/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence files: there is one way to write one, and no item of chance is a fact but those
 * of the world, whatever stands around them.
 */
#include "ledger_texts.h"

static struct ledger_world world;

static bool
is_known(const struct vt_digest *d)
{
    for (size_t i = 0; i < world.count; i++) {
        if (vt_digest_eq(&world.item[i].digest, d))
            return true;
    }
    return false;
}

static void
check_item(const struct vt_evidence_file *f, const struct vt_evidence *e)
{
    static const enum vt_entry_kind kinds[] = {
        VT_ENTRY_VAULT_POLICY, VT_ENTRY_REQUEST, VT_ENTRY_APPROVAL};
    struct vt_ledger_view view = {.size = 1, .root = world.item[0].leaf};

    for (size_t i = 0; i < 3; i++) {
        struct vt_fact fact;
        struct vt_why why = {0};
        enum vt_err err = vt_fact_check(world.trust, kinds[i], e, &fact, &why);
        must_say(err, &why);
        if (err != VT_OK)
            continue;
        must(is_known(vt_doc_digest(fact.doc)));
        why = (struct vt_why){0};
        err = vt_ledger_view_check(&view, &fact, f, &why);
        must_say(err, &why);
        must(err != VT_OK || view.size >= 1);
        vt_fact_release(&fact);
    }
    (void)!vt_fact_cosigned_by(world.trust, e, "supervisor.example", NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    static struct vt_evidence_file f;
    struct vt_why why = {0};

    if (world.count == 0) {
        lw_init(&world);
        struct vt_request r = lw_request(&world);
        size_t request = lw_say_request(&world, &r, LW_CAROL);
        (void)lw_approve(&world, request, LW_DORA);
    }
    enum vt_err err = vt_evidence_parse(data, size, &f, &why);
    must_say(err, &why);
    if (err != VT_OK)
        return 0;
    must(vt_evidence_put(&b, &f, NULL) == VT_OK);
    must_be(&b, data, size);
    for (size_t i = 0; i < f.count && i < 4; i++)
        check_item(&f, &f.item[i]);
    return 0;
}
