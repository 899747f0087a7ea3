/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault key new|show: box keys, which results, shares and exports are
 * sealed to.
 */
#include "vault.h"

#include "base/file.h"
#include "crypto/box.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PUBLIC_FILE_MAX 4096U

static int
print_public(const struct vt_cmd *c, const struct vt_box_public *pub)
{
    char text[VT_BOX_TEXT_MAX];

    vt_box_public_format(pub, text);
    return vt_cmd_done(c, json_pack("{s:s}", "box", text), "%s", text);
}

/* The public half first: where there is a key, there is its public half. */
static enum vt_err
make(const char *path, struct vt_box_public *ret, struct vt_why *why)
{
    char public_path[VT_PATH_MAX];
    char text[VT_BOX_TEXT_MAX];
    char line[VT_BOX_TEXT_MAX + 1];
    struct vt_box *k = NULL;
    enum vt_err err = vt_path(public_path, why, "%s.pub", path);

    if (err != VT_OK)
        return err;
    if (vt_file_exists(path) || vt_file_exists(public_path))
        return vt_fail(why, VT_E_EXIST, "%s: is there already; name another file",
            vt_file_exists(path) ? path : public_path);
    err = vt_box_new(&k, why);
    if (err != VT_OK)
        return err;
    vt_box_public(k, ret);
    vt_box_public_format(ret, text);
    (void)snprintf(line, sizeof line, "%s\n", text);
    err = vt_file_create(public_path, 0644, line, strlen(line), why);
    if (err == VT_OK) {
        err = vt_box_save(k, path, why);
        if (err != VT_OK)
            (void)unlink(public_path);
    }
    vt_box_free(k);
    return err;
}

static int
key_new(int argc, char **argv)
{
    struct vt_cmd c = {.name = "vault key new",
        .args = "FILE",
        .summary = "Makes a box key, to which data is sealed, and prints its public half.",
        .details = "FILE is an age identity (age-encryption.org/v1), for its owner alone; the "
                   "age1... line of its public half goes to FILE.pub. What is sealed to it the "
                   "age program opens too: age -d -i FILE.",
        .args_min = 1,
        .args_max = 1};
    struct vt_box_public pub;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = make(c.argv[0], &pub, &why);
    return err == VT_OK ? print_public(&c, &pub) : vt_cmd_fail(&c, err, &why);
}

enum vt_err
vt_vault_box_read(const char *path, struct vt_box_public *ret, struct vt_why *why)
{
    struct vt_buf b = {.max = PUBLIC_FILE_MAX, .secret = true};
    struct vt_box *k = NULL;
    struct vt_reader line;
    struct vt_reader r;
    enum vt_err err = vt_file_read(path, &b, why);

    if (err != VT_OK)
        goto out;
    r = VT_READER(b.data, b.len);
    if (vt_reader_word(&r, '\n', &line) && r.left == 0 && line.left > 4 &&
        memcmp(line.p, "age1", 4) == 0) {
        err = vt_box_public_parse((const char *)line.p, line.left, ret, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
        goto out;
    }
    err = vt_box_load(path, &k, why);
    if (err == VT_OK)
        vt_box_public(k, ret);
out:
    vt_box_free(k);
    vt_buf_release(&b);
    return err;
}

static int
key_show(int argc, char **argv)
{
    struct vt_cmd c = {.name = "vault key show",
        .args = "FILE",
        .summary = "Prints the age1... line of a box key's file or of its .pub file.",
        .args_min = 1,
        .args_max = 1};
    struct vt_box_public pub;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = vt_vault_box_read(c.argv[0], &pub, &why);
    return err == VT_OK ? print_public(&c, &pub) : vt_cmd_fail(&c, err, &why);
}

int
vt_cmd_vault_key(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"new", "make a box key", key_new},
        {"show", "print a box key's public half", key_show},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs(
        "vault key", "Box keys: what results and shares are sealed to.", verbs, argc, argv);
}
