/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_pair.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VKEY_FILE_MAX 4096U

enum vt_err
vt_key_pair_vkey_path(const char *path, char ret[VT_PATH_MAX], struct vt_why *why)
{
    size_t len = strlen(path);

    if (len > 4 && len < VT_PATH_MAX && strcmp(path + len - 4, ".key") == 0)
        len -= 4;
    return vt_path(ret, why, "%.*s.vkey", (int)(len < VT_PATH_MAX ? len : VT_PATH_MAX), path);
}

static enum vt_err
write_vkey(const char *path, const struct vt_vkey *v, struct vt_why *why)
{
    char vkey[VT_VKEY_TEXT_MAX];
    char text[VT_VKEY_TEXT_MAX + 1];

    vt_vkey_format(v, vkey);
    (void)snprintf(text, sizeof text, "%s\n", vkey);
    return vt_file_replace(path, 0644, text, strlen(text), why);
}

enum vt_err
vt_key_pair_vkey(
    const struct vt_key *k, enum vt_note_alg alg, struct vt_vkey *ret, struct vt_why *why)
{
    const struct vt_mldsa_public *mldsa = vt_key_mldsa(k);
    struct vt_pubkey pub;

    if ((mldsa != NULL) != (alg == VT_NOTE_COSIG_MLDSA44))
        return vt_fail(why, VT_E_USAGE, "the key `%s` cannot be of type %02x: it is of %s",
            vt_key_name(k), (unsigned)alg, mldsa != NULL ? "ML-DSA-44" : "Ed25519");
    if (mldsa != NULL)
        return vt_vkey_make_mldsa(vt_key_name(k), mldsa, ret, why);
    vt_key_public(k, &pub);
    return vt_vkey_make(vt_key_name(k), alg, &pub, ret, why);
}

enum vt_err
vt_key_pair_save(const char *path, const struct vt_key *k, enum vt_note_alg alg,
    const char *passphrase, struct vt_vkey *ret, struct vt_why *why)
{
    char vkey_path[VT_PATH_MAX];
    struct vt_vkey vkey;
    enum vt_err err = vt_key_pair_vkey_path(path, vkey_path, why);

    if (err == VT_OK)
        err = vt_key_pair_vkey(k, alg, &vkey, why);
    if (err != VT_OK)
        return err;
    if (vt_file_exists(path))
        return vt_fail(why, VT_E_EXIST, "there is a key %s already: name another", path);
    err = write_vkey(vkey_path, &vkey, why);
    if (err != VT_OK)
        return err;
    err = vt_key_save(k, path, passphrase, why);
    if (err == VT_OK)
        *ret = vkey;
    else if (err != VT_E_EXIST) /* else another has made a pair meanwhile */
        (void)unlink(vkey_path);
    return err;
}

enum vt_err
vt_key_pair_load_vkey(const char *path, struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VKEY_FILE_MAX);
    struct vt_reader line;
    struct vt_reader r;
    enum vt_err err = vt_file_read(path, &b, why);

    if (err != VT_OK)
        goto out;
    r = VT_READER(b.data, b.len);
    if (!vt_reader_word(&r, '\n', &line) || r.left > 0) {
        err = vt_fail(why, VT_E_CONFIG, "%s: must hold one vkey on one line", path);
        goto out;
    }
    if (vt_vkey_parse((const char *)line.p, line.left, ret, why) != VT_OK)
        err = vt_fail_in(why, VT_E_CONFIG, "%s", path);
out:
    vt_buf_release(&b);
    return err;
}
