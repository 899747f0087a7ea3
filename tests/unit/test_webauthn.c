/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passkeys at the door: registrations and logins of a software authenticator, and everything
 * that can be wrong with them.
 */
#include "centre/webauthn_cbor.h"
#include "crypto/p256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authenticator.h"

#define ORIGIN "https://centre.example"
#define RP "centre.example"

struct fixture {
    struct vt_webauthn_site site;
    struct authenticator a;
    uint8_t challenge[VT_WEBAUTHN_CHALLENGE];
    char text[64]; /* the challenge as the browser has it */
    struct vt_why why;
};

static void
new_challenge(struct fixture *f)
{
    struct vt_buf b = VT_BUF(64);

    assert_int_equal(vt_random(f->challenge, sizeof(f->challenge), NULL), VT_OK);
    vt_webauthn_put_b64url(&b, f->challenge, sizeof(f->challenge));
    assert_int_equal(b.len, 43);
    memcpy(f->text, b.data, b.len + 1);
    vt_buf_release(&b);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_webauthn_site_init(&f->site, ORIGIN, &f->why), VT_OK);
    assert_string_equal(f->site.rp, RP);
    authenticator_init(&f->a, ORIGIN, RP);
    new_challenge(f);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    authenticator_release(&f->a);
    free(f);
    return 0;
}

static enum vt_err
registered(struct fixture *f, json_t *credential, struct vt_webauthn_credential *ret)
{
    enum vt_err err = vt_webauthn_register(&f->site, f->challenge, credential, ret, &f->why);

    json_decref(credential);
    return err;
}

static enum vt_err
create(struct fixture *f)
{
    struct vt_webauthn_credential made;

    return registered(f, authenticator_create(&f->a, f->text), &made);
}

static enum vt_err
logged_in(struct fixture *f, json_t *credential, uint32_t *ret_counter)
{
    struct vt_webauthn_assertion a;
    uint8_t point[64];
    enum vt_err err = vt_webauthn_assertion_read(credential, &a, &f->why);

    json_decref(credential);
    if (err != VT_OK)
        return err;
    authenticator_point(&f->a, point);
    return vt_webauthn_assertion_verify(
        &f->site, f->challenge, &a, point, ret_counter, &f->why);
}

static enum vt_err
get(struct fixture *f)
{
    uint32_t counter;

    return logged_in(f, authenticator_get(&f->a, f->text), &counter);
}

static void
test_registers(void **state)
{
    struct fixture *f = *state;
    struct vt_webauthn_credential made;
    uint8_t point[64];

    authenticator_point(&f->a, point);
    for (int i = 0; i < 4; i++) {
        memset(&made, 0, sizeof(made));
        f->a.self = (i & 1) != 0;
        f->a.extension = (i & 2) != 0;
        if (registered(f, authenticator_create(&f->a, f->text), &made) != VT_OK)
            fail_msg("%s", f->why.text);
        assert_int_equal(made.id_len, sizeof(f->a.id));
        assert_memory_equal(made.id, f->a.id, sizeof(f->a.id));
        assert_memory_equal(made.point, point, sizeof(point));
        assert_int_equal(made.counter, f->a.counter);
    }
}

static void
test_logs_in(void **state)
{
    struct fixture *f = *state;
    uint32_t counter = 0;

    assert_int_equal(logged_in(f, authenticator_get(&f->a, f->text), &counter), VT_OK);
    assert_int_equal(counter, f->a.counter);
    f->a.extension = true;
    assert_int_equal(get(f), VT_OK);
    f->a.no_user = true;
    assert_int_equal(get(f), VT_OK);
    f->a.more = ""; /* older browsers do not say crossOrigin */
    assert_int_equal(get(f), VT_OK);
}

static void
expect_both(struct fixture *f, enum vt_err want, const char *say)
{
    assert_int_equal(create(f), want);
    assert_non_null(strstr(f->why.text, say));
    assert_int_equal(get(f), want);
    assert_non_null(strstr(f->why.text, say));
}

static void
test_client_data(void **state)
{
    struct fixture *f = *state;
    static const char *const origins[] = {"https://evil.example", "http://centre.example",
        "https://centre.example:444", "https://centre.example/", "https://sub.centre.example",
        "https://centre.example.evil", "null", ""};

    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        f->a.origin = origins[i];
        expect_both(f, VT_E_REFUSED, "the passkey was used at");
    }
    f->a.origin = ORIGIN;
    f->a.more = ",\"crossOrigin\":true";
    expect_both(f, VT_E_REFUSED, "page within another");
    f->a.more = ",\"crossOrigin\":null";
    expect_both(f, VT_E_REFUSED, "page within another");
    f->a.more = ",\"topOrigin\":\"https://evil.example\"";
    expect_both(f, VT_E_REFUSED, "page within another");
    /* A second member of a name must not hide the first. */
    f->a.more = ",\"origin\":\"" ORIGIN "\"";
    assert_int_equal(create(f), VT_E_SYNTAX);
    assert_int_equal(get(f), VT_E_SYNTAX);
    f->a.more = NULL;
    f->a.type = "webauthn.get";
    assert_int_equal(create(f), VT_E_REFUSED);
    f->a.type = "webauthn.create";
    assert_int_equal(get(f), VT_E_REFUSED);
    f->a.type = "payment.get";
    expect_both(f, VT_E_REFUSED, "something else");
}

static void
test_challenge(void **state)
{
    struct fixture *f = *state;
    char was[64];

    memcpy(was, f->text, sizeof(was));
    new_challenge(f);
    memcpy(f->text, was, sizeof(was));
    expect_both(f, VT_E_REFUSED, "another challenge");
    f->text[0] = '\0';
    expect_both(f, VT_E_REFUSED, "another challenge");
    new_challenge(f);
    (void)strcat(f->text, "=");
    expect_both(f, VT_E_REFUSED, "another challenge");
    f->text[42] = '\0';
    expect_both(f, VT_E_REFUSED, "another challenge");
}

static void
test_authenticator_data(void **state)
{
    struct fixture *f = *state;

    f->a.rp = "evil.example";
    expect_both(f, VT_E_REFUSED, "another site");
    f->a.rp = RP;
    f->a.flags = 0x04;
    expect_both(f, VT_E_REFUSED, "nobody touched");
    f->a.flags = 0x01;
    expect_both(f, VT_E_REFUSED, "did not verify its user");
    f->a.flags = 0x05;
    assert_int_equal(create(f), VT_OK);
}

/* Changes one byte of a member's bytes. */
static void
flip(json_t *credential, const char *member, size_t at)
{
    json_t *response = json_object_get(credential, "response");
    const char *text = json_string_value(json_object_get(response, member));
    uint8_t data[4096];
    size_t len = 0;

    assert_true(vt_b64url_decode(text, strlen(text), data, sizeof(data), &len));
    assert_true(len > 0);
    data[at % len] ^= 0x01;
    (void)json_object_set_new(response, member, authenticator_b64url(data, len));
}

static void
test_forged(void **state)
{
    struct fixture *f = *state;
    struct authenticator other;
    uint32_t counter = 0;
    json_t *v;

    /* Another's signature. */
    authenticator_init(&other, ORIGIN, RP);
    assert_int_equal(logged_in(f, authenticator_get(&other, f->text), &counter), VT_E_SIG);
    authenticator_release(&other);
    /* Any byte of the signature, and the counter, changed. */
    for (size_t i = 0; i < 72; i++) {
        v = authenticator_get(&f->a, f->text);
        flip(v, "signature", i);
        assert_int_not_equal(logged_in(f, v, &counter), VT_OK);
    }
    v = authenticator_get(&f->a, f->text);
    flip(v, "authenticatorData", 36);
    assert_int_equal(logged_in(f, v, &counter), VT_E_SIG);
    /* The registration's own signature. */
    f->a.self = true;
    v = authenticator_create(&f->a, f->text);
    flip(v, "attestationObject", 50);
    {
        struct vt_webauthn_credential made;

        assert_int_not_equal(registered(f, v, &made), VT_OK);
    }
}

static void
test_json_forms(void **state)
{
    struct fixture *f = *state;
    static const char *const members[] = {"id", "rawId", "type", "response"};
    static const char *const parts[] = {"clientDataJSON", "authenticatorData", "signature"};
    struct vt_webauthn_assertion a;
    char *big = calloc(1, 20001);
    json_t *v;

    assert_non_null(big);
    memset(big, 'A', 20000);
    for (size_t i = 0; i < 4; i++) {
        v = authenticator_get(&f->a, f->text);
        (void)json_object_del(v, members[i]);
        assert_int_equal(vt_webauthn_assertion_read(v, &a, &f->why), VT_E_SYNTAX);
        json_decref(v);
    }
    for (size_t i = 0; i < 3; i++) {
        v = authenticator_get(&f->a, f->text);
        (void)json_object_set_new(json_object_get(v, "response"), parts[i], json_string(big));
        assert_int_equal(vt_webauthn_assertion_read(v, &a, &f->why), VT_E_LIMIT);
        (void)json_object_set_new(json_object_get(v, "response"), parts[i], json_string("+/"));
        assert_int_equal(vt_webauthn_assertion_read(v, &a, &f->why), VT_E_SYNTAX);
        (void)json_object_set_new(json_object_get(v, "response"), parts[i], json_integer(1));
        assert_int_equal(vt_webauthn_assertion_read(v, &a, &f->why), VT_E_SYNTAX);
        json_decref(v);
    }
    v = authenticator_get(&f->a, f->text);
    (void)json_object_set_new(v, "id", json_string("AAAA"));
    assert_int_equal(vt_webauthn_assertion_read(v, &a, &f->why), VT_E_SYNTAX);
    (void)json_object_set_new(v, "id", json_string(big));
    (void)json_object_set_new(v, "rawId", json_string(big));
    assert_int_equal(vt_webauthn_assertion_read(v, &a, &f->why), VT_E_LIMIT);
    json_decref(v);
    free(big);
}

static void
test_sites(void **state)
{
    static const char *const bad[] = {"", "centre.example", "ftp://centre.example", "https://",
        "https://centre.example/", "https://Centre.example",
        "https://centre.example:", "https://centre.example:8a", "https://user@centre.example",
        "https://a b"};
    struct vt_webauthn_site s;
    struct vt_why why = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(vt_webauthn_site_init(&s, bad[i], &why), VT_E_CONFIG);
    assert_int_equal(vt_webauthn_site_init(&s, "http://localhost:8080", &why), VT_OK);
    assert_string_equal(s.rp, "localhost");
}

static void
refuse_object(const char *hex, enum vt_err want)
{
    struct vt_attestation a;
    uint8_t data[512];
    size_t len = 0;
    struct vt_why why = {0};

    assert_true(vt_hex_decode(hex, strlen(hex), data, sizeof(data), &len));
    assert_int_equal(vt_attestation_read(data, len, &a, &why), want);
}

static void
test_cbor(void **state)
{
    struct vt_reader r;
    uint8_t deep[64];

    (void)state;
    refuse_object("", VT_E_SYNTAX);
    refuse_object("a0", VT_E_SYNTAX);
    refuse_object("a3", VT_E_SYNTAX);
    /* {"fmt": "none", "attStmt": {}, "authData": h''}, and the same in another order */
    refuse_object("a363666d74646e6f6e656761747453746d74a068617574684461746140", VT_OK);
    refuse_object("a36861757468446174614063666d74646e6f6e656761747453746d74a0", VT_OK);
    /* fmt twice; a byte more; a longer form of a length; of indefinite length */
    refuse_object("a363666d74646e6f6e6563666d74646e6f6e6568617574684461746140", VT_E_SYNTAX);
    refuse_object("a363666d74646e6f6e656761747453746d74a06861757468446174614000", VT_E_SYNTAX);
    refuse_object("a363666d7478046e6f6e656761747453746d74a068617574684461746140", VT_E_SYNTAX);
    refuse_object("bf63666d74646e6f6e656761747453746d74a068617574684461746140ff", VT_E_SYNTAX);
    /* "none" with a statement, and other formats */
    refuse_object("a363666d74646e6f6e656761747453746d74a1616101686175746844617461"
                  "40",
        VT_E_REFUSED);
    refuse_object("a363666d746374706d6761747453746d74a068617574684461746140", VT_E_REFUSED);
    /* Bombs: four thousand million items, and strings longer than there are bytes. */
    refuse_object("a363666d74646e6f6e656761747453746d74bb00000001000000006861", VT_E_SYNTAX);
    refuse_object("a363666d747bffffffffffffffff", VT_E_SYNTAX);
    refuse_object("a363666d749bffffffffffffffff", VT_E_SYNTAX);
    memset(deep, 0x81, sizeof(deep));
    r = VT_READER(deep, sizeof(deep));
    assert_false(vt_cbor_skip(&r));
    assert_int_equal(r.left, sizeof(deep));
    memcpy(deep, "\x81\x81\x81\x81\x01\x02", 6);
    r = VT_READER(deep, 6);
    assert_true(vt_cbor_skip(&r));
    assert_int_equal(r.left, 1);
}

/* Every cut and every flip of authenticator data is refused or still says the same key. */
static void
test_authdata(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(4096);
    struct vt_authdata a;

    f->a.extension = true;
    authenticator_put_authdata(&f->a, true, &b);
    assert_int_equal(vt_authdata_read(b.data, b.len, &a, &f->why), VT_OK);
    assert_int_equal(a.credential_len, 32);
    for (size_t len = 0; len < b.len; len++)
        assert_int_not_equal(vt_authdata_read(b.data, len, &a, &f->why), VT_OK);
    /* Another algorithm (-8), another curve, another type of key. */
    for (size_t i = 89; i < 95; i++) {
        b.data[i] ^= 0x01;
        assert_int_not_equal(vt_authdata_read(b.data, b.len, &a, &f->why), VT_OK);
        b.data[i] ^= 0x01;
    }
    vt_buf_put_u8(&b, 0);
    assert_int_equal(vt_authdata_read(b.data, b.len, &a, &f->why), VT_E_SYNTAX);
    vt_buf_release(&b);
}

/* A key that is no point of the curve is not registered. */
static void
test_off_curve(void **state)
{
    struct fixture *f = *state;
    struct vt_webauthn_credential made;
    json_t *v = authenticator_create(&f->a, f->text);
    const char *text =
        json_string_value(json_object_get(json_object_get(v, "response"), "attestationObject"));

    flip(v, "attestationObject", strlen(text) * 3 / 4 - 1); /* the last byte of y */
    assert_int_equal(registered(f, v, &made), VT_E_REFUSED);
    assert_non_null(strstr(f->why.text, "no point"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_logs_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_client_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_challenge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_authenticator_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_authdata, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_off_curve, set_up, tear_down),
        cmocka_unit_test(test_sites),
        cmocka_unit_test(test_cbor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
