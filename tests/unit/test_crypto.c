/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, Ed25519, key files, what may be signed, the signer process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "crypto/digest.h"
#include "crypto/secret.h"
#include "crypto/signer.h"

#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char dir[] = "/tmp/vt-crypto-XXXXXX";

static int
set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/vt-crypto-XXXXXX");
    (void)unsetenv("VITRINE_PASSPHRASE_FILE");
    return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(dir, NULL) != VT_OK;
}

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
from_hex(const char *hex, uint8_t *ret, size_t size)
{
    size_t len = 0;

    assert_true(vt_hex_decode(hex, strlen(hex), ret, size, &len));
}

/* FIPS 180-4 examples. */
static const struct {
    const char *text;
    const char *hex;
} digests[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void
test_digest_vectors(void **state)
{
    struct vt_hasher *h = NULL;
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    struct vt_digest want;
    (void)state;

    assert_int_equal(vt_hasher_new(&h, NULL), VT_OK);
    for (size_t i = 0; i < COUNT(digests); i++) {
        const char *s = digests[i].text;
        const struct vt_slice pieces[] = {
            {s, strlen(s) / 2}, {"", 0}, {s + strlen(s) / 2, strlen(s) - strlen(s) / 2}};
        assert_true(vt_digest_from_hex(digests[i].hex, 64, &want));
        vt_digest_of(s, strlen(s), &d);
        assert_true(vt_digest_eq(&d, &want));
        vt_digest_of_slices(pieces, COUNT(pieces), &d);
        assert_true(vt_digest_eq(&d, &want));
        for (const char *p = s; *p != '\0'; p++)
            vt_hasher_put(h, p, 1);
        vt_hasher_end(h, &d);
        assert_true(vt_digest_eq(&d, &want));
        vt_digest_hex(&d, hex);
        assert_string_equal(hex, digests[i].hex);
    }
    vt_hasher_free(h);
    vt_hasher_free(NULL);
}

static void
test_digest_of_a_million_and_of_files(void **state)
{
    static const char want[] =
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    char *a = malloc(1000000);
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    struct vt_why why;
    uint64_t len = 0;
    (void)state;

    assert_non_null(a);
    memset(a, 'a', 1000000);
    vt_digest_of(a, 1000000, &d);
    vt_digest_hex(&d, hex);
    assert_string_equal(hex, want);
    assert_int_equal(vt_file_replace(in_dir("a"), 0644, a, 1000000, NULL), VT_OK);
    assert_int_equal(vt_digest_of_file(in_dir("a"), &d, &len, &why), VT_OK);
    vt_digest_hex(&d, hex);
    assert_string_equal(hex, want);
    assert_int_equal(len, 1000000);
    assert_int_equal(vt_digest_of_file(in_dir("a"), &d, NULL, &why), VT_OK);
    assert_int_equal(vt_digest_of_file(in_dir("gone"), &d, &len, &why), VT_E_NOENT);
    assert_int_equal(vt_digest_of_file(dir, &d, &len, &why), VT_E_IO);
    assert_non_null(strstr(why.text, dir));
    vt_digest_hex(&d, hex);
    assert_string_equal(hex, want);
    free(a);
}

static void
test_digest_hex_is_strict(void **state)
{
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    struct vt_digest other;
    (void)state;

    memcpy(hex, digests[1].hex, sizeof hex);
    assert_false(vt_digest_from_hex(hex, 63, &d));
    assert_false(vt_digest_from_hex(hex, 62, &d));
    assert_true(vt_digest_from_hex(hex, 64, &d));
    hex[0] = 'B';
    assert_false(vt_digest_from_hex(hex, 64, &other));
    hex[0] = 'c';
    assert_true(vt_digest_from_hex(hex, 64, &other));
    assert_true(vt_digest_cmp(&d, &other) < 0 && vt_digest_cmp(&other, &d) > 0);
    assert_int_equal(vt_digest_cmp(&d, &d), 0);
    assert_false(vt_digest_eq(&d, &other));
}

static void *
hash_often(void *ctx)
{
    struct vt_digest d;
    struct vt_digest want;

    if (!vt_digest_from_hex(digests[1].hex, 64, &want))
        return NULL;
    for (int i = 0; i < 2000; i++) {
        vt_digest_of("abc", 3, &d);
        if (!vt_digest_eq(&d, &want))
            return NULL;
    }
    return ctx;
}

static void
test_digest_in_threads(void **state)
{
    pthread_t t[4];
    void *result;
    (void)state;

    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, hash_often, t), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        assert_int_equal(pthread_join(t[i], &result), 0);
        assert_ptr_equal(result, t);
    }
}

static void
test_random_and_wipe(void **state)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    (void)state;

    assert_int_equal(vt_random(a, sizeof a, NULL), VT_OK);
    assert_int_equal(vt_random(b, sizeof b, NULL), VT_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(vt_random(a, SIZE_MAX, NULL), VT_E_CRYPTO);
    vt_wipe(a, sizeof a);
    memset(b, 0, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

/* RFC 8032 section 7.1, TEST 1, 2, 3 and SHA(abc). */
static const struct {
    const char *seed;
    const char *pub;
    const char *msg;
    const char *sig;
} ed25519[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
        "701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
        "13d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7"
        "6098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c"
        "23a3"
        "feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7"
        "c664"
        "31e0303dca179c138ac17ad9bef1177331a704"},
};

static void
test_ed25519_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ed25519); i++) {
        uint8_t seed[32];
        uint8_t msg[64];
        size_t msg_len = strlen(ed25519[i].msg) / 2;
        struct vt_key *k = NULL;
        struct vt_pubkey pub;
        struct vt_pubkey want_pub;
        struct vt_sig sig;
        struct vt_sig want_sig;
        from_hex(ed25519[i].seed, seed, sizeof seed);
        from_hex(ed25519[i].pub, want_pub.b, sizeof want_pub.b);
        from_hex(ed25519[i].msg, msg, sizeof msg);
        from_hex(ed25519[i].sig, want_sig.b, sizeof want_sig.b);
        assert_int_equal(vt_key_from_seed("test", seed, &k, NULL), VT_OK);
        vt_key_public(k, &pub);
        assert_true(vt_pubkey_eq(&pub, &want_pub));
        assert_int_equal(vt_key_sign(k, msg, msg_len, &sig, NULL), VT_OK);
        assert_memory_equal(sig.b, want_sig.b, sizeof sig.b);
        assert_true(vt_pubkey_verify(&pub, msg, msg_len, &sig));
        vt_key_free(k);
    }
}

static void
test_verify_refuses(void **state)
{
    struct vt_pubkey pub;
    struct vt_pubkey other;
    struct vt_sig sig;
    struct vt_sig bad;
    (void)state;

    from_hex(ed25519[1].pub, pub.b, sizeof pub.b);
    from_hex(ed25519[0].pub, other.b, sizeof other.b);
    from_hex(ed25519[1].sig, sig.b, sizeof sig.b);
    assert_true(vt_pubkey_verify(&pub, "r", 1, &sig));
    assert_false(vt_pubkey_verify(&pub, "s", 1, &sig));
    assert_false(vt_pubkey_verify(&pub, "rr", 2, &sig));
    assert_false(vt_pubkey_verify(&pub, "", 0, &sig));
    assert_false(vt_pubkey_verify(&other, "r", 1, &sig));
    assert_false(vt_pubkey_eq(&pub, &other));
    for (size_t i = 0; i < sizeof sig.b; i++) {
        bad = sig;
        bad.b[i] ^= 1;
        assert_false(vt_pubkey_verify(&pub, "r", 1, &bad));
    }
    /* s and s + L are the same number of the group: only the least one passes */
    {
        static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
            0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
        unsigned carry = 0;
        bad = sig;
        for (size_t i = 0; i < 32; i++) {
            carry += (unsigned)bad.b[32 + i] + order[i];
            bad.b[32 + i] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_false(vt_pubkey_verify(&pub, "r", 1, &bad));
    }
    memset(other.b, 0xff, sizeof other.b);
    assert_false(vt_pubkey_verify(&other, "r", 1, &sig));
}

static void
test_key_names(void **state)
{
    static const char *const good[] = {"a", "zurich.example/log", "x~!#", "0"};
    static const char *const bad[] = {
        "", " ", "a b", "a+b", "a\"b", "a\n", "caf\xc3\xa9", "\x7f", "a\tb"};
    char longer[VT_KEY_NAME_MAX + 2];
    struct vt_key *k = NULL;
    (void)state;

    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(vt_key_name_valid(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(vt_key_name_valid(bad[i]));
        assert_int_equal(vt_key_new(bad[i], &k, NULL), VT_E_USAGE);
    }
    assert_null(k);
    memset(longer, 'n', sizeof longer);
    longer[VT_KEY_NAME_MAX] = '\0';
    assert_true(vt_key_name_valid(longer));
    longer[VT_KEY_NAME_MAX] = 'n';
    longer[VT_KEY_NAME_MAX + 1] = '\0';
    assert_false(vt_key_name_valid(longer));
}

static struct vt_key *
new_key(const char *name)
{
    struct vt_key *k = NULL;

    assert_int_equal(vt_key_new(name, &k, NULL), VT_OK);
    return k;
}

static void
assert_same_key(const struct vt_key *a, const struct vt_key *b)
{
    struct vt_pubkey pa;
    struct vt_pubkey pb;

    vt_key_public(a, &pa);
    vt_key_public(b, &pb);
    assert_true(vt_pubkey_eq(&pa, &pb));
    assert_string_equal(vt_key_name(a), vt_key_name(b));
}

static void
test_key_file_round_trip(void **state)
{
    struct vt_key *k = new_key("zurich.example/log");
    struct vt_key *again = NULL;
    struct vt_buf b = VT_BUF(65536);
    bool encrypted = true;
    struct stat st;
    struct vt_why why;
    mode_t old = umask(0);
    (void)state;

    assert_int_equal(vt_key_save(k, in_dir("k"), NULL, &why), VT_OK);
    (void)umask(old);
    assert_int_equal(stat(in_dir("k"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(vt_file_read(in_dir("k"), &b, NULL), VT_OK);
    assert_ptr_equal(
        strstr(vt_buf_str(&b), "name: zurich.example/log\n-----BEGIN PRIVATE KEY-----\n"),
        vt_buf_str(&b));
    assert_int_equal(vt_key_file_encrypted(in_dir("k"), &encrypted, &why), VT_OK);
    assert_false(encrypted);
    assert_int_equal(vt_key_load(in_dir("k"), NULL, &again, &why), VT_OK);
    assert_same_key(k, again);
    vt_key_free(again);
    again = NULL;
    assert_int_equal(chmod(in_dir("k"), 0400), 0);
    assert_int_equal(vt_key_load(in_dir("k"), "needless", &again, &why), VT_OK);
    assert_same_key(k, again);
    vt_key_free(again);
    assert_int_equal(vt_key_save(k, in_dir("k"), NULL, &why), VT_E_EXIST);
    assert_int_equal(vt_key_save(k, in_dir("no/k"), NULL, &why), VT_E_NOENT);
    vt_buf_release(&b);
    vt_key_free(k);
    vt_key_free(NULL);
}

static void
test_key_file_under_a_passphrase(void **state)
{
    struct vt_key *k = new_key("secret");
    struct vt_key *again = NULL;
    struct vt_buf b = VT_BUF(65536);
    char longer[VT_PASSPHRASE_MAX + 2];
    bool encrypted = false;
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_key_save(k, in_dir("k"), "correct horse", &why), VT_OK);
    assert_int_equal(vt_file_read(in_dir("k"), &b, NULL), VT_OK);
    assert_non_null(strstr(vt_buf_str(&b), "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    vt_buf_release(&b);
    assert_int_equal(vt_key_file_encrypted(in_dir("k"), &encrypted, &why), VT_OK);
    assert_true(encrypted);
    assert_int_equal(vt_key_load(in_dir("k"), NULL, &again, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "encrypted; it needs its passphrase"));
    assert_int_equal(vt_key_load(in_dir("k"), "wrong", &again, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "passphrase is not that of this key"));
    assert_int_equal(vt_key_load(in_dir("k"), "", &again, &why), VT_E_REFUSED);
    assert_null(again);
    assert_int_equal(vt_key_load(in_dir("k"), "correct horse", &again, &why), VT_OK);
    assert_same_key(k, again);
    vt_key_free(again);
    assert_int_equal(vt_key_save(k, in_dir("e"), "", &why), VT_E_USAGE);
    memset(longer, 'p', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(vt_key_save(k, in_dir("e"), longer, &why), VT_E_USAGE);
    assert_false(vt_file_exists(in_dir("e")));
    vt_key_free(k);
}

static void
test_openssl_reads_key_files(void **state)
{
    const char *const plain[] = {
        "openssl", "pkey", "-in", in_dir("p"), "-pubout", "-outform", "DER", NULL};
    const char *const sealed[] = {"openssl", "pkey", "-in", in_dir("e"), "-passin",
        "pass:horse", "-pubout", "-outform", "DER", NULL};
    struct vt_buf out = VT_BUF(4096);
    struct vt_proc_opts o = {.output = &out};
    struct vt_key *k = new_key("for.openssl");
    struct vt_pubkey pub;
    const char *const version[] = {"openssl", "version", NULL};
    (void)state;

    if (vt_proc_run(version, &o, NULL) != VT_OK) {
        vt_key_free(k);
        vt_buf_release(&out);
        print_message("openssl(1) is not installed\n");
        skip();
    }
    assert_int_equal(vt_key_save(k, in_dir("p"), NULL, NULL), VT_OK);
    assert_int_equal(vt_key_save(k, in_dir("e"), "horse", NULL), VT_OK);
    vt_key_public(k, &pub);
    for (int i = 0; i < 2; i++) {
        struct vt_why why = {0};
        vt_buf_clear(&out);
        if (vt_proc_run(i == 0 ? plain : sealed, &o, &why) != VT_OK)
            fail_msg("%s", why.text);
        assert_true(out.len > VT_PUBKEY_SIZE);
        assert_memory_equal(out.data + out.len - VT_PUBKEY_SIZE, pub.b, VT_PUBKEY_SIZE);
    }
    vt_buf_release(&out);
    vt_key_free(k);
}

static void
test_key_file_permissions(void **state)
{
    static const mode_t bad[] = {0640, 0604, 0610, 0601, 0620, 0644, 0777};
    struct vt_key *k = new_key("k");
    struct vt_key *again = NULL;
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_key_save(k, in_dir("k"), NULL, NULL), VT_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(chmod(in_dir("k"), bad[i]), 0);
        assert_int_equal(vt_key_load(in_dir("k"), NULL, &again, &why), VT_E_CONFIG);
        assert_non_null(strstr(why.text, "chmod 600"));
    }
    assert_int_equal(chmod(in_dir("k"), 0600), 0);
    assert_int_equal(symlink("k", in_dir("link")), 0);
    assert_int_equal(vt_key_load(in_dir("link"), NULL, &again, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "symbolic link"));
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_int_equal(vt_key_load(in_dir("fifo"), NULL, &again, &why), VT_E_CONFIG);
    assert_int_equal(vt_key_load(dir, NULL, &again, &why), VT_E_CONFIG);
    assert_int_equal(vt_key_load(in_dir("gone"), NULL, &again, &why), VT_E_NOENT);
    if (geteuid() == 0) {
        assert_int_equal(chown(in_dir("k"), 12345, 12345), 0);
        assert_int_equal(vt_key_load(in_dir("k"), NULL, &again, &why), VT_E_CONFIG);
        assert_non_null(strstr(why.text, "belongs to user 12345"));
    }
    assert_null(again);
    vt_key_free(k);
}

static void
test_key_file_contents_refused(void **state)
{
#define P256                                                                                   \
    "-----BEGIN PRIVATE KEY-----\n"                                                            \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAQIDBAUGBwgJCgsM\n"                       \
    "DQ4PEBESExQVFhcYGRobHB0eHyChRANCAARRXD0rFMDq89jq6unq3qBHRr5Lw5QC\n"                       \
    "bRqYRgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"                       \
    "-----END PRIVATE KEY-----\n"
#define ED                                                                                     \
    "-----BEGIN PRIVATE KEY-----\n"                                                            \
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"                       \
    "-----END PRIVATE KEY-----\n"
    static const char *const bad[] = {"", "name: x\n", ED, "name: \n" ED, "name: a b\n" ED,
        "name:x\n" ED, "Name: x\n" ED, "name: x\r\n" ED, "name: x\n" P256,
        "name: x\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "name: x\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
        "KEY-----\n",
        "name: x\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "name: x\n" ED ED, "name: x\n" ED "more\n"};
    struct vt_key *k = NULL;
    struct vt_why why;
    char *large = calloc(1, 20000);
    (void)state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(
            vt_file_replace(in_dir("k"), 0600, bad[i], strlen(bad[i]), NULL), VT_OK);
        assert_int_equal(vt_key_load(in_dir("k"), "pass", &k, &why), VT_E_CONFIG);
        assert_non_null(strstr(why.text, "/k: "));
        assert_null(k);
    }
    assert_int_equal(
        vt_file_replace(in_dir("k"), 0600, "name: x\n" ED, strlen("name: x\n" ED), NULL),
        VT_OK);
    assert_int_equal(vt_key_load(in_dir("k"), NULL, &k, &why), VT_OK);
    vt_key_free(k);
    k = NULL;
    assert_non_null(large);
    assert_int_equal(vt_file_replace(in_dir("k"), 0600, large, 20000, NULL), VT_OK);
    assert_int_equal(vt_key_load(in_dir("k"), NULL, &k, &why), VT_E_LIMIT);
    free(large);
}

static void
test_passphrase_file(void **state)
{
    struct vt_buf b = VT_BUF(VT_PASSPHRASE_MAX);
    struct vt_why why;
    (void)state;

    assert_int_equal(
        vt_file_replace(in_dir("p"), 0600, "first line\nsecond\n", 18, NULL), VT_OK);
    assert_int_equal(vt_passphrase_from_file(in_dir("p"), &b, &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "first line");
    assert_true(b.secret);
    vt_buf_clear(&b);
    assert_int_equal(setenv("VITRINE_PASSPHRASE_FILE", in_dir("p"), 1), 0);
    assert_int_equal(vt_passphrase_get("x", &b, &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "first line");
    vt_buf_clear(&b);
    assert_int_equal(vt_file_replace(in_dir("p"), 0600, "no newline", 10, NULL), VT_OK);
    assert_int_equal(vt_passphrase_from_file(in_dir("p"), &b, &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "no newline");
    vt_buf_clear(&b);
    assert_int_equal(vt_file_replace(in_dir("p"), 0600, "\nx\n", 3, NULL), VT_OK);
    assert_int_equal(vt_passphrase_from_file(in_dir("p"), &b, &why), VT_E_CONFIG);
    assert_int_equal(vt_file_replace(in_dir("p"), 0600, "a\0b\n", 4, NULL), VT_OK);
    assert_int_equal(vt_passphrase_from_file(in_dir("p"), &b, &why), VT_E_CONFIG);
    assert_int_equal(vt_file_replace(in_dir("p"), 0644, "x\n", 2, NULL), VT_OK);
    assert_int_equal(vt_passphrase_from_file(in_dir("p"), &b, &why), VT_E_CONFIG);
    assert_int_equal(vt_passphrase_from_file(in_dir("gone"), &b, &why), VT_E_NOENT);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
}

/* What may be signed. */

#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define TUF "{\"_type\":\"targets\",\"spec_version\":\"1.0.31\",\"version\":1}"

static const struct {
    enum vt_sign_kind kind;
    const char *msg;
} good_forms[] = {
    {VT_SIGN_CHECKPOINT, "me/log\n0\n" ROOT "\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n9223372036854775807\n" ROOT "\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime 1700000000\nother\n5\n" ROOT "\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime 0\nother\n5\n" ROOT "\nextension\n"},
    {VT_SIGN_ENTRY, "vitrine/entry/v1\nkind source\nstatement sha256:00\n"},
    {VT_SIGN_DSSE, "DSSEv1 28 application/vnd.in-toto+json 2 {}"},
    {VT_SIGN_TUF, TUF},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\nid 00\n"},
    {VT_SIGN_VAULT, "vitrine/vault/policy/v1\nregion eu-central\nclass a b c\n"},
};

static const struct {
    enum vt_sign_kind kind;
    const char *msg;
} bad_forms[] = {
    {VT_SIGN_CHECKPOINT, ""},
    {VT_SIGN_CHECKPOINT, "other/log\n5\n" ROOT "\n"},
    {VT_SIGN_CHECKPOINT, "me/log2\n5\n" ROOT "\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n05\n" ROOT "\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n-1\n" ROOT "\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n9223372036854775808\n" ROOT "\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n5\n" ROOT},
    {VT_SIGN_CHECKPOINT, "me/log\n5\n" ROOT "\nmore\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n5\n" ROOT "\n\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n5\nnot base64\n"},
    {VT_SIGN_CHECKPOINT, "me/log\n5\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime 1700000000\nother\n5\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime -5\nother\n5\n" ROOT "\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\nother\n5\n" ROOT "\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v2\ntime 5\nother\n5\n" ROOT "\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime 5\n\n5\n" ROOT "\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime 5\nother\n5\n" ROOT "\n\nx\n"},
    {VT_SIGN_COSIGNATURE, "cosignature/v1\ntime 5\nother\n5\n" ROOT "\ncut"},
    {VT_SIGN_ENTRY, "vitrine/entry/v1\n"},
    {VT_SIGN_ENTRY, "vitrine/entry/v1\n5\n" ROOT "\n"},
    {VT_SIGN_ENTRY, "vitrine/entry/v1\nkind \n"},
    {VT_SIGN_ENTRY, "vitrine/entry/v1\nkind source\n\nx\n"},
    {VT_SIGN_ENTRY, "vitrine/entry/v1\nkind source\ncut"},
    {VT_SIGN_ENTRY, "vitrine/entry/v2\nkind source\n"},
    {VT_SIGN_DSSE, "DSSEv1 28 application/vnd.in-toto+json 3 {}"},
    {VT_SIGN_DSSE, "DSSEv1 28 application/vnd.in-toto+json 1 {}"},
    {VT_SIGN_DSSE, "DSSEv1 28 application/vnd.in-toto+json 02 {}"},
    {VT_SIGN_DSSE, "DSSEv1 28 application/vnd.in-toto+json 0 "},
    {VT_SIGN_DSSE, "DSSEv1 28 application/vnd.in-toto+json "},
    {VT_SIGN_DSSE, "DSSEv1 4 text 2 {}"},
    {VT_SIGN_DSSE, "DSSEv2 28 application/vnd.in-toto+json 2 {}"},
    {VT_SIGN_TUF, ""},
    {VT_SIGN_TUF, "{}"},
    {VT_SIGN_TUF, TUF "\n"},
    {VT_SIGN_TUF, " " TUF},
    {VT_SIGN_TUF, "{\"spec_version\":\"1.0.31\",\"_type\":\"targets\"}"},
    {VT_SIGN_TUF, "{\"_type\":\"mirrors\",\"spec_version\":\"1.0.31\"}"},
    {VT_SIGN_TUF, "{\"_type\":\"root\"}"},
    {VT_SIGN_TUF, "{\"_type\":\"root\",\"spec_version\":1}"},
    {VT_SIGN_TUF, "{\"_type\":\"root\",\"_type\":\"root\",\"spec_version\":\"1\"}"},
    {VT_SIGN_TUF, "{\"_type\":\"root\",\"spec_version\":\"1\",\"x\":1.5}"},
    {VT_SIGN_TUF, "{\"_type\":\"root\",\"spec_version\":\"\\u0031\"}"},
    {VT_SIGN_TUF, "[\"_type\",\"root\"]"},
    {VT_SIGN_VAULT, ""},
    {VT_SIGN_VAULT, "vitrine/vault/"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\n"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\n5\n" ROOT "\n"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\nid 00\n\nx y\n"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\nid 00\ncut off"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\nid \n"},
    {VT_SIGN_VAULT, "vitrine/vault/request/v1\n id\n"},
    {VT_SIGN_VAULT, "vitrine/vaults/request/v1\nid 00\n"},
    {VT_SIGN_VAULT, " vitrine/vault/request/v1\nid 00\n"},
    {VT_SIGN_VAULT, "vitrine/entry/v1\nkind source\n"},
};

static void
test_sign_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_forms); i++) {
        const char *m = good_forms[i].msg;
        /* its own form and no other */
        for (int kind = 0; kind <= 7; kind++)
            assert_int_equal(vt_sign_form_ok((enum vt_sign_kind)kind, "me/log", m, strlen(m)),
                kind == (int)good_forms[i].kind);
    }
    for (size_t i = 0; i < COUNT(bad_forms); i++) {
        const char *m = bad_forms[i].msg;
        if (vt_sign_form_ok(bad_forms[i].kind, "me/log", m, strlen(m)))
            fail_msg("taken as kind %d: %s", (int)bad_forms[i].kind, m);
    }
    /* key names that look like the beginning of another form */
    assert_false(vt_sign_form_ok(VT_SIGN_VAULT, "vitrine/vault/x",
        "vitrine/vault/x\n5\n" ROOT "\n", strlen("vitrine/vault/x\n5\n" ROOT "\n")));
    assert_true(vt_sign_form_ok(VT_SIGN_CHECKPOINT, "cosignature/v1",
        "cosignature/v1\n5\n" ROOT "\n", strlen("cosignature/v1\n5\n" ROOT "\n")));
    assert_false(vt_sign_form_ok(VT_SIGN_COSIGNATURE, "cosignature/v1",
        "cosignature/v1\n5\n" ROOT "\n", strlen("cosignature/v1\n5\n" ROOT "\n")));
    assert_false(vt_sign_form_ok(VT_SIGN_CHECKPOINT, "me/log", "me/log\n5\n\0" ROOT "\n", 56));
}

static const char checkpoint[] = "me/log\n5\n" ROOT "\n";
#define CHECKPOINT_LEN (sizeof checkpoint - 1)

static void
assert_signs(struct vt_signer *s)
{
    struct vt_sig sig;
    struct vt_why why = {0};

    if (vt_signer_sign(s, VT_SIGN_CHECKPOINT, checkpoint, CHECKPOINT_LEN, &sig, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_true(vt_pubkey_verify(vt_signer_public(s), checkpoint, CHECKPOINT_LEN, &sig));
}

static void
test_signer_from_key(void **state)
{
    struct vt_signer *s = NULL;
    struct vt_sig sig;
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_signer_from_key(new_key("me/log"), &s, NULL), VT_OK);
    assert_string_equal(vt_signer_name(s), "me/log");
    assert_signs(s);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_ENTRY, checkpoint, CHECKPOINT_LEN, &sig, &why), VT_E_REFUSED);
    vt_signer_free(s);
    vt_signer_free(NULL);
}

static enum vt_err
sign_wrongly(void *impl, enum vt_sign_kind kind, const void *msg, size_t len,
    struct vt_sig *ret, struct vt_why *why)
{
    enum vt_err err = vt_key_sign(impl, msg, len, ret, why);

    (void)kind;
    ret->b[5] ^= 0x10;
    return err;
}

static void
free_wrongly(void *impl)
{
    vt_key_free(impl);
}

static void
test_signer_checks_what_was_made(void **state)
{
    static const struct vt_signer_ops ops = {.sign = sign_wrongly, .free = free_wrongly};
    struct vt_key *k = new_key("me/log");
    struct vt_signer *s = NULL;
    struct vt_pubkey pub;
    struct vt_sig sig = {{7}};
    struct vt_why why;
    (void)state;

    vt_key_public(k, &pub);
    assert_int_equal(vt_signer_make(&ops, k, "me/log", &pub, &s, &why), VT_OK);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_CHECKPOINT, checkpoint, CHECKPOINT_LEN, &sig, &why),
        VT_E_CRYPTO);
    assert_int_equal(sig.b[0], 7);
    vt_signer_free(s);
    s = NULL;
    assert_int_equal(
        vt_signer_make(&ops, new_key("x"), "not a name", &pub, &s, &why), VT_E_USAGE);
    assert_null(s);
}

static void
save_key(const char *path, const char *passphrase)
{
    struct vt_key *k = new_key("me/log");

    assert_int_equal(vt_key_save(k, path, passphrase, NULL), VT_OK);
    vt_key_free(k);
}

static void
test_signer_process(void **state)
{
    struct vt_signer *s = NULL;
    struct vt_sig sig = {{9}};
    struct vt_why why = {0};
    char *large = calloc(1, (8U << 20) + 1);
    (void)state;

    save_key(in_dir("k"), NULL);
    if (vt_signer_spawn(in_dir("k"), VT_SIGN_BIT(VT_SIGN_CHECKPOINT), &s, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_string_equal(vt_signer_name(s), "me/log");
    for (int i = 0; i < 20; i++)
        assert_signs(s);
    /* a kind that it was not started for, a form that is another kind's */
    assert_int_equal(vt_signer_sign(s, VT_SIGN_ENTRY, good_forms[4].msg,
                         strlen(good_forms[4].msg), &sig, &why),
        VT_E_REFUSED);
    assert_non_null(strstr(why.text, "may not sign messages of kind 3"));
    assert_int_equal(vt_signer_sign(s, VT_SIGN_CHECKPOINT, good_forms[4].msg,
                         strlen(good_forms[4].msg), &sig, &why),
        VT_E_REFUSED);
    assert_int_equal(
        vt_signer_sign(s, (enum vt_sign_kind)0, checkpoint, CHECKPOINT_LEN, &sig, &why),
        VT_E_REFUSED);
    assert_int_equal(
        vt_signer_sign(s, (enum vt_sign_kind)33, checkpoint, CHECKPOINT_LEN, &sig, &why),
        VT_E_REFUSED);
    assert_non_null(large);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_TUF, large, (8U << 20) + 1, &sig, &why), VT_E_LIMIT);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_CHECKPOINT, large, 8U << 20, &sig, &why), VT_E_REFUSED);
    assert_int_equal(sig.b[0], 9);
    /* a refusal does not end the conversation */
    assert_signs(s);
    vt_signer_free(s);
    free(large);
}

static void *
sign_often(void *ctx)
{
    struct vt_sig sig;

    for (int i = 0; i < 50; i++) {
        if (vt_signer_sign(ctx, VT_SIGN_CHECKPOINT, checkpoint, CHECKPOINT_LEN, &sig, NULL) !=
            VT_OK)
            return NULL;
    }
    return ctx;
}

static void
test_signer_process_in_threads(void **state)
{
    struct vt_signer *s = NULL;
    pthread_t t[3];
    void *result;
    (void)state;

    save_key(in_dir("k"), NULL);
    assert_int_equal(vt_signer_spawn(in_dir("k"), ~0U, &s, NULL), VT_OK);
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, sign_often, s), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        assert_int_equal(pthread_join(t[i], &result), 0);
        assert_ptr_equal(result, s);
    }
    vt_signer_free(s);
}

static void
test_signer_process_tells_why_it_cannot_load(void **state)
{
    struct vt_signer *s = NULL;
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(vt_signer_spawn(in_dir("gone"), ~0U, &s, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "/gone: cannot open"));
    save_key(in_dir("k"), NULL);
    assert_int_equal(chmod(in_dir("k"), 0644), 0);
    assert_int_equal(vt_signer_spawn(in_dir("k"), ~0U, &s, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "chmod 600"));
    assert_null(s);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left */
}

static void
test_signer_process_with_a_passphrase(void **state)
{
    struct vt_signer *s = NULL;
    struct vt_why why = {0};
    (void)state;

    save_key(in_dir("k"), "open sesame");
    assert_int_equal(vt_file_replace(in_dir("p"), 0600, "open sesame\n", 12, NULL), VT_OK);
    assert_int_equal(setenv("VITRINE_PASSPHRASE_FILE", in_dir("p"), 1), 0);
    if (vt_signer_spawn(in_dir("k"), ~0U, &s, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_signs(s);
    vt_signer_free(s);
    s = NULL;
    assert_int_equal(vt_file_replace(in_dir("p"), 0600, "wrong\n", 6, NULL), VT_OK);
    assert_int_equal(vt_signer_spawn(in_dir("k"), ~0U, &s, &why), VT_E_REFUSED);
    assert_int_equal(vt_file_replace(in_dir("p"), 0644, "open sesame\n", 12, NULL), VT_OK);
    assert_int_equal(vt_signer_spawn(in_dir("k"), ~0U, &s, &why), VT_E_CONFIG);
    assert_null(s);
}

/* Asked without a terminal: says so instead of waiting. */
static int
ask_body(int fd, void *ctx)
{
    struct vt_buf b = VT_BUF(VT_PASSPHRASE_MAX);

    (void)fd;
    (void)ctx;
    if (setsid() < 0)
        return 2;
    return vt_passphrase_ask("test", &b, NULL) == VT_E_CONFIG ? 0 : 1;
}

static void
test_no_terminal_to_ask_at(void **state)
{
    pid_t pid = 0;
    int fd = -1;
    int status = -1;
    (void)state;

    assert_int_equal(vt_proc_fork("ask", ask_body, NULL, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)close(fd);
}

/* Asked at the terminal: the last thing shown is the end mark, and the process
 * stays until it has been read. A session leader that exits hangs its terminal
 * up, and what was not read by then is lost. */
#define END_MARK "[end]"

static int
ask_and_wait(int until)
{
    struct vt_buf b = VT_BUF(VT_PASSPHRASE_MAX);
    enum vt_err err = vt_passphrase_ask("pass\033phrase", &b, NULL);
    char c = 0;

    if (vt_fd_write(STDOUT_FILENO, END_MARK, strlen(END_MARK), NULL) != VT_OK)
        return 3;
    if (read(until, &c, 1) < 0)
        return 3;
    if (err == VT_OK && strcmp(vt_buf_str(&b), "open sesame") == 0)
        return 0;
    return err == VT_E_CONFIG && b.len == 0 ? 2 : 1;
}

/* Reads the terminal until it has shown `mark`; what came before it is left. */
static void
read_until(int tty, const char *mark, char *ret, size_t size, size_t *len)
{
    for (;;) {
        ssize_t n = 0;
        ret[*len] = '\0';
        if (strstr(ret, mark) != NULL)
            return;
        assert_true(*len + 1 < size);
        n = read(tty, ret + *len, size - 1 - *len);
        assert_true(n > 0);
        *len += (size_t)n;
    }
}

/* Types `typed` at a terminal where a child is asked; what it was shown and its
 * exit code are returned. */
static int
ask_at_a_terminal(const char *typed, char *ret, size_t size)
{
    size_t len = 0;
    int status = -1;
    int tty = -1;
    int until[2];
    pid_t pid = -1;

    assert_int_equal(pipe(until), 0);
    pid = forkpty(&tty, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(until[1]);
        _exit(ask_and_wait(until[0]));
    }
    (void)close(until[0]);
    read_until(tty, ": ", ret, size, &len);
    assert_int_equal(vt_fd_write(tty, typed, strlen(typed), NULL), VT_OK);
    read_until(tty, END_MARK, ret, size, &len);
    *strstr(ret, END_MARK) = '\0';
    (void)close(until[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(tty);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_asks_at_the_terminal(void **state)
{
    char shown[256];
    int ours = -1, theirs = -1;
    (void)state;

    if (openpty(&ours, &theirs, NULL, NULL, NULL) != 0) {
        print_message("no pseudo terminals here (is /dev/pts mounted?)\n");
        skip();
    }
    close(ours);
    close(theirs);
    assert_int_equal(ask_at_a_terminal("open sesame\n", shown, sizeof shown), 0);
    assert_string_equal(shown, "pass?phrase: \r\n");
    assert_int_equal(ask_at_a_terminal("\n", shown, sizeof shown), 2);
    assert_int_equal(ask_at_a_terminal("open se\003", shown, sizeof shown), 2);
    assert_string_equal(shown, "pass?phrase: ");
    assert_int_equal(ask_at_a_terminal("wrong\n", shown, sizeof shown), 1);
}

struct serve {
    char path[VT_PATH_MAX];
};

static int
serve_body(int fd, void *ctx)
{
    return vt_signer_serve(fd, ((const struct serve *)ctx)->path, ~0U);
}

static void
test_signer_attach_and_its_death(void **state)
{
    struct serve sv;
    struct vt_signer *s = NULL;
    struct vt_sig sig;
    struct vt_why why = {0};
    pid_t pid = 0;
    int fd = -1;
    (void)state;

    save_key(in_dir("k"), NULL);
    assert_int_equal(vt_path(sv.path, NULL, "%s", in_dir("k")), VT_OK);
    assert_int_equal(vt_proc_fork("signer", serve_body, &sv, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_signer_attach(fd, &s, &why), VT_OK);
    assert_signs(s);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_CHECKPOINT, checkpoint, CHECKPOINT_LEN, &sig, &why), VT_E_IO);
    assert_true(why.text[0] != '\0');
    vt_signer_free(s);
}

/* A signer that lies is refused. */
static void
attach_to_bytes(const char *bytes, size_t len, enum vt_err want)
{
    struct vt_signer *s = NULL;
    struct vt_why why = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(vt_fd_write(fds[1], bytes, len, NULL), VT_OK);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    assert_int_equal(vt_signer_attach(fds[0], &s, &why), want);
    assert_null(s);
    (void)close(fds[1]);
}

static void
test_signer_attach_to_a_liar(void **state)
{
    (void)state;
    attach_to_bytes("", 0, VT_E_IO);
    attach_to_bytes("\0\0\0\2\0\3", 6, VT_E_SYNTAX);
    attach_to_bytes("\0\0\0\2\0\7", 6, VT_E_SYNTAX);
    attach_to_bytes("\0\0\0\2\0\4", 6, VT_E_SYNTAX);
    attach_to_bytes("\0\0\0\6\0\5\0\0\0\0", 10, VT_E_SYNTAX);
    attach_to_bytes("\0\0\0\10\0\5\0\0\0\50no", 12, VT_E_REFUSED);
    attach_to_bytes("\0\0\0\44\0\3"
                    "0123456789abcdef0123456789abcdef\0\0",
        40, VT_E_SYNTAX);
    attach_to_bytes("\0\0\0\44\0\3"
                    "0123456789abcdef0123456789abcdefa ",
        40, VT_E_USAGE);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_digest_vectors),
        T(test_digest_of_a_million_and_of_files),
        T(test_digest_hex_is_strict),
        T(test_digest_in_threads),
        T(test_random_and_wipe),
        T(test_ed25519_vectors),
        T(test_verify_refuses),
        T(test_key_names),
        T(test_key_file_round_trip),
        T(test_key_file_under_a_passphrase),
        T(test_openssl_reads_key_files),
        T(test_key_file_permissions),
        T(test_key_file_contents_refused),
        T(test_passphrase_file),
        T(test_sign_forms),
        T(test_signer_from_key),
        T(test_signer_checks_what_was_made),
        T(test_signer_process),
        T(test_signer_process_in_threads),
        T(test_signer_process_tells_why_it_cannot_load),
        T(test_signer_process_with_a_passphrase),
        T(test_no_terminal_to_ask_at),
        T(test_asks_at_the_terminal),
        T(test_signer_attach_and_its_death),
        T(test_signer_attach_to_a_liar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
