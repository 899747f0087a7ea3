/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups: that they hold all that was acknowledged and nothing that opens it; that a backup
 * which was damaged, is of another site or is older than an erasure does not become a vault;
 * and what retention leaves behind.
 */
#include "base/file.h"
#include "vault/backup_parts.h"
#include "vault/bwal.h"
#include "vault/packer.h"
#include "vault/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault_home.h"

#include "ledger_folder.h"

struct fixture {
    struct vault_home v;
    struct ledger_folder ledger;
    struct vt_keeper *keeper;
    char backup[VT_PATH_MAX];
    unsigned wals;
};

/* --- the fixture -------------------------------------------------------------------------- */

static void
write_trust(struct fixture *f)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    char path[VT_PATH_MAX];

    lw_put_trust(&b);
    assert_int_equal(vt_home_path(&f->v.home, path, NULL, "policy"), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
open_keeper(struct fixture *f)
{
    struct vt_why why = {{0}};

    lw_must(vt_keeper_open(&f->v.home, &f->keeper, &why), &why);
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vt_box_public box;
    struct vt_vault_conf conf = {{0}};
    struct vt_why why = {{0}};
    struct vt_buf e;
    size_t first = 0;

    assert_non_null(f);
    vh_init(&f->v);
    lf_init(&f->ledger);
    lf_publish(&f->ledger, &f->v.world);
    write_trust(f);
    assert_true(strlen(f->ledger.pub) < sizeof conf.ledger);
    memcpy(conf.ledger, f->ledger.pub, strlen(f->ledger.pub) + 1);
    lw_must(vt_vault_conf_save(&f->v.home, &conf, &why), &why);
    lw_must(vt_keeper_init(&f->v.home, VT_ROOT_FILE, NULL, NULL, &box, &why), &why);
    open_keeper(f);
    e = lw_evidence(&f->v.world, &first, 1, 0);
    lw_must(vt_keeper_set_policy(f->keeper, e.data, e.len, &why), &why);
    vt_buf_release(&e);
    lw_must(vt_path(f->backup, &why, "%s/backup", f->v.root), &why);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    vt_keeper_close(f->keeper);
    lf_release(&f->ledger);
    vh_release(&f->v);
    free(f);
    return 0;
}

/* Acknowledges a batch of the region: it lies in a write-ahead file. */
static void
acknowledge(struct fixture *f, const char *region)
{
    struct vt_batch_opts o = vh_opts(&f->v, region, "detection");
    struct vt_buf b = VT_BUF(VT_BATCH_MAX);
    struct vt_bwal *w = NULL;
    struct vt_bwal_record r;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    batch_put(&b, &o, 30, 6);
    r = (struct vt_bwal_record){.arrived = (uint64_t)time(NULL), .batch = b.data, .len = b.len};
    lw_must(vt_vault_path(&f->v.home, path, &why, "wal/%016x", ++f->wals), &why);
    lw_must(vt_bwal_create(path, vt_vault_policy_digest(f->v.world.policy), &w, &why), &why);
    lw_must(vt_bwal_append(w, &r, &why), &why);
    lw_must(vt_bwal_commit(w, &why), &why);
    vt_bwal_free(w);
    vt_buf_release(&b);
}

static struct vt_backup_done
back_up(struct fixture *f)
{
    struct vt_backup_done done = {0};
    struct vt_why why = {{0}};

    lw_must(vt_backup_run(&f->v.home, f->keeper, f->backup, NULL, &done, &why), &why);
    return done;
}

static struct vt_inventory *
inventory(const struct fixture *f, const char *name)
{
    struct vt_inventory *v = NULL;
    char path[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "inventory/%s", name), VT_OK);
    assert_int_equal(vt_inventory_open(path, &v, NULL), VT_OK);
    return v;
}

/* The path of the first segment of EU, at the home or in the backup. */
static void
first_segment(const struct fixture *f, bool home, char ret[VT_PATH_MAX])
{
    struct vt_inventory *v = inventory(f, "EU");
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    char dir[VT_PATH_MAX];

    assert_true(vt_inventory_count(v) > 0);
    vt_hex_encode(vt_inventory_row(v, 0)->id, VT_SEGMENT_ID_SIZE, hex);
    if (home)
        assert_int_equal(vt_home_path(&f->v.home, dir, NULL, "vault"), VT_OK);
    else
        assert_int_equal(vt_path(dir, NULL, "%s", f->backup), VT_OK);
    assert_int_equal(vt_path(ret, NULL, "%s/segments/EU/%s", dir, hex), VT_OK);
    vt_inventory_free(v);
}

static void
flip(const char *path)
{
    struct vt_buf b = VT_BUF(64 * 1024 * 1024);

    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    b.data[b.len / 2] ^= 1;
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    vt_buf_release(&b);
}

/* Takes the vault away, as a fire would, but for the ring's folder, which is kept elsewhere. */
static void
burn(struct fixture *f, char ret_root[VT_PATH_MAX])
{
    char vault[VT_PATH_MAX];
    char ring[VT_PATH_MAX];

    vt_keeper_close(f->keeper);
    f->keeper = NULL;
    assert_int_equal(vt_path(ret_root, NULL, "%s/kept", f->v.root), VT_OK);
    assert_int_equal(vt_vault_path(&f->v.home, ring, NULL, "ring"), VT_OK);
    assert_int_equal(vt_tree_remove(ret_root, NULL), VT_OK);
    assert_int_equal(rename(ring, ret_root), 0);
    assert_int_equal(vt_home_path(&f->v.home, vault, NULL, "vault"), VT_OK);
    assert_int_equal(vt_tree_remove(vault, NULL), VT_OK);
}

static enum vt_err
restore(struct fixture *f, const char *root, struct vt_restored *ret, struct vt_why *why)
{
    return vt_restore_run(&f->v.home, f->backup, root, f->v.world.trust, NULL, ret, why);
}

static bool
there(const struct fixture *f, const char *rest)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "%s", rest), VT_OK);
    return vt_file_exists(path);
}

/* --- manifests ---------------------------------------------------------------------------- */

#define ZEROS "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD                                                                                   \
    "vitrine/vault/backup/v1\nsite zurich.example\nmade 2026-11-22T10:00:00Z\ngeneration 3\n"

static void
manifests_are_strict(void **state)
{
    static const char *const bad[] = {"", "vitrine/vault/backup/v2\n",
        "vitrine/vault/backup/v1\nsite zurich.example\n", HEAD "x\n", HEAD "file " ZEROS " 1 a",
        HEAD "file " ZEROS " 01 a\n", HEAD "file " ZEROS " 1 /a\n",
        HEAD "file " ZEROS " 1 ../a\n", HEAD "file " ZEROS " 1 a b\n",
        HEAD "file " ZEROS " 1 \n", HEAD "file " ZEROS " 1 b\nfile " ZEROS " 1 a\n",
        HEAD "file " ZEROS " 1 a\nfile " ZEROS " 1 a\n", HEAD "file sha256:00 1 a\n",
        HEAD "\n"};
    static const char good[] = HEAD "file " ZEROS " 72 inventory/EU\nfile " ZEROS " 0 policy\n";
    struct vt_buf b = VT_BUF(4096);
    struct vt_manifest m;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (vt_manifest_parse(bad[i], strlen(bad[i]), &m, NULL) == VT_OK)
            fail_msg("taken: %s", bad[i]);
        vt_manifest_release(&m);
    }
    assert_int_equal(vt_manifest_parse(good, sizeof good - 1, &m, NULL), VT_OK);
    assert_int_equal(m.count, 2);
    assert_int_equal(m.generation, 3);
    assert_non_null(vt_manifest_find(&m, "policy"));
    assert_null(vt_manifest_find(&m, "polic"));
    assert_int_equal(vt_manifest_put(&b, &m, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), good);
    vt_manifest_release(&m);
    vt_buf_release(&b);
}

/* --- settling and backups ----------------------------------------------------------------- */

static void
what_waits_is_packed_first(void **state)
{
    struct fixture *f = *state;
    struct vt_backup_done done;
    struct vt_inventory *v;
    uint64_t waiting = 9;

    acknowledge(f, "EU");
    acknowledge(f, "CA");
    assert_int_equal(vt_packer_waiting(&f->v.home, "EU", &waiting, NULL), VT_OK);
    assert_int_equal(waiting, 1);
    done = back_up(f);
    assert_int_equal(done.segments, 2);
    assert_int_equal(done.copied, 2);
    assert_int_equal(done.waiting, 0);
    assert_int_equal(vt_packer_waiting(&f->v.home, NULL, &waiting, NULL), VT_OK);
    assert_int_equal(waiting, 0);
    v = inventory(f, "EU");
    assert_int_equal(vt_inventory_count(v), 1);
    vt_inventory_free(v);
    done = back_up(f);
    assert_int_equal(done.segments, 2);
    assert_int_equal(done.copied, 0);
}

/* No byte of the root key, of the box key or of a write-ahead file is in a backup. */
static void
nothing_that_opens_is_in_it(void **state)
{
    struct fixture *f = *state;
    struct vt_buf manifest = VT_BUF(1024 * 1024);
    char path[VT_PATH_MAX];

    acknowledge(f, "EU");
    (void)back_up(f);
    assert_int_equal(vt_path(path, NULL, "%s/manifest", f->backup), VT_OK);
    assert_int_equal(vt_file_read(path, &manifest, NULL), VT_OK);
    assert_non_null(strstr(vt_buf_str(&manifest), " inventory/EU\n"));
    assert_non_null(strstr(vt_buf_str(&manifest), " policy\n"));
    assert_null(strstr(vt_buf_str(&manifest), "wal/"));
    assert_null(strstr(vt_buf_str(&manifest), "ring"));
    assert_null(strstr(vt_buf_str(&manifest), "root-"));
    assert_null(strstr(vt_buf_str(&manifest), ".key"));
    vt_buf_release(&manifest);
}

static void
a_damaged_segment_is_not_backed_up(void **state)
{
    struct fixture *f = *state;
    struct vt_backup_done done;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    struct vt_buf before = VT_BUF(1024 * 1024);
    struct vt_buf after = VT_BUF(1024 * 1024);

    (void)back_up(f);
    assert_int_equal(vt_path(path, NULL, "%s/manifest", f->backup), VT_OK);
    assert_int_equal(vt_file_read(path, &before, NULL), VT_OK);
    acknowledge(f, "EU");
    lw_must(vt_settle_all(&f->v.home, f->keeper, 1000, &why), &why);
    first_segment(f, true, path);
    flip(path);
    assert_int_not_equal(
        vt_backup_run(&f->v.home, f->keeper, f->backup, NULL, &done, &why), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/manifest", f->backup), VT_OK);
    assert_int_equal(vt_file_read(path, &after, NULL), VT_OK);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    vt_buf_release(&before);
    vt_buf_release(&after);
}

static void
known_backups_get_the_ring(void **state)
{
    struct fixture *f = *state;
    struct vt_buf missed = VT_BUF(4096);
    struct vt_buf ring = VT_BUF(64 * 1024 * 1024);
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    char second[VT_PATH_MAX];
    char whole[VT_PATH_MAX];

    (void)back_up(f);
    assert_int_equal(vt_path(second, NULL, "%s/second", f->v.root), VT_OK);
    {
        struct vt_backup_done done;

        lw_must(vt_backup_run(&f->v.home, f->keeper, second, NULL, &done, &why), &why);
    }
    assert_non_null(realpath(second, whole));
    assert_int_equal(vt_path(path, NULL, "%s/ring", f->backup), VT_OK);
    assert_int_equal(vt_file_replace(path, 0600, "old", 3, NULL), VT_OK);
    assert_int_equal(vt_tree_remove(second, NULL), VT_OK);
    lw_must(vt_backup_push(&f->v.home, f->keeper, &missed, &why), &why);
    assert_int_equal(missed.len, strlen(whole) + 1);
    assert_memory_equal(missed.data, whole, strlen(whole));
    assert_int_equal(vt_file_read(path, &ring, NULL), VT_OK);
    assert_true(ring.len > 3);
    vt_buf_release(&missed);
    vt_buf_release(&ring);
}

/* --- restoring ---------------------------------------------------------------------------- */

static void
a_vault_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct vt_restored r = {0};
    struct vt_keeper_status before, after;
    struct vt_why why = {{0}};
    char root[VT_PATH_MAX];
    char path[VT_PATH_MAX];

    acknowledge(f, "EU");
    (void)back_up(f);
    lw_must(vt_keeper_status(f->keeper, &before, &why), &why);
    burn(f, root);
    assert_int_equal(restore(f, NULL, &r, &why), VT_E_REFUSED); /* no root key */
    assert_false(there(f, "policy"));
    lw_must(restore(f, root, &r, &why), &why);
    assert_int_equal(r.segments, 1);
    assert_int_equal(r.records, 30);
    assert_int_equal(r.missing_segments, 0);
    assert_false(there(f, "restoring"));
    assert_true(there(f, "keys/EU.evidence"));
    first_segment(f, true, path);
    assert_true(vt_file_exists(path));
    open_keeper(f);
    lw_must(vt_keeper_status(f->keeper, &after, &why), &why);
    assert_int_equal(after.subjects, before.subjects);
    assert_true(vt_digest_eq(&after.ring_root, &before.ring_root));
    assert_int_equal(restore(f, root, &r, &why), VT_E_STATE); /* there is one now */
}

static void
damage_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct vt_restored r;
    struct vt_why why = {{0}};
    char root[VT_PATH_MAX];
    char path[VT_PATH_MAX];

    acknowledge(f, "EU");
    (void)back_up(f);
    first_segment(f, false, path);
    flip(path);
    burn(f, root);
    assert_int_not_equal(restore(f, root, &r, &why), VT_OK);
    assert_true(there(f, "restoring")); /* it may go on with the segment mended */
    flip(path);
    lw_must(restore(f, root, &r, &why), &why);
}

/* The ledger knows more than the backup has. */
static void
what_is_missing_is_told(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory_record said = {.region = "EU",
        .site = "zurich.example",
        .policy = *vt_vault_policy_digest(f->v.world.policy),
        .made = LW_ASKED};
    struct vt_inventory *v;
    struct vt_segment_row sum;
    struct vt_restored r;
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char root[VT_PATH_MAX];

    acknowledge(f, "EU");
    (void)back_up(f);
    v = inventory(f, "EU");
    vt_inventory_sum(v, &sum);
    vt_inventory_root(v, &said.root);
    vt_inventory_free(v);
    said.segments = 1;
    said.records = sum.records;
    said.bytes = sum.size;
    lw_must(vt_inventory_doc(&said, &d, &why), &why);
    (void)lw_say(&f->v.world, d, LW_ZURICH);
    said.segments = 3;
    said.records = sum.records + 12;
    said.root.b[0] ^= 1;
    lw_must(vt_inventory_doc(&said, &d, &why), &why);
    (void)lw_say(&f->v.world, d, LW_ZURICH);
    lf_publish(&f->ledger, &f->v.world);
    burn(f, root);
    lw_must(restore(f, root, &r, &why), &why);
    assert_int_equal(r.missing_segments, 2);
    assert_int_equal(r.missing_records, 12);
}

static void
other_segments_than_said_are_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_inventory_record said = {.region = "EU",
        .site = "zurich.example",
        .policy = *vt_vault_policy_digest(f->v.world.policy),
        .segments = 1,
        .records = 30,
        .bytes = 1000,
        .root = {{1, 2, 3}},
        .made = LW_ASKED};
    struct vt_restored r;
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char root[VT_PATH_MAX];

    acknowledge(f, "EU");
    (void)back_up(f);
    lw_must(vt_inventory_doc(&said, &d, &why), &why);
    (void)lw_say(&f->v.world, d, LW_ZURICH);
    lf_publish(&f->ledger, &f->v.world);
    burn(f, root);
    assert_int_equal(restore(f, root, &r, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "another root"));
    assert_false(there(f, "vault.conf"));
}

/* Even who kept the old root key cannot bring back what was erased: the ledger says so. */
static void
older_than_an_erasure_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_erasure said = {.site = "zurich.example",
        .region = "EU",
        .ring = {1, 2, {{1}}, {{2}}},
        .key_count = 1,
        .key = {{{7}}},
        .made = LW_ASKED};
    struct vt_restored r;
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char root[VT_PATH_MAX];

    acknowledge(f, "EU");
    (void)back_up(f);
    (void)snprintf(said.site, sizeof said.site, "frankfurt.example");
    lw_must(vt_erasure_doc(&said, &d, &why), &why);
    (void)lw_say(&f->v.world, d, LW_FRANKFURT);
    lf_publish(&f->ledger, &f->v.world);
    burn(f, root);
    lw_must(restore(f, root, &r, &why), &why); /* of another site: no matter */
    burn(f, root);
    (void)snprintf(said.site, sizeof said.site, "zurich.example");
    lw_must(vt_erasure_doc(&said, &d, &why), &why);
    (void)lw_say(&f->v.world, d, LW_ZURICH);
    lf_publish(&f->ledger, &f->v.world);
    assert_int_equal(restore(f, root, &r, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "older than an erasure"));
}

static void
another_sites_backup_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_restored r;
    struct vt_why why = {{0}};
    char root[VT_PATH_MAX];

    (void)back_up(f);
    burn(f, root);
    (void)snprintf(f->v.home.name, sizeof f->v.home.name, "bern.example");
    assert_int_equal(restore(f, root, &r, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "backup of zurich.example"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_are_strict),
        cmocka_unit_test_setup_teardown(what_waits_is_packed_first, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_that_opens_is_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_segment_is_not_backed_up, setup, teardown),
        cmocka_unit_test_setup_teardown(known_backups_get_the_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(a_vault_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(other_segments_than_said_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(older_than_an_erasure_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(another_sites_backup_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
