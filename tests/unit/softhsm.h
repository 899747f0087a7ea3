/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tokens of SoftHSM2, `vault` (PIN 123456) and `other` (654321), in a folder of our own;
 * none where SoftHSM2 is not installed.
 */
#ifndef VT_TESTS_SOFTHSM_H
#define VT_TESTS_SOFTHSM_H

#include "base/file.h"
#include "base/proc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char uri[VT_PATH_MAX]; /* of the token "vault"; empty: no SoftHSM2 here */
static const char *module;

static const char *
in_dir(const char *name)
{
    static char paths[4][VT_PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 4];

    assert_int_equal(vt_path(p, NULL, "%s/%s", dir, name), VT_OK);
    return p;
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
    assert_int_equal(vt_file_replace(in_dir(name), mode, text, strlen(text), NULL), VT_OK);
}

static bool
init_token(const char *label, const char *pin)
{
    const char *const argv[] = {"softhsm2-util", "--init-token", "--free", "--label", label,
        "--so-pin", "87654321", "--pin", pin, NULL};

    return vt_proc_run(argv, NULL, NULL) == VT_OK;
}

static const char *
find_module(void)
{
    static const char *const paths[] = {"/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so"};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    }
    return NULL;
}

static int
softhsm_set_up(void **state)
{
    struct vt_buf b = VT_BUF(4096);
    (void)state;

    strcpy(dir, "/tmp/vt-p11-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return 1;
    vt_buf_putf(&b, "directories.tokendir = %s/tokens\nobjectstore.backend = file\n", dir);
    write_file("softhsm2.conf", vt_buf_str(&b), 0600);
    vt_buf_release(&b);
    assert_int_equal(mkdir(in_dir("tokens"), 0700), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", in_dir("softhsm2.conf"), 1), 0);
    assert_int_equal(setenv("VITRINE_PIN_FILE", in_dir("pin"), 1), 0);
    write_file("pin", "123456\n", 0600);
    module = find_module();
    if (module != NULL && init_token("vault", "123456") && init_token("other", "654321"))
        return vt_path(uri, NULL, "pkcs11:token=vault?module-path=%s", module) != VT_OK;
    return 0;
}

static int
softhsm_tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(dir, NULL) != VT_OK;
}

static bool
have_token(void)
{
    if (uri[0] != '\0')
        return true;
    print_message("skipped: SoftHSM2 is not installed (scripts/setup test installs it)\n");
    return false;
}

#endif
