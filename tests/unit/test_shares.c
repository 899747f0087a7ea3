/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of a region's key: M of each group give it back, fewer do not, and a share that was
 * sent for one request opens nothing under another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

#include "report/batch.h"
#include "vault/shares.h"

static struct ledger_world world;
static struct vt_box *keeper;
static struct vt_box *region;
static struct vt_buf dealt;
static const struct vt_digest request = {{1, 2, 3}};

static int
set_up(void **state)
{
    struct vt_why why = {0};

    (void)state;
    lw_init(&world);
    dealt = VT_BUF(VT_SHARES_FILE_MAX);
    if (vt_box_new(&keeper, &why) != VT_OK || vt_box_new(&region, &why) != VT_OK)
        return -1;
    return vt_shares_deal(world.policy, "EU", vt_box_private(region), &dealt, &why) == VT_OK
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    lw_release(&world);
    vt_buf_release(&dealt);
    vt_box_free(keeper);
    vt_box_free(region);
    return 0;
}

static void
add_file(struct vt_buf *files, const struct vt_buf *one)
{
    vt_buf_put_u32(files, (uint32_t)one->len);
    vt_buf_put(files, one->data, one->len);
}

static void
send_for(struct vt_buf *files, enum lw_party who, enum vt_mode mode,
    const struct vt_digest *for_request, struct vt_digest *ret_digest)
{
    struct vt_buf one = VT_BUF(VT_SHARES_FILE_MAX);
    struct vt_box *box = lw_box(who);
    struct vt_box_public to;
    struct vt_why why = {0};

    vt_box_public(keeper, &to);
    lw_must(vt_shares_send(dealt.data, dealt.len, "EU", mode, lw_names[who], box, for_request,
                &to, &one, &why),
        &why);
    if (ret_digest != NULL)
        vt_digest_of(one.data, one.len, ret_digest);
    add_file(files, &one);
    vt_box_free(box);
    vt_buf_release(&one);
}

static void
send(struct vt_buf *files, enum lw_party who)
{
    send_for(files, who, VT_MODE_ACCESS, &request, NULL);
}

static struct vt_granted *
granted_by(enum vt_mode mode, const enum lw_party *who, size_t n)
{
    struct vt_granted *g = calloc(1, sizeof *g);

    assert_non_null(g);
    g->request = lw_request(&world);
    g->request.mode = mode;
    g->request_doc = request;
    g->approver_count = n;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(g->approver[i], sizeof g->approver[i], "%s", lw_names[who[i]]);
    return g;
}

static enum vt_err
join(const struct vt_granted *g, const struct vt_buf *files)
{
    struct vt_joined j = {0};
    struct vt_box_public want, got;
    struct vt_why why = {0};
    enum vt_err err =
        vt_shares_join(world.policy, g, files->data, files->len, keeper, &j, &why);

    if (err == VT_OK) {
        assert_int_equal(j.count, 1);
        vt_box_public(region, &want);
        vt_box_public(j.key[0], &got);
        assert_memory_equal(&want, &got, sizeof want);
    } else {
        assert_int_equal(j.count, 0);
        assert_true(why.text[0] != '\0');
    }
    vt_joined_release(&j);
    return err;
}

static const enum lw_party three[] = {LW_ERIN, LW_SAM, LW_SUE};
static const enum lw_party board[] = {LW_BOB, LW_BEN};

static void
test_joins(void **state)
{
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *g = granted_by(VT_MODE_ACCESS, three, 3);

    (void)state;
    send(&files, LW_ERIN);
    assert_int_equal(join(g, &files), VT_E_REFUSED);
    send(&files, LW_SAM);
    assert_int_equal(join(g, &files), VT_E_REFUSED); /* one of security is missing */
    send(&files, LW_SUE);
    assert_int_equal(join(g, &files), VT_OK);
    send(&files, LW_SUE); /* the same again changes nothing */
    assert_int_equal(join(g, &files), VT_OK);
    free(g);
    vt_buf_release(&files);
}

/* More shares than needed, of one who is in two groups. */
static void
test_joins_more(void **state)
{
    static const enum lw_party all[] = {LW_DORA, LW_ERIN, LW_SAM, LW_SUE};
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *g = granted_by(VT_MODE_ACCESS, all, 4);

    (void)state;
    send(&files, LW_DORA);
    assert_int_equal(join(g, &files), VT_E_REFUSED);
    send(&files, LW_SAM);
    assert_int_equal(join(g, &files), VT_OK);
    send(&files, LW_ERIN);
    send(&files, LW_SUE);
    assert_int_equal(join(g, &files), VT_OK);
    free(g);
    vt_buf_release(&files);
}

static void
test_counts_approvers_alone(void **state)
{
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *g = granted_by(VT_MODE_ACCESS, three, 2); /* sue did not approve */

    (void)state;
    for (size_t i = 0; i < 3; i++)
        send(&files, three[i]);
    assert_int_equal(join(g, &files), VT_E_REFUSED);
    free(g);
    vt_buf_release(&files);
}

static void
test_other_request_or_mode(void **state)
{
    static const struct vt_digest other = {{9}};
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *g = granted_by(VT_MODE_ACCESS, three, 3);
    struct vt_granted *b = granted_by(VT_MODE_BREAK_GLASS, board, 2);

    (void)state;
    send(&files, LW_ERIN);
    send(&files, LW_SAM);
    send_for(&files, LW_SUE, VT_MODE_ACCESS, &other, NULL);
    assert_int_equal(join(g, &files), VT_E_REFUSED);
    vt_buf_clear(&files);
    send_for(&files, LW_BOB, VT_MODE_BREAK_GLASS, &request, NULL);
    send_for(&files, LW_BEN, VT_MODE_BREAK_GLASS, &request, NULL);
    assert_int_equal(join(b, &files), VT_OK);
    assert_int_equal(join(g, &files), VT_E_REFUSED);
    b->request.mode = VT_MODE_EXPORT;
    assert_int_equal(join(b, &files), VT_E_REFUSED);
    b->request.mode = VT_MODE_BREAK_GLASS;
    (void)snprintf(b->request.scope.region, sizeof b->request.scope.region, "CA");
    assert_int_equal(join(b, &files), VT_E_REFUSED);
    free(b);
    free(g);
    vt_buf_release(&files);
}

/* A share sent for another request, renamed to this one: its seal is bound to that other. */
static void
test_renamed_request(void **state)
{
    static const struct vt_digest other = {{9}};
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *b = granted_by(VT_MODE_BREAK_GLASS, board, 2);
    size_t at;

    (void)state;
    send_for(&files, LW_BOB, VT_MODE_BREAK_GLASS, &request, NULL);
    at = files.len + 4 + 4; /* length, magic */
    send_for(&files, LW_BEN, VT_MODE_BREAK_GLASS, &other, NULL);
    memcpy(files.data + at, request.b, VT_DIGEST_SIZE);
    assert_int_equal(join(b, &files), VT_E_REFUSED);
    free(b);
    vt_buf_release(&files);
}

/* An approval that names its file's digest counts with that file alone. */
static void
test_bound_to_approval(void **state)
{
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *b = granted_by(VT_MODE_BREAK_GLASS, board, 2);

    (void)state;
    send_for(&files, LW_BOB, VT_MODE_BREAK_GLASS, &request, &b->share[0]);
    send_for(&files, LW_BEN, VT_MODE_BREAK_GLASS, &request, &b->share[1]);
    assert_int_equal(join(b, &files), VT_OK);
    b->share[1].b[0] ^= 1;
    assert_int_equal(join(b, &files), VT_E_REFUSED);
    memset(&b->share[1], 0, sizeof b->share[1]);
    assert_int_equal(join(b, &files), VT_OK);
    free(b);
    vt_buf_release(&files);
}

static void
test_changed_bytes(void **state)
{
    struct vt_buf files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_granted *b = granted_by(VT_MODE_BREAK_GLASS, board, 2);
    struct vt_joined j = {0};

    (void)state;
    send_for(&files, LW_BOB, VT_MODE_BREAK_GLASS, &request, NULL);
    send_for(&files, LW_BEN, VT_MODE_BREAK_GLASS, &request, NULL);
    for (size_t i = 0; i < files.len; i++) {
        files.data[i] ^= 0x40;
        assert_int_not_equal(join(b, &files), VT_OK);
        files.data[i] ^= 0x40;
    }
    for (size_t cut = 0; cut < files.len; cut++)
        assert_int_not_equal(
            vt_shares_join(world.policy, b, files.data, cut, keeper, &j, NULL), VT_OK);
    assert_int_equal(join(b, &files), VT_OK);
    free(b);
    vt_buf_release(&files);
}

/* An approver holds its own shares and no others. */
static void
test_own_shares_only(void **state)
{
    struct vt_buf out = VT_BUF(VT_SHARES_FILE_MAX);
    struct vt_box *dora = lw_box(LW_DORA);
    struct vt_box_public to;
    struct vt_why why = {0};

    (void)state;
    vt_box_public(keeper, &to);
    assert_int_equal(vt_shares_send(dealt.data, dealt.len, "EU", VT_MODE_ACCESS,
                         lw_names[LW_ERIN], dora, &request, &to, &out, &why),
        VT_E_SIG);
    assert_int_equal(vt_shares_send(dealt.data, dealt.len, "EU", VT_MODE_BREAK_GLASS,
                         lw_names[LW_DORA], dora, &request, &to, &out, &why),
        VT_E_NOENT);
    assert_int_equal(vt_shares_send(dealt.data, dealt.len, "US", VT_MODE_ACCESS,
                         lw_names[LW_DORA], dora, &request, &to, &out, &why),
        VT_E_NOENT);
    assert_int_equal(out.len, 0);
    vt_box_free(dora);
    vt_buf_release(&out);
}

/* The region has two keys: each that has enough shares comes out. */
static void
test_two_keys(void **state)
{
    struct vt_buf second = VT_BUF(VT_SHARES_FILE_MAX), files = VT_BUF(VT_SHARES_JOIN_MAX);
    struct vt_buf first = dealt;
    struct vt_granted *b = granted_by(VT_MODE_BREAK_GLASS, board, 2);
    struct vt_joined j = {0};
    struct vt_box_public pub;
    struct vt_digest id;
    struct vt_box *newer = NULL;
    struct vt_why why = {0};

    (void)state;
    lw_must(vt_box_new(&newer, &why), &why);
    lw_must(vt_shares_deal(world.policy, "EU", vt_box_private(newer), &second, &why), &why);
    send_for(&files, LW_BOB, VT_MODE_BREAK_GLASS, &request, NULL);
    send_for(&files, LW_BEN, VT_MODE_BREAK_GLASS, &request, NULL);
    dealt = second;
    send_for(&files, LW_BOB, VT_MODE_BREAK_GLASS, &request, NULL);
    assert_int_equal(join(b, &files), VT_OK); /* of the newer key, only one share */
    send_for(&files, LW_BEN, VT_MODE_BREAK_GLASS, &request, NULL);
    dealt = first;
    lw_must(vt_shares_join(world.policy, b, files.data, files.len, keeper, &j, &why), &why);
    assert_int_equal(j.count, 2);
    vt_box_public(newer, &pub);
    vt_batch_key_id(&pub, &id);
    assert_true(vt_digest_eq(&id, &j.key_id[1]));
    vt_joined_release(&j);
    vt_box_free(newer);
    free(b);
    vt_buf_release(&second);
    vt_buf_release(&files);
}

static void
test_parse(void **state)
{
    struct vt_shares *s = calloc(1, sizeof *s);
    struct vt_why why = {0};

    (void)state;
    assert_non_null(s);
    lw_must(vt_shares_parse(dealt.data, dealt.len, s, &why), &why);
    assert_false(s->for_request);
    /* legal 2, security 3, board 2, dpo 1 */
    assert_int_equal(s->count, 2 + 3 + 2 + 1);
    assert_string_equal(s->row[0].region, "EU");
    for (size_t cut = 0; cut < dealt.len; cut++)
        assert_int_not_equal(vt_shares_parse(dealt.data, cut, s, &why), VT_OK);
    vt_buf_put_u8(&dealt, 0);
    assert_int_equal(vt_shares_parse(dealt.data, dealt.len, s, &why), VT_E_SYNTAX);
    assert_int_equal(vt_shares_parse(dealt.data, VT_SHARES_FILE_MAX + 1, s, &why), VT_E_LIMIT);
    dealt.data[4] = 1; /* 2^24 and some rows */
    assert_int_equal(vt_shares_parse(dealt.data, dealt.len, s, &why), VT_E_LIMIT);
    free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_joins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_joins_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counts_approvers_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_request_or_mode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renamed_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bound_to_approval, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_own_shares_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parse, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
