/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TUF metadata by itself: what parses and what does not, keys of three kinds,
 * thresholds, patterns, and what a channel offers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tuf_world.h"

#include "update/offer.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define COMMON "\"expires\":\"2030-01-01T00:00:00Z\",\"spec_version\":\"1.0.0\",\"version\":1"
#define SIGNED(type, rest)                                                                     \
    "{\"signatures\":[],\"signed\":{\"_type\":\"" type "\"," COMMON rest "}}"

static enum vt_err
parse(const char *text, enum vt_tuf_type type, struct vt_why *why)
{
    struct vt_tuf *t = NULL;
    enum vt_err err = vt_tuf_parse(text, strlen(text), type, "test.json", &t, why);
    if (err != VT_OK)
        assert_null(t);
    vt_tuf_free(t);
    return err;
}

/* Form that must be refused, each with a piece of what the message must say. */
static void
test_refused(void **state)
{
    static const struct {
        enum vt_tuf_type type;
        enum vt_err err;
        const char *text;
        const char *says;
    } bad[] = {
        {VT_TUF_TARGETS, VT_E_SYNTAX, "", "test.json"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "[]", "signed"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "{}", "signed"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "{\"signed\":{}}", "signatures"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "{\"signed\":{},\"signatures\":{}}", "signatures"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "{\"signed\":{},\"signatures\":[1]}", "keyid"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "{\"signed\":{},\"signatures\":[{\"keyid\":\"a\"}]}",
            "sig"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, "{\"signed\":{},\"signatures\":[]}", "_type"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            "{\"signed\":{},\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\"},"
            "{\"keyid\":\"a\",\"sig\":\"\"}]}",
            "two signatures have the keyid a"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("snapshot", ",\"targets\":{}"),
            "its type is snapshot, not targets"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ""), "targets"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ",\"x\":1.5,\"targets\":{}"), ""},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ",\"targets\":{},\"targets\":{}"), ""},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ",\"targets\":{\"a\":1}"),
            "target a is not an object"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ",\"targets\":{\"a\":{\"length\":-1}}"),
            "length"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ",\"targets\":{\"a\":{\"length\":1}}"),
            "hashes"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{\"a\":{\"length\":1,\"hashes\":{\"md5\":\"\"}}}"),
            "sha256"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets",
                ",\"targets\":{\"a\":{\"length\":1,\"hashes\":{\"sha256\":\"AB\"}}}"),
            "64 lower-case hex digits"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets",
                ",\"targets\":{\"a\":{\"length\":1,\"hashes\":{\"sha256\":\"" HEX64
                "\"},\"custom\":1}}"),
            "custom is not an object"},
        {VT_TUF_TARGETS, VT_E_SYNTAX, SIGNED("targets", ",\"targets\":{},\"delegations\":1"),
            "delegations is not an object"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{\"x\":{}}}"),
            "64 lower-case hex digits"},
        {VT_TUF_TARGETS, VT_E_DIGEST,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{\"" HEX64 "\":{}}}"),
            "not that of its key"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[{}]}"),
            "name"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"a\",\"keyids\":[],\"threshold\":0,\"paths\":[]}]}"),
            "threshold"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"a\",\"keyids\":[1],\"threshold\":1,\"paths\":[]}]}"),
            "a keyid is not a string"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"a\",\"keyids\":[],\"threshold\":1}]}"),
            "one of paths and path_hash_prefixes"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"a\",\"keyids\":[],\"threshold\":1,\"paths\":[],"
                              "\"path_hash_prefixes\":[]}]}"),
            "one of paths and path_hash_prefixes"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"a\",\"keyids\":[],\"threshold\":1,\"paths\":[2]}]}"),
            "a path is no string"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"a\",\"keyids\":[],\"threshold\":1,\"paths\":[]},"
                              "{\"name\":\"a\",\"keyids\":[],\"threshold\":1,\"paths\":[]}]}"),
            "two delegations are named a"},
        {VT_TUF_TARGETS, VT_E_SYNTAX,
            SIGNED("targets", ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":["
                              "{\"name\":\"root\"}]}"),
            "may not be named root"},
        {VT_TUF_SNAPSHOT, VT_E_SYNTAX, SIGNED("snapshot", ""), "meta"},
        {VT_TUF_SNAPSHOT, VT_E_SYNTAX, SIGNED("snapshot", ",\"meta\":{}"),
            "does not list targets.json"},
        {VT_TUF_SNAPSHOT, VT_E_SYNTAX,
            SIGNED("snapshot", ",\"meta\":{\"targets.json\":{\"version\":0}}"), "version"},
        {VT_TUF_SNAPSHOT, VT_E_SYNTAX,
            SIGNED("snapshot", ",\"meta\":{\"targets.json\":{\"version\":1,\"length\":0}}"),
            "length"},
        {VT_TUF_SNAPSHOT, VT_E_SYNTAX,
            SIGNED("snapshot", ",\"meta\":{\"targets.json\":{\"version\":1,\"hashes\":{}}}"),
            "sha256"},
        {VT_TUF_TIMESTAMP, VT_E_SYNTAX, SIGNED("timestamp", ",\"meta\":{}"),
            "does not list snapshot.json"},
        {VT_TUF_ROOT, VT_E_SYNTAX, SIGNED("root", ""), "keys"},
        {VT_TUF_ROOT, VT_E_SYNTAX, SIGNED("root", ",\"keys\":{},\"roles\":{}"), "root"},
        {VT_TUF_ROOT, VT_E_SYNTAX,
            SIGNED("root", ",\"keys\":{},\"roles\":{},\"consistent_snapshot\":1"),
            "consistent_snapshot"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vt_why why = {{0}};
        enum vt_err err = parse(bad[i].text, bad[i].type, &why);
        if (err != bad[i].err || strstr(why.text, bad[i].says) == NULL ||
            strstr(why.text, "test.json") == NULL)
            fail_msg("%zu: %s (wanted %s, \"%s\"): %s\n%s", i, vt_err_name(err),
                vt_err_name(bad[i].err), bad[i].says, why.text, bad[i].text);
    }
}

static void
test_common_members(void **state)
{
    static const struct {
        const char *expires, *spec, *version;
        bool good;
    } rows[] = {
        {"\"2030-01-01T00:00:00Z\"", "\"1.0.0\"", "1", true},
        {"\"2030-01-01T00:00:00Z\"", "\"1.0\"", "9223372036854775807", true},
        {"\"2030-01-01T00:00:00Z\"", "\"1.99.99\"", "1", true},
        {"\"2030-01-01T00:00:00Z\"", "\"2.0.0\"", "1", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1\"", "1", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1.0.0.0\"", "1", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1..0\"", "1", false},
        {"\"2030-01-01T00:00:00Z\"", "\"10.0\"", "1", false},
        {"\"2030-01-01T00:00:00Z\"", "1", "1", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1.0.0\"", "0", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1.0.0\"", "-1", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1.0.0\"", "\"1\"", false},
        {"\"2030-01-01T00:00:00Z\"", "\"1.0.0\"", "9223372036854775808", false},
        {"\"2030-01-01T00:00:00\"", "\"1.0.0\"", "1", false},
        {"\"2030-01-01 00:00:00Z\"", "\"1.0.0\"", "1", false},
        {"\"2030-13-01T00:00:00Z\"", "\"1.0.0\"", "1", false},
        {"\"2030-01-01T00:00:00.5Z\"", "\"1.0.0\"", "1", false},
        {"1893456000", "\"1.0.0\"", "1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct vt_why why = {{0}};
        (void)snprintf(text, sizeof text,
            "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"expires\":%s,"
            "\"spec_version\":%s,\"version\":%s,\"targets\":{}}}",
            rows[i].expires, rows[i].spec, rows[i].version);
        enum vt_err err = parse(text, VT_TUF_TARGETS, &why);
        if ((err == VT_OK) != rows[i].good)
            fail_msg("row %zu: %s %s", i, vt_err_name(err), why.text);
    }
}

/* Members that we do not know are no reason to refuse, and are signed too. */
static void
test_unknown_members(void **state)
{
    struct vt_why why = {{0}};
    (void)state;
    if (parse(SIGNED("targets", ",\"x-ours\":{\"a\":[null,true,-3]},\"targets\":{\"d/f\":{"
                                "\"length\":0,\"hashes\":{\"sha256\":\"" HEX64
                                "\",\"sha512\":\"00\"},\"more\":1}},\"delegations\":{\"keys\":{"
                                "},\"succinct_roles\":{}}"),
            VT_TUF_TARGETS, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
test_limits(void **state)
{
    struct vt_why why = {{0}};
    struct vt_buf b = VT_BUF(2 * VT_TUF_METADATA_MAX);
    struct vt_tuf *t = NULL;
    (void)state;
    while (b.len < VT_TUF_TIMESTAMP_MAX + 1)
        vt_buf_puts(&b, " ");
    assert_int_equal(vt_tuf_parse(b.data, b.len, VT_TUF_TIMESTAMP, "t", &t, &why), VT_E_LIMIT);
    vt_buf_clear(&b);
    vt_buf_puts(&b, "{\"signed\":{},\"signatures\":[");
    for (unsigned i = 0; i <= VT_TUF_SIGS_MAX; i++)
        vt_buf_putf(&b, "%s{\"keyid\":\"%u\",\"sig\":\"\"}", i == 0 ? "" : ",", i);
    vt_buf_puts(&b, "]}");
    assert_int_not_equal(parse(vt_buf_str(&b), VT_TUF_TARGETS, &why), VT_OK);
    assert_non_null(strstr(why.text, "more than"));
    vt_buf_clear(&b);
    vt_buf_puts(&b, "{\"signatures\":[],\"signed\":{\"_type\":\"targets\"," COMMON
                    ",\"targets\":{},\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"a\","
                    "\"threshold\":1,\"paths\":[],\"keyids\":[");
    for (unsigned i = 0; i <= VT_TUF_ROLE_KEYS_MAX; i++)
        vt_buf_putf(&b, "%s\"%u\"", i == 0 ? "" : ",", i);
    vt_buf_puts(&b, "]}]}}}");
    assert_int_not_equal(parse(vt_buf_str(&b), VT_TUF_TARGETS, &why), VT_OK);
    assert_non_null(strstr(why.text, "more than"));
    vt_buf_release(&b);
}

/*
 * Keys.
 */

/* A PEM key object with its keyid. */
static json_t *
pem_object(EVP_PKEY *pkey, const char *type, const char *scheme, char id[VT_DIGEST_HEX_SIZE])
{
    char pem[4096];
    struct vt_buf canonical = VT_BUF(16384);
    struct vt_digest d;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);
    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    int n = BIO_read(bio, pem, sizeof pem - 1);
    assert_true(n > 0);
    pem[n] = '\0';
    BIO_free(bio);
    json_t *obj = json_pack(
        "{s:s, s:s, s:{s:s}}", "keytype", type, "scheme", scheme, "keyval", "public", pem);
    assert_int_equal(vt_json_canonical(obj, &canonical, NULL), VT_OK);
    vt_digest_of(canonical.data, canonical.len, &d);
    vt_digest_hex(&d, id);
    vt_buf_release(&canonical);
    return obj;
}

static size_t
sign_with(EVP_PKEY *pkey, bool pss, const char *msg, uint8_t *ret, size_t size)
{
    EVP_PKEY_CTX *pctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", NULL, NULL, pkey, NULL), 1);
    if (pss)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
    size_t len = size;
    assert_int_equal(EVP_DigestSign(ctx, ret, &len, (const uint8_t *)msg, strlen(msg)), 1);
    EVP_MD_CTX_free(ctx);
    return len;
}

static void
check_key(EVP_PKEY *pkey, const char *type, const char *scheme, bool pss)
{
    struct vt_tuf_key k;
    struct vt_why why = {{0}};
    char id[VT_DIGEST_HEX_SIZE];
    uint8_t sig[VT_TUF_SIG_MAX];
    json_t *obj = pem_object(pkey, type, scheme, id);
    if (vt_tuf_key_parse(id, obj, &k, &why) != VT_OK)
        fail_msg("%s", why.text);
    json_decref(obj);
    size_t len = sign_with(pkey, pss, "hello", sig, sizeof sig);
    assert_true(vt_tuf_key_verify(&k, "hello", 5, sig, len));
    assert_false(vt_tuf_key_verify(&k, "hellO", 5, sig, len));
    assert_false(vt_tuf_key_verify(&k, "hello", 5, sig, len - 1));
    assert_false(vt_tuf_key_verify(&k, "hello", 5, sig, 0));
    sig[len / 2] ^= 1;
    assert_false(vt_tuf_key_verify(&k, "hello", 5, sig, len));
    vt_tuf_key_release(&k);
    vt_tuf_key_release(&k);
}

static void
test_other_keys(void **state)
{
    (void)state;
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    assert_non_null(ec);
    assert_non_null(rsa);
    check_key(ec, "ecdsa", "ecdsa-sha2-nistp256", false);
    check_key(ec, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", false);
    check_key(rsa, "rsa", "rsassa-pss-sha256", true);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
}

static void
test_bad_keys(void **state)
{
    struct vt_tuf_key k;
    struct vt_why why = {{0}};
    char id[VT_DIGEST_HEX_SIZE];
    (void)state;
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    EVP_PKEY *small = EVP_RSA_gen(1024);
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    json_t *obj = pem_object(p384, "ecdsa", "ecdsa-sha2-nistp256", id);
    assert_int_equal(vt_tuf_key_parse(id, obj, &k, &why), VT_E_SYNTAX);
    json_decref(obj);
    obj = pem_object(small, "rsa", "rsassa-pss-sha256", id);
    assert_int_equal(vt_tuf_key_parse(id, obj, &k, &why), VT_E_SYNTAX);
    json_decref(obj);
    obj = pem_object(p256, "rsa", "rsassa-pss-sha256", id);
    assert_int_equal(vt_tuf_key_parse(id, obj, &k, &why), VT_E_SYNTAX);
    json_decref(obj);
    obj = pem_object(p256, "ed25519", "ed25519", id);
    assert_int_equal(vt_tuf_key_parse(id, obj, &k, &why), VT_E_SYNTAX);
    assert_non_null(strstr(why.text, "64 lower-case hex digits"));
    json_decref(obj);
    /* An unknown kind is kept, and verifies nothing. */
    obj = pem_object(p256, "ml-dsa", "ml-dsa-44", id);
    assert_int_equal(vt_tuf_key_parse(id, obj, &k, &why), VT_OK);
    assert_false(vt_tuf_key_verify(&k, "x", 1, (const uint8_t *)"y", 1));
    vt_tuf_key_release(&k);
    json_decref(obj);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(small);
    EVP_PKEY_free(p256);
}

/* The keyid that python-tuf gives the same key. */
static void
test_keyid(void **state)
{
    struct vt_pubkey pub;
    char id[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    static const char canonical[] = "{\"keytype\":\"ed25519\",\"keyval\":{\"public\":"
                                    "\"0101010101010101010101010101010101010"
                                    "101010101010101010101010101\"},\"scheme\":\"ed25519\"}";
    (void)state;
    memset(pub.b, 1, sizeof pub.b);
    assert_int_equal(vt_tuf_key_id(&pub, id, NULL), VT_OK);
    vt_digest_of(canonical, strlen(canonical), &d);
    vt_digest_hex(&d, hex);
    assert_string_equal(id, hex);
}

/*
 * Thresholds.
 */

static void
test_thresholds(void **state)
{
    struct vt_why why = {{0}};
    (void)state;
    struct world *w = world_new();
    struct vt_tuf_names names = {world_name, w};
    world_begin(w);
    for (uint64_t need = 1; need <= 3; need++) {
        struct vt_tuf *targets = NULL;
        WORLD_BY(w, ROOT);
        w->threshold = need;
        world_targets(w, 1);
        struct world_file *f = world_file(w, "tuf/metadata/1.targets.json");
        assert_int_equal(
            vt_tuf_parse(f->data, f->len, VT_TUF_TARGETS, "t", &targets, NULL), VT_OK);
        const struct vt_tuf_role *role = vt_tuf_role(targets, "products");
        for (unsigned set = 0; set < 8; set++) {
            struct vt_tuf *m = NULL;
            bool by[VT_TUF_ROLE_KEYS_MAX];
            unsigned count = 0;
            w->by_count = 0;
            for (unsigned i = 0; i < 3; i++)
                if (set & (1U << i)) {
                    w->by[w->by_count++] = (enum party)((unsigned)ASSEMBLER + i);
                    count++;
                }
            world_channel(w, 1, "1.0.0", "x", 1, "a");
            f = world_file(w, "tuf/metadata/1.products.json");
            assert_int_equal(
                vt_tuf_parse(f->data, f->len, VT_TUF_TARGETS, "c", &m, NULL), VT_OK);
            assert_int_equal(vt_tuf_signers(m, role, by), count);
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(by[i], (set >> i) & 1U);
            assert_int_equal(vt_tuf_check_role(m, role, &names, &why) == VT_OK, count >= need);
            if (count < need && !(set & 4U))
                assert_non_null(strstr(why.text, "beta.example/rebuilder"));
            vt_tuf_free(m);
        }
        vt_tuf_free(targets);
    }
    world_free(w);
}

/*
 * Patterns.
 */

static void
test_patterns(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } rows[] = {
        {"*/*/*", "lantern/1.0.0/a", true},
        {"*/*/*", "lantern/1.0.0/a/b", false},
        {"*/*/*", "lantern/1.0.0", false},
        {"*/*/*", "//", true},
        {"*", "a", true},
        {"*", "", true},
        {"*", "a/b", false},
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"?", "a", true},
        {"?", "/", false},
        {"?", "", false},
        {"?", "ab", false},
        {"a?c", "a/c", false},
        {"targets/*.tgz", "targets/foo.tgz", true},
        {"targets/*.tgz", "targets/foo.txt", false},
        {"foo-version-?.tgz", "foo-version-2.tgz", true},
        {"foo-version-?.tgz", "foo-version-alpha.tgz", false},
        {"*.tgz", "targets/foo.tgz", false},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZd", false},
        {"a*b/c*d", "axxb/cyyd", true},
        {"a*b/c*d", "axxb/cyy/d", false},
        {"*a/*b", "xa/yb", true},
        {"*a/*b", "xa/yb/zb", false},
        {"**", "abc", true},
        {"*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *paths[] = {"never", rows[i].pattern};
        struct vt_tuf_role r = {.name = "r", .path_count = 2, .path = paths};
        if (vt_tuf_role_matches(&r, rows[i].path) != rows[i].matches)
            fail_msg("%s against %s", rows[i].pattern, rows[i].path);
    }
}

static void
test_hash_prefixes(void **state)
{
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    char prefix[4];
    const char *paths[] = {prefix};
    struct vt_tuf_role r = {.name = "r", .path_count = 1, .path = paths, .by_hash = true};
    (void)state;
    vt_digest_of("lantern/1/a", 11, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(prefix, sizeof prefix, "%.3s", hex);
    assert_true(vt_tuf_role_matches(&r, "lantern/1/a"));
    prefix[0] = prefix[0] == '0' ? '1' : '0';
    assert_false(vt_tuf_role_matches(&r, "lantern/1/a"));
}

static void
test_channel_names(void **state)
{
    static const char *const good[] = {"products", "databases", "a", "0", "a-b-9"};
    static const char *const bad[] = {"", "-a", "A", "a_b", "a.b", "a/b", "..", "root",
        "targets", "snapshot", "timestamp", "a b", "caf\xc3\xa9",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(vt_tuf_channel_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(vt_tuf_channel_valid(bad[i]));
}

static void
test_target_paths(void **state)
{
    static const char *const bad[] = {"", "/", "//", "a/b", "a/b/", "a/b/c/d", "/b/c", "a//c",
        "a/b/.c", "a/../c", "../b/c", "a/b/c\n", "a/b/c d", "a/current/c", "a/b/-c", "a/b/c/"};
    struct vt_offer o;
    (void)state;
    assert_int_equal(vt_offer_parse_path("lantern/1.0+x~2/f_1.tar.zst", &o, NULL), VT_OK);
    assert_string_equal(o.product, "lantern");
    assert_string_equal(o.version, "1.0+x~2");
    assert_string_equal(o.file, "f_1.tar.zst");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (vt_offer_parse_path(bad[i], &o, NULL) != VT_E_SYNTAX)
            fail_msg("\"%s\" was taken", bad[i]);
}

/* Documents that cannot be are refused by those who make them. */
static void
test_documents(void **state)
{
    json_t *doc = NULL;
    struct vt_pubkey pub = {{0}};
    struct vt_document_role role = {"products", &pub, 1, 2};
    (void)state;
    assert_int_equal(vt_document_new(VT_TUF_TARGETS, 0, 0, &doc, NULL), VT_E_USAGE);
    assert_int_equal(vt_document_new(VT_TUF_TARGETS, 1, 0, &doc, NULL), VT_OK);
    assert_int_equal(vt_document_delegations(doc, &role, 1, "*", NULL), VT_E_CONFIG);
    role.threshold = 0;
    assert_int_equal(vt_document_delegations(doc, &role, 1, "*", NULL), VT_E_CONFIG);
    role.threshold = 1;
    assert_int_equal(vt_document_delegations(doc, &role, 1, "*", NULL), VT_OK);
    json_decref(doc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_common_members),
        cmocka_unit_test(test_unknown_members),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_keyid),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_hash_prefixes),
        cmocka_unit_test(test_channel_names),
        cmocka_unit_test(test_target_paths),
        cmocka_unit_test(test_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
