/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/keeper_state.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/policy_file.h"
#include "vault/place.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOCK_WAIT_MS 30000 /* for another command's keeper to end */

uint32_t
vt_keeper_today(void)
{
    int64_t now = vt_clock_now(&vt_clock_system);

    return now < 0 ? 0 : (uint32_t)(now / 86400);
}

/* The policy in force, as the ring has it; it was checked when it was taken. */
static enum vt_err
load_policy(struct vt_keeper_state *s, struct vt_why *why)
{
    size_t len = 0;
    const void *doc = vt_ring_policy(s->ring, &len);
    struct vt_vault_policy *p = NULL;
    enum vt_err err;

    if (doc == NULL)
        return VT_OK;
    err = vt_vault_policy_parse(doc, len, &p, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "the vault policy in force");
    vt_vault_policy_free(s->policy);
    s->policy = p;
    return VT_OK;
}

enum vt_err
vt_keeper_state_init(struct vt_keeper_state *s, const struct vt_home *h, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err;

    s->home = *h;
    err = vt_vault_path(h, dir, why, "ring");
    if (err == VT_OK)
        err = vt_ring_open(dir, h->name, LOCK_WAIT_MS, &s->ring, why);
    return err == VT_OK ? load_policy(s, why) : err;
}

void
vt_keeper_state_release(struct vt_keeper_state *s)
{
    for (size_t i = 0; i < VT_KEEPER_SESSIONS_MAX; i++)
        vt_keeper_session_end(&s->session[i]);
    for (size_t i = 0; i <= VT_KEEPER_CHANNELS_MAX; i++)
        vt_keeper_move_end(&s->move[i]);
    vt_vault_policy_free(s->policy);
    vt_policy_free(s->trust);
    vt_ring_free(s->ring);
    s->policy = NULL;
    s->trust = NULL;
    s->ring = NULL;
}

void
vt_keeper_session_end(struct vt_keeper_held *h)
{
    vt_joined_release(&h->joined);
    vt_wipe(h, sizeof *h);
}

void
vt_keeper_forget(struct vt_keeper_state *s, int channel)
{
    for (size_t i = 0; i < VT_KEEPER_SESSIONS_MAX; i++)
        if (s->session[i].id != 0 && s->session[i].channel == channel)
            vt_keeper_session_end(&s->session[i]);
    vt_keeper_move_end(&s->move[channel]);
}

void
vt_keeper_expire(struct vt_keeper_state *s)
{
    int64_t now = vt_clock_now(&vt_clock_system);

    for (size_t i = 0; i < VT_KEEPER_SESSIONS_MAX; i++)
        if (s->session[i].id != 0 && now >= s->session[i].expires)
            vt_keeper_session_end(&s->session[i]);
}

enum vt_err
vt_keeper_trust(struct vt_keeper_state *s, struct vt_why *why)
{
    struct vt_policy *p = NULL;
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_home_path(&s->home, path, why, "policy");

    if (err != VT_OK)
        return err;
    if (stat(path, &st) != 0)
        return vt_fail_errno(why, "%s: no trust policy: write whom you trust", path);
    if (s->trust != NULL && st.st_size == s->trust_size &&
        st.st_mtim.tv_sec == s->trust_time.tv_sec &&
        st.st_mtim.tv_nsec == s->trust_time.tv_nsec)
        return VT_OK;
    err = vt_policy_load(path, &p, why);
    if (err != VT_OK)
        return err;
    vt_policy_free(s->trust);
    s->trust = p;
    s->trust_time = st.st_mtim;
    s->trust_size = st.st_size;
    return VT_OK;
}

enum vt_err
vt_keeper_need_policy(const struct vt_keeper_state *s, struct vt_why *why)
{
    if (s->policy != NULL)
        return VT_OK;
    return vt_fail(why, VT_E_STATE,
        "no vault policy is in force yet: `vitrine vault policy take %s`", s->home.dir);
}

bool
vt_keeper_keeps(const struct vt_keeper_state *s, const char *region)
{
    const struct vt_rule_region *r =
        s->policy == NULL ? NULL : vt_vault_policy_region(s->policy, region);

    return r != NULL && strcmp(r->site, s->home.name) == 0;
}

enum vt_err
vt_keeper_root(struct vt_keeper_state *s, struct vt_digest *ret, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (!s->root_known || s->root_changes != vt_ring_changes(s->ring))
        err = vt_ring_root(s->ring, NULL, NULL, &s->root, why);
    if (err != VT_OK)
        return err;
    s->root_known = true;
    s->root_changes = vt_ring_changes(s->ring);
    *ret = s->root;
    return VT_OK;
}

/* Evidence that was parsed is large: it lives on the heap. */
static enum vt_err
parse_evidence(const void *data, size_t len, struct vt_evidence_file **ret, struct vt_why *why)
{
    struct vt_evidence_file *f = calloc(1, sizeof *f);
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "evidence: out of memory");
    err = vt_evidence_parse(data, len, f, why);
    if (err != VT_OK) {
        free(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

enum vt_err
vt_keeper_fact(struct vt_keeper_state *s, const void *evidence, size_t len,
    enum vt_entry_kind kind, struct vt_fact *ret, struct vt_ledger_view *view,
    struct vt_why *why)
{
    struct vt_evidence_file *f = NULL;
    struct vt_fact fact = {0};
    enum vt_err err = vt_keeper_trust(s, why);

    if (err == VT_OK)
        err = parse_evidence(evidence, len, &f, why);
    if (err == VT_OK && f->count != 1)
        err = vt_fail(why, VT_E_SYNTAX, "evidence of %zu entries; one is wanted", f->count);
    if (err == VT_OK)
        err = vt_fact_check(s->trust, kind, &f->item[0], &fact, why);
    if (err == VT_OK)
        err = vt_ledger_view_check(view, &fact, f, why);
    if (err == VT_OK) {
        *ret = fact;
        fact.doc = NULL; /* moved */
    }
    vt_fact_release(&fact);
    free(f);
    return err;
}

enum vt_err
vt_keeper_said_by(const struct vt_keeper_state *s, const struct vt_fact *f, const char *site,
    struct vt_why *why)
{
    const struct vt_rule_party *k = vt_vault_policy_keeper(s->policy, site);

    if (k == NULL)
        return vt_fail(
            why, VT_E_REFUSED, "the vault policy in force has no keeper of %s", site);
    if (!vt_pubkey_eq(&k->key.pub, &f->signer->key.pub) ||
        strcmp(k->key.name, f->signer->key.name) != 0)
        return vt_fail(why, VT_E_REFUSED, "the entry was signed by %s, not by the vault of %s",
            f->signer->name, site);
    return VT_OK;
}

/* The items of a policy: each proven, all of one document; who signed them. */
static enum vt_err
check_policy_items(struct vt_keeper_state *s, const struct vt_evidence_file *f,
    struct vt_doc **ret, struct vt_ledger_view *view, struct vt_why *why)
{
    const struct vt_policy_party *signers = NULL;
    struct vt_signer_set set = {0};
    struct vt_doc *doc = NULL;
    enum vt_err err = VT_OK;

    (void)vt_policy_signers(s->trust, &signers);
    if (f->count == 0)
        err = vt_fail(why, VT_E_SYNTAX, "evidence of nothing");
    for (size_t i = 0; i < f->count && err == VT_OK; i++) {
        struct vt_fact fact = {0};
        err = vt_fact_check(s->trust, VT_ENTRY_VAULT_POLICY, &f->item[i], &fact, why);
        if (err == VT_OK)
            err = vt_ledger_view_check(view, &fact, f, why);
        if (err == VT_OK && doc != NULL &&
            !vt_digest_eq(vt_doc_digest(doc), vt_doc_digest(fact.doc)))
            err = vt_fail(why, VT_E_REFUSED, "evidence of two different vault policies");
        if (err == VT_OK) {
            set.has[fact.signer - signers] = true;
            if (doc == NULL) {
                doc = fact.doc;
                fact.doc = NULL; /* moved */
            }
        }
        vt_fact_release(&fact);
    }
    if (err == VT_OK)
        err = vt_policy_check_signers(s->trust, VT_ENTRY_VAULT_POLICY, &set, why);
    if (err != VT_OK) {
        vt_doc_free(doc);
        return err;
    }
    *ret = doc;
    return VT_OK;
}

/* Whether it may follow the one in force. */
static enum vt_err
check_succession(
    const struct vt_keeper_state *s, const struct vt_vault_policy *next, struct vt_why *why)
{
    struct vt_digest previous;
    uint64_t serial = vt_vault_policy_serial(next);

    if (s->policy == NULL)
        return VT_OK;
    if (serial <= vt_vault_policy_serial(s->policy))
        return vt_fail(why, VT_E_ROLLBACK,
            "the vault policy in force has serial %llu; one of serial %llu came",
            (unsigned long long)vt_vault_policy_serial(s->policy), (unsigned long long)serial);
    if (!vt_vault_policy_previous(next, &previous) ||
        !vt_digest_eq(&previous, vt_vault_policy_digest(s->policy)))
        return vt_fail(why, VT_E_REFUSED,
            "the vault policy of serial %llu does not follow the one in force (serial %llu): "
            "those between must come first",
            (unsigned long long)serial, (unsigned long long)vt_vault_policy_serial(s->policy));
    return VT_OK;
}

/* Takes a policy over with the view; both are durable first. */
/* Regions that leave with this policy are remembered as having been here: batches that were
 * acknowledged until now must still find their way into segments, though no key was made yet.
 */
static void
put_leaving(const struct vt_keeper_state *s, struct vt_buf *items)
{
    const struct vt_rule_region *region = NULL;
    size_t n = s->policy == NULL ? 0 : vt_vault_policy_regions(s->policy, &region);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(region[i].site, s->home.name) == 0 &&
            vt_ring_domain(s->ring, s->home.name, region[i].name) < 0) {
            vt_ring_put_domain(items, s->home.name, region[i].name);
            vt_ring_put_away(items, false);
        }
    }
}

static enum vt_err
put_in_force(struct vt_keeper_state *s, const struct vt_doc *doc,
    const struct vt_ledger_view *view, struct vt_why *why)
{
    struct vt_buf items = {.max = VT_RING_ITEMS_MAX, .secret = true};
    struct vt_vault_policy *next = NULL;
    size_t len = 0;
    const void *bytes = vt_doc_bytes(doc, &len);
    enum vt_err err = vt_vault_policy_parse(bytes, len, &next, why);

    if (err == VT_OK)
        err = check_succession(s, next, why);
    if (err == VT_OK) {
        vt_ring_put_policy(&items, bytes, len);
        vt_ring_put_view(&items, view);
        put_leaving(s, &items);
        err = vt_ring_add(s->ring, &items, why);
    }
    if (err == VT_OK) {
        vt_vault_policy_free(s->policy);
        s->policy = next;
        next = NULL; /* moved */
        vt_log(VT_LOG_INFO, "vault policy of serial %llu is in force",
            (unsigned long long)vt_vault_policy_serial(s->policy));
    }
    vt_vault_policy_free(next);
    vt_buf_release(&items);
    return err;
}

enum vt_err
vt_keeper_do_set_policy(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_ledger_view view = *vt_ring_view(s->ring);
    struct vt_evidence_file *f = NULL;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_keeper_trust(s, why);

    (void)channel;
    (void)b;
    (void)ret_refusal;
    if (err == VT_OK &&
        vt_policy_demand_of(s->trust, VT_ENTRY_VAULT_POLICY) != VT_POLICY_QUORUM)
        err = vt_fail(why, VT_E_CONFIG,
            "%s/policy does not say who makes the vault policy: it needs a line `require "
            "vault-policy NAME`",
            s->home.dir);
    if (err == VT_OK)
        err = parse_evidence(body->data, body->len, &f, why);
    if (err == VT_OK)
        err = check_policy_items(s, f, &doc, &view, why);
    if (err == VT_OK && (s->policy == NULL || !vt_digest_eq(vt_doc_digest(doc),
                                                  vt_vault_policy_digest(s->policy))))
        err = put_in_force(s, doc, &view, why);
    vt_doc_free(doc);
    free(f);
    return err;
}

enum vt_err
vt_keeper_do_status(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    static const struct vt_digest none;
    struct vt_box_public box;
    struct vt_digest root;
    uint64_t epochs, subjects, sessions = 0;
    enum vt_err err = vt_keeper_root(s, &root, why);

    (void)channel;
    (void)body;
    (void)ret_refusal;
    if (err != VT_OK)
        return err;
    vt_ring_counts(s->ring, &epochs, &subjects);
    for (size_t i = 0; i < VT_KEEPER_SESSIONS_MAX; i++)
        sessions += s->session[i].id != 0;
    vt_buf_put_u64(b, vt_ring_generation(s->ring));
    vt_buf_put_u64(b, epochs);
    vt_buf_put_u64(b, subjects);
    vt_keeper_put_digest(b, &root);
    vt_buf_put_u64(b, vt_ring_view(s->ring)->size);
    vt_keeper_put_digest(b, s->policy == NULL ? &none : vt_vault_policy_digest(s->policy));
    vt_buf_put_u64(b, sessions);
    vt_buf_put_u8(b, s->locked && vt_ring_locked(s->ring) ? 1 : 0);
    vt_buf_put_u8(b, (uint8_t)vt_ring_root_kind(s->ring));
    vt_box_public(vt_ring_box(s->ring), &box);
    vt_buf_put(b, box.b, sizeof box.b);
    return VT_OK;
}

enum vt_err
vt_keeper_do_region_new(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    char region[VT_REGION_MAX + 1];
    struct vt_box_public pub;
    struct vt_box *box = NULL;
    enum vt_err err = vt_keeper_need_policy(s, why);

    (void)channel;
    (void)ret_refusal;
    if (err == VT_OK && (!vt_keeper_take_text(&r, region, sizeof region) || r.left > 0))
        err = vt_fail(why, VT_E_SYNTAX, "a request without a region");
    if (err == VT_OK && !vt_keeper_keeps(s, region))
        err = vt_fail(why, VT_E_REFUSED,
            "region %s is not kept at %s by the vault policy in force", region, s->home.name);
    if (err == VT_OK)
        err = vt_box_new(&box, why);
    if (err != VT_OK)
        return err;
    vt_box_public(box, &pub);
    vt_buf_put(b, pub.b, sizeof pub.b);
    err = vt_shares_deal(s->policy, region, vt_box_private(box), b, why);
    vt_box_free(box);
    return err;
}

enum vt_err
vt_keeper_do_copy(struct vt_keeper_state *s, int channel, const struct vt_buf *body,
    struct vt_buf *b, enum vt_refusal *ret_refusal, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    struct vt_ring_copy c;
    uint64_t generation, at;

    (void)channel;
    (void)ret_refusal;
    if (!vt_reader_u64(&r, &generation) || !vt_reader_u64(&r, &at) || r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "a misformed request for a copy");
    vt_ring_copy_sizes(s->ring, &c);
    if (generation != 0 && generation != c.generation)
        return vt_fail(
            why, VT_E_STATE, "the ring was written anew while it was copied: copy it again");
    vt_buf_put_u64(b, c.generation);
    vt_buf_put_u64(b, c.snapshot_len);
    vt_buf_put_u64(b, c.append_len);
    return vt_ring_copy_read(s->ring, at, VT_KEEPER_PIECE_MAX, b, why);
}

static enum vt_err
do_hello(struct vt_keeper_state *s, int channel, const struct vt_buf *body, struct vt_buf *b,
    enum vt_refusal *ret_refusal, struct vt_why *why)
{
    (void)s;
    (void)channel;
    (void)body;
    (void)b;
    (void)ret_refusal;
    (void)why;
    return VT_OK;
}

enum vt_err
vt_keeper_answer(struct vt_keeper_state *s, int channel, uint16_t type,
    const struct vt_buf *body, struct vt_buf *b, enum vt_refusal *ret_refusal,
    struct vt_why *why)
{
    static vt_keeper_answer_fn *const table[VT_KEEPER_TYPE_COUNT] = {
        [VT_KEEPER_HELLO] = do_hello,
        [VT_KEEPER_STATUS] = vt_keeper_do_status,
        [VT_KEEPER_SET_POLICY] = vt_keeper_do_set_policy,
        [VT_KEEPER_REGION_NEW] = vt_keeper_do_region_new,
        [VT_KEEPER_SEAL_KEYS] = vt_keeper_do_seal_keys,
        [VT_KEEPER_SESSION] = vt_keeper_do_session,
        [VT_KEEPER_OPEN_KEYS] = vt_keeper_do_open_keys,
        [VT_KEEPER_END] = vt_keeper_do_end,
        [VT_KEEPER_ERASE] = vt_keeper_do_erase,
        [VT_KEEPER_RETIRE] = vt_keeper_do_retire,
        [VT_KEEPER_RETIRED] = vt_keeper_do_retired,
        [VT_KEEPER_GIVE] = vt_keeper_do_give,
        [VT_KEEPER_GIVE_MORE] = vt_keeper_do_give_more,
        [VT_KEEPER_TAKE] = vt_keeper_do_take,
        [VT_KEEPER_TAKE_MORE] = vt_keeper_do_take_more,
        [VT_KEEPER_SHRED] = vt_keeper_do_shred,
        [VT_KEEPER_COPY] = vt_keeper_do_copy,
    };
    enum vt_err err;

    *ret_refusal = VT_REFUSAL_NONE;
    if (type >= VT_KEEPER_TYPE_COUNT || table[type] == NULL)
        return vt_fail(why, VT_E_SYNTAX, "no such request");
    vt_keeper_expire(s);
    err = table[type](s, channel, body, b, ret_refusal, why);
    return err == VT_OK ? vt_buf_check(b, "the keeper's answer", why) : err;
}
