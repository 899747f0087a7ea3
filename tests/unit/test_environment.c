/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, apt's sources, control files; and, when VT_TEST_APT is set (it
 * takes packages from Debian's archive and a minute), a whole environment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assembly/apt_sources.h"
#include "assembly/deb.h"
#include "assembly/environment.h"
#include "assembly/scratch.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD "vitrine/environment/v1\ndistribution bookworm\narchitecture amd64\n"
#define DASH "package dash 0.5.12-2 amd64 97424 sha256:" HEX_A "\n"
#define SED "package sed 4.9-1 amd64 329444 sha256:" HEX_A "\n"

static char top[VT_PATH_MAX];

static int
set_up(void **state)
{
    (void)state;
    return vt_dir_temp("/tmp", "test-environment", top, NULL) == VT_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(top, NULL) == VT_OK ? 0 : -1;
}

static const char *
at(const char *rest)
{
    static char path[8][VT_PATH_MAX];
    static unsigned n;

    n = (n + 1) % 8;
    assert_int_equal(vt_path(path[n], NULL, "%s/%s", top, rest), VT_OK);
    return path[n];
}

static void
manifest_comes_back(void **state)
{
    static const char text[] =
        HEAD DASH SED "package tzdata 2024a-0+deb12u1 all 1 sha256:" HEX_A "\n";
    struct vt_environment *e = NULL;
    struct vt_buf b = VT_BUF(VT_ENVIRONMENT_MAX);

    (void)state;
    assert_int_equal(vt_environment_parse(text, strlen(text), &e, NULL), VT_OK);
    assert_string_equal(e->distribution, "bookworm");
    assert_string_equal(e->arch, "amd64");
    assert_int_equal(e->count, 3);
    assert_string_equal(e->package[0].name, "dash");
    assert_string_equal(e->package[0].version, "0.5.12-2");
    assert_int_equal(e->package[0].size, 97424);
    assert_int_equal(e->package[0].digest.b[31], 0xaa);
    vt_environment_put(&b, e);
    assert_string_equal(vt_buf_str(&b), text);
    vt_buf_release(&b);
    vt_environment_free(e);
}

static void
other_forms_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "vitrine/environment/v1\n",
        "vitrine/environment/v2\ndistribution bookworm\narchitecture amd64\n" DASH,
        HEAD, /* no package */
        HEAD SED DASH,
        HEAD DASH DASH,
        HEAD "\n" DASH,
        HEAD DASH "\n",
        HEAD DASH "package sed 4.9-1 amd64 329444 sha256:" HEX_A, /* no newline */
        HEAD "package dash 0.5 amd64 97424 sha256:" HEX_A "0\n",
        HEAD "package dash 0.5 amd64 97424 sha256:A" HEX_A "\n",
        HEAD "package dash 0.5 amd64 097424 sha256:" HEX_A "\n",
        HEAD "package dash 0.5 amd64 -1 sha256:" HEX_A "\n",
        HEAD "package dash 0.5 amd64 4294967296 sha256:" HEX_A "\n",
        HEAD "package dash  0.5 amd64 97424 sha256:" HEX_A "\n",
        HEAD "package Dash 0.5 amd64 97424 sha256:" HEX_A "\n",
        HEAD "package dash 0,5 amd64 97424 sha256:" HEX_A "\n",
        HEAD "package dash 0.5 i386 97424 sha256:" HEX_A "\n",
        HEAD "package dash 0.5 amd64 97424 md5:" HEX_A "\n",
        HEAD "package -oX 0.5 amd64 97424 sha256:" HEX_A "\n",
        "vitrine/environment/v1\ndistribution Book worm\narchitecture amd64\n" DASH,
        "vitrine/environment/v1\narchitecture amd64\ndistribution bookworm\n" DASH,
    };
    struct vt_environment *e = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vt_environment_parse(bad[i], strlen(bad[i]), &e, NULL), VT_E_SYNTAX);
    assert_null(e);
}

static void
oversized_manifest_is_refused(void **state)
{
    struct vt_environment *e = NULL;
    struct vt_buf b = VT_BUF(2 * VT_ENVIRONMENT_MAX);
    unsigned i;

    (void)state;
    vt_buf_puts(&b, HEAD);
    for (i = 0; i <= VT_STATEMENT_PACKAGES_MAX; i++)
        vt_buf_putf(&b, "package p%05u 1 all 1 sha256:" HEX_A "\n", i);
    assert_int_equal(vt_environment_parse(b.data, b.len, &e, NULL), VT_E_SYNTAX);
    while (b.len <= VT_ENVIRONMENT_MAX)
        vt_buf_puts(&b, DASH);
    assert_int_equal(vt_environment_parse(b.data, b.len, &e, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
}

static void
missing_manifest_is_told(void **state)
{
    struct vt_store *s = NULL;
    struct vt_digest d = {{1}};
    char path[VT_PATH_MAX];

    (void)state;
    assert_int_equal(vt_store_open_dir(at("objects"), &s, NULL), VT_OK);
    assert_int_equal(
        vt_environment_root(s, &d, at("cache"), NULL, path, NULL, NULL), VT_E_NOENT);
    vt_store_free(s);
}

static struct vt_apt_sources *
sources_of(const char *lines, const char *stanzas)
{
    struct vt_apt_sources *s = calloc(1, sizeof *s);

    assert_non_null(s);
    assert_int_equal(vt_apt_sources_add_lines(s, lines, strlen(lines), NULL), VT_OK);
    assert_int_equal(vt_apt_sources_add_stanzas(s, stanzas, strlen(stanzas), NULL), VT_OK);
    return s;
}

static void
free_sources(struct vt_apt_sources *s)
{
    vt_apt_sources_release(s);
    free(s);
}

static void
lines_are_read(void **state)
{
    struct vt_apt_sources *s =
        sources_of("# a comment\n"
                   "deb http://a.example/debian bookworm main contrib # why\n"
                   "\tdeb-src  [ arch=amd64,arm64 signed-by=/k.gpg ] http://a.example/debian "
                   "bookworm main\n"
                   "deb http://flat.example/ ./\n"
                   "deb [trusted=yes] http://b.example/ x main\n"
                   "deb [allow-insecure=yes] http://b.example/ x main\n"
                   "deb [arch+=i386] http://b.example/ x main\n"
                   "deb [arch=amd64 http://b.example/ x main\n"
                   "rpm http://b.example/ x main\n"
                   "deb\n\n",
            "");

    (void)state;
    assert_int_equal(s->count, 3);
    assert_true(s->item[0].binary);
    assert_false(s->item[0].source);
    assert_string_equal(s->item[0].uri, "http://a.example/debian");
    assert_string_equal(s->item[0].suite, "bookworm");
    assert_string_equal(s->item[0].components, "main contrib");
    assert_true(s->item[1].source);
    assert_string_equal(s->item[1].architectures, "amd64 arm64");
    assert_string_equal(s->item[1].signed_by, "/k.gpg");
    assert_string_equal(s->item[2].suite, "./");
    assert_string_equal(s->item[2].components, "");
    free_sources(s);
}

static void
stanzas_are_read(void **state)
{
    struct vt_apt_sources *s = sources_of("",
        "Types: deb deb-src\n# between\nURIs: http://a.example/debian http://b.example\n"
        "Suites: bookworm\n bookworm-updates\nComponents: main\n"
        "signed-by:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://c.example\nSuites: x\nComponents: main\n\n"
        "Trusted: yes\nTypes: deb\nURIs: http://d.example\nSuites: x\nComponents: main\n\n"
        "no field\nTypes: deb\nURIs: http://e.example\nSuites: x\nComponents: main\n\n"
        "Types: deb\nURIs: http://f.example\nSuites: x\nComponents: main");
    struct vt_buf b = VT_BUF(4096);

    (void)state;
    assert_int_equal(s->count, 5);
    assert_string_equal(s->item[1].uri, "http://a.example/debian");
    assert_string_equal(s->item[1].suite, "bookworm-updates");
    assert_true(s->item[3].binary && s->item[3].source);
    assert_string_equal(s->item[4].uri, "http://f.example");
    vt_apt_source_put(&b, &s->item[0], "deb-src");
    assert_string_equal(vt_buf_str(&b),
        "Types: deb-src\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n"
        "Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n\n");
    vt_buf_release(&b);
    free_sources(s);
}

static void
countless_sources_are_refused(void **state)
{
    struct vt_apt_sources *s = calloc(1, sizeof *s);
    struct vt_buf b = VT_BUF(1 << 20);
    unsigned i;

    (void)state;
    assert_non_null(s);
    for (i = 0; i <= VT_APT_SOURCES_MAX; i++)
        vt_buf_putf(&b, "deb http://a.example/ suite%u main\n", i);
    assert_int_equal(vt_apt_sources_add_lines(s, b.data, b.len, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
    free_sources(s);
}

/* A package file around a control file, made as deb(5) says. */
static void
write_deb(const char *path, const char *control)
{
    char tar[16384];
    size_t len = 0;
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();

    archive_write_set_format_ustar(a);
    archive_write_add_filter_xz(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, tar, sizeof tar, &len), ARCHIVE_OK);
    archive_entry_set_pathname(e, "./control");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, (la_int64_t)strlen(control));
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, control, strlen(control)), strlen(control));
    archive_write_close(a);
    archive_write_free(a);
    a = archive_write_new();
    archive_write_set_format_ar_bsd(a);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_pathname(e, "debian-binary");
    archive_entry_set_size(e, 4);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, "2.0\n", 4), 4);
    archive_entry_set_pathname(e, "control.tar.xz");
    archive_entry_set_size(e, (la_int64_t)len);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, tar, len), len);
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
}

static void
control_file_is_read(void **state)
{
    struct vt_buf b = VT_BUF(VT_DEB_CONTROL_MAX);
    char text[64];

    (void)state;
    write_deb(at("a.deb"), "Package: a\nVersion: 1:2-3\nDescription: x\n long\n\n");
    assert_int_equal(vt_deb_control(at("a.deb"), &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "Package: a\nVersion: 1:2-3\nDescription: x\n long\n");
    assert_true(vt_deb_field(b.data, b.len, "version", text, sizeof text));
    assert_string_equal(text, "1:2-3");
    assert_false(vt_deb_field(b.data, b.len, "Architecture", text, sizeof text));
    assert_false(vt_deb_field(b.data, b.len, "Version", text, 3));
    vt_buf_release(&b);
}

static void
odd_packages_are_refused(void **state)
{
    struct vt_buf b = VT_BUF(VT_DEB_CONTROL_MAX);
    char text[64];

    (void)state;
    write_deb(at("two.deb"), "Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\n");
    assert_int_equal(vt_deb_control(at("two.deb"), &b, NULL), VT_E_SYNTAX);
    write_deb(at("none.deb"), "\n");
    assert_int_equal(vt_deb_control(at("none.deb"), &b, NULL), VT_E_SYNTAX);
    write_deb(at("cr.deb"), "Package: a\r\n\r\nPackage: b\n");
    assert_int_equal(vt_deb_control(at("cr.deb"), &b, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_file_replace(at("text.deb"), 0644, "no package", 10, NULL), VT_OK);
    assert_int_equal(vt_deb_control(at("text.deb"), &b, NULL), VT_E_SYNTAX);
    assert_int_equal(b.len, 0);
    assert_false(vt_deb_field("A: 1\na: 2\n", 10, "a", text, sizeof text));
    vt_buf_release(&b);
}

/* A manifest that gives a package another name than its file has. */
static void
swapped_package_is_refused(void **state)
{
    struct vt_store *s = NULL;
    struct vt_buf text = VT_BUF(4096);
    struct vt_digest deb;
    struct vt_digest manifest;
    struct vt_why why = {0};
    uint64_t len;
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];

    (void)state;
    assert_int_equal(vt_store_open_dir(at("objects"), &s, NULL), VT_OK);
    write_deb(at("evil.deb"), "Package: evil\nVersion: 1\nArchitecture: amd64\n");
    assert_int_equal(vt_store_put_file(s, at("evil.deb"), NULL, &deb, &len, NULL), VT_OK);
    vt_digest_hex(&deb, hex);
    vt_buf_putf(
        &text, HEAD "package dash 1 amd64 %llu sha256:%s\n", (unsigned long long)len, hex);
    assert_int_equal(vt_store_put(s, text.data, text.len, &manifest, NULL), VT_OK);
    assert_int_equal(
        vt_environment_root(s, &manifest, at("cache"), NULL, path, NULL, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "dash"));
    vt_buf_clear(&text);
    vt_buf_putf(
        &text, HEAD "package evil 1 amd64 %llu sha256:%s\n", (unsigned long long)len + 1, hex);
    assert_int_equal(vt_store_put(s, text.data, text.len, &manifest, NULL), VT_OK);
    assert_int_equal(
        vt_environment_root(s, &manifest, at("cache"), NULL, path, NULL, NULL), VT_E_DIGEST);
    vt_buf_release(&text);
    vt_store_free(s);
}

static void
scratch_is_emptied_for_its_owner(void **state)
{
    struct vt_scratch a = {0};
    struct vt_scratch b = {0};
    char file[VT_PATH_MAX];
    struct stat st;

    (void)state;
    assert_int_equal(vt_scratch_make(&a, at("owner"), 1, NULL), VT_OK);
    assert_int_equal(vt_path(file, NULL, "%s/left", a.dir), VT_OK);
    assert_int_equal(vt_file_replace(file, 0644, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_scratch_make(&b, at("owner"), 1, NULL), VT_OK);
    assert_string_equal(a.dir, b.dir);
    assert_false(vt_file_exists(file));
    assert_int_equal(stat(b.dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    vt_scratch_remove(&b);
    assert_int_equal(stat(a.dir, &st), -1);
}

static void
make_root(struct vt_store *s, const struct vt_digest *d, const char *cache,
    char path[VT_PATH_MAX], struct vt_digest *ret)
{
    struct vt_why why = {0};

    if (vt_environment_root(s, d, cache, NULL, path, ret, &why) != VT_OK)
        fail_msg("%s", why.text);
}

/* Two makers with caches of their own: the same root. */
static void
environment_of_real_packages(void **state)
{
    const char *const names[] = {"make"};
    const char *const nothing[] = {"no-such-package-here"};
    const char *const option[] = {"-oDir=/"};
    struct vt_store *s = NULL;
    struct vt_digest d;
    struct vt_digest one;
    struct vt_digest two;
    char path[VT_PATH_MAX];
    char file[VT_PATH_MAX];

    (void)state;
    if (getenv("VT_TEST_APT") == NULL) {
        print_message("VT_TEST_APT is not set: no environment of real packages is made\n");
        skip();
    }
    assert_int_equal(vt_store_open_dir(at("objects"), &s, NULL), VT_OK);
    assert_int_equal(
        vt_environment_resolve(s, nothing, 1, at("cache"), NULL, &d, NULL), VT_E_CONFIG);
    assert_int_equal(
        vt_environment_resolve(s, option, 1, at("cache"), NULL, &d, NULL), VT_E_USAGE);
    assert_int_equal(vt_environment_resolve(s, names, 1, at("cache"), NULL, &d, NULL), VT_OK);
    make_root(s, &d, at("cache"), path, &one);
    assert_int_equal(vt_path(file, NULL, "%s/usr/bin/make", path), VT_OK);
    assert_true(vt_file_exists(file));
    assert_int_equal(vt_path(file, NULL, "%s/etc/hostname", path), VT_OK);
    assert_false(vt_file_exists(file));
    make_root(s, &d, at("cache2"), path, &two);
    assert_true(vt_digest_eq(&one, &two));
    vt_store_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifest_comes_back),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(oversized_manifest_is_refused),
        cmocka_unit_test(missing_manifest_is_told),
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(stanzas_are_read),
        cmocka_unit_test(countless_sources_are_refused),
        cmocka_unit_test(control_file_is_read),
        cmocka_unit_test(odd_packages_are_refused),
        cmocka_unit_test(swapped_package_is_refused),
        cmocka_unit_test(scratch_is_emptied_for_its_owner),
        cmocka_unit_test(environment_of_real_packages),
    };

    return cmocka_run_group_tests_name("environment", tests, set_up, tear_down);
}
