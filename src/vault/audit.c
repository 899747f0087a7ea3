/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/audit_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 4000000U
enum { SKEW_S = 3600 }; /* how far clocks may be apart */

enum vt_err
vt_audit_say(struct vt_audit_item *i, enum vt_audit_verdict v, const char *fmt, ...)
{
    char text[sizeof i->line->text.text];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)vt_fail(&i->line->text, VT_OK, "%s", text);
    i->line->verdict = v;
    return VT_OK;
}

enum vt_err
vt_audit_room(void **array, size_t count, size_t *cap, size_t size, struct vt_why *why)
{
    size_t want = *cap == 0 ? 16 : *cap * 2;
    void *more;

    if (count < *cap)
        return VT_OK;
    if (want > KNOWN_MAX)
        return vt_fail(why, VT_E_LIMIT, "the ledger has more than %u of a kind", KNOWN_MAX);
    more = reallocarray(*array, want, size);
    if (more == NULL)
        return vt_fail(why, VT_E_NOMEM, "the audit: out of memory");
    *array = more;
    *cap = want;
    return VT_OK;
}

const struct vt_rule_party *
vt_audit_keeper(
    const struct vt_audit_item *i, const struct vt_policy_step *step, const char *site)
{
    const struct vt_vkey *key = &i->row->signer->key;
    const struct vt_rule_party *keeper =
        step == NULL ? NULL : vt_vault_policy_keeper(step->policy, site);

    return keeper != NULL && strcmp(keeper->key.name, key->name) == 0 &&
                   vt_pubkey_eq(&keeper->key.pub, &key->pub)
               ? keeper
               : NULL;
}

struct vt_audit_request *
vt_audit_find_request(const struct vt_audit *a, const struct vt_digest *doc)
{
    for (size_t i = a->request_count; i-- > 0;) {
        if (vt_digest_eq(&a->request[i].doc, doc))
            return &a->request[i];
    }
    return NULL;
}

bool
vt_audit_is_future(const struct vt_audit *a, int64_t time)
{
    return a->newest > 0 && time > a->newest + SKEW_S;
}

enum vt_err
vt_audit_change(struct vt_audit_item *i, const char *site, const struct vt_ring_change *ring,
    bool *ret_ok, struct vt_why *why)
{
    struct vt_audit *a = i->audit;
    struct vt_audit_change *c;
    void *array = a->change;
    enum vt_err err;

    *ret_ok = true;
    if (ring->generation_before >= ring->generation_after)
        return VT_OK; /* nothing was there to destroy */
    for (size_t n = 0; n < a->change_count; n++) {
        c = &a->change[n];
        if (strcmp(c->site, site) != 0 || ring->generation_before >= c->after ||
            c->before >= ring->generation_after)
            continue;
        *ret_ok = false;
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "generation %llu to %llu of the ring of %s was said by entry %llu already",
            (unsigned long long)ring->generation_before,
            (unsigned long long)ring->generation_after, site, (unsigned long long)c->index);
    }
    err = vt_audit_room(&array, a->change_count, &a->change_cap, sizeof *a->change, why);
    a->change = array;
    if (err != VT_OK)
        return err;
    c = &a->change[a->change_count++];
    *c = (struct vt_audit_change){.index = i->row->index,
        .before = ring->generation_before,
        .after = ring->generation_after};
    (void)snprintf(c->site, sizeof c->site, "%s", site);
    return VT_OK;
}

static const vt_audit_check checks[VT_ENTRY_KIND_COUNT] = {
    [VT_ENTRY_VAULT_POLICY] = vt_audit_policy,
    [VT_ENTRY_VAULT_KEY] = vt_audit_key,
    [VT_ENTRY_REQUEST] = vt_audit_request,
    [VT_ENTRY_APPROVAL] = vt_audit_approval,
    [VT_ENTRY_GRANT] = vt_audit_grant,
    [VT_ENTRY_REFUSAL] = vt_audit_refusal,
    [VT_ENTRY_RUN] = vt_audit_one_run,
    [VT_ENTRY_INVENTORY] = vt_audit_inventory,
    [VT_ENTRY_ERASURE] = vt_audit_erasure,
    [VT_ENTRY_RETENTION] = vt_audit_retention,
    [VT_ENTRY_RELOCATION] = vt_audit_relocation,
    [VT_ENTRY_RECEIPT] = vt_audit_receipt,
    [VT_ENTRY_SHRED] = vt_audit_shred,
};

/* A document that cannot be had, or is not what its entry says. */
static enum vt_err
open_document(struct vt_audit_item *i, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_why nothing = {0};
    enum vt_err err = vt_desk_row_doc(i->audit->desk, i->row, ret, &nothing, why);

    if (err == VT_E_NOENT || err == VT_E_DIGEST)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "its document cannot be had: %s",
            why == NULL ? "" : why->text);
    if (err == VT_OK && *ret == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", nothing.text);
    return err;
}

static enum vt_err
check_row(struct vt_audit *a, size_t n, struct vt_audit_line *line, struct vt_why *why)
{
    struct vt_audit_item i = {
        .audit = a, .row_number = n, .row = &a->desk->row[n], .line = line};
    struct vt_why missing = {0};
    struct vt_doc *doc = NULL;
    enum vt_err err;

    *line = (struct vt_audit_line){.index = i.row->index,
        .kind = i.row->kind,
        .signer = i.row->signer->key.name,
        .verdict = VT_AUDIT_VOID};
    i.step = vt_policy_chain_at(a->chain, i.row->index);
    err = open_document(&i, &doc, &missing);
    if (err != VT_OK)
        err = vt_fail(why, err, "%s", missing.text);
    if (doc != NULL) {
        i.doc = doc;
        err = checks[i.row->kind](&i, why);
    }
    vt_doc_free(doc);
    return err;
}

static enum vt_err
walk(struct vt_audit *a,
    enum vt_err (*fn)(void *ctx, const struct vt_audit_line *l, struct vt_why *why), void *ctx,
    struct vt_audit_sum *sum, struct vt_why *why)
{
    struct vt_audit_line line;
    enum vt_err err = VT_OK;

    for (size_t n = 0; n < a->desk->row_count && err == VT_OK; n++) {
        err = check_row(a, n, &line, why);
        if (err != VT_OK)
            break;
        sum->lines++;
        sum->violations += line.verdict == VT_AUDIT_VIOLATION;
        sum->void_lines += line.verdict == VT_AUDIT_VOID;
        sum->count[line.kind] += line.verdict == VT_AUDIT_OK;
        err = fn(ctx, &line, why);
    }
    for (size_t n = 0; n < a->move_count; n++)
        sum->open_relocations += !a->move[n].shredded;
    return err;
}

enum vt_err
vt_audit_run(struct vt_desk *d,
    enum vt_err (*fn)(void *ctx, const struct vt_audit_line *l, struct vt_why *why), void *ctx,
    struct vt_audit_sum *ret, struct vt_why *why)
{
    struct vt_audit_sum sum = {0};
    struct vt_audit a = {.desk = d};
    enum vt_err err = vt_desk_policy_chain(d, &a.chain, why);

    if (err == VT_OK) {
        sum.log_size = vt_log_reader_checkpoint(d->reader)->size;
        sum.cosigned_time = vt_log_reader_cosigned_time(d->reader);
        a.newest = sum.cosigned_time > INT64_MAX - SKEW_S ? 0 : (int64_t)sum.cosigned_time;
        err = walk(&a, fn, ctx, &sum, why);
    }
    if (err == VT_OK)
        *ret = sum;
    vt_policy_chain_free(a.chain);
    free(a.request);
    free(a.grant);
    free(a.noise);
    free(a.stock);
    free(a.move);
    free(a.change);
    return err;
}
