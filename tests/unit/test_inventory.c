/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inventories: rows are never changed, lost or doubled; the root is that of the tree
 * over them; a torn last row does no harm; two may add at once. And the ids of all batches.
 */
#include "base/file.h"
#include "vault/inventory.h"
#include "vault/taken.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-inventory", f->dir, NULL), VT_OK);
    assert_int_equal(vt_path(f->path, NULL, "%s/EU", f->dir), VT_OK);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    free(f);
    return 0;
}

static struct vt_segment_row
row_of(unsigned i)
{
    struct vt_segment_row r = {.records = i, .plain_bytes = 10ULL * i, .size = 100ULL * i};

    vt_digest_of(&i, sizeof i, &r.root);
    memcpy(r.id, r.root.b + 8, sizeof r.id);
    return r;
}

static void
open_or_fail(const struct fixture *f, struct vt_inventory **ret)
{
    struct vt_why why = {{0}};

    if (vt_inventory_open(f->path, ret, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
add_or_fail(struct vt_inventory *v, unsigned i)
{
    struct vt_segment_row row = row_of(i);
    struct vt_why why = {{0}};

    if (vt_inventory_add(v, &row, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
test_empty(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    struct vt_digest root, empty;

    open_or_fail(f, &v);
    assert_int_equal(vt_inventory_count(v), 0);
    assert_null(vt_inventory_row(v, 0));
    assert_null(vt_inventory_find(v, row_of(1).id));
    vt_inventory_root(v, &root);
    vt_merkle_empty(&empty);
    assert_true(vt_digest_eq(&root, &empty));
    assert_false(vt_file_exists(f->path));
    vt_inventory_free(v);
    vt_inventory_free(NULL);
}

static void
test_add_and_read(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    struct vt_inventory *w = NULL;
    struct vt_segment_row sum, row;
    struct vt_frontier tree;
    struct vt_digest root, want;

    vt_frontier_init(&tree);
    open_or_fail(f, &v);
    for (unsigned i = 0; i < 100; i++) {
        uint8_t leaf[VT_SEGMENT_ROW_SIZE];

        add_or_fail(v, i);
        row = row_of(i);
        vt_segment_row_put(&row, leaf);
        vt_merkle_leaf(leaf, sizeof leaf, &want);
        vt_frontier_append(&tree, &want);
    }
    add_or_fail(v, 3); /* again */
    open_or_fail(f, &w);
    vt_frontier_root(&tree, &want);
    assert_int_equal(vt_inventory_count(w), 100);
    vt_inventory_root(v, &root);
    assert_true(vt_digest_eq(&root, &want));
    vt_inventory_root(w, &root);
    assert_true(vt_digest_eq(&root, &want));
    for (unsigned i = 0; i < 100; i++) {
        row = row_of(i);
        assert_memory_equal(vt_inventory_row(w, i), &row, sizeof row);
        assert_ptr_equal(vt_inventory_find(w, row.id), vt_inventory_row(w, i));
    }
    vt_inventory_sum(w, &sum);
    assert_int_equal(sum.records, 99 * 50);
    assert_int_equal(sum.plain_bytes, 990 * 50);
    assert_int_equal(sum.size, 9900 * 50);
    row = row_of(5);
    row.root.b[0] ^= 1;
    assert_int_equal(vt_inventory_add(v, &row, NULL), VT_E_EXIST);
    assert_int_equal(vt_inventory_count(v), 100);
    vt_inventory_free(v);
    vt_inventory_free(w);
}

/* Cut at any byte, the whole rows remain, and the next one stands after them. */
static void
test_torn(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    struct stat st;

    open_or_fail(f, &v);
    add_or_fail(v, 1);
    add_or_fail(v, 2);
    vt_inventory_free(v);
    for (off_t len = VT_SEGMENT_ROW_SIZE; len < 2 * (off_t)VT_SEGMENT_ROW_SIZE; len += 11) {
        assert_int_equal(truncate(f->path, len), 0);
        open_or_fail(f, &v);
        assert_int_equal(vt_inventory_count(v), 1);
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_size, len); /* reading alone changes nothing */
        add_or_fail(v, 2);
        assert_int_equal(vt_inventory_count(v), 2);
        vt_inventory_free(v);
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_size, 2 * VT_SEGMENT_ROW_SIZE);
    }
}

static void
test_two_writers(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    struct vt_inventory *w = NULL;
    struct vt_digest a, b;

    open_or_fail(f, &v);
    open_or_fail(f, &w);
    for (unsigned i = 0; i < 20; i++)
        add_or_fail(i % 3 == 0 ? v : w, i);
    add_or_fail(w, 0);
    add_or_fail(v, 1);
    assert_int_equal(vt_inventory_refresh(v, NULL), VT_OK);
    assert_int_equal(vt_inventory_refresh(w, NULL), VT_OK);
    assert_int_equal(vt_inventory_count(v), 20);
    vt_inventory_root(v, &a);
    vt_inventory_root(w, &b);
    assert_true(vt_digest_eq(&a, &b));
    vt_inventory_free(v);
    vt_inventory_free(w);
}

/* A region that is handed over takes the file with it; what comes later is not added to that.
 */
static void
test_moved_away(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    char away[VT_PATH_MAX];
    struct stat st;

    assert_int_equal(vt_path(away, NULL, "%s/away", f->dir), VT_OK);
    open_or_fail(f, &v);
    add_or_fail(v, 1);
    add_or_fail(v, 2);
    assert_int_equal(rename(f->path, away), 0);
    assert_int_equal(vt_inventory_refresh(v, NULL), VT_OK);
    assert_int_equal(vt_inventory_count(v), 0);
    assert_null(vt_inventory_find(v, row_of(1).id));
    add_or_fail(v, 3);
    assert_int_equal(rename(f->path, away), 0);
    add_or_fail(v, 2);
    assert_int_equal(vt_inventory_count(v), 1);
    assert_non_null(vt_inventory_find(v, row_of(2).id));
    assert_int_equal(stat(away, &st), 0);
    assert_int_equal(st.st_size, VT_SEGMENT_ROW_SIZE);
    vt_inventory_free(v);
}

static void
test_double_row(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory *v = NULL;
    struct vt_segment_row row = row_of(1);
    uint8_t bytes[2 * VT_SEGMENT_ROW_SIZE];

    vt_segment_row_put(&row, bytes);
    vt_segment_row_put(&row, bytes + VT_SEGMENT_ROW_SIZE);
    assert_int_equal(vt_file_create(f->path, 0644, bytes, sizeof bytes, NULL), VT_OK);
    assert_int_equal(vt_inventory_open(f->path, &v, NULL), VT_E_SYNTAX);
    assert_null(v);
}

/* --- The ids of batches. --- */

static void
id_of(unsigned i, uint8_t ret[VT_TAKEN_ID])
{
    struct vt_digest d;

    vt_digest_of(&i, sizeof i, &d);
    memcpy(ret, d.b, VT_TAKEN_ID);
}

static bool
has(struct vt_taken *k, unsigned i)
{
    uint8_t id[VT_TAKEN_ID];
    bool there = false;

    id_of(i, id);
    assert_int_equal(vt_taken_has(k, id, &there, NULL), VT_OK);
    return there;
}

static void
add_segment(struct vt_taken *k, unsigned first, unsigned n)
{
    uint8_t(*ids)[VT_TAKEN_ID] = calloc(n, VT_TAKEN_ID);
    uint8_t segment[VT_TAKEN_ID];
    struct vt_why why = {{0}};

    assert_non_null(ids);
    id_of(1000000 + first, segment);
    for (unsigned i = 0; i < n; i++)
        id_of(first + i, ids[i]);
    if (vt_taken_add_segment(k, segment, (const uint8_t(*)[VT_TAKEN_ID])ids, n, &why) != VT_OK)
        fail_msg("%s", why.text);
    free(ids);
}

static void
open_taken(const struct fixture *f, struct vt_taken **ret)
{
    struct vt_why why = {{0}};

    if (vt_taken_open(f->path, ret, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
test_taken(void **state)
{
    struct fixture *f = *state;
    struct vt_taken *k = NULL;
    uint8_t id[VT_TAKEN_ID];
    bool there;

    open_taken(f, &k);
    assert_false(has(k, 0));
    /* Enough that both tables grow. */
    for (unsigned i = 0; i < 5000; i++) {
        id_of(i, id);
        assert_int_equal(vt_taken_add(k, id, NULL), VT_OK);
    }
    for (unsigned i = 0; i < 5000; i++)
        assert_true(has(k, i));
    for (unsigned i = 1; i < 5000; i += 2) {
        id_of(i, id);
        vt_taken_drop(k, id);
        vt_taken_drop(k, id);
    }
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(has(k, i), i % 2 == 0);
    for (unsigned i = 0; i < 5000; i += 500)
        add_segment(k, i, 500);
    assert_int_equal(vt_taken_count(k), 5000);
    add_segment(k, 500, 500);
    assert_int_equal(vt_taken_count(k), 5000);
    for (unsigned i = 0; i < 6000; i++)
        assert_int_equal(has(k, i), i < 5000);
    vt_taken_free(k);
    open_taken(f, &k);
    assert_int_equal(vt_taken_count(k), 5000);
    for (unsigned i = 0; i < 6000; i++)
        assert_int_equal(has(k, i), i < 5000);
    /* A segment is not a batch, nor a batch a segment. */
    id_of(1000000, id);
    assert_int_equal(vt_taken_has_segment(k, id, &there, NULL), VT_OK);
    assert_true(there);
    assert_false(has(k, 1000000));
    id_of(3, id);
    assert_int_equal(vt_taken_has_segment(k, id, &there, NULL), VT_OK);
    assert_false(there);
    vt_taken_free(k);
}

static void
test_taken_torn(void **state)
{
    struct fixture *f = *state;
    struct vt_taken *k = NULL;

    open_taken(f, &k);
    add_segment(k, 0, 10);
    add_segment(k, 10, 10);
    vt_taken_free(k);
    for (off_t len = 12 * 16; len < 24 * 16; len += 7) {
        assert_int_equal(truncate(f->path, len), 0);
        open_taken(f, &k);
        assert_int_equal(vt_taken_count(k), 10);
        assert_true(has(k, 9));
        assert_false(has(k, 10));
        add_segment(k, 10, 10);
        assert_true(has(k, 10));
        vt_taken_free(k);
    }
}

static void
test_taken_damaged(void **state)
{
    struct fixture *f = *state;
    struct vt_taken *k = NULL;
    int fd;

    open_taken(f, &k);
    add_segment(k, 0, 10);
    add_segment(k, 10, 10);
    vt_taken_free(k);
    k = NULL;
    fd = open(f->path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 5 * 16), 1);
    close(fd);
    assert_int_equal(vt_taken_open(f->path, &k, NULL), VT_E_DIGEST);
    assert_null(k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_add_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moved_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_double_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_damaged, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
