/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk, asked as http asks it: accounts, logins and sessions with everything that can be
 * tried against them, comments and assignments, and what may be opened.
 */
#include "base/log.h"
#include "centre/session.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "desk_world.h"

#define REVIEWER (VT_ROLE_READER | VT_ROLE_REVIEWER)

static int
set_up(void **state)
{
    struct desk_world *w = malloc(sizeof(*w));

    assert_non_null(w);
    dw_init(w);
    *state = w;
    return 0;
}

static int
tear_down(void **state)
{
    dw_release(*state);
    free(*state);
    return 0;
}

/* --- Accounts and logins. --- */

static void
test_registers(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char token[VT_ACCOUNT_TOKEN_TEXT];
    struct vt_vkey key;
    const json_t *options;
    const char *line;
    char *session;

    authenticator_init(&a, DW_ORIGIN, DW_RP);
    dw_invite(w, "alice.example", REVIEWER, token);
    assert_int_equal(
        dw_post(w, "register/begin", json_pack("{s:s}", "invitation", token)), 200);
    options = json_object_get(w->out, "publicKey");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(options, "rp"), "id")), DW_RP);
    assert_string_equal(json_string_value(json_object_get(options, "attestation")), "none");
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(options, "authenticatorSelection"), "userVerification")),
        "required");
    assert_int_equal(dw_register(w, token, &a), 201);
    assert_string_equal(dw_text(w, "name"), "alice.example");
    assert_int_equal(
        vt_vkey_parse(dw_text(w, "vkey"), strlen(dw_text(w, "vkey")), &key, &w->why), VT_OK);
    assert_int_equal(key.alg, VT_NOTE_PASSKEY);
    assert_string_equal(key.name, "alice.example");
    line = dw_text(w, "policy_line");
    assert_memory_equal(line, "signer alice alice.example+", 27);
    assert_string_equal(line + 13, dw_text(w, "vkey"));
    /* The cookie is what it must be. */
    assert_non_null(strstr(w->cookie, "; Path=/api/v1"));
    assert_non_null(strstr(w->cookie, "; HttpOnly"));
    assert_non_null(strstr(w->cookie, "; SameSite=Strict"));
    assert_non_null(strstr(w->cookie, "; Secure"));
    session = dw_token(w);
    w->session = session;
    assert_int_equal(dw_get(w, "session", ""), 200);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(w->out, "reviewer"), "organisation")),
        "north");
    assert_string_equal(dw_text(w, "rp"), DW_RP);
    assert_int_equal(dw_get(w, "reviewers", ""), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 1);
    free(session);
    authenticator_release(&a);
}

/* The policy names a reviewer's key: then `in_policy` says so. */
static void
test_in_policy(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    char *session = dw_join(w, "alice.example", REVIEWER, &a);

    vt_buf_puts(&b, "log ");
    test_put_vkey(&b, "zurich.example/log", VT_NOTE_ED25519, 1);
    vt_buf_putf(&b, "\nquorum none\n%s\n", dw_text(w, "policy_line"));
    assert_int_equal(dw_get(w, "reviewers", ""), 200);
    assert_true(json_is_false(
        json_object_get(json_array_get(json_object_get(w->out, "items"), 0), "in_policy")));
    dw_stop(w);
    vt_policy_free(w->policy);
    w->policy = NULL;
    dw_must(vt_policy_parse(b.data, b.len, &w->policy, &w->why), &w->why);
    dw_start(w);
    assert_int_equal(dw_get(w, "reviewers", ""), 200);
    assert_true(json_is_true(
        json_object_get(json_array_get(json_object_get(w->out, "items"), 0), "in_policy")));
    vt_buf_release(&b);
    free(session);
    authenticator_release(&a);
}

static void
test_logs_in_and_out(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    char *second;

    assert_int_equal(dw_login(w, &a), 200);
    second = dw_token(w);
    assert_string_not_equal(session, second);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(w->out, "reviewer"), "name")),
        "alice.example");
    w->session = second;
    assert_int_equal(dw_get(w, "assignments", ""), 200);
    assert_int_equal(dw_post(w, "logout", json_object()), 204);
    assert_non_null(strstr(w->cookie, "vt-session=;"));
    assert_non_null(strstr(w->cookie, "Max-Age=0"));
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    /* The other session is another. */
    w->session = session;
    assert_int_equal(dw_get(w, "assignments", ""), 200);
    free(session);
    free(second);
    authenticator_release(&a);
}

static void
test_invitations(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    struct authenticator b;
    struct vt_invitation i = {.name = "alice.example", .organisation = "north", .roles = 2};
    char token[VT_ACCOUNT_TOKEN_TEXT];
    char other[VT_ACCOUNT_TOKEN_TEXT];

    authenticator_init(&a, DW_ORIGIN, DW_RP);
    authenticator_init(&b, DW_ORIGIN, DW_RP);
    /* None of ours, of no form, and one that a later one replaced. */
    dw_must(vt_token_new(token, &w->why), &w->why);
    assert_int_equal(dw_register(w, token, &a), 422);
    assert_int_equal(dw_register(w, "../../etc", &a), 422);
    dw_invite(w, "alice.example", REVIEWER, other);
    dw_invite(w, "alice.example", REVIEWER, token);
    assert_int_equal(dw_register(w, other, &a), 422);
    assert_int_equal(dw_register(w, token, &a), 201);
    /* Once, and no second account of that name. */
    assert_int_equal(dw_register(w, token, &b), 422);
    i.expires = w->clock.fixed + 10;
    assert_int_equal(vt_invitation_new(w->db, &i, other, &w->why), VT_E_EXIST);
    /* Expired. */
    (void)snprintf(i.name, sizeof(i.name), "bob.example");
    dw_must(vt_invitation_new(w->db, &i, token, &w->why), &w->why);
    w->clock.fixed += 10;
    assert_int_equal(dw_register(w, token, &b), 422);
    /* What cannot be. */
    (void)snprintf(i.name, sizeof(i.name), "a b");
    assert_int_equal(vt_invitation_new(w->db, &i, other, &w->why), VT_E_USAGE);
    (void)snprintf(i.name, sizeof(i.name), "-");
    assert_int_equal(vt_invitation_new(w->db, &i, other, &w->why), VT_E_USAGE);
    (void)snprintf(i.name, sizeof(i.name), "carol.example");
    (void)snprintf(i.organisation, sizeof(i.organisation), "a\nb");
    assert_int_equal(vt_invitation_new(w->db, &i, other, &w->why), VT_E_USAGE);
    (void)snprintf(i.organisation, sizeof(i.organisation), "north");
    i.roles = 8;
    assert_int_equal(vt_invitation_new(w->db, &i, other, &w->why), VT_E_USAGE);
    authenticator_release(&a);
    authenticator_release(&b);
}

/* The invitation is used between the two steps by somebody who was quicker. */
static void
test_invitation_race(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    struct authenticator b;
    char token[VT_ACCOUNT_TOKEN_TEXT];
    json_t *ticket;
    json_t *credential;

    authenticator_init(&a, DW_ORIGIN, DW_RP);
    authenticator_init(&b, DW_ORIGIN, DW_RP);
    dw_invite(w, "alice.example", REVIEWER, token);
    assert_int_equal(
        dw_post(w, "register/begin", json_pack("{s:s}", "invitation", token)), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_create(&a, dw_challenge(w));
    assert_int_equal(dw_register(w, token, &b), 201);
    assert_int_equal(dw_post(w, "register/finish",
                         json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential)),
        422);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM account"), 1);
    authenticator_release(&a);
    authenticator_release(&b);
}

/* One login whose parts were turned: gives the status. */
static int
login_with(struct desk_world *w, struct authenticator *a, const char *challenge)
{
    json_t *ticket;
    json_t *credential;

    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(a, challenge != NULL ? challenge : dw_challenge(w));
    return dw_post(
        w, "login/finish", json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential));
}

static void
test_forged_logins(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    struct authenticator evil;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    char *challenge;

    /* Another key in alice's name. */
    authenticator_init(&evil, DW_ORIGIN, DW_RP);
    memcpy(evil.id, a.id, sizeof(evil.id));
    memcpy(evil.user, a.user, sizeof(evil.user));
    evil.counter = 100;
    assert_int_equal(login_with(w, &evil, NULL), 422);
    /* A passkey that nobody registered. */
    evil.id[0] ^= 1;
    assert_int_equal(login_with(w, &evil, NULL), 422);
    assert_non_null(strstr(dw_message(w), "no account"));
    /* The challenge of another ticket. */
    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    challenge = strdup(dw_challenge(w));
    assert_int_equal(login_with(w, &a, challenge), 422);
    assert_non_null(strstr(dw_message(w), "another challenge"));
    /* Wrong origin, wrong RP ID, no user verification, another's user handle. */
    a.origin = "https://evil.example";
    assert_int_equal(login_with(w, &a, NULL), 422);
    a.origin = DW_ORIGIN;
    a.rp = "evil.example";
    assert_int_equal(login_with(w, &a, NULL), 422);
    a.rp = DW_RP;
    a.flags = 0x01;
    assert_int_equal(login_with(w, &a, NULL), 422);
    a.flags = 0x05;
    a.user[0] ^= 1;
    assert_int_equal(login_with(w, &a, NULL), 422);
    a.user[0] ^= 1;
    assert_int_equal(login_with(w, &a, NULL), 200);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM session"), 2);
    free(challenge);
    free(session);
    authenticator_release(&a);
    authenticator_release(&evil);
}

static void
test_tickets(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    json_t *ticket;
    json_t *credential;
    json_t *body;

    /* Once. */
    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(&a, dw_challenge(w));
    body = json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential);
    assert_int_equal(dw_post(w, "login/finish", json_incref(body)), 200);
    assert_int_equal(dw_post(w, "login/finish", body), 422);
    assert_non_null(strstr(dw_message(w), "begin again"));
    /* Not for the other thing, and then gone. */
    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(&a, dw_challenge(w));
    body = json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential);
    assert_int_equal(dw_post(w, "register/finish", json_incref(body)), 422);
    assert_int_equal(dw_post(w, "login/finish", body), 422);
    /* Within five minutes. */
    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(&a, dw_challenge(w));
    w->clock.fixed += VT_TICKET_S;
    assert_int_equal(dw_post(w, "login/finish",
                         json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential)),
        422);
    free(session);
    authenticator_release(&a);
}

/* A client's ninth ticket makes its first worthless, and nobody else's. */
static void
test_tickets_of_a_crowd(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    json_t *ticket;
    json_t *credential;
    char client[32];

    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(&a, dw_challenge(w));
    w->client = client;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(client, sizeof(client), "crowd-%d", i / 10);
        assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    }
    w->client = NULL;
    assert_int_equal(dw_post(w, "login/finish",
                         json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential)),
        200);
    assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    ticket = json_incref(json_object_get(w->out, "ticket"));
    credential = authenticator_get(&a, dw_challenge(w));
    for (unsigned i = 0; i < VT_TICKETS_CLIENT_MAX; i++)
        assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    assert_int_equal(dw_post(w, "login/finish",
                         json_pack("{s:o, s:o}", "ticket", ticket, "credential", credential)),
        422);
    free(session);
    authenticator_release(&a);
}

static void
test_cloned_counter(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);

    a.counter = 50;
    assert_int_equal(dw_login(w, &a), 200);
    a.counter = 40; /* the copy signs with 41 */
    assert_int_equal(dw_login(w, &a), 403);
    assert_non_null(strstr(dw_message(w), "went back"));
    /* All its sessions have ended, and nobody logs in, whatever the counter. */
    w->session = session;
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    a.counter = 100;
    assert_int_equal(dw_login(w, &a), 403);
    assert_int_equal(vt_account_clear(w->db, "alice.example", &w->why), VT_OK);
    assert_int_equal(vt_account_clear(w->db, "alice.example", &w->why), VT_E_STATE);
    assert_int_equal(vt_account_clear(w->db, "bob.example", &w->why), VT_E_NOENT);
    assert_int_equal(dw_login(w, &a), 200);
    /* The same number again goes back, too. */
    a.counter--;
    assert_int_equal(dw_login(w, &a), 403);
    free(session);
    authenticator_release(&a);
}

/* Authenticators without a counter always say 0. */
static void
test_no_counter(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char token[VT_ACCOUNT_TOKEN_TEXT];

    authenticator_init(&a, DW_ORIGIN, DW_RP);
    dw_invite(w, "alice.example", REVIEWER, token);
    a.counter = UINT32_MAX;
    assert_int_equal(dw_register(w, token, &a), 201);
    for (int i = 0; i < 3; i++) {
        a.counter = UINT32_MAX;
        assert_int_equal(dw_login(w, &a), 200);
    }
    authenticator_release(&a);
}

static void
test_attempts_are_limited(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    char client[32];
    int i;

    a.flags = 0x01;
    for (i = 0; i < (int)VT_DESK_FAILURES; i++)
        assert_int_equal(login_with(w, &a, NULL), 422);
    assert_int_equal(dw_login(w, &a), 429);
    assert_in_range(w->retry, 1, VT_DESK_FAILURES_S);
    /* From elsewhere the account's own limit holds. */
    w->client = client;
    (void)snprintf(client, sizeof(client), "client-2");
    a.flags = 0x05;
    assert_int_equal(dw_login(w, &a), 429);
    w->clock.fixed += VT_DESK_FAILURES_S;
    a.counter += 10;
    assert_int_equal(dw_login(w, &a), 200);
    /* Guessing invitations and tickets counts as well. */
    (void)snprintf(client, sizeof(client), "client-3");
    for (i = 0; i < (int)VT_DESK_FAILURES; i++)
        assert_int_equal(
            dw_post(w, "register/begin", json_pack("{s:s}", "invitation", "guess")), 422);
    assert_int_equal(
        dw_post(w, "register/begin", json_pack("{s:s}", "invitation", "guess")), 429);
    /* And so does beginning over and over. */
    (void)snprintf(client, sizeof(client), "client-4");
    for (i = 0; i < (int)VT_DESK_TICKETS; i++)
        assert_int_equal(dw_post(w, "login/begin", json_object()), 200);
    assert_int_equal(dw_post(w, "login/begin", json_object()), 429);
    free(session);
    authenticator_release(&a);
}

static void
test_sessions_end(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    int64_t began = w->clock.fixed;

    w->session = session;
    /* Used every 20 minutes it lasts 12 hours. */
    while (w->clock.fixed < began + VT_SESSION_WHOLE_S - 1200) {
        w->clock.fixed += 1200;
        assert_int_equal(dw_get(w, "assignments", ""), 200);
    }
    w->clock.fixed += 1200;
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    assert_int_equal(dw_login(w, &a), 200);
    free(session);
    session = dw_token(w);
    w->session = session;
    w->clock.fixed += VT_SESSION_IDLE_S - 1;
    assert_int_equal(dw_get(w, "assignments", ""), 200);
    w->clock.fixed += VT_SESSION_IDLE_S;
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    dw_must(vt_desk_room_idle(w->desk, &w->why), &w->why);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM session"), 0);
    /* Nobody's, and of no form. */
    w->session = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    w->session = "' OR 1=1 --";
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    free(session);
    authenticator_release(&a);
}

static void
test_revoked(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    struct authenticator b;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);
    char token[VT_ACCOUNT_TOKEN_TEXT];

    dw_must(vt_sealed_open(w->db, NULL, "alice.example", DW_NOW, &w->why), &w->why);
    dw_must(vt_account_revoke(w->db, "alice.example", DW_NOW, &w->why), &w->why);
    w->session = session;
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    assert_int_equal(dw_login(w, &a), 422);
    assert_int_equal(dw_get(w, "reviewers", ""), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 0);
    assert_int_equal(vt_account_revoke(w->db, "alice.example", DW_NOW, &w->why), VT_E_NOENT);
    /* The name may be invited again, and is open to nothing. */
    authenticator_init(&b, DW_ORIGIN, DW_RP);
    dw_invite(w, "alice.example", REVIEWER, token);
    assert_int_equal(dw_register(w, token, &b), 201);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM may"), 0);
    assert_int_equal(dw_login(w, &a), 422);
    assert_int_equal(dw_login(w, &b), 200);
    free(session);
    authenticator_release(&a);
    authenticator_release(&b);
}

/* --- What other sites' pages try, and what does not parse. --- */

static void
test_cross_site(void **state)
{
    struct desk_world *w = *state;
    static const char *const origins[] = {
        "", "null", "https://evil.example", "http://centre.example", "https://centre.example/"};
    static const char *const types[] = {"", "text/plain", "application/x-www-form-urlencoded",
        "multipart/form-data", "application/jsonp", "text/plain; application/json"};
    struct authenticator a;
    char *session = dw_join(w, "alice.example", REVIEWER, &a);

    w->session = session;
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        w->origin = origins[i];
        assert_int_equal(dw_post(w, "logout", json_object()), 403);
    }
    w->origin = NULL;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        w->content_type = types[i];
        assert_int_equal(dw_post(w, "logout", json_object()), 403);
    }
    w->content_type = "application/json; charset=utf-8";
    assert_int_equal(dw_post(w, "logout", json_object()), 204);
    free(session);
    authenticator_release(&a);
}

static void
test_malformed(void **state)
{
    struct desk_world *w = *state;
    static const char *const bodies[] = {"", "{", "[]", "null", "{}x", "{\"a\":1,\"a\":2}",
        "{\"ticket\":1,\"credential\":{}}", "{\"ticket\":\"x\"}",
        "{\"ticket\":\"x\",\"credential\":{},\"more\":1}", "{\"ticket\":\"\\u0000\"}"};
    struct vt_buf deep = VT_BUF(65536);

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(dw_ask(w, false, "login/finish", "", bodies[i]), 400);
    for (int i = 0; i < 30000; i++)
        vt_buf_puts(&deep, "[");
    assert_int_equal(dw_ask(w, false, "login/finish", "", vt_buf_str(&deep)), 400);
    vt_buf_release(&deep);
    assert_int_equal(dw_get(w, "session", "x=1"), 400);
    assert_int_equal(dw_get(w, "visits", "day=2026-11-22&day=2026-11-22"), 400);
    assert_int_equal(dw_get(w, "logout", ""), 405);
    assert_int_equal(dw_ask(w, false, "session", "", "{}"), 405);
    assert_int_equal(dw_get(w, "nothing", ""), 404);
    assert_int_equal(dw_ask(w, false, "comments/x", "", "{}"), 404);
    assert_int_equal(dw_ask(w, false, "comments/99999999999999999999", "", "{}"), 404);
}

static void
test_etag(void **state)
{
    struct desk_world *w = *state;
    char etag[64];

    assert_int_equal(dw_get(w, "session", ""), 200);
    assert_true(w->etag[0] == '"');
    memcpy(etag, w->etag, sizeof(etag));
    w->match = etag;
    assert_int_equal(dw_get(w, "session", ""), 304);
    assert_int_equal(w->body.len, 0);
    assert_int_equal(dw_get(w, "reviewers", ""), 200);
}

/* --- Comments and assignments. --- */

static json_t *
comment(const struct desk_world *w, const char *source, const char *text)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:s}", "source", source, "path", "main.c", "blob",
        w->blob_text, "line", 4, "text", text);
}

static void
test_comments(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a, b, c;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);
    char *bob = dw_join(w, "bob.example", REVIEWER, &b);
    char *carol = dw_join(w, "carol.example", VT_ROLE_LEAD, &c);
    char path[64];
    char query[200];
    const json_t *items;

    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, "why?")), 401);
    w->session = alice;
    assert_int_equal(
        dw_post(w, "comments", comment(w, w->open_text, "why?\n<script>alert(1)</script>")),
        201);
    assert_string_equal(dw_text(w, "by"), "alice.example");
    assert_string_equal(dw_text(w, "at"), "2026-11-22T10:00:00Z");
    (void)snprintf(path, sizeof(path), "comments/%lld",
        (long long)json_integer_value(json_object_get(w->out, "id")));
    /* Everybody reads it. */
    w->session = NULL;
    (void)snprintf(query, sizeof(query), "source=%s&path=main.c", w->open_text);
    assert_int_equal(dw_get(w, "comments", query), 200);
    items = json_object_get(w->out, "items");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "text")),
        "why?\n<script>alert(1)</script>");
    assert_int_equal(dw_get(w, "comments", ""), 401);
    assert_int_equal(dw_get(w, "comments", "path=main.c"), 400);
    /* Another may not settle or remove it; a lead may settle it. */
    w->session = bob;
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "removed", 1)), 403);
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "resolved", 1)), 403);
    w->session = carol;
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "removed", 1)), 403);
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "resolved", 1)), 200);
    assert_true(json_is_true(json_object_get(w->out, "resolved")));
    w->session = alice;
    assert_int_equal(dw_post(w, path, json_pack("{s:b, s:b}", "removed", 1, "x", 1)), 400);
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "removed", 0)), 400);
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "removed", 1)), 200);
    assert_string_equal(dw_text(w, "text"), "");
    assert_int_equal(dw_count(w, "SELECT count(*) FROM comment WHERE text<>''"), 0);
    assert_int_equal(dw_get(w, "comments", ""), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 1);
    assert_int_equal(dw_post(w, "comments/77", json_pack("{s:b}", "removed", 1)), 404);
    free(alice);
    free(bob);
    free(carol);
    authenticator_release(&a);
    authenticator_release(&b);
    authenticator_release(&c);
}

static void
test_comments_refused(void **state)
{
    struct desk_world *w = *state;
    static const char *const texts[] = {"", "a\rb", "a\tb", "\x1b[31m",
        ("a\xe2\x80\xae"
         "b"),
        "\xc2\x85"};
    struct authenticator a, r;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);
    char *reader = dw_join(w, "reader.example", VT_ROLE_READER, &r);
    char *big = malloc(4002);
    json_t *v;

    assert_non_null(big);
    w->session = reader;
    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, "hm")), 403);
    w->session = alice;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, texts[i])), 400);
    memset(big, 'x', 4001);
    big[4001] = '\0';
    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, big)), 400);
    big[4000] = '\0';
    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, big)), 201);
    /* Another blob, line or path than the snapshot has; a path that leads out. */
    v = comment(w, w->open_text, "hm");
    (void)json_object_set_new(v, "blob", json_string(w->open_text));
    assert_int_equal(dw_post(w, "comments", v), 409);
    v = comment(w, w->open_text, "hm");
    (void)json_object_set_new(v, "line", json_integer(6));
    assert_int_equal(dw_post(w, "comments", v), 422);
    v = comment(w, w->open_text, "hm");
    (void)json_object_set_new(v, "line", json_integer(0));
    assert_int_equal(dw_post(w, "comments", v), 400);
    v = comment(w, w->open_text, "hm");
    (void)json_object_set_new(v, "path", json_string("none.c"));
    assert_int_equal(dw_post(w, "comments", v), 404);
    v = comment(w, w->open_text, "hm");
    (void)json_object_set_new(v, "path", json_string("../../etc/passwd"));
    assert_int_equal(dw_post(w, "comments", v), 400);
    v = comment(w, "sha256:xyz", "hm");
    assert_int_equal(dw_post(w, "comments", v), 400);
    v = comment(w, w->blob_text, "hm"); /* a snapshot that is not there */
    assert_int_equal(dw_post(w, "comments", v), 404);
    /* A sealed source that is not open to her. */
    assert_int_equal(dw_post(w, "comments", comment(w, w->sealed_text, "hm")), 403);
    free(big);
    free(alice);
    free(reader);
    authenticator_release(&a);
    authenticator_release(&r);
}

static void
test_comments_of_sealed_source(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a, b;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);
    char *bob = dw_join(w, "bob.example", REVIEWER, &b);
    char query[200];

    (void)snprintf(query, sizeof(query), "source=%s", w->sealed_text);
    dw_must(vt_sealed_open(w->db, &w->sealed, "alice.example", DW_NOW, &w->why), &w->why);
    w->session = alice;
    assert_int_equal(dw_post(w, "comments", comment(w, w->sealed_text, "hm")), 201);
    assert_int_equal(dw_get(w, "comments", query), 200);
    w->session = bob;
    assert_int_equal(dw_get(w, "comments", query), 403);
    w->session = NULL;
    assert_int_equal(dw_get(w, "comments", query), 403);
    free(alice);
    free(bob);
    authenticator_release(&a);
    authenticator_release(&b);
}

static void
test_comments_a_day(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);

    dw_must(vt_sql_do(w->db, &w->why,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<499)"
                " INSERT INTO comment(source, path, blob, line, text, account, at)"
                " SELECT x'00', 'p', x'00', 1, 't', 1, ? FROM n",
                "i", DW_NOW),
        &w->why);
    w->session = alice;
    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, "one")), 201);
    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, "two")), 429);
    w->clock.fixed += 1500;
    assert_int_equal(dw_post(w, "comments", comment(w, w->open_text, "two")), 429);
    free(alice);
    authenticator_release(&a);
}

static void
test_assignments(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a, c;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);
    char *carol = dw_join(w, "carol.example", VT_ROLE_LEAD, &c);
    char path[64];
    json_t *v = json_pack(
        "{s:s, s:s, s:s}", "source", w->open_text, "path", "docs", "to", "alice.example");

    w->session = alice;
    assert_int_equal(dw_post(w, "assignments", json_incref(v)), 403);
    w->session = carol;
    assert_int_equal(dw_post(w, "assignments", json_incref(v)), 201);
    assert_string_equal(dw_text(w, "by"), "carol.example");
    (void)snprintf(path, sizeof(path), "assignments/%lld",
        (long long)json_integer_value(json_object_get(w->out, "id")));
    (void)json_object_set_new(v, "path", json_string(""));
    assert_int_equal(dw_post(w, "assignments", json_incref(v)), 201);
    (void)json_object_set_new(v, "to", json_string("nobody.example"));
    assert_int_equal(dw_post(w, "assignments", json_incref(v)), 404);
    (void)json_object_set_new(v, "path", json_string("none"));
    assert_int_equal(dw_post(w, "assignments", v), 404);
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "done", 1)), 403);
    w->session = alice;
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "done", 1)), 200);
    assert_true(json_is_true(json_object_get(w->out, "done")));
    assert_int_equal(dw_get(w, "assignments", ""), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 2);
    w->session = NULL;
    assert_int_equal(dw_get(w, "assignments", ""), 401);
    assert_int_equal(dw_post(w, path, json_pack("{s:b}", "done", 0)), 401);
    free(alice);
    free(carol);
    authenticator_release(&a);
    authenticator_release(&c);
}

/* --- What may be opened. --- */

static void
test_opens_public_source(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);
    char query[200];

    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 200);
    assert_true(w->pass);
    assert_string_equal(w->who, "");
    assert_string_equal(w->list, "");
    /* Nobody's opening is written when the desk is idle. */
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit"), 0);
    dw_must(vt_desk_room_idle(w->desk, &w->why), &w->why);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit WHERE reviewer='-'"), 1);
    /* A reviewer's before the answer, with what came before it. */
    assert_int_equal(dw_admit(w, w->open_text, "raw", "path=docs/read%20me.txt"), 200);
    w->session = alice;
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 200);
    assert_true(w->pass);
    assert_string_equal(w->who, "alice.example");
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit"), 3);
    assert_int_equal(dw_count(w, "SELECT leaf FROM visit WHERE reviewer='alice.example'"), 2);
    /* Both sides of a difference. */
    dw_must(vt_sealed_open(w->db, NULL, "alice.example", DW_NOW, &w->why), &w->why);
    (void)snprintf(query, sizeof(query), "since=%s&path=more.c", w->sealed_text);
    assert_int_equal(dw_admit(w, w->open_text, "diff", query), 200);
    assert_true(w->pass);
    assert_string_equal(w->list, w->sealed_text + 7);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit WHERE path='more.c'"), 2);
    assert_int_equal(dw_count(w, "SELECT sum(cost) FROM visit WHERE path='more.c'"), 1);
    /* Names alone are not recorded. */
    (void)snprintf(query, sizeof(query), "since=%s", w->sealed_text);
    assert_int_equal(dw_admit(w, w->open_text, "diff", query), 200);
    assert_int_equal(dw_admit(w, w->open_text, "tree", "path=docs"), 200);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit"), 5);
    free(alice);
    authenticator_release(&a);
}

static void
test_what_is_not_opened(void **state)
{
    struct desk_world *w = *state;
    char query[300];

    assert_int_equal(dw_admit(w, w->open_text, "file", "path=none.c"), 404);
    assert_false(w->pass);
    assert_int_equal(dw_admit(w, w->blob_text, "file", "path=main.c"), 404);
    assert_int_equal(dw_admit(w, w->open_text, "file", ""), 400);
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=%ff"), 400);
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c&path=more.c"), 400);
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c&x=1"), 400);
    assert_int_equal(dw_admit(w, w->open_text, "raw", "path=../main.c"), 404);
    assert_int_equal(dw_admit(w, w->open_text, "diff", "path=main.c"), 400);
    (void)snprintf(query, sizeof(query), "since=%s&path=none.c", w->open_text);
    assert_int_equal(dw_admit(w, w->open_text, "diff", query), 404);
    assert_false(w->pass);
    dw_must(vt_desk_room_idle(w->desk, &w->why), &w->why);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit"), 0);
    /* A folder has no content; the reader says so. Other paths are not the desk's. */
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=docs"), 200);
    assert_int_equal(dw_ask(w, true, "releases", "", NULL), 200);
    assert_true(w->pass);
    dw_must(vt_desk_room_idle(w->desk, &w->why), &w->why);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit"), 0);
}

static void
test_sealed(void **state)
{
    struct desk_world *w = *state;
    static const char *const below[] = {"tree", "symbols", "history", "coverage", "file?", "x"};
    struct authenticator a, b;
    char *alice = dw_join(w, "alice.example", VT_ROLE_READER, &a);
    char *bob = dw_join(w, "bob.example", REVIEWER, &b);
    char query[200];

    dw_must(vt_sealed_open(w->db, &w->sealed, "alice.example", DW_NOW, &w->why), &w->why);
    assert_int_equal(
        vt_sealed_open(w->db, &w->sealed, "nobody.example", DW_NOW, &w->why), VT_E_NOENT);
    for (int who = 0; who < 2; who++) {
        w->session = who == 0 ? NULL : bob;
        assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 403);
        assert_false(w->pass);
        assert_int_equal(dw_admit(w, w->sealed_text, "raw", "path=main.c"), 403);
        for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
            assert_int_equal(dw_admit(w, w->sealed_text, below[i], ""), 403);
        (void)snprintf(query, sizeof(query), "since=%s", w->sealed_text);
        assert_int_equal(dw_admit(w, w->open_text, "diff", query), 403);
        (void)snprintf(query, sizeof(query), "since=%s&path=main.c", w->open_text);
        assert_int_equal(dw_admit(w, w->sealed_text, "diff", query), 403);
        (void)snprintf(query, sizeof(query), "q=secret&source=%s", w->sealed_text);
        assert_int_equal(dw_ask(w, true, "search", query, NULL), 403);
        assert_int_equal(dw_ask(w, true, "search", "q=secret", NULL), 200);
        assert_string_equal(w->list, "");
    }
    w->session = alice;
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 200);
    assert_true(w->pass);
    assert_string_equal(w->list, w->sealed_text + 7);
    /* Closed again at once. */
    dw_must(vt_sealed_close(w->db, &w->sealed, "alice.example", &w->why), &w->why);
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 403);
    free(alice);
    free(bob);
    authenticator_release(&a);
    authenticator_release(&b);
}

static void
test_sealed_rates(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);

    dw_must(vt_sealed_open(w->db, NULL, "alice.example", DW_NOW, &w->why), &w->why);
    dw_must(vt_desk_db_set(w->db, "sealed-per-minute", 5, &w->why), &w->why);
    dw_must(vt_desk_db_set(w->db, "sealed-per-day", 12, &w->why), &w->why);
    w->session = alice;
    for (int i = 0; i < 5; i++)
        assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 200);
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 429);
    assert_false(w->pass);
    assert_int_equal(w->retry, 60);
    /* Public source goes on. */
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 200);
    w->clock.fixed += 60;
    /* A search counts for a tenth of the files that it may show. */
    assert_int_equal(dw_ask(w, true, "search", "q=secret&limit=41", NULL), 200);
    assert_int_equal(dw_ask(w, true, "search", "q=secret&limit=1", NULL), 429);
    w->clock.fixed += 60;
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 200);
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 200);
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 429);
    assert_in_range(w->retry, 61, 3600);
    /* Other reviewers have rates of their own; a restart does not forget. */
    dw_stop(w);
    dw_start(w);
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 429);
    w->clock.fixed += 86400;
    assert_int_equal(dw_login(w, &a), 200);
    free(alice);
    alice = dw_token(w);
    w->session = alice;
    assert_int_equal(dw_admit(w, w->sealed_text, "file", "path=main.c"), 200);
    free(alice);
    authenticator_release(&a);
}

static void
test_search_is_recorded(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);
    char query[200];

    w->session = alice;
    assert_int_equal(dw_ask(w, true, "search", "q=ma%69n&mode=exact", NULL), 200);
    assert_true(w->pass);
    (void)snprintf(query, sizeof(query), "q=main&source=%s", w->open_text);
    assert_int_equal(dw_ask(w, true, "search", query, NULL), 200);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit WHERE path='?search'"), 2);
    assert_int_equal(
        dw_count(w, "SELECT count(DISTINCT blob) FROM visit WHERE path='?search'"), 1);
    assert_int_equal(dw_count(w, "SELECT count(*) FROM visit WHERE source=zeroblob(32)"), 1);
    assert_int_equal(dw_ask(w, true, "search", "mode=exact", NULL), 400);
    assert_int_equal(dw_ask(w, true, "search", "q=a&q=b", NULL), 400);
    free(alice);
    authenticator_release(&a);
}

/* Nothing is opened when it cannot be written down. */
static void
test_not_recorded_not_opened(void **state)
{
    struct desk_world *w = *state;
    struct authenticator a;
    char *alice = dw_join(w, "alice.example", REVIEWER, &a);

    dw_must(vt_sql_do(w->db, &w->why,
                "CREATE TRIGGER full BEFORE INSERT ON visit BEGIN"
                " SELECT RAISE(FAIL, 'no space'); END",
                ""),
        &w->why);
    w->session = alice;
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 503);
    assert_false(w->pass);
    dw_must(vt_sql_do(w->db, &w->why, "DROP TRIGGER full", ""), &w->why);
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 200);
    assert_int_equal(dw_count(w, "SELECT leaf FROM visit"), 0);
    free(alice);
    authenticator_release(&a);
}

static void
test_openings_of_one_client(void **state)
{
    struct desk_world *w = *state;

    for (unsigned i = 0; i < VT_DESK_OPENINGS_DAY; i++) {
        struct vt_limit limit = {"openings of a client", VT_DESK_OPENINGS_DAY, 86400};

        vt_limit_count(&w->desk->limits, &limit, "client-1", w->clock.fixed);
    }
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 429);
    w->client = "client-2";
    assert_int_equal(dw_admit(w, w->open_text, "file", "path=main.c"), 200);
}

/* --- The file, and the process. --- */

static void
test_file_is_private(void **state)
{
    struct desk_world *w = *state;
    char path[VT_PATH_MAX];
    struct stat st;

    dw_must(vt_home_path(&w->home, path, &w->why, "centre/desk.db"), &w->why);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    dw_must(vt_home_path(&w->home, path, &w->why, "centre/desk.db-wal"), &w->why);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

struct running {
    int fd;
    struct vt_desk_opts opts;
    enum vt_err err;
};

static void *
run_desk(void *ctx)
{
    struct running *r = ctx;
    struct vt_why why = {0};

    r->err = vt_desk_run(r->fd, &r->opts, &why);
    return NULL;
}

static void
test_process(void **state)
{
    struct desk_world *w = *state;
    static const struct vt_msg_rule rules[] = {{VT_ROOM_ANSWER, VT_ROOM_MESSAGE_MAX}, {0, 0}};
    struct vt_ask ask = {.number = 7,
        .path = "/api/v1/session",
        .query = "",
        .content_type = "",
        .if_none_match = "",
        .origin = "",
        .session = "",
        .client = "c",
        .who = "",
        .sealed = ""};
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_answer answer;
    struct running r = {.opts = {.home = &w->home,
                            .policy = w->policy,
                            .origin = DW_ORIGIN,
                            .url = "http://127.0.0.1:1"}};
    pthread_t thread;
    uint16_t type;
    int fd[2];

    dw_stop(w);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    r.fd = fd[0];
    assert_int_equal(pthread_create(&thread, NULL, run_desk, &r), 0);
    dw_must(vt_ask_send(fd[1], VT_ROOM_ASK, &ask, &w->why), &w->why);
    dw_must(vt_msg_recv(fd[1], rules, 60000, &type, &b, &w->why), &w->why);
    dw_must(vt_answer_read(&b, &answer, &w->why), &w->why);
    assert_int_equal(answer.number, 7);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.cache, "private, no-store");
    close(fd[1]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(r.err, VT_OK);
    close(fd[0]);
    vt_buf_release(&b);
}

/* Words for many more clients than there are places: nobody is shut out. */
static void
test_limits(void **state)
{
    static struct vt_limits all;
    static const struct vt_limit limit = {"a", 3, 60};
    static const struct vt_limit other = {"b", 3, 60};
    char who[32];
    uint32_t wait = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(vt_limit_ok(&all, &limit, "x", 1000, &wait));
        vt_limit_count(&all, &limit, "x", 1000);
    }
    assert_false(vt_limit_ok(&all, &limit, "x", 1010, &wait));
    assert_int_equal(wait, 50);
    assert_true(vt_limit_ok(&all, &other, "x", 1010, &wait));
    assert_true(vt_limit_ok(&all, &limit, "y", 1010, &wait));
    assert_true(vt_limit_ok(&all, &limit, "x", 1060, &wait));
    assert_true(vt_limit_ok(&all, &limit, "x", 999, &wait)); /* the clock was set back */
    vt_limit_forget(&all, &limit, "x");
    assert_true(vt_limit_ok(&all, &limit, "x", 1010, &wait));
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(who, sizeof(who), "crowd-%d", i);
        assert_true(vt_limit_ok(&all, &limit, who, 2000 + i / 100, &wait));
        vt_limit_count(&all, &limit, who, 2000 + i / 100);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_registers),
        T(test_in_policy),
        T(test_logs_in_and_out),
        T(test_invitations),
        T(test_invitation_race),
        T(test_forged_logins),
        T(test_tickets),
        T(test_tickets_of_a_crowd),
        T(test_cloned_counter),
        T(test_no_counter),
        T(test_attempts_are_limited),
        T(test_sessions_end),
        T(test_revoked),
        T(test_cross_site),
        T(test_malformed),
        T(test_etag),
        T(test_comments),
        T(test_comments_refused),
        T(test_comments_of_sealed_source),
        T(test_comments_a_day),
        T(test_assignments),
        T(test_opens_public_source),
        T(test_what_is_not_opened),
        T(test_sealed),
        T(test_sealed_rates),
        T(test_search_is_recorded),
        T(test_not_recorded_not_opened),
        T(test_openings_of_one_client),
        T(test_file_is_private),
        T(test_process),
        cmocka_unit_test(test_limits),
    };
    vt_log_init("test", VT_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
