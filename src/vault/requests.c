/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/requests.h"

#include "ledger/record.h"
#include "vault/chain.h"
#include "vault/desk_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[VT_REQUEST_STATE_COUNT] = {
    [VT_REQUEST_OPEN] = "open",
    [VT_REQUEST_APPROVED] = "approved",
    [VT_REQUEST_GRANTED] = "granted",
    [VT_REQUEST_RUN] = "run",
    [VT_REQUEST_REFUSED] = "refused",
    [VT_REQUEST_EXPIRED] = "expired",
    [VT_REQUEST_STALE] = "stale",
};

const char *
vt_request_state_name(enum vt_request_state s)
{
    return (unsigned)s < VT_REQUEST_STATE_COUNT ? names[s] : NULL;
}

/* What the site of the region has said about a request. */
struct said {
    bool granted;
    bool refused; /* after the last run */
};

/* Takes one row by the keeper; the newest refusal counts. */
static enum vt_err
take_row(struct vt_desk *d, const struct vt_desk_row *row, struct vt_request_info *i,
    struct said *said, struct vt_why *why)
{
    struct vt_refusal_record refusal;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_desk_row_doc(d, row, &doc, NULL, why);

    if (err != VT_OK || doc == NULL)
        return err;
    if (row->kind == VT_ENTRY_GRANT) {
        said->granted = true;
    } else if (row->kind == VT_ENTRY_RUN || row->kind == VT_ENTRY_ERASURE) {
        i->runs++;
        said->refused = false;
    } else if (vt_refusal_read(doc, &refusal, NULL) == VT_OK) {
        said->refused = true;
        (void)snprintf(i->refused_by, sizeof i->refused_by, "%s", refusal.site);
        (void)snprintf(
            i->refused_for, sizeof i->refused_for, "%s", vt_refusal_name(refusal.code));
    }
    vt_doc_free(doc);
    return VT_OK;
}

static bool
is_of_keeper(const struct vt_request_info *i, const struct vt_desk_row *row)
{
    return (row->kind == VT_ENTRY_GRANT || row->kind == VT_ENTRY_RUN ||
               row->kind == VT_ENTRY_ERASURE || row->kind == VT_ENTRY_REFUSAL) &&
           vt_vault_keeper_of_key(i->policy, i->request.scope.region, row->signer->key.name,
               &row->signer->key.pub) != NULL;
}

static enum vt_request_state
decide(const struct vt_request_info *i, const struct said *said, bool in_force, int64_t now)
{
    if (i->runs > 0)
        return VT_REQUEST_RUN;
    if (i->standing.veto != NULL || said->refused)
        return VT_REQUEST_REFUSED;
    if (said->granted)
        return VT_REQUEST_GRANTED;
    if (i->request.expires <= now)
        return VT_REQUEST_EXPIRED;
    if (!in_force)
        return VT_REQUEST_STALE;
    return i->standing.met ? VT_REQUEST_APPROVED : VT_REQUEST_OPEN;
}

/* Fills what came of the request; i->request and i->policy are there. */
static enum vt_err
follow(struct vt_desk *d, struct vt_request_info *i, bool in_force, int64_t now,
    struct vt_why *why)
{
    struct said said = {0};
    enum vt_err err = vt_desk_standing(d, i->policy, &i->doc, &i->request, &i->standing, why);

    for (size_t n = 0; n < d->row_count && err == VT_OK; n++) {
        if (is_of_keeper(i, &d->row[n]) &&
            vt_desk_row_has(d, &d->row[n], VT_SUBJECT_REQUEST, &i->doc))
            err = take_row(d, &d->row[n], i, &said, why);
    }
    if (err != VT_OK)
        return err;
    if (i->standing.veto != NULL) {
        (void)snprintf(i->refused_by, sizeof i->refused_by, "%s", i->standing.veto->name);
        (void)snprintf(i->refused_for, sizeof i->refused_for, "veto");
    }
    i->state = decide(i, &said, in_force, now);
    return VT_OK;
}

/* Reads a request; *ret_counts: by its own requester, under a policy that was in force. */
static enum vt_err
open_request(struct vt_desk *d, const struct vt_desk_row *row,
    const struct vt_policy_chain *chain, struct vt_request_info *i, bool *ret_counts,
    struct vt_why *why)
{
    const struct vt_policy_step *step = NULL;
    const struct vt_rule_party *party = NULL;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_desk_row_doc(d, row, &doc, NULL, why);

    *ret_counts = false;
    if (err != VT_OK || doc == NULL)
        return err;
    if (vt_request_read(doc, &i->request, NULL) == VT_OK)
        step = vt_policy_chain_find(chain, &i->request.policy);
    vt_doc_free(doc);
    if (step != NULL)
        party =
            vt_vault_party_of_key(step->policy, row->signer->key.name, &row->signer->key.pub);
    if (party == NULL || strcmp(party->name, i->request.requester) != 0)
        return VT_OK;
    i->index = row->index;
    i->doc = row->statement;
    i->policy = step->policy;
    *ret_counts = true;
    return VT_OK;
}

static enum vt_err
each(struct vt_desk *d, const struct vt_policy_chain *chain, int64_t now,
    enum vt_err (*fn)(void *ctx, const struct vt_request_info *i, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    const struct vt_policy_step *last =
        vt_policy_chain_step(chain, vt_policy_chain_count(chain) - 1);
    struct vt_request_info *i = malloc(sizeof *i);
    enum vt_err err = VT_OK;

    if (i == NULL)
        return vt_fail(why, VT_E_NOMEM, "requests: out of memory");
    for (size_t n = 0; n < d->row_count && err == VT_OK; n++) {
        bool counts = false;

        if (d->row[n].kind != VT_ENTRY_REQUEST)
            continue;
        *i = (struct vt_request_info){0};
        err = open_request(d, &d->row[n], chain, i, &counts, why);
        if (err != VT_OK || !counts)
            continue;
        err = follow(d, i, i->policy == last->policy, now, why);
        if (err == VT_OK)
            err = fn(ctx, i, why);
    }
    free(i);
    return err == VT_E_EXIST ? VT_OK : err;
}

enum vt_err
vt_desk_requests(struct vt_desk *d, int64_t now,
    enum vt_err (*fn)(void *ctx, const struct vt_request_info *i, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct vt_policy_chain *chain = NULL;
    enum vt_err err = vt_desk_policy_chain(d, &chain, why);

    if (err == VT_OK)
        err = each(d, chain, now, fn, ctx, why);
    vt_policy_chain_free(chain);
    return err;
}

enum vt_err
vt_desk_request(
    struct vt_desk *d, const struct vt_digest *doc, struct vt_request *ret, struct vt_why *why)
{
    struct vt_desk_entry e;
    struct vt_doc *said = NULL;
    enum vt_err err = vt_desk_find(d, VT_ENTRY_REQUEST, doc, &e, why);

    if (err == VT_OK)
        err = vt_desk_doc(d, &e, &said, why);
    if (err == VT_OK)
        err = vt_request_read(said, ret, why);
    vt_doc_free(said);
    return err;
}
