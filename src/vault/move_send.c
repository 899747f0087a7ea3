/* SPDX-License-Identifier: Apache-2.0 */
/* The site that hands over: says so, sends what the other site asks for, and destroys its own.
 */
#include "vault/move_send.h"

#include "base/clock.h"
#include "base/progress.h"
#include "vault/backup.h"
#include "vault/move_voucher.h"
#include "vault/place.h"
#include "vault/say.h"
#include "vault/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_MAX = 20, PAUSE_MS = 300 };

/* --- the relocation's document ---------------------------------------------------------------
 */

/* Where the policy in force places the region. */
static enum vt_err
find_place(const struct vt_move_send *m, struct vt_relocation *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_vault_policy *policy = NULL;
    const struct vt_rule_region *rule = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(m->home, path, why, "policy");

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_vault_policy_parse(b.data, b.len, &policy, why);
    if (err == VT_OK)
        rule = vt_vault_policy_region(policy, m->region);
    if (err == VT_OK && rule == NULL)
        err = vt_fail(why, VT_E_STATE, "the policy in force knows no region %s", m->region);
    if (err == VT_OK && strcmp(rule->site, m->home->name) == 0)
        err = vt_fail(why, VT_E_STATE,
            "the policy in force places %s here: say one that places it elsewhere (`vitrine "
            "vault policy add`) and take it at both sites (`vitrine vault policy take`)",
            m->region);
    if (err == VT_OK) {
        memcpy(r->to, rule->site, sizeof r->to);
        r->policy = *vt_vault_policy_digest(policy);
    }
    vt_vault_policy_free(policy);
    vt_buf_release(&b);
    return err;
}

/* What the region is at the moment that it is handed over. */
static enum vt_err
describe(const struct vt_move_send *m, struct vt_relocation *ret, struct vt_why *why)
{
    struct vt_relocation r = {.made = vt_clock_now(&vt_clock_system)};
    struct vt_inventory *inventory = NULL;
    struct vt_segment_row sum;
    char path[VT_PATH_MAX];
    enum vt_err err;

    (void)snprintf(r.region, sizeof r.region, "%s", m->region);
    (void)snprintf(r.from, sizeof r.from, "%s", m->home->name);
    if ((err = find_place(m, &r, why)) != VT_OK ||
        (err = vt_vault_path(m->home, path, why, "inventory/%s", m->region)) != VT_OK ||
        (err = vt_inventory_open(path, &inventory, why)) != VT_OK)
        return err;
    vt_inventory_sum(inventory, &sum);
    vt_inventory_root(inventory, &r.root);
    r.segments = vt_inventory_count(inventory);
    r.records = sum.records;
    r.bytes = sum.size;
    vt_inventory_free(inventory);
    *ret = r;
    return VT_OK;
}

/* The document that was stored before, or a new one; says it. */
static enum vt_err
say_relocation(struct vt_sending *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_relocation r = {.made = 0};
    struct vt_doc *doc = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_get(&s->move, "relocation", &b, why);

    if (err == VT_OK) {
        err = vt_doc_parse(b.data, b.len, VT_DOC_RELOCATION, &doc, why);
        if (err == VT_OK)
            err = vt_relocation_read(doc, &r, why);
    } else if (err == VT_E_NOENT) {
        /* Nothing of the region comes in any more; what was acknowledged must be among the
         * rows.
         */
        err = vt_settle_region(s->m->home, s->m->keeper, s->m->region, VT_SETTLE_MS, why);
        if (err == VT_OK)
            err = describe(s->m, &r, why);
        if (err == VT_OK)
            err = vt_relocation_doc(&r, &doc, why);
    }
    if (err == VT_OK)
        err = vt_move_path(&s->move, path, why, "relocation");
    if (err == VT_OK) {
        s->terms.is = r;
        err = vt_say_once(
            s->m->desk, s->m->signer, path, doc, &s->terms.digest, &s->sent.relocation, why);
    }
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

/* --- talking to the other site ---------------------------------------------------------------
 */

static enum vt_err
err_of_status(int status)
{
    if (status == 409)
        return VT_E_STATE;
    if (status == 422)
        return VT_E_DIGEST;
    return status >= 500 ? VT_E_NET : VT_E_REFUSED;
}

enum vt_err
vt_sending_post(
    struct vt_sending *s, const char *step, const void *body, size_t len, struct vt_why *why)
{
    char path[256];
    int status = 0;
    enum vt_err err;

    (void)snprintf(path, sizeof path, "%s%s/%s", &VT_MOVE_PATH[1], s->m->region, step);
    vt_buf_clear(&s->answer);
    err = vt_http_post(s->http, s->m->to_url, path, "application/octet-stream",
        len > 0 ? body : "", len, &status, &s->answer, why);
    if (err == VT_OK && status != 200)
        err = vt_fail(why, err_of_status(status), "%s: %.*s", s->m->to_url,
            (int)strcspn(vt_buf_str(&s->answer), "\n"), vt_buf_str(&s->answer));
    return err;
}

/* The answer is one line: a word, and what may follow it. */
static enum vt_err
read_state(struct vt_sending *s, struct vt_why *why)
{
    struct vt_reader r = VT_READER(s->answer.data, s->answer.len);
    struct vt_reader line, word;

    s->number = 0;
    if (!vt_reader_line(&r, &line) || r.left > 0 || !vt_reader_word(&line, ' ', &word) ||
        !vt_reader_cstr(&word, s->state, sizeof s->state))
        return vt_fail(why, VT_E_NET, "%s does not answer as a vault does", s->m->to_url);
    if (strcmp(s->state, "receipt") == 0) {
        if (!vt_reader_skip(&line, "sha256:") || !vt_reader_word(&line, ' ', &word) ||
            !vt_digest_from_hex((const char *)word.p, word.left, &s->receipt))
            return vt_fail(why, VT_E_NET, "%s: not a receipt", s->m->to_url);
    }
    if (line.left > 0 && !vt_reader_decimal(&line, INT64_MAX, &s->number))
        return vt_fail(why, VT_E_NET, "%s: not a number", s->m->to_url);
    return VT_OK;
}

struct key_search {
    struct vt_desk *desk;
    const char *region;
    bool found;
    uint64_t index;
};

static enum vt_err
look_for_key(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct key_search *k = ctx;
    struct vt_doc *doc = NULL;
    enum vt_err err;

    if (e->entry.kind != VT_ENTRY_VAULT_KEY)
        return VT_OK;
    err = vt_desk_doc(k->desk, e, &doc, why);
    if (err == VT_OK && strcmp(vt_doc_get(doc, "region"), k->region) == 0) {
        k->found = true;
        k->index = e->index;
    }
    vt_doc_free(doc);
    return err;
}

static enum vt_err
begin(struct vt_sending *s, struct vt_why *why)
{
    struct key_search k = {.desk = s->m->desk, .region = s->m->region};
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    uint64_t index[2] = {s->sent.relocation, 0};
    enum vt_err err = vt_desk_refresh(s->m->desk, why);

    if (err == VT_OK)
        err = vt_desk_each(s->m->desk, look_for_key, &k, why);
    index[1] = k.index;
    if (err == VT_OK)
        err = vt_desk_evidence(s->m->desk, index, k.found ? 2 : 1, 0, &b, why);
    if (err == VT_OK)
        err = vt_sending_post(s, "begin", b.data, b.len, why);
    if (err == VT_OK)
        err = read_state(s, why);
    vt_buf_release(&b);
    return err;
}

/* u32 n ‖ voucher for the sealed keys, then evidence from the tree that the other keeper knows.
 */
static enum vt_err
put_take(struct vt_sending *s, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf voucher = VT_BUF(VT_MOVE_VOUCHER_MAX);
    struct vt_digest digest;
    enum vt_err err = vt_sending_seal(s, why);

    vt_digest_of(s->sealed.data, s->sealed.len, &digest);
    if (err == VT_OK)
        err = vt_move_voucher_put(&voucher, s->m->signer, &s->terms.digest, &digest, why);
    vt_buf_put_u32(b, (uint32_t)voucher.len);
    vt_buf_put(b, voucher.data, voucher.len);
    if (err == VT_OK)
        err = vt_desk_refresh(s->m->desk, why);
    if (err == VT_OK)
        err = vt_desk_evidence(s->m->desk, &s->sent.relocation, 1, s->number, b, why);
    vt_buf_release(&voucher);
    return err;
}

static enum vt_err
send_take(struct vt_sending *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX + VT_MOVE_VOUCHER_MAX);
    enum vt_err err = put_take(s, &b, why);

    if (err == VT_OK)
        err = vt_sending_post(s, "take", b.data, b.len, why);
    if (err == VT_E_DIGEST) { /* what arrived did not suit: it is sent again */
        (void)!vt_move_drop(&s->move, "sealed", NULL);
        vt_buf_release(&s->sealed);
    }
    vt_buf_release(&b);
    return err;
}

static void
pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&t, NULL);
}

static enum vt_err
send_end(struct vt_sending *s, struct vt_why *why)
{
    if (strcmp(s->state, "checking") == 0)
        pause_ms(PAUSE_MS);
    if (vt_clock_monotonic_ms() > s->until_ms)
        return vt_fail(why, VT_E_TIMEOUT,
            "%s has not checked everything yet: give the command again later", s->m->to_url);
    return vt_sending_post(s, "end", NULL, 0, why);
}

static enum vt_err
act(struct vt_sending *s, struct vt_why *why)
{
    enum vt_err err;

    if (strcmp(s->state, "segments") == 0) { /* answered with a list, not with what is next */
        err = vt_sending_segments(s, why);
        return err == VT_OK ? begin(s, why) : err;
    }
    if (strcmp(s->state, "rows") == 0)
        err = vt_sending_rows(s, why);
    else if (strcmp(s->state, "retired") == 0)
        err = vt_sending_retired(s, why);
    else if (strcmp(s->state, "keys") == 0)
        err = vt_sending_keys(s, why);
    else if (strcmp(s->state, "take") == 0)
        err = send_take(s, why);
    else if (strcmp(s->state, "end") == 0 || strcmp(s->state, "checking") == 0)
        err = send_end(s, why);
    else
        return vt_fail(why, VT_E_NET, "%s asks for something unknown", s->m->to_url);
    return err == VT_OK ? read_state(s, why) : err;
}

/* Until the other site has said the receipt. What is out of step, or was damaged on the way, is
 * asked for anew, some times. */
static enum vt_err
send_all(struct vt_sending *s, struct vt_why *why)
{
    unsigned failures = 0;
    enum vt_err err = begin(s, why);

    while (err == VT_OK && strcmp(s->state, "receipt") != 0) {
        err = act(s, why);
        if ((err == VT_E_STATE || err == VT_E_DIGEST || err == VT_E_NET) &&
            ++failures < FAILURES_MAX) {
            pause_ms(PAUSE_MS);
            err = begin(s, why);
        }
    }
    return err;
}

/* What the other site said is kept, so that it is not asked again once it has forgotten. */
static enum vt_err
await_receipt(struct vt_sending *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(64);
    struct vt_reader r, line;
    enum vt_err err = vt_move_get(&s->move, "received", &b, why);

    if (err == VT_OK) {
        r = VT_READER(b.data, b.len);
        if (!vt_reader_line(&r, &line) ||
            !vt_reader_decimal(&line, INT64_MAX, &s->sent.receipt))
            err = vt_fail(why, VT_E_CONFIG, "moves/%s/received is damaged", s->m->region);
    } else if (err == VT_E_NOENT) {
        err = send_all(s, why);
        s->sent.receipt = s->number;
        vt_buf_clear(&b);
        vt_buf_putf(&b, "%llu\n", (unsigned long long)s->number);
        if (err == VT_OK)
            err = vt_move_put(&s->move, "received", b.data, b.len, why);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
hand_over(struct vt_sending *s, struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = 6};
    enum vt_err err = say_relocation(s, why);

    if (err == VT_OK)
        err = vt_http_new(&limits, &s->http, why);
    if (err == VT_OK)
        err = await_receipt(s, why);
    if (err == VT_OK)
        err = vt_sending_shred(s, why);
    if (err == VT_OK)
        err = vt_backup_push(s->m->home, s->m->keeper, NULL, why);
    return err == VT_OK ? vt_move_close(&s->move, &s->terms.digest, why) : err;
}

enum vt_err
vt_move_send(const struct vt_move_send *m, struct vt_move_sent *ret, struct vt_why *why)
{
    struct vt_sending s = {.m = m, .until_ms = vt_clock_monotonic_ms() + m->timeout_ms};
    struct vt_relocation place = {0};
    enum vt_err err = vt_move_open(m->home, m->region, &s.move, why);

    vt_buf_init(&s.answer, VT_MOVE_PIECE_MAX);
    if (err == VT_OK && s.move.state.side != VT_MOVE_OUT) {
        err = find_place(m, &place, why);
        if (err == VT_OK)
            err = vt_move_begin(m->home, m->region, VT_MOVE_OUT, place.to, &s.move, why);
    }
    if (err == VT_OK)
        err = hand_over(&s, why);
    if (err == VT_OK) {
        memcpy(s.sent.to, s.terms.is.to, sizeof s.sent.to);
        s.sent.segments = s.terms.is.segments;
        s.sent.records = s.terms.is.records;
        s.sent.bytes = s.terms.is.bytes;
        s.sent.root = s.terms.is.root;
        *ret = s.sent;
    }
    vt_http_free(s.http);
    vt_buf_release(&s.answer);
    vt_buf_release(&s.sealed);
    return err;
}
