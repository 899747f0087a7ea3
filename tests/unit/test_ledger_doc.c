/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger documents: one way to write each, what is refused, and what each kind means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

#include "base/file.h"

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD "vitrine/vault/refusal/v1\n"
#define SITE "site zurich.example\n"
#define CODE "code expired\n"
#define MADE "made 2026-11-22T10:00:00Z\n"
#define GOOD HEAD "request " DIGEST_A "\n" SITE CODE MADE

/* The text with the keeper's signature. */
static void
sign(const char *text, struct vt_buf *b)
{
    vt_buf_clear(b);
    vt_buf_puts(b, text);
    vt_buf_puts(b, "\n");
    test_put_sig(b, "zurich.example/vault", LW_ZURICH, text, strlen(text));
}

static enum vt_err
parse(const char *text, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(2 * VT_DOC_MAX);
    sign(text, &b);
    enum vt_err err = vt_doc_parse(b.data, b.len, (enum vt_doc_kind)0, ret, why);
    vt_buf_release(&b);
    return err;
}

static void
test_read(void **state)
{
    struct vt_vkey key = test_vkey("zurich.example/vault", VT_NOTE_ED25519, LW_ZURICH);
    struct vt_vkey other = test_vkey("zurich.example/vault", VT_NOTE_ED25519, LW_CAROL);
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *d = NULL;
    struct vt_digest digest, request;
    struct vt_why why = {{0}};
    uint64_t count;
    int64_t made;
    uint8_t id[16];
    size_t len;
    (void)state;
    sign(GOOD, &b);
    lw_must(vt_doc_parse(b.data, b.len, VT_DOC_REFUSAL, &d, &why), &why);
    assert_int_equal(vt_doc_kind(d), VT_DOC_REFUSAL);
    assert_int_equal(vt_doc_count(d), 4);
    assert_string_equal(vt_doc_field(d, 1)->name, "site");
    assert_string_equal(vt_doc_field(d, 1)->value, "zurich.example");
    assert_string_equal(vt_doc_get(d, "code"), "expired");
    assert_null(vt_doc_get(d, "grant"));
    assert_true(vt_doc_get_digest(d, "request", &request));
    assert_int_equal(request.b[31], 0xaa);
    assert_true(vt_doc_get_time(d, "made", &made));
    assert_int_equal(made, LW_ASKED);
    assert_false(vt_doc_get_count(d, "made", &count));
    assert_false(vt_doc_get_id(d, "site", id));
    assert_memory_equal(vt_doc_bytes(d, &len), b.data, b.len);
    assert_int_equal(len, b.len);
    vt_digest_of(b.data, b.len, &digest);
    assert_true(vt_digest_eq(vt_doc_digest(d), &digest));
    assert_int_equal(vt_doc_verify(d, &key, &why), VT_OK);
    assert_int_equal(vt_doc_verify(d, &other, &why), VT_E_UNKNOWN);
    vt_doc_free(d);
    assert_int_equal(vt_doc_parse(b.data, b.len, VT_DOC_RUN, &d, &why), VT_E_SYNTAX);
    /* a changed field under the same signature */
    memcpy(memmem(b.data, b.len, "expired", 7), "elapsed", 7);
    lw_must(vt_doc_parse(b.data, b.len, VT_DOC_REFUSAL, &d, &why), &why);
    assert_int_equal(vt_doc_verify(d, &key, &why), VT_E_SIG);
    vt_doc_free(d);
    vt_buf_release(&b);
}

static void
test_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } v[] = {
        {"vitrine/vault/wish/v1\n" SITE, "a known kind"},
        {"vitrine/vault/refusal/v2\n" SITE, "a known kind"},
        {"vitrine/vault/v1\n" SITE, "a known kind"},
        {HEAD, "field `request`"},
        {HEAD "request " DIGEST_A "\n" SITE MADE, "field `code`"},
        {HEAD "request " DIGEST_A "\n" CODE SITE MADE, "field `site`"},
        {HEAD SITE "request " DIGEST_A "\n" CODE MADE, "line 2 of a refusal"},
        {GOOD SITE, "stands before `made`"},
        {GOOD MADE, "only 1 field `made`"},
        {GOOD "note hello\n", "no field `note`"},
        {HEAD "request " DIGEST_A "\n" SITE SITE CODE MADE, "line 4"},
        {HEAD "request " DIGEST_A "0\n" SITE CODE MADE, "64 lower-case"},
        {HEAD "request sha256:" DIGEST_A "\n" SITE CODE MADE, "64 lower-case"},
        {HEAD "request " DIGEST_A "\nsite  zurich.example\n" CODE MADE, "not a name"},
        {HEAD "request " DIGEST_A "\nsite zurich example\n" CODE MADE, "not a name"},
        {HEAD "request " DIGEST_A "\nsite\n" CODE MADE, "a space and a value"},
        {HEAD "request " DIGEST_A "\nsite \n" CODE MADE, "a space and a value"},
        {HEAD "request " DIGEST_A "\n\n" SITE CODE MADE, "a space and a value"},
        {HEAD "request " DIGEST_A "\n" SITE "code Expired\n" MADE, "a word"},
        {HEAD "request " DIGEST_A "\n" SITE CODE "made 2026-11-22 10:00:00Z\n", "a time"},
        {HEAD "request " DIGEST_A "\n" SITE CODE "made 2026-02-30T10:00:00Z\n", "a time"},
        {HEAD "request " DIGEST_A "\n" SITE CODE "made 1969-12-31T23:59:59Z\n", "a time"},
    };
    struct vt_doc *d = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct vt_why why = {{0}};
        enum vt_err err = parse(v[i].text, &d, &why);
        if (err != VT_E_SYNTAX || strstr(why.text, v[i].says) == NULL || d != NULL)
            fail_msg("case %zu: %s: %s", i, vt_err_name(err), why.text);
    }
}

static void
test_limits(void **state)
{
    struct vt_buf b = VT_BUF(2 * VT_DOC_MAX);
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char name[700];
    (void)state;
    memset(name, 'x', sizeof name);
    name[600] = '\0';
    vt_buf_putf(&b, HEAD "request " DIGEST_A "\nsite %s\n" CODE MADE, name);
    assert_int_equal(parse(vt_buf_str(&b), &d, &why), VT_E_LIMIT);
    name[129] = '\0';
    vt_buf_clear(&b);
    vt_buf_putf(&b, HEAD "request " DIGEST_A "\nsite %s\n" CODE MADE, name);
    assert_int_equal(parse(vt_buf_str(&b), &d, &why), VT_E_SYNTAX);
    name[128] = '\0';
    vt_buf_clear(&b);
    vt_buf_putf(&b, HEAD "request " DIGEST_A "\nsite %s\n" CODE MADE, name);
    assert_int_equal(parse(vt_buf_str(&b), &d, &why), VT_OK);
    vt_doc_free(d);
    d = NULL;
    vt_buf_clear(&b);
    vt_buf_puts(&b, "vitrine/vault/grant/v1\nrequest " DIGEST_A "\npolicy " DIGEST_A "\n" SITE
                    "mode access\n");
    for (size_t i = 0; i < VT_DOC_FIELDS_MAX; i++)
        vt_buf_puts(&b, "approval " DIGEST_A "\n");
    vt_buf_puts(&b, MADE);
    assert_int_equal(parse(vt_buf_str(&b), &d, &why), VT_E_LIMIT);
    while (b.len <= VT_DOC_MAX)
        vt_buf_puts(&b, "approval " DIGEST_A "\n");
    assert_int_equal(parse(vt_buf_str(&b), &d, &why), VT_E_LIMIT);
    assert_null(d);
    vt_buf_release(&b);
}

static void
test_write(void **state)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_signer *zurich = lw_signer(LW_ZURICH), *carol = lw_signer(LW_CAROL);
    struct vt_vkey key = test_vkey("carol.example", VT_NOTE_ED25519, LW_CAROL);
    struct vt_digest digest;
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    size_t len;
    (void)state;
    memset(digest.b, 0xaa, sizeof digest.b);
    assert_int_equal(vt_doc_new((enum vt_doc_kind)0, &d, &why), VT_E_USAGE);
    assert_int_equal(vt_doc_new(VT_DOC_KIND_COUNT, &d, &why), VT_E_USAGE);
    lw_must(vt_doc_new(VT_DOC_REFUSAL, &d, &why), &why);
    assert_int_equal(vt_doc_add(d, "site", "zurich.example", &why), VT_E_USAGE);
    lw_must(vt_doc_add_digest(d, "request", &digest, &why), &why);
    assert_int_equal(vt_doc_add(d, "request", DIGEST_A, &why), VT_E_USAGE);
    lw_must(vt_doc_addf(d, &why, "site", "%s.%s", "zurich", "example"), &why);
    assert_int_equal(vt_doc_addf(d, &why, "code", "%600d", 1), VT_E_USAGE);
    assert_int_equal(vt_doc_sign(d, zurich, &b, &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "`code`"));
    assert_int_equal(vt_doc_add(d, "code", "two words", &why), VT_E_USAGE);
    lw_must(vt_doc_add(d, "code", "expired", &why), &why);
    assert_int_equal(vt_doc_add(d, "request", DIGEST_A, &why), VT_E_USAGE);
    lw_must(vt_doc_add_time(d, "made", LW_ASKED, &why), &why);
    assert_int_equal(vt_doc_verify(d, &key, &why), VT_E_UNKNOWN);
    (void)vt_doc_bytes(d, &len);
    assert_int_equal(len, 0);
    lw_must(vt_doc_sign(d, zurich, &b, &why), &why);
    assert_memory_equal(b.data, GOOD, strlen(GOOD));
    assert_memory_equal(vt_doc_bytes(d, &len), b.data, b.len);
    assert_int_equal(len, b.len);
    vt_digest_of(b.data, b.len, &digest);
    assert_true(vt_digest_eq(vt_doc_digest(d), &digest));
    vt_doc_free(d);
    /* one more signature */
    lw_must(vt_doc_countersign(&b, carol, &why), &why);
    lw_must(vt_doc_parse(b.data, b.len, VT_DOC_REFUSAL, &d, &why), &why);
    lw_must(vt_doc_verify(d, &key, &why), &why);
    vt_doc_free(d);
    len = b.len;
    assert_int_equal(vt_doc_countersign(&b, carol, &why), VT_E_STATE);
    assert_int_equal(b.len, len);
    vt_buf_clear(&b);
    vt_buf_puts(&b, "nothing");
    assert_int_equal(vt_doc_countersign(&b, carol, &why), VT_E_SYNTAX);
    vt_doc_free(NULL);
    vt_signer_free(zurich);
    vt_signer_free(carol);
    vt_buf_release(&b);
}

static void
test_days(void **state)
{
    uint32_t day = 7;
    char text[11];
    (void)state;
    assert_true(vt_day_parse("1970-01-01", &day));
    assert_int_equal(day, 0);
    assert_true(vt_day_parse("2026-11-22", &day));
    assert_int_equal(day, LW_ASKED / 86400);
    vt_day_format(day, text);
    assert_string_equal(text, "2026-11-22");
    assert_true(vt_day_parse("9999-12-31", &day));
    vt_day_format(UINT32_MAX, text);
    assert_string_equal(text, "9999-12-31");
    assert_false(vt_day_parse("1969-12-31", &day));
    assert_false(vt_day_parse("2026-02-29", &day));
    assert_false(vt_day_parse("2026-11-2", &day));
    assert_false(vt_day_parse("2026-11-22T", &day));
    assert_false(vt_day_parse("", &day));
}

/* ---- what sites say ---- */

static struct vt_digest
digest(uint8_t byte)
{
    struct vt_digest d;
    memset(d.b, byte, sizeof d.b);
    return d;
}

/* What stands for a digest of bytes 07 in the expected texts is @7. */
static void
expand(const char *text, struct vt_buf *b)
{
    for (; *text != '\0'; text++) {
        struct vt_digest d;
        if (*text != '@') {
            vt_buf_put_u8(b, (uint8_t)*text);
            continue;
        }
        d = digest((uint8_t)strtoul(text + 1, NULL, 10));
        vt_buf_puts(b, "sha256:");
        vt_buf_put_hex(b, d.b, sizeof d.b);
        text += strspn(text + 1, "0123456789");
    }
}

static void
expect_text(const struct vt_doc *d, const char *want)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX), got = VT_BUF(VT_DOC_MAX);
    expand(want, &b);
    for (size_t i = 0; i < vt_doc_count(d); i++)
        vt_buf_putf(&got, "%s %s\n", vt_doc_field(d, i)->name, vt_doc_field(d, i)->value);
    assert_string_equal(vt_buf_str(&got), vt_buf_str(&b));
    vt_buf_release(&b);
    vt_buf_release(&got);
}

/* The document as it is read after it was signed. */
static struct vt_doc *
say_and_parse(struct ledger_world *w, struct vt_doc *d)
{
    struct vt_doc *parsed = NULL;
    struct vt_why why = {{0}};
    size_t at = lw_say(w, d, LW_ZURICH);
    struct vt_buf *doc = &w->item[at].doc;
    lw_must(vt_doc_parse(doc->data, doc->len, (enum vt_doc_kind)0, &parsed, &why), &why);
    return parsed;
}

/* A record is written as that text, and read from it is written so again. */
#define ROUND_TRIP(name_, type_, text_, ...)                                                   \
    static void test_##name_(void **state)                                                     \
    {                                                                                          \
        struct type_ r = __VA_ARGS__, again;                                                   \
        struct ledger_world w;                                                                 \
        struct vt_doc *d = NULL;                                                               \
        struct vt_why why = {{0}};                                                             \
        (void)state;                                                                           \
        lw_init(&w);                                                                           \
        lw_must(vt_##name_##_doc(&r, &d, &why), &why);                                         \
        expect_text(d, text_);                                                                 \
        d = say_and_parse(&w, d);                                                              \
        lw_must(vt_##name_##_read(d, &again, &why), &why);                                     \
        vt_doc_free(d);                                                                        \
        lw_must(vt_##name_##_doc(&again, &d, &why), &why);                                     \
        expect_text(d, text_);                                                                 \
        vt_doc_free(d);                                                                        \
        assert_int_equal(                                                                      \
            vt_##name_##_read(vt_vault_policy_doc(w.policy), &again, &why), VT_E_USAGE);       \
        lw_release(&w);                                                                        \
    }
#define RING                                                                                   \
    {                                                                                          \
        .generation_before = 3, .generation_after = 4, .before = digest(5), .after = digest(6) \
    }

#define NOW "2026-11-22T10:30:00Z"
#define RING_TEXT "generation-before 3\ngeneration-after 4\nring-before @5\nring-after @6\n"

ROUND_TRIP(refusal, vt_refusal_record,
    "request @1\nsite zurich.example\ncode veto\ngrant @2\nmade " NOW "\n",
    {.request = digest(1),
        .site = "zurich.example",
        .code = VT_REFUSAL_VETO,
        .has_grant = true,
        .grant = digest(2),
        .made = LW_NOW})
ROUND_TRIP(grant, vt_grant,
    "request @1\npolicy @2\nsite zurich.example\nmode export\napproval @3\napproval @4\n"
    "made " NOW "\n",
    {.request = digest(1),
        .policy = digest(2),
        .site = "zurich.example",
        .mode = VT_MODE_EXPORT,
        .approval_count = 2,
        .approval = {digest(3), digest(4)},
        .made = LW_NOW})
ROUND_TRIP(run, vt_run,
    "request @1\ngrant @2\nsite zurich.example\npolicy @3\njob @4\n"
    "started 2026-11-22T10:00:00Z\nfinished " NOW "\nsegments 5\nsegments-digest @6\nblocks 7\n"
    "records 8\nplain-bytes 9223372036854775807\nsubjects 9\nerased-blocks 10\ncells 11\n"
    "rows-out 12\nrows-held-back 13\nresult @14\nresult-bytes 15\nepsilon 500\n"
    "customers 16\ncustomers-root @17\noutcome done\n",
    {.request = digest(1),
        .grant = digest(2),
        .site = "zurich.example",
        .policy = digest(3),
        .has_job = true,
        .job = digest(4),
        .started = LW_ASKED,
        .finished = LW_NOW,
        .segments = 5,
        .segments_digest = digest(6),
        .blocks = 7,
        .records = 8,
        .plain_bytes = INT64_MAX,
        .subjects = 9,
        .erased_blocks = 10,
        .cells = 11,
        .rows_out = 12,
        .rows_held_back = 13,
        .result = digest(14),
        .result_bytes = 15,
        .epsilon = 500,
        .customers = 16,
        .has_customers_root = true,
        .customers_root = digest(17),
        .outcome = VT_OUTCOME_DONE})
ROUND_TRIP(inventory, vt_inventory_record,
    "region EU\nsite zurich.example\npolicy @1\nsegments 2\nrecords 3\nbytes 4\nroot @5\n"
    "made " NOW "\n",
    {.region = "EU",
        .site = "zurich.example",
        .policy = digest(1),
        .segments = 2,
        .records = 3,
        .bytes = 4,
        .root = digest(5),
        .made = LW_NOW})
ROUND_TRIP(erasure, vt_erasure,
    "request @1\ngrant @2\nsite zurich.example\nregion EU\n" RING_TEXT
    "key @7\nkey @8\nmade " NOW "\n",
    {.request = digest(1),
        .grant = digest(2),
        .site = "zurich.example",
        .region = "EU",
        .ring = RING,
        .key_count = 2,
        .key = {digest(7), digest(8)},
        .made = LW_NOW})
ROUND_TRIP(relocation, vt_relocation,
    "region EU\nfrom zurich.example\nto frankfurt.example\npolicy @1\nsegments 2\nrecords 3\n"
    "bytes 4\nroot @5\nring-root @6\nmade " NOW "\n",
    {.region = "EU",
        .from = "zurich.example",
        .to = "frankfurt.example",
        .policy = digest(1),
        .segments = 2,
        .records = 3,
        .bytes = 4,
        .root = digest(5),
        .has_ring_root = true,
        .ring_root = digest(6),
        .made = LW_NOW})
ROUND_TRIP(receipt, vt_receipt,
    "relocation @1\nregion EU\nfrom zurich.example\nto frankfurt.example\nsegments 2\n"
    "records 3\nbytes 4\nroot @5\nkeys 6\nmade " NOW "\n",
    {.relocation = digest(1),
        .region = "EU",
        .from = "zurich.example",
        .to = "frankfurt.example",
        .segments = 2,
        .records = 3,
        .bytes = 4,
        .root = digest(5),
        .keys = 6,
        .made = LW_NOW})
ROUND_TRIP(shred, vt_shred,
    "receipt @1\nrelocation @2\nregion EU\nsite zurich.example\nsegments 3\nroot @4\n" RING_TEXT
    "keys 7\nmade " NOW "\n",
    {.receipt = digest(1),
        .relocation = digest(2),
        .region = "EU",
        .site = "zurich.example",
        .segments = 3,
        .root = digest(4),
        .ring = RING,
        .keys = 7,
        .made = LW_NOW})
#define CAROLS_BOX "age1evdsf7etxsgnuadhug4khqzcskws62jsttepkham7y80lyrdmensxw404f"
ROUND_TRIP(region_key, vt_region_key,
    "region EU\nsite zurich.example\npolicy @1\npublic " CAROLS_BOX "\ncreated " NOW
    "\nshare access legal 1 2\nshare access security 2 3\n"
    "ceremony 01020300000000000000000000000000\n",
    {.region = "EU",
        .site = "zurich.example",
        .policy = digest(1),
        .public = lw_box_public(LW_CAROL),
        .created = LW_NOW,
        .share_count = 2,
        .share = {{VT_MODE_ACCESS, "legal", 1, 2}, {VT_MODE_ACCESS, "security", 2, 3}},
        .ceremony = {1, 2, 3}})

static void
test_retention(void **state)
{
    struct vt_retired epoch[3] = {{"EU", "detection", 20000, {{1}}},
        {"EU", "detection", 20001, {{2}}}, {"CA", "url", 3, {{3}}}};
    struct vt_retention r = {.site = "zurich.example",
        .policy = digest(1),
        .ring = RING,
        .epoch_count = 3,
        .epoch = epoch,
        .made = LW_NOW};
    struct vt_retention again = {.epoch = NULL};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    (void)state;
    lw_must(vt_retention_doc(&r, &d, &why), &why);
    lw_must(vt_retention_read(d, &again, &why), &why);
    assert_int_equal(again.epoch_count, 3);
    assert_string_equal(again.epoch[2].region, "CA");
    assert_string_equal(again.epoch[1].class_name, "detection");
    assert_int_equal(again.epoch[1].day, 20001);
    assert_memory_equal(&again.epoch[2].commitment, &epoch[2].commitment, 32);
    vt_retention_release(&again);
    assert_null(again.epoch);
    vt_doc_free(d);
    d = NULL;
    epoch[1].region[0] = 'e';
    assert_int_equal(vt_retention_doc(&r, &d, &why), VT_E_USAGE);
    r.epoch_count = VT_RETIRED_MAX + 1;
    assert_int_equal(vt_retention_doc(&r, &d, &why), VT_E_USAGE);
    r.epoch_count = 0;
    lw_must(vt_retention_doc(&r, &d, &why), &why);
    lw_must(vt_retention_read(d, &again, &why), &why);
    assert_int_equal(again.epoch_count, 0);
    vt_retention_release(&again);
    vt_doc_free(d);
}

/* An epoch line of another form passes the document's own rules, not the record's. */
static void
test_lines_that_mean_nothing(void **state)
{
    static const char *const v[] = {"EU detection 2026-11-22",
        "eu detection 2026-11-22 " DIGEST_A, "EU detection 2026-11-31 " DIGEST_A,
        "EU detection 2026-11-22 " DIGEST_A " x", "EU Detection 2026-11-22 " DIGEST_A,
        "EU detection 2026-11-22 sha256:aa"};
    struct vt_retention r = {.site = "zurich.example", .ring = RING, .made = LW_NOW};
    struct vt_why why = {{0}};
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct vt_doc *d = NULL, *edited = NULL;
        lw_must(vt_retention_doc(&r, &d, &why), &why);
        lw_must(vt_doc_new(VT_DOC_RETENTION, &edited, &why), &why);
        for (size_t j = 0; j < vt_doc_count(d); j++) {
            const struct vt_doc_field *f = vt_doc_field(d, j);
            if (strcmp(f->name, "made") == 0)
                lw_add(edited, "epoch", v[i]);
            lw_add(edited, f->name, f->value);
        }
        assert_int_equal(vt_retention_read(edited, &r, &why), VT_E_SYNTAX);
        vt_doc_free(d);
        vt_doc_free(edited);
    }
    assert_int_equal(r.epoch_count, 0);
}

static void
test_records_that_cannot_be(void **state)
{
    struct vt_grant g = {.site = "s", .mode = VT_MODE_ACCESS, .made = LW_NOW};
    struct vt_refusal_record no = {.site = "s", .code = VT_REFUSAL_NONE, .made = LW_NOW};
    struct vt_run run = {
        .site = "s", .started = LW_NOW, .finished = LW_NOW, .outcome = VT_OUTCOME_DONE};
    struct vt_erasure e = {.site = "s", .region = "EU", .made = LW_NOW};
    struct vt_relocation move = {.region = "EU", .from = "s", .to = "s", .made = LW_NOW};
    struct vt_region_key k = {.region = "EU", .site = "s", .public = {{9}}, .created = LW_NOW};
    struct vt_doc *d = NULL;
    (void)state;
    g.mode = VT_MODE_COUNT;
    assert_int_equal(vt_grant_doc(&g, &d, NULL), VT_E_USAGE);
    g.mode = VT_MODE_ACCESS;
    g.made = 0;
    assert_int_equal(vt_grant_doc(&g, &d, NULL), VT_E_USAGE);
    g.made = LW_NOW;
    g.approval_count = VT_APPROVALS_MAX + 1;
    assert_int_equal(vt_grant_doc(&g, &d, NULL), VT_E_USAGE);
    assert_int_equal(vt_refusal_doc(&no, &d, NULL), VT_E_USAGE);
    run.finished--;
    assert_int_equal(vt_run_doc(&run, &d, NULL), VT_E_USAGE);
    run.finished++;
    run.customers = 1;
    assert_int_equal(vt_run_doc(&run, &d, NULL), VT_E_USAGE);
    run.customers = 0;
    run.outcome = VT_OUTCOME_FAILED;
    run.rows_out = 1;
    assert_int_equal(vt_run_doc(&run, &d, NULL), VT_E_USAGE);
    assert_int_equal(vt_erasure_doc(&e, &d, NULL), VT_E_USAGE);
    e.key_count = 2;
    assert_int_equal(vt_erasure_doc(&e, &d, NULL), VT_E_USAGE);
    e.key_count = 1;
    e.ring.generation_before = 1;
    assert_int_equal(vt_erasure_doc(&e, &d, NULL), VT_E_USAGE);
    assert_int_equal(vt_relocation_doc(&move, &d, NULL), VT_E_USAGE);
    k.share_count = 1;
    k.share[0] = (struct vt_key_share){VT_MODE_ERASURE, "dpo", 1, 1};
    assert_int_equal(vt_region_key_doc(&k, &d, NULL), VT_E_USAGE);
    k.share[0] = (struct vt_key_share){VT_MODE_ACCESS, "dpo", 2, 1};
    assert_int_equal(vt_region_key_doc(&k, &d, NULL), VT_E_USAGE);
    k.share[0] = (struct vt_key_share){VT_MODE_ACCESS, "two words", 1, 1};
    assert_int_equal(vt_region_key_doc(&k, &d, NULL), VT_E_USAGE);
    k.share_count = 2;
    k.share[0] = k.share[1] = (struct vt_key_share){VT_MODE_ACCESS, "dpo", 1, 1};
    assert_int_equal(vt_region_key_doc(&k, &d, NULL), VT_E_USAGE);
    assert_null(d);
}

/* The entry of a retention has room for 63 keys, the document for more. */
static void
test_entry_of_many_keys(void **state)
{
    static struct vt_retired epoch[100];
    struct vt_retention r = {.site = "zurich.example",
        .policy = digest(1),
        .ring = RING,
        .epoch_count = 100,
        .epoch = epoch,
        .made = LW_NOW};
    struct ledger_world w;
    struct vt_doc *d = NULL;
    struct vt_entry e;
    struct vt_why why = {{0}};
    (void)state;
    lw_init(&w);
    for (size_t i = 0; i < 100; i++)
        epoch[i] = (struct vt_retired){"EU", "detection", (uint32_t)i, {{(uint8_t)(i + 1)}}};
    lw_must(vt_retention_doc(&r, &d, &why), &why);
    assert_int_equal(vt_ledger_entry_of(d, &e, &why), VT_E_STATE);
    size_t at = lw_say(&w, d, LW_ZURICH);
    struct vt_buf b = lw_evidence(&w, &at, 1, 0);
    struct vt_evidence_file f;
    struct vt_fact fact;
    lw_must(vt_evidence_parse(b.data, b.len, &f, &why), &why);
    lw_must(vt_fact_check(w.trust, VT_ENTRY_RETENTION, &f.item[0], &fact, &why), &why);
    assert_int_equal(fact.entry.subject_count, VT_ENTRY_SUBJECTS_MAX);
    assert_true(vt_entry_has(&fact.entry, VT_SUBJECT_KEY, &epoch[0].commitment));
    vt_fact_release(&fact);
    vt_buf_release(&b);
    lw_release(&w);
}

/* ---- the pages' worked examples ---- */

/* The page has that document, indented. */
static void
expect_on_page(const char *page, const struct vt_buf *doc)
{
    const char *root = getenv("VT_SOURCE_ROOT");
    struct vt_buf text = VT_BUF(1 << 20), want = VT_BUF(1 << 20);
    struct vt_reader r = VT_READER(doc->data, doc->len), line;
    char path[VT_PATH_MAX];
    if (root == NULL) {
        print_message("skipped: VT_SOURCE_ROOT is not set\n");
        skip();
    }
    assert_int_equal(vt_path(path, NULL, "%s/docs/formats/%s", root, page), VT_OK);
    assert_int_equal(vt_file_read(path, &text, NULL), VT_OK);
    while (vt_reader_line(&r, &line))
        vt_buf_putf(&want, "%s%.*s\n", line.left > 0 ? "    " : "", (int)line.left,
            (const char *)line.p);
    if (strstr(vt_buf_str(&text), vt_buf_str(&want)) == NULL)
        fail_msg("docs/formats/%s does not have this document:\n%s", page, vt_buf_str(&want));
    vt_buf_release(&text);
    vt_buf_release(&want);
}

static void
test_pages(void **state)
{
    struct ledger_world w;
    (void)state;
    lw_init(&w);
    expect_on_page("vault-policy.md", &w.item[0].doc);
    struct vt_request r = lw_request(&w);
    size_t at = lw_say_request(&w, &r, LW_CAROL);
    expect_on_page("ledger-document.md", &w.item[at].doc);
    lw_release(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_grant),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_inventory),
        cmocka_unit_test(test_erasure),
        cmocka_unit_test(test_relocation),
        cmocka_unit_test(test_receipt),
        cmocka_unit_test(test_shred),
        cmocka_unit_test(test_region_key),
        cmocka_unit_test(test_retention),
        cmocka_unit_test(test_lines_that_mean_nothing),
        cmocka_unit_test(test_records_that_cannot_be),
        cmocka_unit_test(test_entry_of_many_keys),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
