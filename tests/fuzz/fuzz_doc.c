/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger documents: there is one way to write one, and what is read as a record is
 * written as the same fields.
 */
#include "ledger/record.h"

#include "must.h"

/* The fields, a line each, with the head. */
static void
put_text(struct vt_buf *b, const struct vt_doc *d)
{
    vt_buf_putf(b, "vitrine/vault/%s/v1\n", vt_doc_kind_name(vt_doc_kind(d)));
    for (size_t i = 0; i < vt_doc_count(d); i++)
        vt_buf_putf(b, "%s %s\n", vt_doc_field(d, i)->name, vt_doc_field(d, i)->value);
}

/* A document made of what was read of it has the same fields; frees it. */
static void
must_be_same(const struct vt_doc *d, enum vt_err err, struct vt_doc *again)
{
    struct vt_buf a = VT_BUF(VT_DOC_MAX), b = VT_BUF(VT_DOC_MAX);
    must(err == VT_OK);
    put_text(&a, d);
    put_text(&b, again);
    must_be(&a, b.data, b.len);
    vt_buf_release(&b);
    vt_doc_free(again);
}

#define SAME(name_, type_)                                                                     \
    {                                                                                          \
        static struct type_ r;                                                                 \
        err = vt_##name_##_read(d, &r, &why);                                                  \
        must_say(err, &why);                                                                   \
        if (err == VT_OK) {                                                                    \
            err = vt_##name_##_doc(&r, &again, NULL);                                          \
            must_be_same(d, err, again);                                                       \
        }                                                                                      \
        break;                                                                                 \
    }

static void
read_record(const struct vt_doc *d)
{
    struct vt_doc *again = NULL;
    struct vt_why why = {0};
    enum vt_err err;

    switch (vt_doc_kind(d)) {
    case VT_DOC_KEY:
        SAME(region_key, vt_region_key)
    case VT_DOC_REQUEST:
        SAME(request, vt_request)
    case VT_DOC_APPROVAL:
        SAME(approval, vt_approval)
    case VT_DOC_GRANT:
        SAME(grant, vt_grant)
    case VT_DOC_REFUSAL:
        SAME(refusal, vt_refusal_record)
    case VT_DOC_RUN:
        SAME(run, vt_run)
    case VT_DOC_INVENTORY:
        SAME(inventory, vt_inventory_record)
    case VT_DOC_ERASURE:
        SAME(erasure, vt_erasure)
    case VT_DOC_RELOCATION:
        SAME(relocation, vt_relocation)
    case VT_DOC_RECEIPT:
        SAME(receipt, vt_receipt)
    case VT_DOC_SHRED:
        SAME(shred, vt_shred)
    case VT_DOC_RETENTION: {
        struct vt_retention r = {.epoch = NULL};
        err = vt_retention_read(d, &r, &why);
        must_say(err, &why);
        if (err == VT_OK) {
            err = vt_retention_doc(&r, &again, NULL);
            must_be_same(d, err, again);
        }
        vt_retention_release(&r);
        break;
    }
    default:
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf text = VT_BUF(VT_DOC_MAX);
    struct vt_doc *d = NULL;
    struct vt_note n;
    struct vt_entry e;
    struct vt_why why = {0};
    size_t len;
    enum vt_err err = vt_doc_parse(data, size, (enum vt_doc_kind)0, &d, &why);

    must_say(err, &why);
    must((err == VT_OK) == (d != NULL));
    if (err != VT_OK)
        return 0;
    must(memcmp(vt_doc_bytes(d, &len), data, size) == 0 && len == size);
    must(vt_note_parse(data, size, &n, NULL) == VT_OK);
    put_text(&text, d);
    must_be(&text, n.text, n.text_len);
    read_record(d);
    /* its entry says what it says */
    if (vt_ledger_entry_of(d, &e, NULL) == VT_OK)
        must(vt_entry_check(&e, NULL) == VT_OK);
    vt_doc_free(d);
    return 0;
}
