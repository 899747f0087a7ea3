/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: the grammar, quorums against brute force, and checkpoints. */
#include "note/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keys.h"

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define ORIGIN "log.example"
#define TEXT ORIGIN "\n5\n" ROOT "\n"

/*
 * Policies are written with short words for keys: `@L5` is the vkey of a log
 * or signer (type 01) from seed 5, `@W5` that of a witness (type 04).
 */
static void
expand(struct vt_buf *b, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s != '@') {
            vt_buf_put_u8(b, (uint8_t)*s);
            continue;
        }
        char kind = s[1], *end, name[32];
        unsigned long byte = strtoul(s + 2, &end, 10);
        snprintf(name, sizeof name, kind == 'L' ? ORIGIN : "key-%lu.example", byte);
        test_put_vkey(
            b, name, kind == 'W' ? VT_NOTE_COSIG_ED25519 : VT_NOTE_ED25519, (uint8_t)byte);
        s = end - 1;
    }
}

static enum vt_err
try_parse(const char *s, struct vt_policy **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(2 * VT_POLICY_MAX);
    expand(&b, s);
    assert_int_equal(b.err, VT_OK);
    enum vt_err err = vt_policy_parse(b.data, b.len, ret, why);
    vt_buf_release(&b);
    return err;
}

static struct vt_policy *
policy(const char *s)
{
    struct vt_policy *p = NULL;
    struct vt_why why = {{0}};
    if (try_parse(s, &p, &why) != VT_OK)
        fail_msg("%s", why.text);
    return p;
}

/* ---- grammar ---- */

/* The specification's own example, with no directive of ours. */
static void
test_c2sp_example(void **state)
{
    static const char text[] = "log @L1\n"
                               "\n"
                               "witness X1 @W11\nwitness X2 @W12\nwitness X3 @W13\n"
                               "group X-witnesses 2 X1 X2 X3\n"
                               "\n"
                               "witness Y1 @W21\nwitness Y2 @W22\nwitness Y3 @W23\n"
                               "group Y-witnesses any Y1 Y2 Y3\n"
                               "\n"
                               "group X-and-Y all X-witnesses Y-witnesses\n"
                               "quorum X-and-Y\n";
    const struct vt_policy_party *v;
    struct vt_signer_set set;
    unsigned least = 9;
    (void)state;
    struct vt_policy *p = policy(text);
    assert_int_equal(vt_policy_logs(p, &v), 1);
    assert_string_equal(v[0].name, ORIGIN);
    assert_null(v[0].url);
    assert_ptr_equal(vt_policy_log(p, ORIGIN), &v[0]);
    assert_null(vt_policy_log(p, "other.example"));
    assert_int_equal(vt_policy_witnesses(p, &v), 6);
    assert_string_equal(v[5].name, "Y3");
    assert_string_equal(v[5].key.name, "key-23.example");
    assert_int_equal(vt_policy_signers(p, &v), 0);
    assert_int_equal(vt_policy_demand_of(p, VT_ENTRY_SOURCE), VT_POLICY_SILENT);
    vt_policy_members(p, VT_ENTRY_SOURCE, &set, &least);
    assert_int_equal(least, 0);
    vt_policy_free(p);
    vt_policy_free(NULL);
}

static void
test_accepted(void **state)
{
    static const char *const good[] = {
        "quorum none\n",
        " \t quorum \t none\t \n",
        "# only a comment\n   \t# and another\n\n \t\nquorum none\n",
        "#\nquorum none\n",
        "log @L1 https://log.example/\xc3\xa9\nquorum none\n",
        "log @L1\nlog @L2\nquorum none\n", /* two keys of one origin: a rotation */
        "witness all @W1\nwitness any @W2\ngroup 2 2 all any\nquorum 2\n",
        "witness \xff\x80 @W1 u\nquorum \xff\x80\n",
        "witness K @W1\nwitness \xe2\x84\xaa @W2\nquorum K\n",
        "quorum none\nwitness w @W1\n",
        /* a name in a group may be the quorum, and one key log and witness */
        "log @L1\nwitness w @W1\ngroup g any w\nquorum w\n",
        ("signer a @S1\nsigner b @S2\ngroup g 1 a b\nrequire source g\nrequire rebuild a\n"
         "require release none\nquorum none\n"),
        "witness #w @W1\nquorum #w\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        vt_policy_free(policy(good[i]));
}

static void
test_refused(void **state)
{
    /* each with a piece of what the message must say */
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"", "no quorum line"},
        {"\n", "no quorum line"},
        {"quorum none", "line 1 does not end in a newline"},
        {"quorum none\n#", "line 2 does not end"},
        {"quorum none\nquorum none\n", "line 2: there is a quorum line above"},
        {"quorum\n", "exactly one name"},
        {"quorum none none\n", "exactly one name"},
        {"quorum w\nwitness w @W1\n", "line 1: `w` is not defined on a line above"},
        {"quorum none # no\n", "exactly one name"},
        {"Quorum none\n", "`Quorum` is none of"},
        {"quorum none\r\n", "control character 0d"},
        {"quorum none\n\f\n", "line 2: the control character 0c"},
        {"quorum none\n# \x7f\n", "line 2: the control character 7f"},
        {"log\nquorum none\n", "key of the log is missing"},
        {"log @W1\nquorum none\n", "must be of type 01, not 04"},
        {"log x\nquorum none\n", "line 1: a vkey is"},
        {"log @L1 u v\nquorum none\n", "after the URL"},
        {"log @L1\nlog @S1\nquorum none\n", "line 2: a log with this public key"},
        {"witness\nquorum none\n", "name of the witness is missing"},
        {"witness w\nquorum none\n", "key of the witness is missing"},
        {"witness w @S1\nquorum none\n", "must be of type 04, not 01"},
        {"witness none @W1\nquorum none\n", "reserved"},
        {"witness w @W1\nwitness w @W2\nquorum none\n", "line 2: the name `w` is defined"},
        {"witness w @W1\nwitness v @W1\nquorum none\n", "`v` has the same public key as `w`"},
        {"witness w x+00000000+BgAA\nquorum none\n", "type 06 has 1312 bytes"},
        {"witness w @W1 u v\nquorum none\n", "after the URL"},
        {"signer s @W1\nquorum none\n", "must be of type 01"},
        {"signer s @S1\nsigner t @S1\nquorum none\n", "same public key"},
        {"signer s @S1\nwitness s @W2\nquorum none\n", "name `s` is defined"},
        {"group\nquorum none\n", "name of the group is missing"},
        {"group g\nquorum none\n", "no threshold and members"},
        {"group g any\nquorum none\n", "no members"},
        {"group none any w\nquorum none\n", "reserved"},
        {"group g any w\nquorum none\n", "`w` is not defined"},
        {"witness w @W1\ngroup g any none\nquorum none\n", "`none` is not defined"},
        {"witness w @W1\ngroup g any g\nquorum none\n", "`g` is not defined"},
        {"witness w @W1\ngroup g any w w\nquorum none\n", "member of a group already"},
        {"witness w @W1\ngroup g any w\ngroup h any w\nquorum none\n",
            "line 3: `w` is a member"},
        {"witness w @W1\ngroup w any w\nquorum none\n", "name `w` is defined"},
        {"witness w @W1\ngroup g 0 w\nquorum none\n", "threshold `0`"},
        {"witness w @W1\ngroup g 2 w\nquorum none\n", "1 to 1"},
        {"witness w @W1\ngroup g 01 w\nquorum none\n", "threshold `01`"},
        {"witness w @W1\ngroup g +1 w\nquorum none\n", "threshold `+1`"},
        {"witness w @W1\ngroup g All w\nquorum none\n", "threshold `All`"},
        {"witness w @W1\ngroup g 18446744073709551617 w\nquorum none\n", "threshold"},
        {"signer s @S1\nquorum s\n", "`s` stands for signers; here belong witnesses"},
        {"signer s @S1\nwitness w @W2\ngroup g any s w\nquorum none\n", "stands for witnesses"},
        {"signer s @S1\nwitness w @W2\ngroup g any w s\nquorum none\n", "stands for signers"},
        {"witness w @W1\nrequire source w\nquorum none\n", "stands for witnesses"},
        {"require\nquorum none\n", "takes a kind"},
        {"require source\nquorum none\n", "exactly one name"},
        {"require source none none\nquorum none\n", "exactly one name"},
        {"require sources none\nquorum none\n", "`sources` is not a kind"},
        {"require source s\nquorum none\n", "`s` is not defined"},
        {"require source none\nrequire source none\nquorum none\n", "line 2: there is a line"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vt_policy *p = NULL;
        struct vt_why why = {{0}};
        if (try_parse(bad[i].text, &p, &why) != VT_E_CONFIG)
            fail_msg("not refused: %s", bad[i].text);
        assert_null(p);
        if (strstr(why.text, bad[i].says) == NULL)
            fail_msg("%s\n...says `%s`, without `%s`", bad[i].text, why.text, bad[i].says);
    }
    struct vt_policy *p = NULL;
    assert_int_equal(vt_policy_parse("quorum none\0\n", 13, &p, NULL), VT_E_CONFIG);
    assert_int_equal(vt_policy_parse(NULL, 0, &p, NULL), VT_E_CONFIG);
}

/* As many of something as there may be pass; one more does not. */
static void
try_limit(const char *line_format, unsigned max, const char *says)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    struct vt_why why = {{0}};
    vt_buf_puts(&b, "witness first @W255\nquorum none\n");
    for (unsigned i = 1; i <= max + 1; i++) {
        char line[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(line, sizeof line, line_format, i, i);
#pragma GCC diagnostic pop
        if (i == max + 1) {
            assert_int_equal(try_parse(vt_buf_str(&b), &p, &why), VT_OK);
            vt_policy_free(p);
            p = NULL;
        }
        vt_buf_puts(&b, line);
    }
    assert_int_equal(try_parse(vt_buf_str(&b), &p, &why), VT_E_CONFIG);
    assert_null(p);
    if (strstr(why.text, says) == NULL)
        fail_msg("says `%s`, without `%s`", why.text, says);
    vt_buf_release(&b);
}

static void
test_limits(void **state)
{
    (void)state;
    try_limit("log @L%u u%u\n", VT_POLICY_LOGS_MAX, "line 35: there are more than 32 logs");
    try_limit("witness w%u @W%u\n", VT_POLICY_PARTIES_MAX - 1, "more than 64 witnesses and");
    try_limit("signer s%u @S%u\n", VT_POLICY_PARTIES_MAX - 1, "more than 64 witnesses and");
}

static void
test_limit_groups(void **state)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    struct vt_why why = {{0}};
    (void)state;
    /* a chain of groups, each in the next */
    vt_buf_puts(&b, "signer g0 @S1\nquorum none\n");
    for (unsigned i = 1; i <= VT_POLICY_GROUPS_MAX; i++)
        vt_buf_putf(&b, "group g%u all g%u\n", i, i - 1);
    vt_buf_putf(&b, "require source g%u\n", VT_POLICY_GROUPS_MAX);
    p = policy(vt_buf_str(&b));
    struct vt_signer_set set = {{false}};
    assert_int_equal(vt_policy_check_signers(p, VT_ENTRY_SOURCE, &set, &why), VT_E_QUORUM);
    assert_non_null(strstr(why.text, "g0 is missing"));
    set.has[0] = true;
    assert_int_equal(vt_policy_check_signers(p, VT_ENTRY_SOURCE, &set, &why), VT_OK);
    vt_policy_free(p);
    p = NULL;
    vt_buf_putf(&b, "group more all g%u\n", VT_POLICY_GROUPS_MAX);
    assert_int_equal(try_parse(vt_buf_str(&b), &p, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "more than 64 groups"));
    vt_buf_release(&b);
}

static void
try_long(const char *before, size_t len, const char *after, enum vt_err want)
{
    struct vt_buf b = VT_BUF(2 * VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    vt_buf_puts(&b, before);
    for (size_t i = 0; i < len; i++)
        vt_buf_puts(&b, "x");
    vt_buf_puts(&b, after);
    assert_int_equal(try_parse(vt_buf_str(&b), &p, NULL), want);
    vt_policy_free(p);
    vt_buf_release(&b);
}

static void
test_limit_lengths(void **state)
{
    (void)state;
    try_long("quorum none\nlog @L1 ", VT_POLICY_URL_MAX, "\n", VT_OK);
    try_long("quorum none\nlog @L1 ", VT_POLICY_URL_MAX + 1, "\n", VT_E_CONFIG);
    try_long("quorum none\nwitness ", VT_POLICY_NAME_MAX, " @W1\n", VT_OK);
    try_long("quorum none\nwitness ", VT_POLICY_NAME_MAX + 1, " @W1\n", VT_E_CONFIG);
    try_long("quorum none\n#", VT_POLICY_MAX - 14, "\n", VT_OK);
    try_long("quorum none\n#", VT_POLICY_MAX - 13, "\n", VT_E_CONFIG);
}

/* ---- quorums ---- */

#define NESTED                                                                                 \
    "signer a @S1\nsigner b @S2\nsigner c @S3\nsigner d @S4\nsigner e @S5\nsigner f @S6\n"     \
    "group one 2 a b c\n"                                                                      \
    "group two any d e\n"                                                                      \
    "group top 2 one two f\n"                                                                  \
    "require source top\nrequire release none\nrequire rebuild f\nquorum none\n"

/* All 64 sets of signers against the formula written out. */
static void
test_nested_by_brute_force(void **state)
{
    struct vt_policy *p = policy(NESTED);
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        struct vt_signer_set set = {{false}};
        for (unsigned i = 0; i < 6; i++)
            set.has[i] = (bits >> i & 1) != 0;
        int one = set.has[0] + set.has[1] + set.has[2] >= 2;
        int two = set.has[3] || set.has[4];
        bool want = one + two + set.has[5] >= 2;
        assert_int_equal(vt_policy_check_signers(p, VT_ENTRY_SOURCE, &set, NULL),
            want ? VT_OK : VT_E_QUORUM);
        assert_int_equal(vt_policy_check_signers(p, VT_ENTRY_RELEASE, &set, NULL), VT_OK);
        assert_int_equal(vt_policy_check_signers(p, VT_ENTRY_REBUILD, &set, NULL),
            set.has[5] ? VT_OK : VT_E_QUORUM);
        assert_int_equal(
            vt_policy_check_signers(p, VT_ENTRY_ASSEMBLY, &set, NULL), VT_E_CONFIG);
    }
    vt_policy_free(p);
}

static void
test_members(void **state)
{
    struct vt_policy *p = policy(NESTED);
    struct vt_signer_set set;
    unsigned least;
    (void)state;
    assert_int_equal(vt_policy_demand_of(p, VT_ENTRY_SOURCE), VT_POLICY_QUORUM);
    assert_int_equal(vt_policy_demand_of(p, VT_ENTRY_RELEASE), VT_POLICY_NONE);
    assert_int_equal(vt_policy_demand_of(p, VT_ENTRY_ASSEMBLY), VT_POLICY_SILENT);
    assert_int_equal(vt_policy_demand_of(p, VT_ENTRY_KIND_COUNT), VT_POLICY_SILENT);
    vt_policy_members(p, VT_ENTRY_SOURCE, &set, &least);
    for (unsigned i = 0; i < VT_POLICY_PARTIES_MAX; i++)
        assert_int_equal(set.has[i], i < 6);
    assert_int_equal(least, 2); /* d or e, and f */
    vt_policy_members(p, VT_ENTRY_REBUILD, &set, &least);
    assert_int_equal(least, 1);
    for (unsigned i = 0; i < VT_POLICY_PARTIES_MAX; i++)
        assert_int_equal(set.has[i], i == 5);
    vt_policy_members(p, VT_ENTRY_RELEASE, &set, &least);
    assert_int_equal(least, 0);
    assert_false(set.has[0]);
    vt_policy_free(p);
}

static void
assert_missing(
    const struct vt_policy *p, enum vt_entry_kind kind, unsigned bits, const char *says)
{
    struct vt_signer_set set = {{false}};
    struct vt_why why = {{0}};
    for (unsigned i = 0; i < 6; i++)
        set.has[i] = (bits >> i & 1) != 0;
    assert_int_equal(vt_policy_check_signers(p, kind, &set, &why), VT_E_QUORUM);
    assert_string_equal(why.text, says);
}

static void
test_messages_name_the_missing(void **state)
{
    struct vt_policy *p =
        policy("signer alpha @S1\nsigner beta @S2\nsigner gamma @S3\n"
               "group rebuilders 2 alpha beta\ngroup all-three all gamma "
               "rebuilders\nrequire rebuild rebuilders\n"
               "require source gamma\nrequire release all-three\nquorum none\n");
    struct vt_signer_set nobody = {{false}};
    struct vt_why why = {{0}};
    (void)state;
    assert_missing(p, VT_ENTRY_REBUILD, 1,
        "rebuild: 1 of the 2 signatures that `rebuilders` asks for: beta is missing");
    assert_missing(p, VT_ENTRY_REBUILD, 0,
        "rebuild: 0 of the 2 signatures that `rebuilders` asks for: alpha and beta are "
        "missing");
    assert_missing(p, VT_ENTRY_SOURCE, 3, "source: the signature of `gamma` is missing");
    assert_missing(p, VT_ENTRY_RELEASE, 3,
        "release: 1 of the 2 signatures that `all-three` asks for: gamma is missing");
    assert_missing(p, VT_ENTRY_RELEASE, 0,
        "release: 0 of the 2 signatures that `all-three` asks for: alpha, beta and gamma are "
        "missing");
    assert_int_equal(vt_policy_check_signers(p, VT_ENTRY_ASSEMBLY, &nobody, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "require assembly"));
    vt_policy_free(p);
}

/* ---- checkpoints ---- */

#define WITNESSED                                                                              \
    "log @L1\nlog @L2\nwitness w1 @W11\nwitness w2 @W12\nwitness w3 @W13\n"                    \
    "group witnesses 2 w1 w2 w3\nquorum witnesses\n"

static void
begin(struct vt_buf *b, uint8_t log_byte)
{
    *b = VT_BUF(VT_NOTE_MAX);
    vt_buf_puts(b, TEXT "\n");
    if (log_byte != 0)
        test_put_sig(b, ORIGIN, log_byte, TEXT, strlen(TEXT));
}

static void
cosign(struct vt_buf *b, uint8_t byte, uint64_t time)
{
    char name[32];
    snprintf(name, sizeof name, "key-%u.example", byte);
    test_put_cosig(b, name, byte, time, TEXT, strlen(TEXT));
}

static enum vt_err
check(const struct vt_policy *p, struct vt_buf *b, uint64_t *ret_time, struct vt_why *why)
{
    struct vt_checkpoint c = {.size = 77};
    enum vt_err err = vt_policy_check_checkpoint(p, b->data, b->len, &c, ret_time, why);
    assert_int_equal(c.size, err == VT_OK ? 5 : 77);
    vt_buf_release(b);
    return err;
}

static void
test_checkpoint_quorum(void **state)
{
    struct vt_policy *p = policy(WITNESSED);
    struct vt_why why = {{0}};
    uint64_t time = 3;
    struct vt_buf b;
    (void)state;
    begin(&b, 1);
    assert_int_equal(check(p, &b, &time, &why), VT_E_QUORUM);
    assert_non_null(strstr(why.text,
        "0 of the 2 cosignatures that `witnesses` asks for: w1, w2 and w3 are missing"));
    begin(&b, 1);
    cosign(&b, 12, 100);
    cosign(&b, 99, 100); /* nobody we know */
    assert_int_equal(check(p, &b, &time, &why), VT_E_QUORUM);
    assert_non_null(strstr(why.text, "w1 and w3 are missing"));
    begin(&b, 1);
    cosign(&b, 12, 100);
    cosign(&b, 12, 101); /* twice the same is one */
    assert_int_equal(check(p, &b, &time, &why), VT_E_QUORUM);
    assert_int_equal(time, 3);
    begin(&b, 1);
    cosign(&b, 12, 100);
    cosign(&b, 11, 50);
    why.text[0] = '\0';
    assert_int_equal(check(p, &b, &time, &why), VT_OK);
    assert_int_equal(time, 50);
    assert_string_equal(why.text, ""); /* w3 is not needed: nothing to complain of */
    vt_policy_free(p);
}

static void
test_checkpoint_time(void **state)
{
    struct vt_policy *p = policy(WITNESSED);
    struct vt_policy *none = policy("log @L1\nwitness w1 @W11\nquorum none\n");
    struct vt_policy *nested = policy(
        "log @L1\nwitness w1 @W11\nwitness w2 @W12\nwitness w3 @W13\ngroup any2 any w1 w2\n"
        "group both all any2 w3\nquorum both\n");
    struct vt_buf b;
    uint64_t time = 3;
    (void)state;
    begin(&b, 1);
    cosign(&b, 11, 100);
    cosign(&b, 12, 300);
    cosign(&b, 13, 200);
    assert_int_equal(check(p, &b, &time, NULL), VT_OK);
    assert_int_equal(time, 200); /* two are not older */
    begin(&b, 1);
    cosign(&b, 11, 100);
    cosign(&b, 12, 300);
    cosign(&b, 13, 200);
    assert_int_equal(check(nested, &b, &time, NULL), VT_OK);
    assert_int_equal(time, 200);
    begin(&b, 1);
    cosign(&b, 11, 100);
    cosign(&b, 13, 200);
    assert_int_equal(check(nested, &b, &time, NULL), VT_OK);
    assert_int_equal(time, 100);
    begin(&b, 1);
    cosign(&b, 11, 100);
    assert_int_equal(check(none, &b, &time, NULL), VT_OK);
    assert_int_equal(time, 0);
    begin(&b, 1);
    cosign(&b, 11, 0);
    cosign(&b, 12, INT64_MAX);
    assert_int_equal(check(p, &b, &time, NULL), VT_OK);
    assert_int_equal(time, 0);
    vt_policy_free(nested);
    vt_policy_free(none);
    vt_policy_free(p);
}

static void
test_checkpoint_bad_signatures(void **state)
{
    struct vt_policy *p = policy(WITNESSED);
    struct vt_policy *other = policy("log @S1\nquorum none\n");
    struct vt_why why = {{0}};
    struct vt_buf b;
    uint64_t time;
    (void)state;
    /* a known witness that fails refuses, whoever else cosigned */
    begin(&b, 1);
    cosign(&b, 11, 100);
    cosign(&b, 12, 100);
    test_put_cosig(&b, "key-13.example", 13, 100, "x\n", 2);
    assert_int_equal(check(p, &b, &time, &why), VT_E_SIG);
    assert_non_null(strstr(why.text, "w3"));
    /* the log: signed by nobody, by another, by one of its two keys, falsely */
    begin(&b, 3);
    cosign(&b, 11, 100);
    cosign(&b, 12, 100);
    assert_int_equal(check(p, &b, &time, &why), VT_E_UNKNOWN);
    begin(&b, 2);
    cosign(&b, 11, 100);
    cosign(&b, 12, 100);
    assert_int_equal(check(p, &b, &time, &why), VT_OK);
    begin(&b, 1);
    test_put_sig(&b, ORIGIN, 2, "x\n", 2);
    assert_int_equal(check(p, &b, &time, &why), VT_E_SIG);
    begin(&b, 1);
    assert_int_equal(check(other, &b, &time, &why), VT_E_UNKNOWN);
    assert_non_null(strstr(why.text, ORIGIN));
    b = VT_BUF(100);
    vt_buf_puts(&b, "x\n");
    assert_int_equal(check(p, &b, &time, &why), VT_E_SYNTAX);
    vt_policy_free(other);
    vt_policy_free(p);
}

/* A witness's key is no log's key: a cosignature never stands for the log. */
static void
test_check_log(void **state)
{
    struct vt_policy *p = policy(WITNESSED);
    struct vt_checkpoint c;
    struct vt_note n;
    struct vt_buf b;
    (void)state;
    begin(&b, 1);
    assert_int_equal(vt_policy_check_log(p, b.data, b.len, &n, &c, NULL), VT_OK);
    assert_int_equal(c.size, 5);
    assert_int_equal(n.sig_count, 1);
    vt_buf_release(&b);
    begin(&b, 0);
    test_put_cosig(&b, ORIGIN, 1, 100, TEXT, strlen(TEXT));
    assert_int_equal(vt_policy_check_log(p, b.data, b.len, &n, &c, NULL), VT_E_UNKNOWN);
    vt_buf_release(&b);
    vt_policy_free(p);
}

static void
test_signer_of(void **state)
{
    struct vt_policy *p = policy("signer a @S1\nsigner b @S2\nquorum none\n");
    struct vt_note n;
    struct vt_buf b = VT_BUF(10000);
    (void)state;
    vt_buf_puts(&b, "x\n\n");
    test_put_sig(&b, "key-2.example", 2, "x\n", 2);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_string_equal(vt_policy_signer_of(p, &n)->name, "b");
    test_put_sig(&b, "key-1.example", 1, "x\n", 2);
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_null(vt_policy_signer_of(p, &n)); /* two lines */
    vt_buf_clear(&b);
    vt_buf_puts(&b, "x\n\n");
    test_put_sig(&b, "key-2.example", 1, "x\n", 2); /* the name of one, the key of the other */
    assert_int_equal(vt_note_parse(b.data, b.len, &n, NULL), VT_OK);
    assert_null(vt_policy_signer_of(p, &n));
    vt_buf_release(&b);
    vt_policy_free(p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c2sp_example),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limit_groups),
        cmocka_unit_test(test_limit_lengths),
        cmocka_unit_test(test_nested_by_brute_force),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_messages_name_the_missing),
        cmocka_unit_test(test_checkpoint_quorum),
        cmocka_unit_test(test_checkpoint_time),
        cmocka_unit_test(test_checkpoint_bad_signatures),
        cmocka_unit_test(test_check_log),
        cmocka_unit_test(test_signer_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
