/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attest/dsse.h"
#include "attest/statement.h"
#include "crypto/signer.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t seed[32] = {1, 2, 3};
static const uint8_t other_seed[32] = {9};

static struct vt_signer *
signer_of(const uint8_t s[32])
{
    struct vt_key *k = NULL;
    struct vt_signer *ret = NULL;

    assert_int_equal(vt_key_from_seed("a.example/assembler", s, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &ret, NULL), VT_OK);
    return ret;
}

/* Signs `body` with the first key; the caller releases. */
static struct vt_buf
envelope_of(const char *body)
{
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    struct vt_signer *s = signer_of(seed);

    assert_int_equal(vt_dsse_sign(&b, body, strlen(body), s, NULL), VT_OK);
    vt_signer_free(s);
    return b;
}

static struct vt_pubkey
public_of(const uint8_t s[32])
{
    struct vt_signer *signer = signer_of(s);
    struct vt_pubkey pub = *vt_signer_public(signer);

    vt_signer_free(signer);
    return pub;
}

static enum vt_err
open_text(const char *text, const uint8_t s[32], struct vt_buf *payload)
{
    struct vt_pubkey pub = public_of(s);

    return vt_dsse_open(text, strlen(text), &pub, payload, NULL);
}

/* The worked example of the DSSE specification. */
static void
pae_is_the_specifications(void **state)
{
    struct vt_buf b = VT_BUF(1000);

    (void)state;
    vt_dsse_pae(&b, "http://example.com/HelloWorld", "hello world", 11);
    assert_string_equal(
        vt_buf_str(&b), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    vt_buf_release(&b);
}

static void
envelope_opens_with_its_key_only(void **state)
{
    struct vt_buf e = envelope_of("{\"a\":1}");
    struct vt_buf payload = VT_BUF(100);

    (void)state;
    assert_int_equal(open_text(vt_buf_str(&e), seed, &payload), VT_OK);
    assert_string_equal(vt_buf_str(&payload), "{\"a\":1}");
    vt_buf_clear(&payload);
    assert_int_equal(open_text(vt_buf_str(&e), other_seed, &payload), VT_E_SIG);
    assert_int_equal(payload.len, 0);
    vt_buf_release(&payload);
    vt_buf_release(&e);
}

/* Each byte of the envelope that matters, changed: never the payload, and never
 * another one. The rest (the key's hint) may change and the payload still comes. */
static void
changed_envelope_never_gives_another_payload(void **state)
{
    struct vt_buf e = envelope_of("{\"statement\":\"of some length\"}");
    struct vt_pubkey pub = public_of(seed);
    size_t opened = 0;
    size_t i;

    (void)state;
    for (i = 0; i < e.len; i++) {
        struct vt_buf payload = VT_BUF(1000);

        e.data[i] ^= 1;
        if (vt_dsse_open(e.data, e.len, &pub, &payload, NULL) == VT_OK) {
            assert_string_equal(vt_buf_str(&payload), "{\"statement\":\"of some length\"}");
            opened++;
        } else {
            assert_int_equal(payload.len, 0);
        }
        e.data[i] ^= 1;
        vt_buf_release(&payload);
    }
    assert_true(opened < 90); /* keyid's digits and name, and the last newline */
    vt_buf_release(&e);
}

/* Rewrites the standard alphabet into the URL-safe one, without padding. */
static void
url_alphabet_is_taken(void **state)
{
    struct vt_buf e = envelope_of("{\"x\":\"\xc3\xbf\xc3\xbf>?>?>~\"}");
    struct vt_buf payload = VT_BUF(1000);
    json_t *root = NULL;
    char text[1000];
    char *p;
    const char *s;

    (void)state;
    assert_int_equal(vt_json_parse(e.data, e.len, "e", &root, NULL), VT_OK);
    assert_int_equal(vt_json_str(root, "payload", &s, NULL), VT_OK);
    strcpy(text, s);
    for (p = text; *p != '\0'; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p;
    assert_string_not_equal(text, s);
    json_object_set_new(root, "payload", json_string(text));
    vt_buf_clear(&e);
    assert_int_equal(vt_json_text(root, false, &e, NULL), VT_OK);
    assert_int_equal(open_text(vt_buf_str(&e), seed, &payload), VT_OK);
    json_decref(root);
    vt_buf_release(&payload);
    vt_buf_release(&e);
}

static void
malformed_envelopes_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum vt_err err;
    } cases[] = {
        {"", VT_E_SYNTAX},
        {"[]", VT_E_SYNTAX},
        {"{}", VT_E_SYNTAX},
        {"{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\"}",
            VT_E_SYNTAX},
        {"{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\","
         "\"signatures\":[]}",
            VT_E_SYNTAX},
        {"{\"payload\":\"e30=\",\"payloadType\":\"text/"
         "plain\",\"signatures\":[{\"sig\":\"\"}]}",
            VT_E_SYNTAX},
        {"{\"payload\":\"e3 0=\",\"payloadType\":\"application/vnd.in-toto+json\","
         "\"signatures\":[{\"sig\":\"AAAA\"}]}",
            VT_E_SYNTAX},
        {"{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\","
         "\"signatures\":[{\"sig\":\"AAAA\"}]}",
            VT_E_SIG},
        {"{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\","
         "\"signatures\":[{\"keyid\":\"x\"}]}",
            VT_E_SYNTAX},
    };
    struct vt_buf payload = VT_BUF(1000);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(open_text(cases[i].text, seed, &payload), cases[i].err);
    assert_int_equal(payload.len, 0);
    vt_buf_release(&payload);
}

static void
too_many_signatures_are_refused(void **state)
{
    struct vt_buf b = VT_BUF(10000);
    struct vt_buf payload = VT_BUF(1000);
    size_t i;

    (void)state;
    vt_buf_puts(
        &b, "{\"payload\":\"e30=\",\"payloadType\":\"" VT_DSSE_INTOTO "\",\"signatures\":[");
    for (i = 0; i <= VT_DSSE_SIGS_MAX; i++)
        vt_buf_putf(&b, "%s{\"sig\":\"AAAA\"}", i == 0 ? "" : ",");
    vt_buf_puts(&b, "]}");
    assert_int_not_equal(open_text(vt_buf_str(&b), seed, &payload), VT_OK);
    assert_int_not_equal(open_text(vt_buf_str(&b), seed, &payload), VT_E_SIG);
    vt_buf_release(&payload);
    vt_buf_release(&b);
}

static void
payload_over_the_callers_bound_is_refused(void **state)
{
    struct vt_buf e = envelope_of("{\"a\":\"0123456789\"}");
    struct vt_buf payload = VT_BUF(5);

    (void)state;
    assert_int_equal(open_text(vt_buf_str(&e), seed, &payload), VT_E_LIMIT);
    vt_buf_release(&payload);
    vt_buf_release(&e);
}

static struct vt_digest
digest(uint8_t fill)
{
    struct vt_digest d;

    memset(d.b, fill, sizeof d.b);
    return d;
}

static struct vt_statement_run
run_of(void)
{
    struct vt_statement_run r = {.site = "zurich.example",
        .jurisdiction = "CH",
        .started = 1000000000,
        .finished = 1000000099};

    r.log = digest(0x10);
    return r;
}

static void
put_output(struct vt_statement_output *o, const char *name, uint8_t fill)
{
    strcpy(o->name, name);
    o->digest = digest(fill);
}

static struct vt_statement_source
source_of(void)
{
    struct vt_statement_source s = {
        .origin = VT_ORIGIN_DEBIAN, .archive_size = 12, .file_count = 3};

    s.archive = digest(1);
    memset(s.git_tree, 'a', 40);
    memset(s.git_commit, 'b', 40);
    strcpy(s.debian.name, "libzstd");
    strcpy(s.debian.version, "1:1.5.4+dfsg2-5~x");
    return s;
}

static void
source_round_trip(void **state)
{
    struct vt_statement_source s = source_of();
    struct vt_statement_source back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_source(b.data, b.len, &back, NULL), VT_OK);
    assert_memory_equal(&back, &s, sizeof s);
    vt_buf_clear(&b);
    s.origin = VT_ORIGIN_DIRECTORY;
    s.git_commit[0] = '\0';
    memset(&s.debian, 0, sizeof s.debian);
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_source(b.data, b.len, &back, NULL), VT_OK);
    assert_string_equal(back.git_commit, "");
    assert_int_equal(back.origin, VT_ORIGIN_DIRECTORY);
    vt_buf_release(&b);
}

static void
bad_sources_are_not_written(void **state)
{
    struct vt_statement_source s = source_of();
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    s.git_tree[3] = 'G';
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_E_USAGE);
    s = source_of();
    strcpy(s.git_commit, "abc");
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_E_USAGE);
    s = source_of();
    s.origin = VT_ORIGIN_GIT; /* which has no Debian package */
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_E_USAGE);
    s = source_of();
    strcpy(s.debian.name, "../etc");
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_E_USAGE);
    s = source_of();
    s.origin = (enum vt_origin)17;
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_E_USAGE);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
}

static void
environment_round_trip(void **state)
{
    struct vt_statement_environment s = {
        .distribution = "bookworm", .arch = "amd64", .package_count = 120};
    struct vt_statement_environment back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    s.manifest = digest(1);
    s.root = digest(2);
    assert_int_equal(vt_statement_put_environment(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_environment(b.data, b.len, &back, NULL), VT_OK);
    assert_memory_equal(&back, &s, sizeof s);
    s.package_count = 0;
    assert_int_equal(vt_statement_put_environment(&b, &s, NULL), VT_E_USAGE);
    vt_buf_release(&b);
}

static void
fill_assembly(struct vt_statement_assembly *s, const struct vt_package *packages, size_t n)
{
    memset(s, 0, sizeof *s);
    strcpy(s->product, "lantern");
    strcpy(s->version, "1.0.0");
    s->recipe = digest(1);
    s->source = digest(2);
    s->environment = digest(3);
    s->run = run_of();
    s->output_count = 2;
    put_output(&s->output[0], "lantern-1.0.0.tar.zst", 4);
    put_output(&s->output[1], "lantern-1.0.0.sbom", 5);
    s->packages = packages;
    s->package_count = n;
}

static void
assembly_round_trip(void **state)
{
    struct vt_package p = {.name = "g++", .version = "4:12.2.0-3", .arch = "amd64"};
    struct vt_statement_assembly s;
    struct vt_statement_assembly back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    p.digest = digest(9);
    fill_assembly(&s, &p, 1);
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_OK);
    assert_non_null(strstr(vt_buf_str(&b), "pkg:deb/debian/g++@4%3A12.2.0-3?arch=amd64"));
    assert_non_null(strstr(vt_buf_str(&b), "urn:vitrine:site:zurich.example?=jurisdiction=CH"));
    assert_non_null(strstr(vt_buf_str(&b), "2001-09-09T01:46:40Z"));
    assert_int_equal(vt_statement_get_assembly(b.data, b.len, &back, NULL), VT_OK);
    s.packages = NULL;
    assert_memory_equal(&back, &s, sizeof s);
    vt_buf_release(&b);
}

static void
same_facts_give_the_same_bytes(void **state)
{
    struct vt_statement_assembly s;
    struct vt_buf a = VT_BUF(VT_STATEMENT_MAX);
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    fill_assembly(&s, NULL, 0);
    assert_int_equal(vt_statement_put_assembly(&a, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_OK);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    vt_buf_release(&a);
    vt_buf_release(&b);
}

static void
bad_assemblies_are_not_written(void **state)
{
    struct vt_statement_assembly s;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    fill_assembly(&s, NULL, 0);
    strcpy(s.output[1].name, s.output[0].name);
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_E_USAGE);
    fill_assembly(&s, NULL, 0);
    strcpy(s.output[0].name, "../../etc/passwd");
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_E_USAGE);
    fill_assembly(&s, NULL, 0);
    s.output_count = 0;
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_E_USAGE);
    fill_assembly(&s, NULL, 0);
    s.run.finished = s.run.started - 1;
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_E_USAGE);
    fill_assembly(&s, NULL, 0);
    strcpy(s.run.jurisdiction, "ch");
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_E_USAGE);
    fill_assembly(&s, NULL, 0);
    strcpy(s.version, "1.0 beta");
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_E_USAGE);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
}

/* Names of keys may hold what a URN may not. */
static void
odd_site_names_come_back(void **state)
{
    struct vt_statement_assembly s;
    struct vt_statement_assembly back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    fill_assembly(&s, NULL, 0);
    strcpy(s.run.site, "z%?=jurisdiction=DE#/x");
    s.run.jurisdiction[0] = '\0';
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_assembly(b.data, b.len, &back, NULL), VT_OK);
    assert_string_equal(back.run.site, "z%?=jurisdiction=DE#/x");
    assert_string_equal(back.run.jurisdiction, "");
    vt_buf_release(&b);
}

static void
rebuild_round_trip(void **state)
{
    struct vt_statement_rebuild s = {.output_count = 1};
    struct vt_statement_rebuild back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    s.assembly = digest(7);
    s.run = run_of();
    put_output(&s.output[0], "a.tar.zst", 3);
    s.varied.count = 2;
    strcpy(s.varied.word[0], "clock");
    strcpy(s.varied.word[1], "build-path");
    assert_int_equal(vt_statement_put_rebuild(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_rebuild(b.data, b.len, &back, NULL), VT_OK);
    assert_memory_equal(&back, &s, sizeof s);
    strcpy(s.varied.word[1], "two words");
    assert_int_equal(vt_statement_put_rebuild(&b, &s, NULL), VT_E_USAGE);
    vt_buf_release(&b);
}

static void
mismatch_round_trip(void **state)
{
    struct vt_statement_mismatch s = {.first_offset = 4711};
    struct vt_statement_mismatch back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    s.assembly = digest(7);
    s.run = run_of();
    put_output(&s.output, "a.tar.zst", 3);
    s.rebuilt = digest(4);
    s.report = digest(5);
    assert_int_equal(vt_statement_put_mismatch(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_mismatch(b.data, b.len, &back, NULL), VT_OK);
    assert_memory_equal(&back, &s, sizeof s);
    s.rebuilt = s.output.digest;
    assert_int_equal(vt_statement_put_mismatch(&b, &s, NULL), VT_E_USAGE);
    vt_buf_release(&b);
}

static void
release_round_trip(void **state)
{
    struct vt_statement_release s = {.version = 3, .output_count = 1};
    struct vt_statement_release back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    strcpy(s.channel, "products");
    s.metadata = digest(8);
    put_output(&s.output[0], "a.tar.zst", 3);
    assert_int_equal(vt_statement_put_release(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_release(b.data, b.len, &back, NULL), VT_OK);
    assert_memory_equal(&back, &s, sizeof s);
    vt_buf_clear(&b);
    s.output_count = 0;
    assert_int_equal(vt_statement_put_release(&b, &s, NULL), VT_OK);
    s.version = 0;
    assert_int_equal(vt_statement_put_release(&b, &s, NULL), VT_E_USAGE);
    vt_buf_release(&b);
}

/* Replaces the first `from` in the text by `to`; the caller frees. */
static char *
replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *ret = NULL;

    assert_non_null(at);
    assert_true(asprintf(&ret, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    return ret;
}

static void
statements_of_another_form_are_refused(void **state)
{
    static const char *const changes[][2] = {
        {"Statement/v1", "Statement/v2"},
        {"provenance/v1", "provenance/v0.2"},
        {"urn:vitrine:assembly:v1", "urn:vitrine:assembly:v2"},
        {"\"product\":\"lantern\"", "\"product\":\"lan/tern\""},
        {"\"product\":\"lantern\"", "\"product\":7"},
        {"2001-09-09T01:46:40Z", "2001-09-09 01:46:40Z"},
        {"2001-09-09T01:46:40Z", "2003-09-09T01:46:40Z"},
        {"urn:vitrine:site:", "urn:other:site:"},
        {"?=jurisdiction=CH", "?=jurisdiction=CHE"},
        {"zurich.example", "zurich%2"},
        {"zurich.example", "zurich%00"},
        {"\"name\":\"log\"", "\"name\":\"leg\""},
        {"\"source\":{\"sha256\":\"02", "\"source\":{\"sha256\":\"XX"},
        {"\"predicate\":", "\"predicata\":"},
        {"\"subject\":", "\"object\":"},
        {"lantern-1.0.0.sbom", "lantern-1.0.0.tar.zst"},
    };
    struct vt_statement_assembly s;
    struct vt_statement_assembly back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    size_t i;

    (void)state;
    fill_assembly(&s, NULL, 0);
    assert_int_equal(vt_statement_put_assembly(&b, &s, NULL), VT_OK);
    for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char *text = replaced(vt_buf_str(&b), changes[i][0], changes[i][1]);

        memset(&back, 0x5a, sizeof back);
        assert_int_equal(
            vt_statement_get_assembly(text, strlen(text), &back, NULL), VT_E_SYNTAX);
        assert_int_equal(((const uint8_t *)&back)[0], 0x5a); /* untouched */
        free(text);
    }
    for (i = 0; i < b.len - 1; i++)
        assert_int_equal(vt_statement_get_assembly(b.data, i, &back, NULL), VT_E_SYNTAX);
    vt_buf_release(&b);
}

static void
one_kind_is_not_taken_for_another(void **state)
{
    struct vt_statement_source s = source_of();
    struct vt_statement_environment e;
    struct vt_statement_rebuild r;
    struct vt_statement_mismatch m;
    struct vt_statement_release rel;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    (void)state;
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_OK);
    assert_int_equal(vt_statement_get_environment(b.data, b.len, &e, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_statement_get_rebuild(b.data, b.len, &r, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_statement_get_mismatch(b.data, b.len, &m, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_statement_get_release(b.data, b.len, &rel, NULL), VT_E_SYNTAX);
    vt_buf_release(&b);
}

static void
tree_must_be_the_same_in_both_places(void **state)
{
    struct vt_statement_source s = source_of();
    struct vt_statement_source back;
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    char *text;

    (void)state;
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_OK);
    text = replaced(vt_buf_str(&b), "\"gitTree\":\"aaaa", "\"gitTree\":\"aaab");
    assert_int_equal(vt_statement_get_source(text, strlen(text), &back, NULL), VT_E_SYNTAX);
    free(text);
    vt_buf_release(&b);
}

static void
names_are_checked(void **state)
{
    (void)state;
    assert_true(vt_package_name_valid("libstdc++6"));
    assert_false(vt_package_name_valid("Lib"));
    assert_false(vt_package_name_valid("-lib"));
    assert_false(vt_package_name_valid(""));
    assert_true(vt_package_version_valid("1:2.3~rc1+b2-1"));
    assert_false(vt_package_version_valid("1 2"));
    assert_true(vt_package_arch_valid("amd64"));
    assert_false(vt_package_arch_valid("amd64 "));
    assert_true(vt_statement_name_valid("zstd_1.5.4+dfsg~1.tar.zst"));
    assert_false(vt_statement_name_valid(".hidden"));
    assert_false(vt_statement_name_valid("a/b"));
    assert_false(vt_statement_name_valid("-rf"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pae_is_the_specifications),
        cmocka_unit_test(envelope_opens_with_its_key_only),
        cmocka_unit_test(changed_envelope_never_gives_another_payload),
        cmocka_unit_test(url_alphabet_is_taken),
        cmocka_unit_test(malformed_envelopes_are_refused),
        cmocka_unit_test(too_many_signatures_are_refused),
        cmocka_unit_test(payload_over_the_callers_bound_is_refused),
        cmocka_unit_test(source_round_trip),
        cmocka_unit_test(bad_sources_are_not_written),
        cmocka_unit_test(environment_round_trip),
        cmocka_unit_test(assembly_round_trip),
        cmocka_unit_test(same_facts_give_the_same_bytes),
        cmocka_unit_test(bad_assemblies_are_not_written),
        cmocka_unit_test(odd_site_names_come_back),
        cmocka_unit_test(rebuild_round_trip),
        cmocka_unit_test(mismatch_round_trip),
        cmocka_unit_test(release_round_trip),
        cmocka_unit_test(statements_of_another_form_are_refused),
        cmocka_unit_test(one_kind_is_not_taken_for_another),
        cmocka_unit_test(tree_must_be_the_same_in_both_places),
        cmocka_unit_test(names_are_checked),
    };

    return cmocka_run_group_tests_name("attest", tests, NULL, NULL);
}
