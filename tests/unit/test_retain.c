/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: segments of days that are over go, with their rows remembered; all others stay; a
 * region that is being handed over is left alone; nothing is said when nothing was destroyed.
 */
#include "base/file.h"
#include "vault/bwal.h"
#include "vault/move_parts.h"
#include "vault/retain.h"
#include "vault/segment_write.h"
#include "vault/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vault_home.h"

#include "live_ledger.h"

#define TODAY 20800U

struct fixture {
    struct vault_home v;
    struct vt_keeper *keeper;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vt_buf trust = VT_BUF(VT_POLICY_MAX);
    struct vt_box_public box;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    struct vt_buf e;
    size_t first = 0;

    assert_non_null(f);
    vh_init(&f->v);
    lw_put_trust(&trust);
    assert_int_equal(vt_home_path(&f->v.home, path, NULL, "policy"), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, trust.data, trust.len, NULL), VT_OK);
    lw_must(vt_keeper_init(&f->v.home, VT_ROOT_FILE, NULL, NULL, &box, &why), &why);
    lw_must(vt_keeper_open(&f->v.home, &f->keeper, &why), &why);
    e = lw_evidence(&f->v.world, &first, 1, 0);
    lw_must(vt_keeper_set_policy(f->keeper, e.data, e.len, &why), &why);
    vt_buf_release(&e);
    vt_buf_release(&trust);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    vt_keeper_close(f->keeper);
    vh_release(&f->v);
    free(f);
    return 0;
}

static enum vt_err
give_keys(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    (void)ctx, (void)id, (void)m, (void)first, (void)subject, (void)why;
    memset(ret, 0x5a, n * 32);
    return VT_OK;
}

/* A segment of that class and day, in the inventory. */
static struct vt_segment_row
put_segment(struct fixture *f, const char *class_name, uint32_t day)
{
    struct vt_batch_opts o = vh_opts(&f->v, "EU", class_name);
    struct vt_buf b = VT_BUF(VT_BATCH_MAX);
    struct vt_slice slice;
    struct vt_segment_row row;
    struct vt_inventory *v = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    struct vt_segment_make m = {.region = "EU",
        .site = "zurich.example",
        .class_name = class_name,
        .day = day,
        .created = 1795000001,
        .batch = &slice,
        .count = 1,
        .keys = give_keys,
        .keys_max = 64};

    batch_put(&b, &o, 20, 5);
    slice = (struct vt_slice){b.data, b.len};
    lw_must(vt_vault_path(&f->v.home, path, &why, "segments/EU"), &why);
    lw_must(vt_dir_make(path, 0755, &why), &why);
    lw_must(vt_segment_make(&m, path, &row, &why), &why);
    lw_must(vt_vault_path(&f->v.home, path, &why, "inventory/EU"), &why);
    lw_must(vt_inventory_open(path, &v, &why), &why);
    lw_must(vt_inventory_add(v, &row, &why), &why);
    vt_inventory_free(v);
    vt_buf_release(&b);
    return row;
}

static bool
has_file(const struct fixture *f, const struct vt_segment_row *row)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_move_segment_path(&f->v.home, "EU", row->id, path, NULL), VT_OK);
    return vt_file_exists(path);
}

static bool
is_removed(const struct fixture *f, const struct vt_segment_row *row)
{
    struct vt_inventory *v = NULL;
    bool found;

    assert_int_equal(vt_retain_removed(&f->v.home, "EU", &v, NULL), VT_OK);
    found = vt_inventory_find(v, row->id) != NULL;
    vt_inventory_free(v);
    return found;
}

/* No desk: nothing may be said. */
static struct vt_retained
retain(struct fixture *f, uint32_t today)
{
    struct vt_retained r = {0};
    struct vt_why why = {{0}};

    lw_must(vt_retain_run(&f->v.home, f->keeper, NULL, NULL, today, &r, &why), &why);
    assert_int_equal(r.epochs, 0);
    return r;
}

static void
days_end_by_class(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row last = put_segment(f, "url", TODAY - 30);       /* its last day */
    struct vt_segment_row over = put_segment(f, "url", TODAY - 31);       /* of 30 days */
    struct vt_segment_row kept = put_segment(f, "detection", TODAY - 31); /* of 365 */
    struct vt_retained r = retain(f, TODAY);

    assert_int_equal(r.segments, 1);
    assert_int_equal(r.bytes, over.size);
    assert_true(has_file(f, &last));
    assert_false(has_file(f, &over));
    assert_true(has_file(f, &kept));
    assert_false(is_removed(f, &last));
    assert_true(is_removed(f, &over));
    assert_false(is_removed(f, &kept));
    r = retain(f, TODAY + 1);
    assert_int_equal(r.segments, 1);
    assert_true(is_removed(f, &last));
}

/* The rows stay: the root that the ledger knows must not change. */
static void
rows_stay(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    struct vt_digest before, after;
    char path[VT_PATH_MAX];

    (void)put_segment(f, "url", TODAY - 31);
    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "inventory/EU"), VT_OK);
    assert_int_equal(vt_inventory_open(path, &v, NULL), VT_OK);
    vt_inventory_root(v, &before);
    vt_inventory_free(v);
    (void)retain(f, TODAY);
    assert_int_equal(vt_inventory_open(path, &v, NULL), VT_OK);
    vt_inventory_root(v, &after);
    assert_true(vt_digest_eq(&before, &after));
    vt_inventory_free(v);
}

/* Files are looked through once a day. */
static void
looks_once_a_day(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row late;

    (void)retain(f, TODAY);
    late = put_segment(f, "url", TODAY - 40);
    assert_int_equal(retain(f, TODAY).segments, 0);
    assert_true(has_file(f, &late));
    assert_int_equal(retain(f, TODAY + 1).segments, 1);
    assert_false(has_file(f, &late));
}

static void
goes_on_after_a_kill(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row over = put_segment(f, "url", TODAY - 31);
    struct vt_inventory *v = NULL;

    /* Killed after the row was written, before the file went. */
    assert_int_equal(vt_retain_removed(&f->v.home, "EU", &v, NULL), VT_OK);
    assert_int_equal(vt_inventory_add(v, &over, NULL), VT_OK);
    vt_inventory_free(v);
    assert_int_equal(retain(f, TODAY).segments, 1);
    assert_false(has_file(f, &over));
    assert_true(is_removed(f, &over));
}

static void
leaves_what_is_handed_over(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row over = put_segment(f, "url", TODAY - 31);
    struct vt_move m;

    assert_int_equal(
        vt_move_begin(&f->v.home, "EU", VT_MOVE_OUT, "frankfurt.example", &m, NULL), VT_OK);
    assert_int_equal(retain(f, TODAY).segments, 0);
    assert_true(has_file(f, &over));
}

static void
a_damaged_segment_is_told(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row row = put_segment(f, "url", TODAY - 31);
    struct vt_retained r;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    assert_int_equal(vt_move_segment_path(&f->v.home, "EU", row.id, path, NULL), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, "VTS1", 4, NULL), VT_OK);
    assert_int_equal(
        vt_retain_run(&f->v.home, f->keeper, NULL, NULL, TODAY, &r, &why), VT_E_SYNTAX);
    assert_true(has_file(f, &row));
}

/* --- keys that are destroyed, told to a log that runs --------------------------------------
 */

#define DAY_S 86400

static uint32_t
this_day(void)
{
    return (uint32_t)(vt_clock_now(&vt_clock_system) / DAY_S);
}

/* A batch of class url that came 29 days ago, in a segment sealed by the keeper. */
static void
keep_old_batch(struct fixture *f)
{
    struct vt_batch_opts o = vh_opts(&f->v, "EU", "url");
    struct vt_buf b = VT_BUF(VT_BATCH_MAX);
    struct vt_bwal *w = NULL;
    struct vt_bwal_record r;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    batch_put(&b, &o, 30, 6);
    r = (struct vt_bwal_record){
        .arrived = (uint64_t)(this_day() - 29) * DAY_S, .batch = b.data, .len = b.len};
    lw_must(vt_vault_path(&f->v.home, path, &why, "wal/%016x", 1U), &why);
    lw_must(vt_bwal_create(path, vt_vault_policy_digest(f->v.world.policy), &w, &why), &why);
    lw_must(vt_bwal_append(w, &r, &why), &why);
    lw_must(vt_bwal_commit(w, &why), &why);
    vt_bwal_free(w);
    vt_buf_release(&b);
    lw_must(vt_settle_all(&f->v.home, f->keeper, 1000, &why), &why);
}

struct told {
    struct vt_desk *desk;
    size_t entries;
    size_t epochs;
};

static enum vt_err
count_told(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct told *t = ctx;
    struct vt_retention r = {.epoch = NULL};
    struct vt_doc *doc = NULL;
    enum vt_err err;

    if (e->entry.kind != VT_ENTRY_RETENTION)
        return VT_OK;
    err = vt_desk_doc(t->desk, e, &doc, why);
    if (err == VT_OK)
        err = vt_retention_read(doc, &r, why);
    if (err == VT_OK) {
        t->entries++;
        t->epochs += r.epoch_count;
        assert_string_equal(r.site, "zurich.example");
        assert_string_equal(r.epoch[0].class_name, "url");
        assert_int_equal(r.epoch[0].day, this_day() - 29);
        assert_int_equal(r.ring.generation_after, r.ring.generation_before + 1);
    }
    vt_retention_release(&r);
    vt_doc_free(doc);
    return err;
}

static struct told
look(struct live *l, struct vt_desk *desk)
{
    struct told t = {.desk = desk};
    struct vt_why why = {{0}};

    (void)l;
    lw_must(vt_desk_refresh(desk, &why), &why);
    lw_must(vt_desk_each(desk, count_told, &t, &why), &why);
    return t;
}

/* Destroyed, said once, and the file gone; also when the keeper had destroyed before and nobody
 * had said so. */
static void
what_is_destroyed_is_said_once(void **state)
{
    void *fixture = NULL;
    struct live *l = *state;
    struct vt_signer *s = lw_signer(LW_ZURICH);
    struct vt_keeper_destroyed d = {0};
    struct vt_desk *desk = NULL;
    struct vt_retained r = {0};
    struct fixture *f;
    struct vt_why why = {{0}};

    assert_int_equal(setup(&fixture), 0);
    f = fixture;
    keep_old_batch(f);
    lw_must(vt_desk_new(l->url, l->trust, s, &desk, &why), &why);
    lw_must(vt_retain_run(&f->v.home, f->keeper, desk, s, this_day() + 1, &r, &why), &why);
    assert_int_equal(r.epochs, 0); /* its last day */
    assert_int_equal(look(l, desk).entries, 0);
    /* Killed after the keeper's part. */
    lw_must(vt_keeper_retire(f->keeper, this_day() + 2, &d, &why), &why);
    assert_int_equal(d.count, 1);
    free(d.commitment);
    free(d.epoch);
    lw_must(vt_retain_run(&f->v.home, f->keeper, desk, s, this_day() + 2, &r, &why), &why);
    assert_int_equal(r.epochs, 1);
    assert_int_equal(r.segments, 1);
    assert_int_equal(look(l, desk).entries, 1);
    assert_int_equal(look(l, desk).epochs, 1);
    lw_must(vt_retain_run(&f->v.home, f->keeper, desk, s, this_day() + 2, &r, &why), &why);
    assert_int_equal(r.epochs, 0);
    assert_int_equal(look(l, desk).entries, 1);
    vt_desk_free(desk);
    vt_signer_free(s);
    assert_int_equal(teardown(&fixture), 0);
}

static void
needs_a_policy(void **state)
{
    struct fixture *f = *state;
    struct vt_retained r;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "policy"), VT_OK);
    assert_int_equal(remove(path), 0);
    assert_int_equal(
        vt_retain_run(&f->v.home, f->keeper, NULL, NULL, TODAY, &r, &why), VT_E_STATE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(days_end_by_class, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(looks_once_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_on_after_a_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_what_is_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_segment_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_destroyed_is_said_once, set_up_live, tear_down_live),
        cmocka_unit_test_setup_teardown(needs_a_policy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
