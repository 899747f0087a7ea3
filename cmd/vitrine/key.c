/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include "crypto/pkcs11.h"
#include "crypto/secret.h"
#include "store/key_pair.h"

#include <string.h>

#define TYPE_MLDSA "cosigner-ml-dsa-44"

static const char *
type_name(const struct vt_vkey *v)
{
    switch (v->alg) {
    case VT_NOTE_COSIG_ED25519:
        return "cosigner";
    case VT_NOTE_COSIG_MLDSA44:
        return TYPE_MLDSA;
    case VT_NOTE_PASSKEY:
        return "passkey";
    default:
        return "signer";
    }
}

static json_t *
vkey_json(const struct vt_vkey *v, const char *text)
{
    char id[9];
    char pub[2 * VT_MLDSA_PUBLIC_SIZE + 1];
    const uint8_t be[4] = {
        (uint8_t)(v->id >> 24), (uint8_t)(v->id >> 16), (uint8_t)(v->id >> 8), (uint8_t)v->id};

    vt_hex_encode(be, sizeof be, id);
    if (v->alg == VT_NOTE_PASSKEY)
        vt_hex_encode(v->passkey.point.b, VT_P256_PUBLIC_SIZE, pub);
    else if (v->alg == VT_NOTE_COSIG_MLDSA44)
        vt_hex_encode(v->mldsa->b, VT_MLDSA_PUBLIC_SIZE, pub);
    else
        vt_hex_encode(v->pub.b, VT_PUBKEY_SIZE, pub);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", v->name, "type", type_name(v), "id",
        id, "vkey", text, "public", pub);
}

static int
print_vkey(const struct vt_cmd *c, const struct vt_vkey *v)
{
    char text[VT_VKEY_TEXT_MAX];

    vt_vkey_format(v, text);
    return vt_cmd_done(c, vkey_json(v, text), "%s", text);
}

/* A passphrase for a new key: from a file, or typed twice. */
static enum vt_err
new_passphrase(const char *file, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf again = {.max = VT_PASSPHRASE_MAX, .secret = true};
    enum vt_err err;

    if (file != NULL)
        return vt_passphrase_from_file(file, b, why);
    err = vt_passphrase_ask("new passphrase", b, why);
    if (err == VT_OK)
        err = vt_passphrase_ask("the same again", &again, why);
    if (err == VT_OK && strcmp(vt_buf_str(b), vt_buf_str(&again)) != 0)
        err = vt_fail(why, VT_E_USAGE, "the two passphrases differ; no key was made");
    vt_buf_release(&again);
    return err;
}

struct new_args {
    const char *name;
    const char *type;
    const char *passphrase_file;
    const char *token_uri;
    bool passphrase;
    bool existing;
};

/* Looks before a key is made: one in a token would be left behind. Who has a .vkey file
 * without its key may want to keep it: it is another's. */
static enum vt_err
check_files(const char *path, struct vt_why *why)
{
    char vkey_path[VT_PATH_MAX];
    enum vt_err err = vt_key_pair_vkey_path(path, vkey_path, why);

    if (err == VT_OK && (vt_file_exists(vkey_path) || vt_file_exists(path)))
        err = vt_fail(why, VT_E_EXIST, "%s: is there already; name another file",
            vt_file_exists(path) ? path : vkey_path);
    return err;
}

static enum vt_err
check_args(const struct new_args *a, enum vt_note_alg *ret, struct vt_why *why)
{
    if (strcmp(a->type, "signer") == 0)
        *ret = VT_NOTE_ED25519;
    else if (strcmp(a->type, "cosigner") == 0)
        *ret = VT_NOTE_COSIG_ED25519;
    else if (strcmp(a->type, TYPE_MLDSA) == 0)
        *ret = VT_NOTE_COSIG_MLDSA44;
    else
        return vt_fail(
            why, VT_E_USAGE, "--type %s: must be signer, cosigner or " TYPE_MLDSA, a->type);
    if (a->existing && a->token_uri == NULL)
        return vt_fail(why, VT_E_USAGE, "--existing: of a key in a token: give --token");
    if (a->token_uri != NULL && (a->passphrase || a->passphrase_file != NULL))
        return vt_fail(
            why, VT_E_USAGE, "--token and a passphrase: the token's PIN guards the key");
    if (a->token_uri != NULL && *ret == VT_NOTE_COSIG_MLDSA44)
        return vt_fail(why, VT_E_USAGE, "--token: tokens have no ML-DSA-44 keys");
    return VT_OK;
}

static enum vt_err
make_key(const struct new_args *a, enum vt_note_alg alg, struct vt_token *token,
    struct vt_key **ret, struct vt_why *why)
{
    if (a->existing)
        return vt_key_in_token(a->name, token, ret, why);
    if (token != NULL)
        return vt_key_new_in_token(a->name, token, ret, why);
    return alg == VT_NOTE_COSIG_MLDSA44 ? vt_key_new_mldsa(a->name, ret, why)
                                        : vt_key_new(a->name, ret, why);
}

static enum vt_err
make_pair(const struct new_args *a, const char *path, struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_buf pass = {.max = VT_PASSPHRASE_MAX, .secret = true};
    enum vt_note_alg alg = VT_NOTE_ED25519;
    struct vt_token *token = NULL;
    struct vt_key *k = NULL;
    enum vt_err err = check_args(a, &alg, why);

    if (err == VT_OK)
        err = check_files(path, why);
    if (err == VT_OK && (a->passphrase || a->passphrase_file != NULL))
        err = new_passphrase(a->passphrase_file, &pass, why);
    if (err == VT_OK)
        err = vt_token_open_signing(a->token_uri, &token, why);
    if (err == VT_OK)
        err = make_key(a, alg, token, &k, why);
    if (err == VT_OK)
        err = vt_key_pair_save(path, k, alg, pass.len > 0 ? vt_buf_str(&pass) : NULL, ret, why);
    if (err == VT_OK || a->existing)
        vt_key_free(k);
    else
        vt_key_discard(k);
    vt_token_free(token);
    vt_buf_release(&pass);
    return err;
}

static int
key_new(int argc, char **argv)
{
    struct new_args a = {.type = "signer"};
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "NAME", "the key's name, such as developer.zurich.example",
            &a.name, true},
        {"type", 't', VT_OPT_STR, "TYPE",
            "signer (the default), or cosigner or " TYPE_MLDSA " for the key of a witness",
            &a.type, false},
        {"passphrase", 0, VT_OPT_FLAG, NULL, "encrypt the key; ask for the passphrase",
            &a.passphrase, false},
        {"passphrase-file", 0, VT_OPT_STR, "FILE", "encrypt the key; take FILE's first line",
            &a.passphrase_file, false},
        {"token", 0, VT_OPT_STR, "URI",
            "make the key in this PKCS#11 token; FILE then says where it is", &a.token_uri,
            false},
        {"existing", 0, VT_OPT_FLAG, NULL, "with --token: take the key that is there already",
            &a.existing, false},
        {0},
    };
    struct vt_cmd c = {
        .name = "key new",
        .args = "FILE --name NAME",
        .summary = "Makes an Ed25519 key, writes it to FILE and prints its vkey.",
        .details =
            "FILE is PKCS#8 in PEM after a line with the key's name, for its owner alone. "
            "The vkey goes to the same name with .vkey in place of .key. A key in a token has "
            "the label that the URI gives with object=, or its name; the token's PIN is the "
            "first line of the file that VITRINE_PIN_FILE names, or is asked for.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1,
    };
    struct vt_why why = {0};
    struct vt_vkey v;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = make_pair(&a, c.argv[0], &v, &why);
    return err == VT_OK ? print_vkey(&c, &v) : vt_cmd_fail(&c, err, &why);
}

/* The vkey of a private key: of the type that the .vkey file beside it has,
 * which must be of the same key; without one, of a signer. */
static enum vt_err
vkey_of_private(const char *path, struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_buf pass = {.max = VT_PASSPHRASE_MAX, .secret = true};
    char public_path[VT_PATH_MAX];
    struct vt_key *k = NULL;
    struct vt_vkey beside, is;
    bool encrypted = false;
    enum vt_err err = vt_key_pair_vkey_path(path, public_path, why);

    if (err == VT_OK)
        err = vt_key_file_encrypted(path, &encrypted, why);
    if (err == VT_OK && encrypted)
        err = vt_passphrase_get(path, &pass, why);
    if (err == VT_OK)
        err = vt_key_load(path, encrypted ? vt_buf_str(&pass) : NULL, &k, why);
    vt_buf_release(&pass);
    if (err != VT_OK)
        return err;
    err = vt_key_pair_vkey(
        k, vt_key_mldsa(k) != NULL ? VT_NOTE_COSIG_MLDSA44 : VT_NOTE_ED25519, &is, why);
    if (err == VT_OK && !vt_file_exists(public_path)) {
        *ret = is;
    } else if (err == VT_OK) {
        err = vt_key_pair_load_vkey(public_path, &beside, why);
        if (err == VT_OK &&
            (!vt_pubkey_eq(&beside.pub, &is.pub) || strcmp(beside.name, is.name) != 0))
            err = vt_fail(why, VT_E_CONFIG, "%s: is not the public half of %s; remove it",
                public_path, path);
        if (err == VT_OK)
            *ret = beside;
    }
    vt_key_free(k);
    return err;
}

/* A private key's file says so in its first bytes. */
static enum vt_err
show_file(const char *path, struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_buf b = {.max = 65536, .secret = true};
    struct vt_reader r;
    bool private;
    enum vt_err err = vt_file_read(path, &b, why);

    if (err != VT_OK)
        return err;
    r = VT_READER(b.data, b.len);
    private = vt_reader_skip(&r, "name: ");
    vt_buf_release(&b);
    return private ? vkey_of_private(path, ret, why) : vt_key_pair_load_vkey(path, ret, why);
}

static int
key_show(int argc, char **argv)
{
    struct vt_cmd c = {
        .name = "key show",
        .args = "FILE",
        .summary = "Prints the vkey of a private key's file or of a .vkey file.",
        .details = "The type of a private key is that of the .vkey file beside it, signer "
                   "without one.",
        .args_min = 1,
        .args_max = 1,
    };
    struct vt_why why = {0};
    struct vt_vkey v;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = show_file(c.argv[0], &v, &why);
    return err == VT_OK ? print_vkey(&c, &v) : vt_cmd_fail(&c, err, &why);
}

int
vt_cmd_key(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"new", "make a key", key_new},
        {"show", "print a key's vkey", key_show},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("key", "Makes keys and shows their public halves.", verbs, argc, argv);
}
