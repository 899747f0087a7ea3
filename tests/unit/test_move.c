/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relocation at the site that takes: what it believes, that every piece is bound by what the
 * ledger says, that a step out of order or done twice does no harm, and that nothing is packed
 * before the rows are there.
 */
#include "base/file.h"
#include "vault/move_take.h"
#include "vault/place.h"
#include "vault/segment_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "ledger_world.h"
#include "vault_batch.h"

#define SEGMENTS 3U

struct fixture {
    char top[VT_PATH_MAX];
    char source[VT_PATH_MAX]; /* segments of the other site */
    struct vt_home home;      /* zurich, which takes */
    struct ledger_world w;
    struct vt_segment_row row[SEGMENTS];
    struct vt_inventory *inventory;
    unsigned arrived;
    enum vt_err arrive_with;
    /* The last answer. */
    int status;
    struct vt_buf answer;
};

/* --- segments of the other site ---------------------------------------------------------- */

static enum vt_err
give_keys(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    (void)ctx, (void)id, (void)m, (void)first, (void)subject, (void)why;
    memset(ret, 0x5a, n * 32);
    return VT_OK;
}

static void
make_segments(struct fixture *f)
{
    struct vt_box *box = NULL;
    struct vt_batch_opts o;

    assert_int_equal(vt_box_new(&box, NULL), VT_OK);
    o = batch_opts(box, "EU", "detection");
    for (unsigned i = 0; i < SEGMENTS; i++) {
        struct vt_buf b = VT_BUF(VT_BATCH_MAX);
        struct vt_slice slice;
        struct vt_why why = {{0}};
        struct vt_segment_make m = {.region = "EU",
            .site = "frankfurt.example",
            .class_name = "detection",
            .day = 20700 + i,
            .created = 1795000001,
            .batch = &slice,
            .count = 1,
            .keys = give_keys,
            .keys_max = 64};

        batch_put(&b, &o, 20 + i, 5);
        slice = (struct vt_slice){b.data, b.len};
        lw_must(vt_segment_make(&m, f->source, &f->row[i], &why), &why);
        vt_buf_release(&b);
    }
    vt_box_free(box);
}

static void
put_rows(const struct fixture *f, struct vt_buf *b)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        uint8_t bytes[VT_SEGMENT_ROW_SIZE];

        vt_segment_row_put(&f->row[i], bytes);
        vt_buf_put(b, bytes, sizeof bytes);
    }
}

static void
read_segment(const struct fixture *f, unsigned i, struct vt_buf *b)
{
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    char path[VT_PATH_MAX];

    vt_hex_encode(f->row[i].id, VT_SEGMENT_ID_SIZE, hex);
    assert_int_equal(vt_path(path, NULL, "%s/%s", f->source, hex), VT_OK);
    assert_int_equal(vt_file_read(path, b, NULL), VT_OK);
}

/* --- the fixture -------------------------------------------------------------------------- */

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char dir[VT_PATH_MAX];
    struct vt_why why = {{0}};

    assert_non_null(f);
    lw_init(&f->w);
    assert_int_equal(vt_dir_temp("/tmp", "vt-move", f->top, NULL), VT_OK);
    assert_int_equal(vt_path(f->source, NULL, "%s/source", f->top), VT_OK);
    assert_int_equal(vt_dir_make(f->source, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(dir, NULL, "%s/zurich", f->top), VT_OK);
    lw_must(vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &f->home, &why), &why);
    assert_int_equal(vt_vault_path(&f->home, dir, NULL, "inventory"), VT_OK);
    assert_int_equal(vt_dir_make(dir, 0755, NULL), VT_OK);
    assert_int_equal(vt_vault_path(&f->home, dir, NULL, "inventory/EU"), VT_OK);
    assert_int_equal(vt_inventory_open(dir, &f->inventory, NULL), VT_OK);
    make_segments(f);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    vt_buf_release(&f->answer);
    vt_inventory_free(f->inventory);
    lw_release(&f->w);
    assert_int_equal(vt_tree_remove(f->top, NULL), VT_OK);
    free(f);
    return 0;
}

static enum vt_err
give_inventory(void *ctx, const char *region, struct vt_inventory **ret, struct vt_why *why)
{
    struct fixture *f = ctx;

    (void)why;
    assert_string_equal(region, "EU");
    *ret = f->inventory;
    return VT_OK;
}

static enum vt_err
have_arrived(void *ctx, const char *region, struct vt_why *why)
{
    struct fixture *f = ctx;

    (void)why;
    assert_string_equal(region, "EU");
    f->arrived++;
    return f->arrive_with;
}

/* One POST; the answer without its newline. */
static const char *
post(struct fixture *f, const char *path, const void *body, size_t len)
{
    struct vt_move_taker t = {.home = &f->home,
        .trust = f->w.trust,
        .policy = f->w.policy,
        .inventory = give_inventory,
        .arrived = have_arrived,
        .ctx = f};
    struct vt_why why = {{0}};

    vt_buf_release(&f->answer);
    vt_buf_init(&f->answer, 1024 * 1024);
    f->status = 0;
    lw_must(vt_move_take(&t, path, body, len, &f->status, &f->answer, &why), &why);
    assert_true(f->answer.len == 0 || f->answer.data[f->answer.len - 1] == '\n');
    if (f->answer.len > 0)
        f->answer.data[f->answer.len - 1] = '\0';
    return vt_buf_str(&f->answer);
}

#define expect(f_, path_, body_, len_, status_, answer_)                                       \
    do {                                                                                       \
        const char *got_ = post(f_, path_, body_, len_);                                       \
        if (answer_ != NULL)                                                                   \
            assert_string_equal(got_, answer_ == NULL ? "" : answer_);                         \
        if ((f_)->status != (status_))                                                         \
            fail_msg("%s: %d: %s", path_, (f_)->status, got_);                                 \
    } while (0)
static const char *const anything = NULL;

static struct vt_relocation
relocation(const struct fixture *f)
{
    struct vt_relocation r = {.region = "EU",
        .from = "frankfurt.example",
        .to = "zurich.example",
        .policy = *vt_vault_policy_digest(f->w.policy),
        .segments = SEGMENTS,
        .made = LW_ASKED};
    struct vt_buf rows = VT_BUF(4096);

    put_rows(f, &rows);
    vt_move_rows_root(rows.data, SEGMENTS, &r.root);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        r.records += f->row[i].records;
        r.bytes += f->row[i].size;
    }
    vt_buf_release(&rows);
    return r;
}

/* Evidence of a relocation as `who` says it. */
static struct vt_buf
said(struct fixture *f, const struct vt_relocation *r, enum lw_party who)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    size_t i;

    lw_must(vt_relocation_doc(r, &d, &why), &why);
    i = lw_say(&f->w, d, who);
    return lw_evidence(&f->w, &i, 1, 0);
}

static void
begin(struct fixture *f)
{
    struct vt_relocation r = relocation(f);
    struct vt_buf e = said(f, &r, LW_FRANKFURT);

    expect(f, "EU/begin", e.data, e.len, 200, "rows 0");
    vt_buf_release(&e);
}

static void
send_rows(struct fixture *f)
{
    struct vt_buf b = VT_BUF(4096);

    put_rows(f, &b);
    expect(f, "EU/rows/0", b.data, b.len, 200, "retired 0");
    expect(f, "EU/retired/0/0", NULL, 0, 200, "segments");
    vt_buf_release(&b);
}

static void
send_segment(struct fixture *f, unsigned i)
{
    struct vt_buf b = VT_BUF(VT_SEGMENT_MAX);
    char path[64];

    read_segment(f, i, &b);
    (void)snprintf(path, sizeof path, "EU/segment/%u/0", i);
    expect(f, path, b.data, b.len, 200, "segments");
    vt_buf_release(&b);
}

/* As if the keeper had taken the keys. */
static void
take_keys(struct fixture *f)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->home, path, NULL, "moves/EU/keys"), VT_OK);
    assert_int_equal(vt_file_create(path, 0600, "root 7\n", 7, NULL), VT_OK);
}

static bool
there(const struct fixture *f, const char *rest)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->home, path, NULL, "%s", rest), VT_OK);
    return vt_file_exists(path);
}

/* All up to the clerk's turn. */
static void
send_all(struct fixture *f)
{
    begin(f);
    send_rows(f);
    for (unsigned i = 0; i < SEGMENTS; i++)
        send_segment(f, i);
    expect(f, "EU/missing/0", NULL, 0, 200, "");
    take_keys(f);
    expect(f, "EU/end", NULL, 0, 200, "checking");
}

/* --- tests -------------------------------------------------------------------------------- */

static void
paths_are_strict(void **state)
{
    static const char *const bad[] = {"", "/", "EU", "EU/", "EU/begin/", "EU/begin/0",
        "eu/begin", "E/begin", "EU//begin", "../begin", "EU/rows", "EU/rows/", "EU/rows/-1",
        "EU/rows/01", "EU/rows/1/2", "EU/retired/1", "EU/retired/1/2/3", "EU/nothing",
        "EU/rows/99999999999999999999", "EU/segment/1/x", "EU/segment/x/1", "EU/missing",
        "ABCDEFGHIJKLMNOPQ/begin", "EU/rows/1 ", " EU/begin"};
    struct vt_move_path p;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (vt_move_path_parse(bad[i], &p))
            fail_msg("taken: %s", bad[i]);
    assert_true(vt_move_path_parse("EU/begin", &p));
    assert_int_equal(p.step, VT_MOVE_STEP_BEGIN);
    assert_string_equal(p.region, "EU");
    assert_true(vt_move_path_parse("A-1/segment/12/345", &p));
    assert_int_equal(p.step, VT_MOVE_STEP_SEGMENT);
    assert_int_equal(p.number, 12);
    assert_int_equal(p.offset, 345);
    assert_true(vt_move_path_parse("EU/rows/0", &p));
    assert_int_equal(p.offset, 0);
}

static void
one_way_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct vt_move_state s;
    struct vt_move m, again;
    struct vt_digest d = {{0xab}};

    assert_int_equal(vt_move_state(&f->home, "EU", &s, NULL), VT_OK);
    assert_int_equal(s.side, VT_MOVE_NONE);
    assert_false(vt_move_pending(&f->home, "EU"));
    assert_int_equal(vt_move_begin(&f->home, "EU", VT_MOVE_OUT, "a.example", &m, NULL), VT_OK);
    assert_int_equal(
        vt_move_begin(&f->home, "EU", VT_MOVE_OUT, "a.example", &again, NULL), VT_OK);
    assert_int_equal(
        vt_move_begin(&f->home, "EU", VT_MOVE_OUT, "b.example", &again, NULL), VT_E_STATE);
    assert_int_equal(
        vt_move_begin(&f->home, "EU", VT_MOVE_IN, "a.example", &again, NULL), VT_E_STATE);
    assert_int_equal(vt_move_state(&f->home, "EU", &s, NULL), VT_OK);
    assert_int_equal(s.side, VT_MOVE_OUT);
    assert_string_equal(s.other, "a.example");
    assert_false(vt_move_pending(&f->home, "EU")); /* it packs until it is handed over */
    assert_int_equal(vt_move_close(&m, &d, NULL), VT_OK);
    assert_int_equal(vt_move_state(&f->home, "EU", &s, NULL), VT_OK);
    assert_int_equal(s.side, VT_MOVE_NONE);
    assert_true(there(f, "moves/done/EU-ab00000000000000/side"));
    assert_int_equal(
        vt_move_begin(&f->home, "eu", VT_MOVE_IN, "a.example", &m, NULL), VT_E_USAGE);
}

static void
damaged_state_holds_back(void **state)
{
    struct fixture *f = *state;
    struct vt_move_state s;
    struct vt_move m;
    char path[VT_PATH_MAX];

    assert_int_equal(vt_move_begin(&f->home, "EU", VT_MOVE_IN, "a.example", &m, NULL), VT_OK);
    assert_true(vt_move_pending(&f->home, "EU"));
    assert_int_equal(vt_vault_path(&f->home, path, NULL, "moves/EU/side"), VT_OK);
    assert_int_equal(vt_file_replace(path, 0600, "sideways x\n", 11, NULL), VT_OK);
    assert_int_equal(vt_move_state(&f->home, "EU", &s, NULL), VT_E_CONFIG);
    assert_true(vt_move_pending(&f->home, "EU"));
}

static void
believes_the_ledger_alone(void **state)
{
    struct fixture *f = *state;
    struct vt_relocation r = relocation(f);
    struct vt_buf e = said(f, &r, LW_STRANGER);

    expect(f, "EU/begin", e.data, e.len, 403, anything); /* not by frankfurt's keeper */
    expect(f, "EU/begin", e.data, e.len - 1, 400, anything);
    expect(f, "EU/begin", "VTE1", 4, 400, anything);
    expect(f, "EU/begin", NULL, 0, 400, anything);
    vt_buf_release(&e);
    e = said(f, &r, LW_FRANKFURT);
    expect(f, "CA/begin", e.data, e.len, 403, anything); /* of another region */
    vt_buf_release(&e);
    (void)snprintf(r.to, sizeof r.to, "elsewhere.example");
    e = said(f, &r, LW_FRANKFURT);
    expect(f, "EU/begin", e.data, e.len, 403, anything); /* to another site */
    vt_buf_release(&e);
    r = relocation(f);
    (void)snprintf(r.region, sizeof r.region, "US");
    e = said(f, &r, LW_FRANKFURT);
    expect(f, "US/begin", e.data, e.len, 409, anything); /* the policy keeps it there */
    vt_buf_release(&e);
    r = relocation(f);
    f->w.cosigns[LW_WITNESS_1] = f->w.cosigns[LW_WITNESS_2] = false;
    e = said(f, &r, LW_FRANKFURT);
    expect(f, "EU/begin", e.data, e.len, 403, anything); /* no quorum of witnesses */
    vt_buf_release(&e);
    assert_false(there(f, "moves/EU"));
    expect(f, "EU/rows/0", "x", 1, 409, anything); /* nothing has begun */
}

static void
begins_once(void **state)
{
    struct fixture *f = *state;
    struct vt_relocation r = relocation(f);
    struct vt_buf e = said(f, &r, LW_FRANKFURT);
    struct vt_buf other;

    expect(f, "EU/begin", e.data, e.len, 200, "rows 0");
    assert_true(vt_move_pending(&f->home, "EU"));
    expect(f, "EU/begin", e.data, e.len, 200, "rows 0");
    r.made++;
    other = said(f, &r, LW_FRANKFURT);
    expect(f, "EU/begin", other.data, other.len, 409, anything);
    vt_buf_release(&e);
    vt_buf_release(&other);
}

static void
rows_are_bound(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(4096);

    put_rows(f, &b);
    begin(f);
    expect(f, "EU/retired/0/0", NULL, 0, 409, anything); /* rows come first */
    expect(f, "EU/missing/0", NULL, 0, 409, anything);
    expect(f, "EU/rows/0", b.data, 100, 200, "rows 100");
    expect(f, "EU/rows/0", b.data, 100, 409, anything); /* sent twice */
    expect(f, "EU/rows/200", b.data, 16, 409, anything);
    expect(f, "EU/rows/100", b.data + 100, b.len, 413, anything);
    expect(f, "EU/rows/100", b.data + 100, b.len - 100, 200, "retired 0");
    expect(f, "EU/rows/0", b.data, b.len, 200, "retired 0"); /* there already */
    vt_buf_release(&b);
}

static void
other_rows_are_thrown_away(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(4096);

    put_rows(f, &b);
    begin(f);
    b.data[40] ^= 1;
    expect(f, "EU/rows/0", b.data, b.len, 422, anything);
    b.data[40] ^= 1;
    expect(f, "EU/rows/0", b.data, b.len, 200, "retired 0");
    vt_buf_release(&b);
}

static void
retired_are_left_out(void **state)
{
    struct fixture *f = *state;
    struct vt_buf rows = VT_BUF(4096);
    uint8_t id[2 * VT_SEGMENT_ID_SIZE];

    put_rows(f, &rows);
    begin(f);
    expect(f, "EU/rows/0", rows.data, rows.len, 200, "retired 0");
    memset(id, 9, sizeof id); /* twice the same: not sorted */
    expect(f, "EU/retired/32/0", id, 32, 400, anything);
    expect(f, "EU/retired/17/0", id, 17, 413, anything);
    expect(f, "EU/retired/64/0", id, 16, 413, anything); /* more than there are rows */
    memcpy(id, f->row[1].id, VT_SEGMENT_ID_SIZE);
    expect(f, "EU/retired/16/0", id, 16, 200, "segments");
    expect(f, "EU/missing/0", NULL, 0, 200, "0 0\n2 0");
    expect(f, "EU/missing/1", NULL, 0, 200, "2 0");
    vt_buf_release(&rows);
}

static void
segments_are_bound(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(VT_SEGMENT_MAX);

    begin(f);
    send_rows(f);
    expect(f, "EU/missing/0", NULL, 0, 200, "0 0\n1 0\n2 0");
    read_segment(f, 0, &b);
    expect(f, "EU/segment/3/0", b.data, b.len, 400, anything); /* no such row */
    {
        uint8_t *zeros = calloc(1, f->row[1].size);

        assert_non_null(zeros);
        expect(f, "EU/segment/1/0", zeros, f->row[1].size, 422, anything);
        free(zeros);
    }
    expect(f, "EU/segment/0/0", b.data, 50, 200, "segments");
    expect(f, "EU/segment/0/50", b.data + 50, 10, 200, "segments");
    expect(f, "EU/segment/0/10", b.data + 10, 10, 409, anything);
    post(f, "EU/missing/0", NULL, 0);
    assert_int_equal(strncmp(vt_buf_str(&f->answer), "0 60\n1 ", 7), 0);
    b.data[b.len - 40] ^= 1;
    expect(f, "EU/segment/0/60", b.data + 60, b.len - 60, 422, anything);
    b.data[b.len - 40] ^= 1;
    expect(f, "EU/segment/0/60", b.data + 60, b.len - 60, 409, anything); /* all of it again */
    send_segment(f, 0);
    expect(f, "EU/segment/0/0", b.data, b.len, 200, "segments"); /* there already */
    vt_buf_release(&b);
}

static void
ends_after_all_is_there(void **state)
{
    struct fixture *f = *state;

    begin(f);
    send_rows(f);
    expect(f, "EU/end", NULL, 0, 409, anything);
    for (unsigned i = 0; i < SEGMENTS; i++)
        send_segment(f, i);
    expect(f, "EU/end", NULL, 0, 409, anything);
    expect(f, "EU/missing/0", NULL, 0, 200, "");
    expect(f, "EU/keys/0/0", NULL, 0, 413, anything);
    expect(f, "EU/keys/10/0", "0123", 4, 200, "keys 4");
    expect(f, "EU/end", NULL, 0, 409, anything);
    take_keys(f);
    expect(f, "EU/end", NULL, 0, 200, "checking");
    assert_true(vt_move_clerk_due(&f->home));
}

static void
merges_what_the_clerk_has_checked(void **state)
{
    struct fixture *f = *state;
    struct vt_relocation r = relocation(f);
    struct vt_digest root;
    struct vt_why why = {{0}};

    send_all(f);
    expect(f, "EU/end", NULL, 0, 200, "checking"); /* not yet */
    assert_int_equal(vt_inventory_count(f->inventory), 0);
    lw_must(vt_move_clerk(&f->home, NULL, NULL, &why), &why);
    assert_true(vt_move_pending(&f->home, "EU"));
    f->arrive_with = VT_E_IO;
    expect(f, "EU/end", NULL, 0, 503, anything);
    assert_true(vt_move_pending(&f->home, "EU"));
    f->arrive_with = VT_OK;
    expect(f, "EU/end", NULL, 0, 200, "checking");
    assert_int_equal(f->arrived, 2);
    assert_false(vt_move_pending(&f->home, "EU"));
    vt_inventory_root(f->inventory, &root);
    assert_true(vt_digest_eq(&root, &r.root));
    assert_true(vt_move_clerk_due(&f->home)); /* the receipt */
    expect(f, "EU/end", NULL, 0, 200, "checking");
    assert_int_equal(f->arrived, 2);
}

static void
asks_again_for_what_was_damaged(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    struct vt_buf b = VT_BUF(VT_SEGMENT_MAX);
    struct vt_why why = {{0}};

    send_all(f);
    vt_hex_encode(f->row[1].id, VT_SEGMENT_ID_SIZE, hex);
    assert_int_equal(vt_vault_path(&f->home, path, NULL, "segments/EU/%s", hex), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    b.data[b.len / 2] ^= 1;
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    lw_must(vt_move_clerk(&f->home, NULL, NULL, &why), &why);
    assert_false(there(f, "moves/EU/checked"));
    expect(f, "EU/missing/0", NULL, 0, 200, "1 0");
    expect(f, "EU/end", NULL, 0, 409, anything);
    send_segment(f, 1);
    expect(f, "EU/missing/0", NULL, 0, 200, "");
    expect(f, "EU/end", NULL, 0, 200, "checking");
    lw_must(vt_move_clerk(&f->home, NULL, NULL, &why), &why);
    assert_true(there(f, "moves/EU/checked"));
    vt_buf_release(&b);
}

static void
other_segments_stand_in_the_way(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row own = f->row[0];
    struct vt_why why = {{0}};

    own.id[0] ^= 1;
    assert_int_equal(vt_inventory_add(f->inventory, &own, NULL), VT_OK);
    send_all(f);
    lw_must(vt_move_clerk(&f->home, NULL, NULL, &why), &why);
    expect(f, "EU/end", NULL, 0, 409, anything);
    assert_false(there(f, "moves/EU/merged"));
}

static void
a_move_that_is_over_is_answered(void **state)
{
    struct fixture *f = *state;
    struct vt_relocation r = relocation(f);
    struct vt_buf e = said(f, &r, LW_FRANKFURT);
    struct vt_move_terms terms;
    struct vt_move m;

    expect(f, "EU/begin", e.data, e.len, 200, "rows 0");
    assert_int_equal(vt_move_open(&f->home, "EU", &m, NULL), VT_OK);
    assert_int_equal(vt_move_terms_load(&m, "evidence", &terms, NULL), VT_OK);
    assert_int_equal(vt_move_put(&m, "said", "sha256:x 5\n", 11, NULL), VT_OK);
    assert_int_equal(vt_move_close(&m, &terms.digest, NULL), VT_OK);
    expect(f, "EU/begin", e.data, e.len, 200, "receipt sha256:x 5");
    assert_false(there(f, "moves/EU"));
    vt_buf_release(&e);
}

static void
an_empty_region_moves_too(void **state)
{
    struct fixture *f = *state;
    struct vt_relocation r = relocation(f);
    struct vt_buf e;

    r.segments = r.records = r.bytes = 0;
    vt_merkle_empty(&r.root);
    e = said(f, &r, LW_FRANKFURT);
    expect(f, "EU/begin", e.data, e.len, 200, "retired 0");
    expect(f, "EU/retired/0/0", NULL, 0, 200, "segments");
    expect(f, "EU/missing/0", NULL, 0, 200, "");
    expect(f, "EU/begin", e.data, e.len, 200, "keys 0");
    vt_buf_release(&e);
}

static void
the_regions_key_comes_along(void **state)
{
    struct fixture *f = *state;
    struct vt_relocation r = relocation(f);
    struct vt_region_key k = {.region = "EU",
        .site = "frankfurt.example",
        .policy = *vt_vault_policy_digest(f->w.policy),
        .public = lw_box_public(LW_BOB),
        .created = LW_ASKED,
        .share_count = 1,
        .share = {{VT_MODE_ACCESS, "legal", 1, 2}}};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    struct vt_buf e;
    size_t at[2];

    lw_must(vt_region_key_doc(&k, &d, &why), &why);
    at[1] = lw_say(&f->w, d, LW_FRANKFURT);
    lw_must(vt_relocation_doc(&r, &d, &why), &why);
    at[0] = lw_say(&f->w, d, LW_FRANKFURT);
    e = lw_evidence(&f->w, at, 2, 0);
    expect(f, "EU/begin", e.data, e.len, 200, "rows 0");
    assert_true(there(f, "keys/EU.evidence"));
    vt_buf_release(&e);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_strict),
        cmocka_unit_test_setup_teardown(one_way_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_state_holds_back, setup, teardown),
        cmocka_unit_test_setup_teardown(believes_the_ledger_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(begins_once, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(other_rows_are_thrown_away, setup, teardown),
        cmocka_unit_test_setup_teardown(retired_are_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(segments_are_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_after_all_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(merges_what_the_clerk_has_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(asks_again_for_what_was_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(other_segments_stand_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_move_that_is_over_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_region_moves_too, setup, teardown),
        cmocka_unit_test_setup_teardown(the_regions_key_comes_along, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
