/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys in a token, tried with SoftHSM2: as keys, in key files, in the signer process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/key.h"
#include "crypto/key_priv.h"
#include "crypto/pkcs11_priv.h"
#include "crypto/signer.h"
#include "softhsm.h"

#include <dlfcn.h>
#include <pthread.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

/* SoftHSM2 loses the name of the curve at each signature (some 50 bytes). To be told apart from
 * what we would lose it must be found in the whole of the stack, and still be loaded at the
 * end. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2\n";
}

static int
set_up(void **state)
{
    int failed = softhsm_set_up(state);

    if (failed == 0 && module != NULL && dlopen(module, RTLD_NOW | RTLD_NODELETE) == NULL)
        return 1;
    return failed;
}

static struct vt_token *
token(void)
{
    struct vt_token *t = NULL;
    struct vt_why why = {0};

    write_file("pin", "123456\n", 0600);
    if (vt_token_open_signing(uri, &t, &why) != VT_OK)
        fail_msg("%s", why.text);
    return t;
}

static struct vt_key *
new_key(struct vt_token *t, const char *name)
{
    struct vt_key *k = NULL;
    struct vt_why why = {0};

    if (vt_key_new_in_token(name, t, &k, &why) != VT_OK)
        fail_msg("%s", why.text);
    return k;
}

/* A key file of a new key in the token; nothing is open after it. */
static const char *
new_file(const char *name, const char *file)
{
    static char path[VT_PATH_MAX];
    struct vt_token *t = token();
    struct vt_key *k = new_key(t, name);
    struct vt_why why = {0};

    if (vt_key_save(k, in_dir(file), NULL, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_key_free(k);
    vt_token_free(t);
    strcpy(path, in_dir(file));
    return path;
}

static struct vt_key *
load(const char *path)
{
    struct vt_key *k = NULL;
    struct vt_why why = {0};

    if (vt_key_load(path, NULL, &k, &why) != VT_OK)
        fail_msg("%s", why.text);
    return k;
}

static void
assert_signs(const struct vt_key *k)
{
    static const size_t lens[] = {0, 1, 64, 5000, 1U << 20};
    uint8_t *msg = calloc(1, 1U << 20);
    struct vt_pubkey pub;
    struct vt_sig sig;
    struct vt_why why = {0};

    assert_non_null(msg);
    vt_key_public(k, &pub);
    for (size_t i = 0; i < COUNT(lens); i++) {
        memset(msg, (int)i + 1, lens[i]);
        if (vt_key_sign(k, msg, lens[i], &sig, &why) != VT_OK)
            fail_msg("%s", why.text);
        assert_true(vt_pubkey_verify(&pub, msg, lens[i], &sig));
    }
    free(msg);
}

static void
test_key(void **state)
{
    struct vt_pubkey a, b;
    struct vt_token *t;
    struct vt_key *k, *again = NULL;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    t = token();
    assert_string_equal(vt_token_object(t), "");
    k = new_key(t, "site.example/log");
    assert_string_equal(vt_key_name(k), "site.example/log");
    assert_int_equal(vt_key_type(k), VT_KEY_ED25519);
    assert_null(vt_key_mldsa(k));
    assert_signs(k);
    assert_int_equal(vt_key_new_in_token("site.example/log", t, &again, &why), VT_E_EXIST);
    assert_non_null(strstr(why.text, "has a key `site.example/log` already"));
    assert_int_equal(vt_key_in_token("site.example/log", t, &again, &why), VT_OK);
    vt_key_public(k, &a);
    vt_key_public(again, &b);
    assert_true(vt_pubkey_eq(&a, &b));
    assert_signs(again);
    vt_key_free(again);
    again = NULL;
    assert_int_equal(vt_key_in_token("none", t, &again, &why), VT_E_NOENT);
    assert_int_equal(vt_key_new_in_token("a name", t, &again, NULL), VT_E_USAGE);
    assert_int_equal(
        vt_key_new_in_token("0123456789012345678901234567890123456789012345678901234567890123+",
            t, &again, NULL),
        VT_E_USAGE);
    assert_int_equal(vt_key_new_in_token("a.name.of.more.than.the.sixty-four.characters.that.a."
                                         "label.may.have",
                         t, &again, &why),
        VT_E_USAGE);
    assert_non_null(strstr(why.text, "label"));
    assert_null(again);
    /* discarded, it is gone: both halves */
    vt_key_discard(k);
    assert_int_equal(vt_key_in_token("site.example/log", t, &again, NULL), VT_E_NOENT);
    k = new_key(t, "site.example/log");
    vt_key_discard(k);
    vt_token_free(t);
    vt_key_discard(NULL);
}

/* What is made never leaves, and does nothing but sign. */
static void
test_key_stays(void **state)
{
    unsigned char on = 9, off[4] = {9, 9, 9, 9}, value[128];
    ck_object_handle_t key;
    struct vt_token *t;
    struct vt_key *k;
    (void)state;

    if (!have_token())
        return;
    t = token();
    k = new_key(t, "stays");
    assert_int_equal(vt_token_signing_find(t, "stays", &key, NULL), VT_OK);
    struct ck_attribute is[] = {
        {CKA_SENSITIVE, &on, 1},
        {CKA_EXTRACTABLE, &off[0], 1},
        {CKA_DECRYPT, &off[1], 1},
        {CKA_UNWRAP, &off[2], 1},
        {CKA_DERIVE, &off[3], 1},
    };
    struct ck_attribute get = {CKA_VALUE, value, sizeof value};
    assert_int_equal(t->f->C_GetAttributeValue(t->session, key, is, COUNT(is)), CKR_OK);
    assert_int_equal(on, 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(off[i], 0);
    assert_int_equal(
        t->f->C_GetAttributeValue(t->session, key, &get, 1), CKR_ATTRIBUTE_SENSITIVE);
    vt_key_discard(k);
    vt_token_free(t);
}

/* A pair that somebody else made. */
static void
make_foreign(struct vt_token *t, const char *label, bool sensitive, bool sign)
{
    struct ck_mechanism make = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    uint8_t oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    unsigned char on = 1, hidden = sensitive, may = !sensitive, signs = sign;
    struct ck_attribute public[] = {
        {CKA_EC_PARAMS, oid, sizeof oid},
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
        {CKA_TOKEN, &on, 1},
    };
    struct ck_attribute private[] = {
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
        {CKA_TOKEN, &on, 1},
        {CKA_PRIVATE, &on, 1},
        {CKA_SENSITIVE, &hidden, 1},
        {CKA_EXTRACTABLE, &may, 1},
        {CKA_SIGN, &signs, 1},
    };
    ck_object_handle_t a, b;

    assert_int_equal(t->f->C_GenerateKeyPair(t->session, &make, public, COUNT(public), private,
                         COUNT(private), &a, &b),
        CKR_OK);
}

static void
test_foreign_keys(void **state)
{
    struct vt_key *k = NULL;
    struct vt_token *t;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    t = token();
    make_foreign(t, "good", true, true);
    make_foreign(t, "loose", false, true);
    make_foreign(t, "mute", true, false);
    make_foreign(t, "twice", true, true);
    make_foreign(t, "twice", true, true);
    assert_int_equal(vt_key_in_token("good", t, &k, NULL), VT_OK);
    assert_signs(k);
    vt_key_discard(k);
    k = NULL;
    assert_int_equal(vt_key_in_token("loose", t, &k, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "not extractable"));
    assert_int_equal(vt_key_in_token("mute", t, &k, NULL), VT_E_REFUSED);
    assert_int_equal(vt_key_in_token("twice", t, &k, &why), VT_E_STATE);
    assert_non_null(strstr(why.text, "has 2 keys"));
    assert_null(k);
    vt_token_signing_destroy(t, "loose");
    vt_token_signing_destroy(t, "mute");
    vt_token_signing_destroy(t, "twice");
    assert_int_equal(vt_key_in_token("twice", t, &k, NULL), VT_E_NOENT);
    vt_token_free(t);
}

/* ---- key files ---- */

static void
test_file(void **state)
{
    struct vt_buf b = VT_BUF(8192);
    const char *path;
    struct vt_key *k;
    struct vt_why why = {0};
    bool encrypted = true;
    (void)state;

    if (!have_token())
        return;
    path = new_file("site.example/log", "log.key");
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_non_null(strstr(vt_buf_str(&b), "name: site.example/log\ntoken: pkcs11:token=vault;"
                                           "object=site.example%2Flog?module-path="));
    assert_non_null(strstr(vt_buf_str(&b), "\npublic: "));
    assert_int_equal(vt_key_file_encrypted(path, &encrypted, NULL), VT_OK);
    assert_false(encrypted);
    k = load(path);
    assert_string_equal(vt_key_name(k), "site.example/log");
    assert_signs(k);
    /* written again from what was loaded, it is the same */
    struct vt_buf again = VT_BUF(8192);
    assert_int_equal(vt_key_save(k, in_dir("again.key"), NULL, &why), VT_OK);
    assert_int_equal(vt_file_read(in_dir("again.key"), &again, NULL), VT_OK);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    assert_int_equal(vt_key_save(k, in_dir("again.key"), NULL, &why), VT_E_EXIST);
    assert_int_equal(vt_key_save(k, in_dir("other.key"), "secret", &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "PIN guards it"));
    assert_false(vt_file_exists(in_dir("other.key")));
    vt_key_discard(k);
    vt_buf_release(&b);
    vt_buf_release(&again);
}

static enum vt_err
load_text(const char *text, struct vt_why *why)
{
    struct vt_key *k = NULL;
    enum vt_err err;

    write_file("text.key", text, 0600);
    err = vt_key_load(in_dir("text.key"), NULL, &k, why);
    assert_true((k == NULL) == (err != VT_OK));
    vt_key_free(k);
    return err;
}

#define PUBLIC "public: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static void
test_files_refused(void **state)
{
    static const char *const bad[] = {
        "name: a\ntoken: ",
        "name: a\ntoken: \n" PUBLIC,
        "name: a\ntoken: pkcs11:token=vault;object=a\n",
        "name: a\ntoken: pkcs11:token=vault;object=a\npublic: AAAA\n",
        "name: a\ntoken: pkcs11:token=vault;object=a\n" PUBLIC "\n",
        "name: a\ntoken: pkcs11:token=vault;object=a\n" PUBLIC PUBLIC,
        "name: a\ntoken: pkcs11:token=vault;object=a b\n" PUBLIC,
        "name: a\ntoken:pkcs11:token=vault;object=a\n" PUBLIC,
        "name: a\ntoken: vault\n" PUBLIC,
        "name: a\ntoken: pkcs11:token=vault;object=a?pin-value=123456\n" PUBLIC,
        "name: a\ntoken: pkcs11:token=vault;object=a;id=%01\n" PUBLIC,
        "name: a\ntoken: pkcs11:token=vault;object=\n" PUBLIC,
        "name: a\ntoken: pkcs11:token=vault;object=a?module-path=/nowhere/none.so\n" PUBLIC,
        "token: pkcs11:token=vault;object=a\n" PUBLIC,
    };
    char *huge = malloc(9000);
    struct vt_why why = {0};
    (void)state;

    assert_non_null(huge);
    for (size_t i = 0; i < COUNT(bad); i++) {
        why.text[0] = '\0';
        if (load_text(bad[i], &why) != VT_E_CONFIG)
            fail_msg("%s\n%s", bad[i], why.text);
        assert_non_null(strstr(why.text, "text.key"));
        assert_null(strstr(why.text, "123456"));
    }
    memset(huge, 'x', 8999);
    memcpy(huge, "name: a\ntoken: ", 15);
    strcpy(huge + 8000, "\n" PUBLIC);
    assert_int_equal(load_text(huge, &why), VT_E_CONFIG);
    free(huge);
}

/* What is wrong is said: which token, which key, what to do. */
static void
test_file_errors(void **state)
{
    struct vt_buf b = VT_BUF(8192);
    char *public;
    struct vt_key *k;
    struct vt_why why = {0};
    const char *path;
    (void)state;

    if (!have_token())
        return;
    path = new_file("errors", "errors.key");
    write_file("pin", "999999\n", 0600);
    assert_int_equal(vt_key_load(path, NULL, &k, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "token `vault` refuses the PIN"));
    assert_non_null(strstr(why.text, path));
    write_file("pin", "123456\n", 0600);
    /* another's public half */
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    public = strstr((char *)b.data, "public: ");
    assert_non_null(public);
    public[12] = public[12] == 'A' ? 'B' : 'A';
    assert_int_equal(load_text(vt_buf_str(&b), &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "is not the one whose public half is here"));
    /* the key is gone */
    k = load(path);
    vt_key_discard(k);
    assert_int_equal(vt_key_load(path, NULL, &k, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "token `vault` has no Ed25519 key `errors`"));
    /* the token is gone */
    struct vt_buf other = VT_BUF(8192);
    vt_buf_putf(&other, "name: a\ntoken: pkcs11:token=nothing;object=a?module-path=%s\n" PUBLIC,
        module);
    assert_int_equal(load_text(vt_buf_str(&other), &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "plugged in"));
    vt_buf_clear(&other);
    vt_buf_putf(&other, "name: a\ntoken: pkcs11:token=vault?module-path=%s\n" PUBLIC, module);
    assert_int_equal(load_text(vt_buf_str(&other), &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "object=LABEL"));
    vt_buf_release(&other);
    vt_buf_release(&b);
}

/* ---- URIs with an object ---- */

static void
test_object(void **state)
{
    char with[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(8192);
    struct vt_token *t = NULL;
    struct vt_key *k;
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(vt_token_open_signing(NULL, &t, NULL), VT_OK);
    assert_null(t);
    if (!have_token())
        return;
    write_file("pin", "123456\n", 0600);
    assert_int_equal(
        vt_path(with, NULL, "pkcs11:object=my%%2Bkey;token=vault?module-path=%s", module),
        VT_OK);
    assert_int_equal(vt_token_open(with, &t, &why), VT_E_CONFIG); /* for wrapping: none */
    assert_null(t);
    assert_int_equal(vt_token_open_signing(with, &t, &why), VT_OK);
    assert_string_equal(vt_token_object(t), "my+key");
    k = new_key(t, "another.name");
    assert_int_equal(vt_key_save(k, in_dir("object.key"), NULL, NULL), VT_OK);
    vt_key_free(k);
    vt_token_free(t);
    assert_int_equal(vt_file_read(in_dir("object.key"), &b, NULL), VT_OK);
    assert_non_null(
        strstr(vt_buf_str(&b), "token: pkcs11:token=vault;object=my%2Bkey?module-path="));
    k = load(in_dir("object.key"));
    assert_string_equal(vt_key_name(k), "another.name");
    vt_key_discard(k);
    vt_buf_release(&b);
}

/* ---- sessions that are lost ---- */

/* Behind the back of p11-kit, which keeps the sessions of its users apart: as when the token is
 * unplugged. */
static void
lose_sessions(void)
{
    ck_rv_t (*list)(struct ck_function_list **);
    struct ck_function_list *raw = NULL;
    ck_slot_id_t slot[8];
    unsigned long n = COUNT(slot);
    void *lib = dlopen(module, RTLD_NOW | RTLD_LOCAL);

    assert_non_null(lib);
    *(void **)&list = dlsym(lib, "C_GetFunctionList");
    assert_non_null(list);
    assert_int_equal(list(&raw), CKR_OK);
    assert_int_equal(raw->C_GetSlotList(1, slot, &n), CKR_OK);
    for (unsigned long i = 0; i < n; i++)
        assert_int_equal(raw->C_CloseAllSessions(slot[i]), CKR_OK);
    assert_int_equal(dlclose(lib), 0);
}

static void
test_session_lost(void **state)
{
    struct vt_key *k;
    struct vt_sig sig;
    struct vt_why why = {0};
    (void)state;

    if (!have_token())
        return;
    k = load(new_file("lost", "lost.key"));
    assert_signs(k);
    lose_sessions();
    assert_signs(k);
    lose_sessions();
    assert_signs(k);
    /* with another PIN it is tried once, and never again */
    lose_sessions();
    write_file("pin", "999999\n", 0600);
    assert_int_equal(vt_key_sign(k, "x", 1, &sig, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "key lost"));
    assert_non_null(strstr(why.text, "refuses the PIN"));
    write_file("pin", "123456\n", 0600);
    assert_int_equal(vt_key_sign(k, "x", 1, &sig, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "start anew"));
    vt_key_free(k);
    k = load(in_dir("lost.key"));
    assert_signs(k);
    vt_key_discard(k);
}

/* ---- threads, and the signer process ---- */

static void *
sign_often(void *ctx)
{
    const struct vt_key *k = ctx;
    struct vt_pubkey pub;
    struct vt_sig sig;

    vt_key_public(k, &pub);
    for (unsigned i = 0; i < 20; i++) {
        if (vt_key_sign(k, &i, sizeof i, &sig, NULL) != VT_OK ||
            !vt_pubkey_verify(&pub, &i, sizeof i, &sig))
            return NULL;
    }
    return ctx;
}

static void
test_threads(void **state)
{
    pthread_t t[3];
    struct vt_key *k;
    void *ok = NULL;
    (void)state;

    if (!have_token())
        return;
    k = load(new_file("threads", "threads.key"));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, sign_often, k), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_ptr_equal(ok, k);
    }
    vt_key_discard(k);
}

/* The process is confined before it opens the token. */
static void
test_signer_process(void **state)
{
    static const char text[] = "process\n5\n" ROOT "\n";
    const struct vt_slice msg[3] = {
        {text, sizeof text - 1}, {text, sizeof text - 1}, {text, sizeof text - 1}};
    struct vt_signer *s = NULL;
    struct vt_sig sig[3];
    struct vt_why why = {0};
    const char *path;
    (void)state;

    if (!have_token())
        return;
    path = new_file("process", "process.key");
    if (vt_signer_spawn(path, VT_SIGN_BIT(VT_SIGN_CHECKPOINT), &s, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_string_equal(vt_signer_name(s), "process");
    assert_int_equal(vt_signer_sign_all(s, VT_SIGN_CHECKPOINT, msg, 3, sig, &why), VT_OK);
    for (size_t i = 0; i < 3; i++)
        assert_true(vt_pubkey_verify(vt_signer_public(s), text, sizeof text - 1, &sig[i]));
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_ENTRY, text, sizeof text - 1, sig, &why), VT_E_REFUSED);
    vt_signer_free(s);
    s = NULL;
    write_file("pin", "000000\n", 0600);
    assert_int_equal(vt_signer_spawn(path, ~0U, &s, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "refuses the PIN"));
    assert_null(s);
    write_file("pin", "123456\n", 0600);
    vt_key_discard(load(path));
}

/* ---- tokens that are not as they should be: the calls of a module, some replaced ---- */

static struct ck_function_list mine;
static ck_rv_t point_rv;
static unsigned long point_len;
static uint8_t point[40];

static ck_rv_t
no_eddsa(ck_slot_id_t slot, ck_mechanism_type_t type, struct ck_mechanism_info *info)
{
    (void)slot;
    (void)info;
    return type == CKM_EDDSA ? CKR_MECHANISM_INVALID : CKR_OK;
}

static ck_rv_t
give_point(ck_session_handle_t session, ck_object_handle_t key, struct ck_attribute *v,
    unsigned long n)
{
    (void)session;
    (void)key;
    assert_int_equal(n, 1);
    if (point_rv != CKR_OK || v[0].value_len < point_len)
        return point_rv != CKR_OK ? point_rv : CKR_BUFFER_TOO_SMALL;
    memcpy(v[0].value, point, point_len);
    v[0].value_len = point_len;
    return CKR_OK;
}

static ck_rv_t
find_one_init(ck_session_handle_t session, struct ck_attribute *v, unsigned long n)
{
    (void)session;
    (void)v;
    (void)n;
    return CKR_OK;
}

static ck_rv_t
find_one(ck_session_handle_t session, ck_object_handle_t *ret, unsigned long max,
    unsigned long *ret_n)
{
    (void)session;
    assert_true(max > 0);
    ret[0] = 7;
    *ret_n = 1;
    return CKR_OK;
}

static ck_rv_t
find_one_final(ck_session_handle_t session)
{
    (void)session;
    return CKR_OK;
}

/* Both encodings of a public key are in use. */
static void
test_points(void **state)
{
    struct vt_token t = {.f = &mine, .name = "fake"};
    struct vt_pubkey pub;
    struct vt_why why = {0};
    (void)state;

    mine = (struct ck_function_list){.C_GetAttributeValue = give_point,
        .C_FindObjectsInit = find_one_init,
        .C_FindObjects = find_one,
        .C_FindObjectsFinal = find_one_final,
        .C_GetMechanismInfo = no_eddsa};
    assert_int_equal(vt_token_has_ed25519(&t, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "token `fake` cannot sign by Ed25519"));
    for (size_t i = 0; i < sizeof point; i++)
        point[i] = (uint8_t)(i + 100);
    point_rv = CKR_OK;
    point_len = 32;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, NULL), VT_OK);
    assert_memory_equal(pub.b, point, 32);
    point[0] = 0x04;
    point[1] = 32;
    point_len = 34;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, NULL), VT_OK);
    assert_memory_equal(pub.b, point + 2, 32);
    point[0] = 0x03;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, &why), VT_E_IO);
    point[0] = 0x04;
    point[1] = 33;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, &why), VT_E_IO);
    point_len = 33;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, &why), VT_E_IO);
    point_len = 0;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, &why), VT_E_IO);
    point_len = 40; /* of another curve */
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, &why), VT_E_IO);
    point_rv = CKR_DEVICE_ERROR;
    assert_int_equal(vt_token_signing_public(&t, "k", &pub, &why), VT_E_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_key_stays),
        cmocka_unit_test(test_foreign_keys),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_files_refused),
        cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_session_lost),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_signer_process),
        cmocka_unit_test(test_points),
    };
    return cmocka_run_group_tests(tests, set_up, softhsm_tear_down);
}
