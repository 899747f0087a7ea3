/* SPDX-License-Identifier: Apache-2.0 */
/* Vault policies: what a good one says, and each way in which one is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

/* A field of the good policy that a case leaves out, puts another value in the place of
 * (first match by name and beginning), or puts a field after. */
struct change {
    const char *name;
    const char *begins;
    const char *value; /* NULL: left out */
    bool after;        /* a second field of that name, after this one */
};

static size_t
edit(const struct change *c, struct vt_buf *b)
{
    struct vt_doc *d = lw_policy_doc(1, NULL);
    size_t changed = 0;
    for (size_t i = 0; i < vt_doc_count(d); i++) {
        const struct vt_doc_field *f = vt_doc_field(d, i);
        bool here = changed == 0 && strcmp(f->name, c->name) == 0 &&
                    strncmp(f->value, c->begins, strlen(c->begins)) == 0;
        if (!here || c->after)
            vt_buf_putf(b, "%s %s\n", f->name, f->value);
        if (here && c->value != NULL)
            vt_buf_putf(b, "%s %s\n", f->name, c->value);
        changed += here;
    }
    vt_doc_free(d);
    return changed;
}

static enum vt_err
parse_text(const char *fields, struct vt_vault_policy **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(2 * VT_DOC_MAX);
    char *text = NULL;
    int len = asprintf(&text, "vitrine/vault/policy/v1\n%s", fields);
    assert_true(len > 0);
    vt_buf_putf(&b, "%s\n", text);
    test_put_sig(&b, "authority.example", LW_AUTHORITY, text, (size_t)len);
    enum vt_err err = vt_vault_policy_parse(b.data, b.len, ret, why);
    vt_buf_release(&b);
    free(text);
    return err;
}

static void
expect(const struct change *c, const char *says)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_vault_policy *p = NULL;
    struct vt_why why = {{0}};
    if (edit(c, &b) == 0)
        fail_msg("no field `%s %s`", c->name, c->begins);
    enum vt_err err = parse_text(vt_buf_str(&b), &p, &why);
    if (err != VT_E_CONFIG || strstr(why.text, says) == NULL || p != NULL)
        fail_msg("`%s %s`: %s: %s", c->name, c->value == NULL ? c->begins : c->value,
            vt_err_name(err), why.text);
    vt_buf_release(&b);
}

static void
test_good(void **state)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    const struct vt_rule_region *region = NULL;
    const struct vt_rule_class *class = NULL;
    const struct vt_rule_party *party = NULL;
    struct ledger_world w;
    struct vt_digest previous;
    struct vt_box_public box = lw_box_public(LW_SAM);
    (void)state;
    lw_init(&w);
    const struct vt_vault_policy *p = w.policy;
    assert_int_equal(vt_vault_policy_serial(p), 1);
    assert_false(vt_vault_policy_previous(p, &previous));
    assert_string_equal(vt_vault_policy_supervisor(p), "supervisor.example");
    assert_true(vt_digest_eq(vt_vault_policy_digest(p), &w.item[0].digest));
    assert_int_equal(vt_doc_kind(vt_vault_policy_doc(p)), VT_DOC_POLICY);
    assert_int_equal(vt_vault_policy_regions(p, &region), 3);
    assert_string_equal(region[2].name, "US");
    assert_string_equal(region[2].site, "frankfurt.example");
    assert_string_equal(region[2].jurisdiction, "DE");
    assert_int_equal(vt_vault_policy_region(p, "EU")->noise_budget, 10000);
    assert_int_equal(vt_vault_policy_region(p, "EU")->noise_days, 30);
    assert_int_equal(vt_vault_policy_region(p, "CA")->noise_budget, 0);
    assert_null(vt_vault_policy_region(p, "AU"));
    assert_int_equal(vt_vault_policy_classes(p, &class), 2);
    assert_int_equal(vt_vault_policy_class(p, "url")->retention_days, 30);
    assert_int_equal(vt_vault_policy_class(p, "detection")->threshold, 5);
    assert_null(vt_vault_policy_class(p, "files"));
    assert_int_equal(vt_vault_policy_parties(p, &party), 8);
    assert_string_equal(party[4].name, "sue.example");
    assert_memory_equal(&vt_vault_policy_party(p, "sam.example")->box, &box, sizeof box);
    assert_string_equal(
        vt_vault_policy_keeper(p, "zurich.example")->key.name, "zurich.example/vault");
    assert_ptr_equal(vt_vault_policy_party(p, "zurich.example"),
        vt_vault_policy_keeper(p, "zurich.example"));
    assert_null(vt_vault_policy_keeper(p, "sam.example"));
    assert_null(vt_vault_policy_party(p, "nobody"));
    assert_true(vt_vault_policy_may_ask(p, "carol.example", "incident-response"));
    assert_false(vt_vault_policy_may_ask(p, "carol.example", "incident"));
    assert_false(vt_vault_policy_may_ask(p, "erin.example", "incident-response"));
    assert_int_equal(vt_vault_policy_approvers(p, VT_MODE_ACCESS, group, VT_RULES_MAX), 2);
    assert_string_equal(group[1]->name, "security");
    assert_int_equal(group[1]->need, 2);
    assert_int_equal(group[1]->member_count, 3);
    assert_string_equal(party[group[1]->member[2]].name, "dora.example");
    assert_int_equal(vt_vault_policy_approvers(p, VT_MODE_ACCESS, group, 1), 1);
    assert_int_equal(vt_vault_policy_approvers(p, VT_MODE_COUNT, group, VT_RULES_MAX), 0);
    assert_int_equal(vt_vault_policy_limit(p, VT_MODE_ACCESS), 86400);
    assert_int_equal(vt_vault_policy_limit(p, VT_MODE_BREAK_GLASS), 3600);
    assert_int_equal(vt_vault_policy_limit(p, VT_MODE_ERASURE), 604800);
    lw_release(&w);
}

static void
test_next(void **state)
{
    struct ledger_world w;
    struct vt_vault_policy *p = NULL;
    struct vt_digest previous;
    struct vt_why why = {{0}};
    (void)state;
    lw_init(&w);
    size_t at = lw_say(&w, lw_policy_doc(2, &w.item[0].digest), LW_AUTHORITY);
    lw_must(vt_vault_policy_parse(w.item[at].doc.data, w.item[at].doc.len, &p, &why), &why);
    assert_int_equal(vt_vault_policy_serial(p), 2);
    assert_true(vt_vault_policy_previous(p, &previous));
    assert_true(vt_digest_eq(&previous, &w.item[0].digest));
    vt_vault_policy_free(p);
    lw_release(&w);
}

static void
test_wrong_lines(void **state)
{
    static const struct {
        struct change change;
        const char *says;
    } v[] = {
        {{"serial", "1", "0", false}, "begin with 1"},
        {{"serial", "1", "2", false}, "`previous` must name"},
        {{"region", "EU", "EU zurich.example", false}, "3 words"},
        {{"region", "EU", "EU zurich.example CH CH", false}, "something after `CH`"},
        {{"region", "EU", "EU zurich.example ch", false}, "two capital letters"},
        {{"region", "EU", "EU zurich.example CHE", false}, "two capital letters"},
        {{"region", "EU", "eu zurich.example CH", false}, "region `eu`"},
        {{"region", "EU", "EU basel.example CH", false}, "keeper of `basel.example`"},
        {{"region", "EU", "US zurich.example CH", true}, "US is placed already"},
        {{"class", "url", "url retention-days 30", false}, "5 words"},
        {{"class", "url", "url days 30 threshold 2", false}, "a class is"},
        {{"class", "url", "url retention-days 0 threshold 2", false}, "retention"},
        {{"class", "url", "url retention-days 36501 threshold 2", false}, "retention"},
        {{"class", "url", "url retention-days 30 threshold 0", false}, "threshold"},
        {{"class", "url", "url retention-days 30 threshold 10001", false}, "threshold"},
        {{"class", "url", "url retention-days 030 threshold 2", false}, "retention"},
        {{"class", "url", "URL retention-days 30 threshold 2", false}, "class `URL`"},
        {{"class", "url", "detection retention-days 3 threshold 2", false}, "already"},
        {{"party", "erin.example", "erin.example", false}, "signing key is missing"},
        {{"party", "erin.example", "erin.example x y", false}, "a vkey is"},
        {{"ask", "carol.example i", "nobody.example fun", false}, "no line above"},
        {{"ask", "carol.example i", "zurich.example fun", false}, "no line above"},
        {{"ask", "carol.example i", "carol.example Fun", false}, "purpose `Fun`"},
        {{"ask", "carol.example i", "carol.example", false}, "2 words"},
        {{"ask", "carol.example i", "carol.example subject-request", false}, "already"},
        {{"group", "legal", "legal 3 dora.example erin.example", false}, "never approve"},
        {{"group", "legal", "legal 0 dora.example erin.example", false}, "from 1"},
        {{"group", "legal", "legal 1", false}, "never approve"},
        {{"group", "legal", "legal", false}, "least number"},
        {{"group", "legal", "legal 1 dora.example dora.example", false}, "member twice"},
        {{"group", "legal", "legal 1 zurich.example", false}, "no line above"},
        {{"group", "legal", "none 1 dora.example", false}, "reserved"},
        {{"group", "legal", "security 1 dora.example", false}, "defined already"},
        {{"approve", "access", "access legal legal", false}, "there twice"},
        {{"approve", "access", "access lawyers", false}, "no line above"},
        {{"approve", "access", "access", false}, "needs a group"},
        {{"approve", "erasure", "erasure none", false}, "needs a group"},
        {{"approve", "access", "reading legal", false}, "none of access"},
        {{"approve", "access", NULL, false}, "`approve access`"},
        {{"approve", "break-glass", NULL, false}, "`approve break-glass`"},
        {{"approve", "export", NULL, false}, "`approve export`"},
        {{"approve", "erasure", NULL, false}, "`approve erasure`"},
        {{"approve", "access", "access board", true}, "keep one"},
        {{"limit", "access", "access 0", false}, "limit"},
        {{"limit", "access", "access 31622401", false}, "limit"},
        {{"limit", "access", "access", false}, "limit is missing"},
        {{"limit", "access", "access 5 6", false}, "something after"},
        {{"limit", "access", "access 5", true}, "keep one"},
        {{"noise", "EU", "AU 5 5", false}, "no line above"},
        {{"noise", "EU", "EU 0 5", false}, "budget"},
        {{"noise", "EU", "EU 5 0", false}, "days"},
        {{"noise", "EU", "EU 5", false}, "days is missing"},
        {{"noise", "EU", "EU 5 5", true}, "keep one"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        expect(&v[i].change, v[i].says);
}

/* One person must not be two: neither by name nor by either key, nor as a keeper. */
static void
test_nobody_twice(void **state)
{
    char dora[512], erin[512], value[1024], zurich[512];
    (void)state;
    lw_party_value(LW_DORA, dora);
    lw_party_value(LW_ERIN, erin);
    lw_party_value(LW_ZURICH, zurich);
    char *dora_key = strchr(dora, ' ') + 1, *dora_box = strrchr(dora, ' ') + 1;
    char *erin_key = strchr(erin, ' ') + 1, *erin_box = strrchr(erin, ' ') + 1;
    char *zurich_box = strrchr(zurich, ' ') + 1;
    (void)snprintf(value, sizeof value, "dora.example %s", erin_key);
    expect(&(struct change){"party", "erin", value, false}, "defined already");
    (void)snprintf(value, sizeof value, "zurich.example %s", erin_key);
    expect(&(struct change){"party", "erin", value, false}, "defined already");
    (void)snprintf(value, sizeof value, "erin.example %.*s %s", (int)(dora_box - 1 - dora_key),
        dora_key, erin_box);
    expect(&(struct change){"party", "erin", value, false}, "signing key of `dora.example`");
    (void)snprintf(value, sizeof value, "erin.example %.*s %s", (int)(erin_box - 1 - erin_key),
        erin_key, dora_box);
    expect(&(struct change){"party", "erin", value, false}, "age1... key of `dora.example`");
    (void)snprintf(value, sizeof value, "erin.example %.*s %s", (int)(erin_box - 1 - erin_key),
        erin_key, zurich_box);
    expect(&(struct change){"party", "erin", value, false}, "age1... key of `zurich.example`");
    (void)snprintf(
        value, sizeof value, "erin.example %.*s", (int)(erin_box - 1 - erin_key), erin_key);
    expect(&(struct change){"party", "erin", value, false}, "age1... key is missing");
    (void)snprintf(value, sizeof value, "%s more", erin);
    expect(&(struct change){"party", "erin", value, false}, "something after");
}

static void
test_cosigners_key(void **state)
{
    struct vt_buf b = VT_BUF(1024);
    char erin[512];
    (void)state;
    lw_party_value(LW_ERIN, erin);
    vt_buf_puts(&b, "erin.example ");
    test_put_vkey(&b, "erin.example", VT_NOTE_COSIG_ED25519, LW_ERIN);
    vt_buf_puts(&b, strrchr(erin, ' '));
    expect(&(struct change){"party", "erin", vt_buf_str(&b), false}, "cosigner's key");
    vt_buf_release(&b);
}

static void
test_too_many(void **state)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_vault_policy *p = NULL;
    struct vt_why why = {{0}};
    (void)state;
    struct vt_doc *d = lw_policy_doc(1, NULL);
    for (size_t i = 0; i < vt_doc_count(d); i++) {
        const struct vt_doc_field *f = vt_doc_field(d, i);
        vt_buf_putf(&b, "%s %s\n", f->name, f->value);
        for (int j = 0; strncmp(f->value, "url", 3) == 0 && j < 63; j++)
            vt_buf_putf(&b, "class c%d retention-days 1 threshold 1\n", j);
    }
    assert_int_equal(parse_text(vt_buf_str(&b), &p, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "more than 64 classes"));
    assert_null(p);
    vt_doc_free(d);
    vt_buf_release(&b);
}

static void
test_not_a_policy(void **state)
{
    struct ledger_world w;
    struct vt_vault_policy *p = NULL;
    struct vt_request r;
    struct vt_why why = {{0}};
    (void)state;
    lw_init(&w);
    r = lw_request(&w);
    size_t at = lw_say_request(&w, &r, LW_CAROL);
    assert_int_equal(
        vt_vault_policy_parse(w.item[at].doc.data, w.item[at].doc.len, &p, &why), VT_E_SYNTAX);
    assert_int_equal(vt_vault_policy_parse("", 0, &p, &why), VT_E_SYNTAX);
    assert_null(p);
    vt_vault_policy_free(NULL);
    lw_release(&w);
}

static void
test_modes(void **state)
{
    enum vt_mode m = VT_MODE_ACCESS;
    (void)state;
    for (unsigned i = 1; i < VT_MODE_COUNT; i++) {
        assert_true(vt_mode_parse(vt_mode_name((enum vt_mode)i), &m));
        assert_int_equal(m, i);
    }
    assert_false(vt_mode_parse("unknown", &m));
    assert_string_equal(vt_mode_name(VT_MODE_COUNT), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_nobody_twice),
        cmocka_unit_test(test_cosigners_key),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_not_a_policy),
        cmocka_unit_test(test_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
