/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/home.h"
#include "store/key_pair.h"
#include "store/pack.h"
#include "store/store.h"
#include "store/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[VT_PATH_MAX];

static int
set_up(void **state)
{
    (void)state;
    return vt_dir_temp("/tmp", "test-store", top, NULL) == VT_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(top, NULL) == VT_OK ? 0 : -1;
}

/* top/REST, in one of eight buffers that go round. */
static const char *at(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *
at(const char *fmt, ...)
{
    static char path[8][VT_PATH_MAX];
    static unsigned n;
    char rest[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    n = (n + 1) % 8;
    assert_int_equal(vt_path(path[n], NULL, "%s/%s", top, rest), VT_OK);
    return path[n];
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
    assert_int_equal(vt_file_replace(path, mode, text, strlen(text), NULL), VT_OK);
}

static struct vt_store *
open_store(void)
{
    struct vt_store *s = NULL;

    assert_int_equal(vt_store_open_dir(at("objects"), &s, NULL), VT_OK);
    return s;
}

static void
object_comes_back(void **state)
{
    struct vt_store *s = open_store();
    struct vt_buf b = VT_BUF(100);
    struct vt_digest d;
    struct vt_digest again;
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_DIGEST_HEX_SIZE + 4096];

    (void)state;
    assert_int_equal(vt_store_put(s, "hello", 5, &d, NULL), VT_OK);
    assert_int_equal(vt_store_put(s, "hello", 5, &again, NULL), VT_OK);
    assert_true(vt_digest_eq(&d, &again));
    vt_digest_hex(&d, hex);
    assert_string_equal(
        hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_true(vt_store_has(s, &d));
    assert_int_equal(vt_store_path(s, &d, path, NULL), VT_OK);
    assert_string_equal(path, at("objects/sha256/2c/%s", hex));
    assert_int_equal(vt_store_get(s, &d, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "hello");
    vt_buf_release(&b);
    vt_store_free(s);
}

static void
missing_object_is_told(void **state)
{
    struct vt_store *s = open_store();
    struct vt_buf b = VT_BUF(100);
    struct vt_digest d = {{1}};
    char path[VT_DIGEST_HEX_SIZE + 4096];

    (void)state;
    assert_false(vt_store_has(s, &d));
    assert_int_equal(vt_store_get(s, &d, &b, NULL), VT_E_NOENT);
    assert_int_equal(vt_store_path(s, &d, path, NULL), VT_E_NOENT);
    vt_buf_release(&b);
    vt_store_free(s);
}

static void
damaged_object_is_not_given(void **state)
{
    struct vt_store *s = open_store();
    struct vt_buf b = VT_BUF(100);
    struct vt_digest d;
    char path[VT_DIGEST_HEX_SIZE + 4096];

    (void)state;
    assert_int_equal(vt_store_put(s, "to be damaged", 13, &d, NULL), VT_OK);
    assert_int_equal(vt_store_path(s, &d, path, NULL), VT_OK);
    write_file(path, "to be demaged", 0644);
    assert_int_equal(vt_store_get(s, &d, &b, NULL), VT_E_DIGEST);
    assert_int_equal(b.len, 0);
    write_file(path, "cut", 0644); /* one of another length is written anew */
    assert_int_equal(vt_store_put(s, "to be damaged", 13, &d, NULL), VT_OK);
    assert_int_equal(vt_store_get(s, &d, &b, NULL), VT_OK);
    vt_buf_release(&b);
    vt_store_free(s);
}

static void
object_over_the_bound_is_not_given(void **state)
{
    struct vt_store *s = open_store();
    struct vt_buf b = VT_BUF(4);
    struct vt_digest d;

    (void)state;
    assert_int_equal(vt_store_put(s, "hello", 5, &d, NULL), VT_OK);
    assert_int_equal(vt_store_get(s, &d, &b, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
    vt_store_free(s);
}

static void
file_is_stored_under_its_digest(void **state)
{
    struct vt_store *s = open_store();
    struct vt_buf b = VT_BUF(1 << 20);
    char *big = malloc(700001);
    struct vt_digest want;
    struct vt_digest got;
    uint64_t len = 0;

    (void)state;
    assert_non_null(big);
    memset(big, 'x', 700000);
    big[700000] = '\0';
    write_file(at("big"), big, 0600);
    vt_digest_of(big, 700000, &want);
    assert_int_equal(vt_store_put_file(s, at("big"), &want, &got, &len, NULL), VT_OK);
    assert_int_equal(len, 700000);
    assert_int_equal(vt_store_get(s, &got, &b, NULL), VT_OK);
    assert_int_equal(b.len, 700000);
    assert_int_equal(vt_store_put_file(s, at("big"), NULL, NULL, NULL, NULL), VT_OK);
    free(big);
    vt_buf_release(&b);
    vt_store_free(s);
}

static void
file_of_another_digest_is_not_stored(void **state)
{
    struct vt_store *s = open_store();
    struct vt_digest want = {{7}};
    struct vt_digest is;

    (void)state;
    write_file(at("other"), "never stored", 0644);
    vt_digest_of("never stored", 12, &is);
    assert_int_equal(vt_store_put_file(s, at("other"), &want, NULL, NULL, NULL), VT_E_DIGEST);
    assert_false(vt_store_has(s, &is));
    assert_false(vt_store_has(s, &want));
    assert_int_equal(vt_store_put_file(s, at("nothing"), NULL, NULL, NULL, NULL), VT_E_NOENT);
    vt_store_free(s);
}

static enum vt_err
count_name(void *ctx, const char *name, struct vt_why *why)
{
    (void)why;
    assert_int_equal(strlen(name), 2); /* nothing but the folders of objects */
    (*(size_t *)ctx)++;
    return VT_OK;
}

static void
no_temporary_file_is_left(void **state)
{
    size_t n = 0;

    (void)state;
    assert_int_equal(vt_dir_each(at("objects/sha256"), count_name, &n, NULL), VT_OK);
    assert_true(n > 0);
}

static void
home_comes_back(void **state)
{
    struct vt_home h;
    struct vt_home again;
    struct vt_vkey vkey;
    struct vt_vkey read_back;
    char path[VT_PATH_MAX];
    struct stat st;

    (void)state;
    assert_int_equal(
        vt_home_create(at("zurich"), VT_HOME_SITE, "zurich.example", "CH", &h, NULL), VT_OK);
    assert_int_equal(vt_home_open(at("zurich"), VT_HOME_SITE, &again, NULL), VT_OK);
    assert_string_equal(again.name, "zurich.example");
    assert_string_equal(again.jurisdiction, "CH");
    assert_int_equal(again.kind, VT_HOME_SITE);
    assert_int_equal(vt_home_open(at("zurich"), 0, &again, NULL), VT_OK);
    assert_int_equal(
        vt_home_key_new(&h, "log", NULL, VT_NOTE_ED25519, NULL, &vkey, NULL), VT_OK);
    assert_string_equal(vkey.name, "zurich.example/log");
    assert_int_equal(vt_home_vkey(&h, "log", &read_back, NULL), VT_OK);
    assert_int_equal(read_back.id, vkey.id);
    assert_int_equal(vt_home_key_path(&h, "log", path, NULL), VT_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(at("zurich/keys"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void
home_refuses_what_it_must(void **state)
{
    struct vt_home h;
    struct vt_vkey vkey;
    char path[VT_PATH_MAX];

    (void)state;
    assert_int_equal(
        vt_home_create(at("w"), VT_HOME_WITNESS, "w.example", "", &h, NULL), VT_OK);
    assert_int_equal(
        vt_home_create(at("w"), VT_HOME_WITNESS, "w.example", "", &h, NULL), VT_E_EXIST);
    assert_int_equal(
        vt_home_create(at("x"), VT_HOME_SITE, "no spaces", "CH", &h, NULL), VT_E_CONFIG);
    assert_int_equal(
        vt_home_create(at("x"), VT_HOME_SITE, "x.example", "ch", &h, NULL), VT_E_CONFIG);
    assert_int_equal(
        vt_home_create(at("x"), VT_HOME_SITE, "x.example", "CHE", &h, NULL), VT_E_CONFIG);
    assert_int_equal(vt_home_open(at("w"), VT_HOME_SITE, &h, NULL), VT_E_CONFIG);
    assert_int_equal(vt_home_open(at("nowhere"), VT_HOME_SITE, &h, NULL), VT_E_CONFIG);
    assert_int_equal(vt_home_open(at("w"), 0, &h, NULL), VT_OK);
    assert_int_equal(
        vt_home_key_new(&h, "witness", "w.example", VT_NOTE_COSIG_ED25519, NULL, &vkey, NULL),
        VT_OK);
    assert_int_equal(
        vt_home_key_new(&h, "witness", "w.example", VT_NOTE_COSIG_ED25519, NULL, &vkey, NULL),
        VT_E_EXIST);
    assert_int_equal(vt_home_key_path(&h, "../lock", path, NULL), VT_E_USAGE);
    assert_int_equal(vt_home_vkey(&h, "other", &vkey, NULL), VT_E_NOENT);
}

/* The public half first: a crash leaves it alone, and the next try replaces it. */
static void
key_pairs_are_whole(void **state)
{
    char path[VT_PATH_MAX];
    struct vt_key *k = NULL;
    struct vt_vkey vkey;
    struct vt_vkey again;

    (void)state;
    assert_int_equal(vt_dir_make(at("pair"), 0700, NULL), VT_OK);
    assert_int_equal(vt_key_new("carol.example", &k, NULL), VT_OK);
    write_file(at("pair/carol.vkey"), "left by a crash\n", 0644);
    assert_int_equal(vt_key_pair_load_vkey(at("pair/carol.vkey"), &again, NULL), VT_E_CONFIG);
    assert_int_equal(
        vt_key_pair_save(at("pair/carol.key"), k, VT_NOTE_ED25519, NULL, &vkey, NULL), VT_OK);
    assert_int_equal(vt_key_pair_load_vkey(at("pair/carol.vkey"), &again, NULL), VT_OK);
    assert_int_equal(again.id, vkey.id);
    assert_int_equal(
        vt_key_pair_save(at("pair/carol.key"), k, VT_NOTE_ED25519, NULL, &vkey, NULL),
        VT_E_EXIST);
    assert_int_equal(vt_key_pair_load_vkey(at("pair/carol.vkey"), &again, NULL), VT_OK);
    assert_int_equal(
        vt_key_pair_save(at("nowhere/x"), k, VT_NOTE_ED25519, NULL, &vkey, NULL), VT_E_NOENT);
    assert_int_equal(vt_key_pair_vkey_path("a/b", path, NULL), VT_OK);
    assert_string_equal(path, "a/b.vkey");
    assert_int_equal(vt_key_pair_vkey_path("a/.key", path, NULL), VT_OK);
    assert_string_equal(path, "a/.vkey");
    write_file(at("pair/two.vkey"), "a\nb\n", 0644);
    assert_int_equal(vt_key_pair_load_vkey(at("pair/two.vkey"), &again, NULL), VT_E_CONFIG);
    vt_key_free(k);
}

static void
services_say_where_they_answer(void **state)
{
    struct vt_buf b = VT_BUF(256);
    struct vt_home h;

    (void)state;
    assert_int_equal(
        vt_home_create(at("run"), VT_HOME_SITE, "run.example", "CH", &h, NULL), VT_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            vt_home_announce(&h, "vault/run", "http://127.0.0.1:8800", NULL), VT_OK);
    assert_int_equal(vt_file_read(at("run/vault/run/url"), &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "http://127.0.0.1:8800\n");
    vt_home_withdraw(&h, "vault/run");
    assert_false(vt_file_exists(at("run/vault/run/url")));
    vt_home_withdraw(&h, "vault/run");
    vt_buf_release(&b);
}

static void
damaged_homes_are_refused(void **state)
{
    static const char *const bad[] = {"", "vitrine/home/v1\n",
        "vitrine/home/v2\nkind site\nname a\n", "vitrine/home/v1\nkind castle\nname a\n",
        "vitrine/home/v1\nkind site\nname a b\n",
        "vitrine/home/v1\nkind site\nname a\nmore b\n",
        "vitrine/home/v1\nkind site\nname a\njurisdiction C\n",
        "vitrine/home/v1\nkind site\nname a"};
    struct vt_home h;
    size_t i;

    (void)state;
    assert_int_equal(vt_dir_make(at("bad"), 0755, NULL), VT_OK);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file(at("bad/home.conf"), bad[i], 0644);
        assert_int_equal(vt_home_open(at("bad"), 0, &h, NULL), VT_E_CONFIG);
    }
}

/* A folder with one of everything that is taken. */
static void
make_tree(const char *dir, mode_t file_mode)
{
    char path[VT_PATH_MAX];
    const char *const folders[] = {"", "/a", "/a/b", "/a-b", "/empty"};
    size_t i;

    for (i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(vt_path(path, NULL, "%s%s", dir, folders[i]), VT_OK);
        assert_int_equal(vt_dir_make(path, 0700, NULL), VT_OK);
    }
    assert_int_equal(vt_path(path, NULL, "%s/a/b/file", dir), VT_OK);
    write_file(path, "content\n", file_mode);
    assert_int_equal(vt_path(path, NULL, "%s/a/run", dir), VT_OK);
    write_file(path, "#!/bin/sh\n", 0700);
    assert_int_equal(vt_path(path, NULL, "%s/a-b/\xc3\xbc.txt", dir), VT_OK);
    write_file(path, "", 0600);
    assert_int_equal(vt_path(path, NULL, "%s/link", dir), VT_OK);
    assert_int_equal(symlink("a/b/file", path), 0);
    assert_int_equal(vt_path(path, NULL, "%s/a/b/up", dir), VT_OK);
    assert_int_equal(symlink("../run", path), 0);
}

static struct vt_digest
digest_of(const char *path)
{
    struct vt_digest d;

    assert_int_equal(vt_digest_of_file(path, &d, NULL, NULL), VT_OK);
    return d;
}

/* Other modes, another umask, another time, another order of making: the same
 * archive. */
static void
archives_are_deterministic(void **state)
{
    struct vt_pack_count count;
    struct vt_digest one;
    struct vt_digest two;
    mode_t mask;

    (void)state;
    make_tree(at("t1"), 0600);
    mask = umask(077);
    make_tree(at("t2"), 0644);
    umask(mask);
    assert_int_equal(vt_pack_folder(at("t1"), at("t1.tar.zst"), 0, NULL, &count, NULL), VT_OK);
    assert_int_equal(count.files, 5);
    assert_int_equal(count.bytes, 18);
    assert_int_equal(vt_pack_folder(at("t2"), at("t2.tar.zst"), 0, NULL, NULL, NULL), VT_OK);
    one = digest_of(at("t1.tar.zst"));
    two = digest_of(at("t2.tar.zst"));
    assert_true(vt_digest_eq(&one, &two));
    assert_int_equal(vt_pack_folder(at("t1"), at("t3.tar.zst"), 5, NULL, NULL, NULL), VT_OK);
    two = digest_of(at("t3.tar.zst"));
    assert_false(vt_digest_eq(&one, &two));
}

static void
unpacking_gives_the_tree_back(void **state)
{
    struct vt_unpack_opts opts = {.durable = true};
    struct vt_digest one;
    struct vt_digest two;
    struct vt_buf b = VT_BUF(100);
    struct stat st;
    uint64_t files = 0;
    mode_t mask = umask(077);

    (void)state;
    assert_int_equal(vt_dir_make(at("u1"), 0755, NULL), VT_OK);
    assert_int_equal(vt_unpack_tar_zst(at("t1.tar.zst"), at("u1"), &opts, &files, NULL), VT_OK);
    umask(mask);
    assert_int_equal(files, 5);
    assert_int_equal(vt_file_read(at("u1/link"), &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "content\n");
    assert_int_equal(stat(at("u1/a/run"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(stat(at("u1/a-b/\xc3\xbc.txt"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(stat(at("u1/empty"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(vt_pack_folder(at("u1"), at("u1.tar.zst"), 0, NULL, NULL, NULL), VT_OK);
    one = digest_of(at("t1.tar.zst"));
    two = digest_of(at("u1.tar.zst"));
    assert_true(vt_digest_eq(&one, &two));
    assert_int_equal(
        vt_unpack_tar_zst(at("t1.tar.zst"), at("u1"), NULL, NULL, NULL), VT_E_STATE);
    vt_buf_release(&b);
}

static void
packing_refuses_what_it_must(void **state)
{
    struct vt_pack_limits few = {.count_max = 3};
    struct vt_pack_limits small = {.file_max = 9};
    struct vt_pack_limits little = {.size_max = 17};
    struct vt_why why = {0};

    (void)state;
    assert_int_equal(vt_pack_folder(at("t1"), at("x"), 0, &few, NULL, NULL), VT_E_LIMIT);
    assert_int_equal(vt_pack_folder(at("t1"), at("x"), 0, &small, NULL, NULL), VT_E_LIMIT);
    assert_int_equal(vt_pack_folder(at("t1"), at("x"), 0, &little, NULL, NULL), VT_E_LIMIT);
    assert_int_equal(vt_pack_folder(at("nowhere"), at("x"), 0, NULL, NULL, NULL), VT_E_NOENT);
    assert_int_equal(vt_dir_make(at("odd"), 0755, NULL), VT_OK);
    assert_int_equal(mkfifo(at("odd/pipe"), 0600), 0);
    assert_int_equal(vt_pack_folder(at("odd"), at("x"), 0, NULL, NULL, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "pipe"));
    assert_int_equal(unlink(at("odd/pipe")), 0);
    write_file(at("odd/suid"), "x", 0755);
    assert_int_equal(chmod(at("odd/suid"), 04755), 0);
    assert_int_equal(vt_pack_folder(at("odd"), at("x"), 0, NULL, NULL, NULL), VT_E_REFUSED);
    assert_int_equal(unlink(at("odd/suid")), 0);
    write_file(at("odd/new\nline"), "x", 0644);
    assert_int_equal(vt_pack_folder(at("odd"), at("x"), 0, NULL, NULL, NULL), VT_E_REFUSED);
    assert_false(vt_file_exists(at("x"))); /* nothing half done stays */
}

static void
packing_holds_the_order(void **state)
{
    struct vt_pack *p = NULL;

    (void)state;
    assert_int_equal(vt_pack_new(at("order"), 0, NULL, &p, NULL), VT_OK);
    assert_int_equal(vt_pack_dir(p, "a", NULL), VT_OK);
    assert_int_equal(vt_pack_file(p, "a/z", false, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_pack_file(p, "a-b", false, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_pack_file(p, "a-b", false, "x", 1, NULL), VT_E_USAGE);
    assert_int_equal(vt_pack_file(p, "a/a", false, "x", 1, NULL), VT_E_USAGE);
    assert_int_equal(vt_pack_file(p, "../b", false, "x", 1, NULL), VT_E_REFUSED);
    assert_int_equal(vt_pack_link(p, "l", "", NULL), VT_E_REFUSED);
    vt_pack_free(p);
    assert_false(vt_file_exists(at("order")));
}

/* Archives that somebody else made, to attack. */
struct evil {
    struct archive *a;
    struct archive_entry *e;
    uint8_t bytes[65536];
    size_t len;
};

static void
evil_begin(struct evil *v)
{
    v->a = archive_write_new();
    v->e = archive_entry_new();
    archive_write_set_format_pax_restricted(v->a);
    archive_write_add_filter_zstd(v->a);
    archive_write_set_bytes_in_last_block(v->a, 1);
    assert_int_equal(
        archive_write_open_memory(v->a, v->bytes, sizeof v->bytes, &v->len), ARCHIVE_OK);
}

static void
evil_put(struct evil *v, unsigned type, const char *name, const char *target, mode_t mode)
{
    archive_entry_clear(v->e);
    archive_entry_set_pathname(v->e, name);
    archive_entry_set_filetype(v->e, type);
    archive_entry_set_perm(v->e, mode);
    archive_entry_set_size(v->e, type == AE_IFREG && target == NULL ? 4 : 0);
    if (type == AE_IFLNK)
        archive_entry_set_symlink(v->e, target);
    else if (target != NULL)
        archive_entry_set_hardlink(v->e, target);
    if (type == AE_IFCHR)
        archive_entry_set_rdev(v->e, 1);
    assert_int_equal(archive_write_header(v->a, v->e), ARCHIVE_OK);
    if (type == AE_IFREG && target == NULL)
        assert_int_equal(archive_write_data(v->a, "evil", 4), 4);
}

/* Unpacks what was put; *outside must not have appeared. */
static enum vt_err
evil_end(struct evil *v, const struct vt_unpack_opts *opts)
{
    enum vt_err err;

    archive_write_close(v->a);
    archive_write_free(v->a);
    archive_entry_free(v->e);
    assert_int_equal(vt_tree_remove(at("evil"), NULL), VT_OK);
    assert_int_equal(vt_dir_make(at("evil/in"), 0755, NULL), VT_OK);
    err = vt_unpack_tar_zst_mem(v->bytes, v->len, at("evil/in"), opts, NULL, NULL);
    assert_false(vt_file_exists(at("evil/outside")));
    return err;
}

static void
names_that_lead_out_are_refused(void **state)
{
    static const char *const names[] = {"../outside", "/tmp/outside", "a/../../outside",
        "a/./b", "a//b", "..", "./../outside", "a\nb", "a\\b"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct evil v = {0};

        evil_begin(&v);
        evil_put(&v, AE_IFREG, names[i], NULL, 0644);
        assert_int_equal(evil_end(&v, NULL), VT_E_REFUSED);
    }
}

static void
links_that_lead_out_are_refused(void **state)
{
    static const char *const targets[] = {
        "/etc/passwd", "..", "../outside", "a/../..", "a/../../b", "./../x"};
    static const char *const fine[] = {"x", "a/b", "./x", "."};
    const struct vt_unpack_opts outward = {.outward_links = true};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct evil v = {0};

        evil_begin(&v);
        evil_put(&v, AE_IFLNK, "link", targets[i], 0777);
        assert_int_equal(evil_end(&v, NULL), VT_E_REFUSED);
        evil_begin(&v);
        evil_put(&v, AE_IFLNK, "link", targets[i], 0777);
        assert_int_equal(evil_end(&v, &outward), VT_OK);
    }
    for (i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        struct evil v = {0};

        evil_begin(&v);
        evil_put(&v, AE_IFLNK, "link", fine[i], 0777);
        assert_int_equal(evil_end(&v, NULL), VT_OK);
    }
}

/* Even where links may lead anywhere, nothing is written through one. */
static void
nothing_is_written_through_links(void **state)
{
    const struct vt_unpack_opts outward = {.outward_links = true};
    struct evil v = {0};

    (void)state;
    evil_begin(&v);
    evil_put(&v, AE_IFLNK, "d", "..", 0777);
    evil_put(&v, AE_IFREG, "d/outside", NULL, 0644);
    assert_int_equal(evil_end(&v, &outward), VT_E_REFUSED);
    evil_begin(&v);
    evil_put(&v, AE_IFLNK, "f", "../outside", 0777);
    evil_put(&v, AE_IFREG, "f", NULL, 0644);
    assert_int_equal(evil_end(&v, &outward), VT_E_REFUSED);
    evil_begin(&v);
    evil_put(&v, AE_IFLNK, "d", "..", 0777);
    evil_put(&v, AE_IFDIR, "d/outside", NULL, 0755);
    assert_int_equal(evil_end(&v, &outward), VT_E_REFUSED);
    evil_begin(&v);
    evil_put(&v, AE_IFLNK, "p", "/etc/passwd", 0777);
    evil_put(&v, AE_IFREG, "copy", "p", 0644);
    assert_int_equal(evil_end(&v, &outward), VT_E_REFUSED);
    evil_begin(&v);
    evil_put(&v, AE_IFREG, "copy", "../../etc/passwd", 0644);
    assert_int_equal(evil_end(&v, &outward), VT_E_REFUSED);
}

static void
odd_entries_are_refused(void **state)
{
    static const struct {
        unsigned type;
        mode_t mode;
    } odd[] = {{AE_IFCHR, 0644}, {AE_IFBLK, 0644}, {AE_IFIFO, 0644}, {AE_IFREG, 04755},
        {AE_IFREG, 02755}, {AE_IFREG, 01644}};
    struct evil v = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        evil_begin(&v);
        evil_put(&v, odd[i].type, "odd", NULL, odd[i].mode);
        assert_int_equal(evil_end(&v, NULL), VT_E_REFUSED);
    }
    evil_begin(&v);
    evil_put(&v, AE_IFREG, "twice", NULL, 0644);
    evil_put(&v, AE_IFREG, "twice", NULL, 0644);
    assert_int_equal(evil_end(&v, NULL), VT_E_REFUSED);
    evil_begin(&v);
    evil_put(&v, AE_IFREG, "file", NULL, 0644);
    evil_put(&v, AE_IFREG, "file/below", NULL, 0644);
    assert_int_equal(evil_end(&v, NULL), VT_E_REFUSED);
}

static void
hard_links_are_copied(void **state)
{
    struct evil v = {0};
    struct stat st;

    (void)state;
    evil_begin(&v);
    evil_put(&v, AE_IFREG, "one", NULL, 0755);
    evil_put(&v, AE_IFREG, "d/two", "one", 0755);
    assert_int_equal(evil_end(&v, NULL), VT_OK);
    assert_int_equal(stat(at("evil/in/d/two"), &st), 0);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(st.st_mode & 07777, 0755);
}

static void
limits_of_unpacking_hold(void **state)
{
    const struct vt_unpack_opts few = {.count_max = 1};
    const struct vt_unpack_opts small = {.file_max = 3};
    const struct vt_unpack_opts little = {.size_max = 7};
    const struct vt_unpack_opts *const opts[] = {&few, &small, &little};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof opts / sizeof opts[0]; i++) {
        struct evil v = {0};

        evil_begin(&v);
        evil_put(&v, AE_IFREG, "one", NULL, 0644);
        evil_put(&v, AE_IFREG, "two", "one", 0644);
        assert_int_equal(evil_end(&v, opts[i]), VT_E_LIMIT);
    }
}

static void
what_is_no_archive_is_refused(void **state)
{
    struct vt_buf b = VT_BUF(1 << 20);
    size_t cut;

    (void)state;
    assert_int_equal(vt_file_read(at("t1.tar.zst"), &b, NULL), VT_OK);
    for (cut = 1; cut < b.len; cut += 7) {
        assert_int_equal(vt_tree_remove(at("cut"), NULL), VT_OK);
        assert_int_equal(vt_dir_make(at("cut"), 0755, NULL), VT_OK);
        assert_int_equal(
            vt_unpack_tar_zst_mem(b.data, cut, at("cut"), NULL, NULL, NULL), VT_E_SYNTAX);
    }
    write_file(at("text"), "this is no archive at all, but text\n", 0644);
    assert_int_equal(vt_tree_remove(at("cut"), NULL), VT_OK);
    assert_int_equal(vt_dir_make(at("cut"), 0755, NULL), VT_OK);
    assert_int_equal(vt_unpack_tar_zst(at("text"), at("cut"), NULL, NULL, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_unpack_tar_zst(at("nothing"), at("cut"), NULL, NULL, NULL), VT_E_NOENT);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object_comes_back),
        cmocka_unit_test(missing_object_is_told),
        cmocka_unit_test(damaged_object_is_not_given),
        cmocka_unit_test(object_over_the_bound_is_not_given),
        cmocka_unit_test(file_is_stored_under_its_digest),
        cmocka_unit_test(file_of_another_digest_is_not_stored),
        cmocka_unit_test(no_temporary_file_is_left),
        cmocka_unit_test(home_comes_back),
        cmocka_unit_test(home_refuses_what_it_must),
        cmocka_unit_test(key_pairs_are_whole),
        cmocka_unit_test(services_say_where_they_answer),
        cmocka_unit_test(damaged_homes_are_refused),
        cmocka_unit_test(archives_are_deterministic),
        cmocka_unit_test(unpacking_gives_the_tree_back),
        cmocka_unit_test(packing_refuses_what_it_must),
        cmocka_unit_test(packing_holds_the_order),
        cmocka_unit_test(names_that_lead_out_are_refused),
        cmocka_unit_test(links_that_lead_out_are_refused),
        cmocka_unit_test(nothing_is_written_through_links),
        cmocka_unit_test(odd_entries_are_refused),
        cmocka_unit_test(hard_links_are_copied),
        cmocka_unit_test(limits_of_unpacking_hold),
        cmocka_unit_test(what_is_no_archive_is_refused),
    };

    return cmocka_run_group_tests_name("store", tests, set_up, tear_down);
}
