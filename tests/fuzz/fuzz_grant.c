/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: the input chooses items of a ledger, in any order and number, and bytes to
 * change in the evidence of them. What is granted then must be the one request that may be,
 * with enough approvals by other and different people, and the keeper's word over just these.
 */
#include "ledger_texts.h"

#define CHANGES_MAX 4

static struct ledger_world world;

/* What there is to choose from: two requests, answers to each by all who may answer, and
 * grants of several sets. */
static enum lw_party answered[LW_ENTRIES]; /* by whom, for approvals */
static size_t of_request[LW_ENTRIES];
static struct vt_grant grants[LW_ENTRIES];
static bool is_grant[LW_ENTRIES];

static void
add_answers(size_t request)
{
    static const enum lw_party who[] = {
        LW_DORA, LW_ERIN, LW_SAM, LW_SUE, LW_BOB, LW_CAROL, LW_STRANGER};
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        size_t at = lw_approve(&world, request, who[i]);
        answered[at] = who[i];
        of_request[at] = request;
    }
    (void)lw_say_answer(&world, request, LW_DORA, false);
}

static void
add_grant(size_t request, const size_t *approval, size_t n, enum lw_party who)
{
    struct vt_grant g = lw_grant(&world, request, VT_MODE_ACCESS, approval, n, LW_ZURICH);
    size_t at = lw_say_grant(&world, &g, who);
    is_grant[at] = who == LW_ZURICH;
    grants[at] = g;
}

/* Entries: 0 policy, 1 and 2 requests, 3 to 9 approvals of 1 and 10 a refusal, 11 to 17 of 2
 * and 18 a refusal, 19 on grants. */
static void
set_up(void)
{
    lw_init(&world);
    struct vt_request r = lw_request(&world);
    (void)lw_say_request(&world, &r, LW_CAROL);
    r.id[0]++;
    (void)lw_say_request(&world, &r, LW_CAROL);
    add_answers(1);
    add_answers(2);
    add_grant(1, (const size_t[]){3, 5}, 2, LW_ZURICH);
    add_grant(1, (const size_t[]){4, 5, 6}, 3, LW_ZURICH);
    add_grant(1, (const size_t[]){4, 5}, 2, LW_ZURICH);
    add_grant(1, (const size_t[]){3, 5}, 2, LW_FRANKFURT);
    add_grant(2, (const size_t[]){11, 13}, 2, LW_ZURICH);
}

/* Whether the items are a grant that holds, by another way of counting. */
static bool
may_be_granted(const size_t *at, size_t n)
{
    bool has[LW_PARTIES] = {false};
    size_t request = at[0], grant = at[n - 1];

    if ((request != 1 && request != 2) || !is_grant[grant] ||
        !vt_digest_eq(&grants[grant].request, &world.item[request].digest))
        return false;
    for (size_t i = 1; i + 1 < n; i++) {
        bool is_named = false;
        for (size_t j = 0; j < grants[grant].approval_count; j++)
            is_named =
                is_named || vt_digest_eq(&grants[grant].approval[j], &world.item[at[i]].digest);
        if (!is_named || of_request[at[i]] != request)
            return false;
        has[answered[at[i]]] = true;
    }
    return (has[LW_DORA] || has[LW_ERIN]) && has[LW_SAM] + has[LW_SUE] + has[LW_DORA] >= 2 &&
           !has[LW_CAROL] && !has[LW_BOB] && !has[LW_STRANGER];
}

static void
check(const struct vt_buf *b, const size_t *at, size_t n, bool changed)
{
    static struct vt_evidence_file f;
    static struct vt_granted granted;
    struct vt_ledger_view view = {.size = 0};
    enum vt_refusal refusal = VT_REFUSAL_COUNT;
    struct vt_why why = {0};

    if (vt_evidence_parse(b->data, b->len, &f, NULL) != VT_OK)
        return;
    enum vt_err err =
        vt_grant_check(world.trust, world.policy, &f, LW_NOW, &view, &granted, &refusal, &why);
    must_say(err, &why);
    must((err == VT_OK) == (refusal == VT_REFUSAL_NONE));
    must((err == VT_OK) == (view.size == world.count));
    must(changed || (err == VT_OK) == (n >= 2 && may_be_granted(at, n)));
    must(err != VT_OK || may_be_granted(at, n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_reader r = VT_READER(data, size);
    size_t at[8], n = 0;
    uint8_t item = 0;
    bool changed = false;

    if (world.count == 0)
        set_up();
    while (n < 8 && vt_reader_u8(&r, &item) && item < world.count)
        at[n++] = item;
    struct vt_buf b = lw_evidence(&world, at, n, 0);
    for (int i = 0; i < CHANGES_MAX && b.len > 0; i++) {
        uint16_t where;
        uint8_t bits;
        if (!vt_reader_u16(&r, &where) || !vt_reader_u8(&r, &bits))
            break;
        b.data[where % b.len] ^= bits;
        changed = changed || bits != 0;
    }
    check(&b, at, n, changed);
    vt_buf_release(&b);
    return 0;
}
