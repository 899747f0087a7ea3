/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a run: a command that was killed after any step finds what is to be done, no
 * session goes untold, none is told twice, and a result that the document does not name is not
 * handed out. And the shares that were sent for a request. The ledger is a stand-in that
 * remembers what it was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vault_home.h"

#include "vault/run_kept.h"
#include "vault/say.h"
#include "vault/shares.h"
#include "vault/shares_in.h"

#include <sys/stat.h>
#include <unistd.h>

#define SEALED "age-encryption.org/v1 and so on"

struct fixture {
    struct vault_home v;
    struct vt_signer *signer;
    struct vt_request asked;
    struct vt_digest request;
    struct vt_digest grant;
    struct vt_buf evidence;
    struct vt_run_kept kept;
};

static struct {
    size_t calls;
    size_t count; /* of different documents */
    struct vt_digest doc[8];
    struct vt_run last;
    bool down;
} ledger;

enum vt_err __wrap_vt_say_once(struct vt_desk *desk, struct vt_signer *signer, const char *path,
    const struct vt_doc *doc, struct vt_digest *ret_doc, uint64_t *ret_index,
    struct vt_why *why);

enum vt_err
__wrap_vt_say_once(struct vt_desk *desk, struct vt_signer *signer, const char *path,
    const struct vt_doc *doc, struct vt_digest *ret_doc, uint64_t *ret_index,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *said = NULL;
    struct vt_digest digest;
    size_t at = 0;

    assert_null(desk);
    assert_non_null(signer);
    assert_null(doc);
    assert_null(ret_doc);
    ledger.calls++;
    if (ledger.down)
        return vt_fail(why, VT_E_NET, "the ledger does not answer");
    lw_must(vt_file_read(path, &b, why), why);
    lw_must(vt_doc_parse(b.data, b.len, VT_DOC_RUN, &said, why), why);
    lw_must(vt_run_read(said, &ledger.last, why), why);
    vt_digest_of(b.data, b.len, &digest);
    while (at < ledger.count && !vt_digest_eq(&ledger.doc[at], &digest))
        at++;
    assert_true(at < sizeof ledger.doc / sizeof ledger.doc[0]);
    if (at == ledger.count)
        ledger.doc[ledger.count++] = digest;
    *ret_index = 100 + at;
    vt_doc_free(said);
    vt_buf_release(&b);
    return VT_OK;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct ledger_world *w;
    size_t item[3];

    assert_non_null(f);
    memset(&ledger, 0, sizeof ledger);
    vh_init_bare(&f->v);
    w = &f->v.world;
    f->signer = lw_signer(LW_ZURICH);
    f->asked = lw_subject_request(w, VT_MODE_EXPORT);
    item[0] = lw_say_request(w, &f->asked, LW_CAROL);
    item[1] = lw_approve(w, item[0], LW_DAN);
    struct vt_grant g = lw_grant(w, item[0], VT_MODE_EXPORT, &item[1], 1, LW_ZURICH);
    item[2] = lw_say_grant(w, &g, LW_ZURICH);
    f->evidence = lw_evidence(w, item, 3, 0);
    f->request = w->item[item[0]].digest;
    f->grant = w->item[item[2]].digest;
    f->kept = (struct vt_run_kept){&f->v.home, "export", NULL, f->signer, &f->request};
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    vt_signer_free(f->signer);
    vt_buf_release(&f->evidence);
    vh_release(&f->v);
    free(f);
    return 0;
}

/*
 * Steps of a run.
 */

static void
path_in_said(const struct fixture *f, const char *suffix, char ret[VT_PATH_MAX])
{
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_why why = {{0}};

    vt_digest_hex(&f->request, hex);
    lw_must(vt_vault_path(&f->v.home, ret, &why, "said/%s-%.32s%s", f->kept.kind, hex, suffix),
        &why);
}

static bool
is_there(const struct fixture *f, const char *suffix)
{
    char path[VT_PATH_MAX];

    path_in_said(f, suffix, path);
    return vt_file_exists(path);
}

static void
put(const struct fixture *f, const char *suffix, const void *data, size_t len)
{
    char path[VT_PATH_MAX];
    struct vt_why why = {{0}};

    path_in_said(f, suffix, path);
    lw_must(vt_file_replace(path, 0600, data, len, &why), &why);
}

static void
begin(struct fixture *f)
{
    struct vt_digest grant = {{0}};
    struct vt_why why = {{0}};

    lw_must(vt_run_kept_begin(&f->kept, f->evidence.data, f->evidence.len, &grant, &why), &why);
    assert_true(vt_digest_eq(&grant, &f->grant));
    assert_true(is_there(f, ".begun"));
}

static void
make_result(struct fixture *f)
{
    char path[VT_PATH_MAX];
    char same[VT_PATH_MAX];
    struct vt_why why = {{0}};

    lw_must(vt_run_kept_result(&f->kept, path, &why), &why);
    path_in_said(f, ".age", same);
    assert_string_equal(path, same);
    lw_must(vt_file_replace(path, 0600, SEALED, strlen(SEALED), &why), &why);
}

/* The tree of two customers; the caller frees it. */
static struct vt_customers *
two_customers(void)
{
    static const uint8_t salt[16] = {1}, tag[2][VT_CUSTOMER_TAG_SIZE] = {{2}, {3}};
    struct vt_customers *c = NULL;
    struct vt_digest root;
    struct vt_why why = {{0}};
    uint64_t count;

    lw_must(vt_customers_new(salt, &c, &why), &why);
    lw_must(vt_customers_add(c, tag[0], 5, &why), &why);
    lw_must(vt_customers_add(c, tag[1], 2, &why), &why);
    lw_must(vt_customers_end(c, &count, &root, &why), &why);
    return c;
}

static struct vt_run
store(struct fixture *f)
{
    struct vt_customers *c = two_customers();
    struct vt_why why = {{0}};
    struct vt_run run = {.request = f->request,
        .grant = f->grant,
        .policy = f->asked.policy,
        .started = INT64_C(4000000000), /* by a clock that has been set back since */
        .records = 7,
        .rows_out = 7,
        .result_bytes = strlen(SEALED),
        .outcome = VT_OUTCOME_DONE};

    (void)snprintf(run.site, sizeof run.site, "%s", f->v.home.name);
    vt_digest_of(SEALED, strlen(SEALED), &run.result);
    lw_must(vt_run_kept_store(&f->kept, &run, c, &why), &why);
    assert_int_equal(run.customers, 2);
    assert_true(run.has_customers_root);
    assert_int_equal(run.finished, run.started);
    vt_customers_free(c);
    return run;
}

static bool
find(struct fixture *f, struct vt_run *ret)
{
    struct vt_why why = {{0}};
    bool made = true;

    lw_must(vt_run_kept_find(&f->kept, ret, &made, &why), &why);
    return made;
}

/* Whether the caller is to say that a session came to nothing. */
static bool
end(struct fixture *f)
{
    struct vt_digest grant = {{0}};
    struct vt_why why = {{0}};
    bool unsaid = true;

    lw_must(vt_run_kept_end(&f->kept, &grant, &unsaid, &why), &why);
    if (unsaid)
        assert_true(vt_digest_eq(&grant, &f->grant));
    return unsaid;
}

static enum vt_err
fail_it(struct fixture *f)
{
    struct vt_why why = {{0}};

    return vt_run_kept_fail(&f->kept, &f->asked, &f->grant, LW_ASKED, VT_OUTCOME_FAILED, &why);
}

static void
say(struct fixture *f, uint64_t want)
{
    struct vt_why why = {{0}};
    uint64_t index = 0;

    lw_must(vt_run_kept_say(&f->kept, &index, &why), &why);
    assert_int_equal(index, want);
    assert_false(is_there(f, ".begun"));
}

static void
assert_said_failed(const struct fixture *f)
{
    struct vt_digest nothing;

    vt_digest_of("", 0, &nothing);
    assert_int_equal(ledger.last.outcome, VT_OUTCOME_FAILED);
    assert_true(vt_digest_eq(&ledger.last.request, &f->request));
    assert_true(vt_digest_eq(&ledger.last.grant, &f->grant));
    assert_true(vt_digest_eq(&ledger.last.policy, &f->asked.policy));
    assert_string_equal(ledger.last.site, "zurich.example");
    assert_true(vt_digest_eq(&ledger.last.result, &nothing));
    assert_int_equal(ledger.last.records, 0);
    assert_int_equal(ledger.last.customers, 0);
    assert_int_equal(ledger.last.has_job, f->asked.has_job);
    assert_int_equal(ledger.last.has_query, f->asked.has_job);
}

/* The tree of the newest document of the ledger, from HOME/vault/accesses. */
static uint64_t
customers_kept(const struct fixture *f)
{
    struct vt_buf b = VT_BUF(4096);
    struct vt_customers *c = NULL;
    char path[VT_PATH_MAX], hex[VT_DIGEST_HEX_SIZE];
    struct vt_why why = {{0}};
    uint64_t count;

    assert_true(ledger.count > 0);
    vt_digest_hex(&ledger.doc[ledger.count - 1], hex);
    lw_must(vt_vault_path(&f->v.home, path, &why, "accesses/%s", hex), &why);
    lw_must(vt_file_read(path, &b, &why), &why);
    lw_must(vt_customers_parse(b.data, b.len, &c, &why), &why);
    count = vt_customers_count(c);
    vt_customers_free(c);
    vt_buf_release(&b);
    return count;
}

/*
 * Killed after each step.
 */

static void
test_nothing_yet(void **state)
{
    struct fixture *f = *state;
    struct vt_run run = {.records = 3};

    assert_false(find(f, &run));
    assert_int_equal(run.records, 3);
    assert_false(end(f));
    assert_int_equal(ledger.calls, 0);
}

static void
test_begun_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct vt_run run;

    begin(f);
    assert_false(find(f, &run));
    assert_true(end(f));
    assert_true(end(f)); /* until it is said */
    assert_int_equal(ledger.calls, 0);
    assert_int_equal(fail_it(f), VT_OK);
    assert_said_failed(f);
    assert_int_equal(customers_kept(f), 0);
    assert_false(is_there(f, ".begun"));
    assert_false(end(f));
    assert_false(find(f, &run));
    assert_int_equal(ledger.calls, 1);
}

/* A job's run that failed names what was asked for. */
static void
test_a_job_that_failed(void **state)
{
    struct fixture *f = *state;
    struct vt_why why = {{0}};
    uint64_t rest = 12;

    f->asked = lw_request(&f->v.world);
    f->asked.epsilon = 500;
    begin(f);
    assert_int_equal(
        vt_run_kept_fail(&f->kept, &f->asked, &f->grant, LW_ASKED, VT_OUTCOME_LIMIT, &why),
        VT_OK);
    assert_int_equal(ledger.last.outcome, VT_OUTCOME_LIMIT);
    assert_true(ledger.last.has_job && vt_digest_eq(&ledger.last.job, &f->asked.job));
    assert_true(ledger.last.has_query && vt_digest_eq(&ledger.last.query, &f->asked.query));
    assert_int_equal(ledger.last.epsilon, 500);
    assert_int_equal(ledger.last.started, LW_ASKED);
    assert_true(ledger.last.finished >= LW_ASKED);
    ledger.down = true;
    assert_int_equal(vt_run_kept_say(&f->kept, &rest, &why), VT_E_NET);
    assert_int_equal(rest, 12);
}

/* Killed between the result and the document: what was made is nobody's. */
static void
test_result_without_document(void **state)
{
    struct fixture *f = *state;
    struct vt_run run;

    begin(f);
    make_result(f);
    assert_false(find(f, &run));
    assert_true(end(f));
    assert_int_equal(fail_it(f), VT_OK);
    assert_said_failed(f);
    assert_false(is_there(f, ".age"));
}

/* The document of a failed session was stored, and the ledger did not answer. */
static void
test_failed_and_unsaid(void **state)
{
    struct fixture *f = *state;
    struct vt_run run;

    begin(f);
    make_result(f);
    ledger.down = true;
    assert_int_equal(fail_it(f), VT_E_NET);
    assert_true(is_there(f, ".begun"));
    assert_false(find(f, &run)); /* the result is not what that document names */
    ledger.down = false;
    assert_false(end(f)); /* said by it */
    assert_said_failed(f);
    assert_int_equal(ledger.count, 1);
    assert_false(is_there(f, ".begun"));
}

static void
test_made(void **state)
{
    struct fixture *f = *state;
    struct vt_run run = {0};
    struct vt_run stored;
    struct vt_buf b = VT_BUF(4096);
    struct stat st;
    char out[VT_PATH_MAX];
    struct vt_why why = {{0}};

    begin(f);
    make_result(f);
    stored = store(f);
    assert_true(is_there(f, ".begun"));
    assert_true(find(f, &run));
    assert_true(vt_digest_eq(&run.result, &stored.result));
    assert_int_equal(run.records, 7);
    assert_int_equal(run.customers, 2);
    say(f, 100);
    assert_int_equal(customers_kept(f), 2);
    assert_true(find(f, &run)); /* killed here: the same again */
    say(f, 100);
    assert_int_equal(ledger.count, 1);
    lw_must(vt_path(out, &why, "%s/out.age", f->v.root), &why);
    lw_must(vt_run_kept_hand_out(&f->kept, &run.result, out, &why), &why);
    lw_must(vt_file_read(out, &b, &why), &why);
    assert_int_equal(b.len, strlen(SEALED));
    assert_memory_equal(b.data, SEALED, b.len);
    assert_int_equal(stat(out, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(is_there(f, ".age"));
    assert_false(find(f, &run));
    assert_false(end(f));
    assert_int_equal(ledger.count, 1);
    vt_buf_release(&b);
}

/* Another run of the same request: the one before is over. */
static void
test_next_run(void **state)
{
    struct fixture *f = *state;
    struct vt_run run;

    begin(f);
    make_result(f);
    (void)store(f);
    say(f, 100);
    begin(f); /* its result was not handed out, and is not the new session's */
    assert_false(is_there(f, ""));
    assert_false(find(f, &run));
    assert_true(end(f));
}

static void
test_keeper_said_no(void **state)
{
    struct fixture *f = *state;
    struct vt_why why = {{0}};

    begin(f);
    lw_must(vt_run_kept_unbegin(&f->kept, &why), &why);
    lw_must(vt_run_kept_unbegin(&f->kept, &why), &why);
    assert_false(end(f));
    assert_int_equal(ledger.calls, 0);
}

/* The kinds do not see each other. */
static void
test_kinds(void **state)
{
    struct fixture *f = *state;
    struct vt_run run;

    begin(f);
    make_result(f);
    (void)store(f);
    f->kept.kind = "run";
    assert_false(find(f, &run));
    assert_false(end(f));
    f->kept.kind = "export";
    assert_true(find(f, &run));
}

/*
 * What is wrong on disk.
 */

static void
test_wrong_result(void **state)
{
    struct fixture *f = *state;
    struct vt_run run = {0};
    struct vt_run stored;
    char out[VT_PATH_MAX];
    struct vt_why why = {{0}};

    begin(f);
    make_result(f);
    stored = store(f);
    put(f, ".age", "another result", 14);
    assert_false(find(f, &run));
    assert_int_equal(run.records, 0);
    lw_must(vt_path(out, &why, "%s/out.age", f->v.root), &why);
    assert_int_equal(vt_run_kept_hand_out(&f->kept, &stored.result, out, &why), VT_E_DIGEST);
    assert_non_null(strstr(why.text, ".age"));
    assert_true(is_there(f, ".age"));
    assert_false(end(f)); /* its session is told of by the document all the same */
    assert_int_equal(ledger.count, 1);
}

static void
test_wrong_document(void **state)
{
    struct fixture *f = *state;
    struct vt_buf big = VT_BUF(2 * VT_DOC_MAX);
    struct vt_why why = {{0}};
    struct vt_run run = {.records = 3};
    bool made = true;

    begin(f);
    make_result(f);
    put(f, "", "no document\n", 12);
    assert_int_equal(vt_run_kept_find(&f->kept, &run, &made, &why), VT_E_SYNTAX);
    while (big.len <= VT_DOC_MAX)
        vt_buf_puts(&big, "more and more\n");
    put(f, "", big.data, big.len);
    assert_int_equal(vt_run_kept_find(&f->kept, &run, &made, &why), VT_E_LIMIT);
    /* a document, but of something else */
    put(f, "", f->v.world.item[1].doc.data, f->v.world.item[1].doc.len);
    assert_int_not_equal(vt_run_kept_find(&f->kept, &run, &made, &why), VT_OK);
    assert_true(made);
    assert_int_equal(run.records, 3);
    vt_buf_release(&big);
}

static void
test_wrong_note(void **state)
{
    static const char *const notes[] = {"", "00", "zz",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"};
    struct fixture *f = *state;
    struct vt_why why = {{0}};

    begin(f);
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        struct vt_digest grant = {{7}};
        bool unsaid = false;
        enum vt_err err;

        put(f, ".begun", notes[i], strlen(notes[i]));
        err = vt_run_kept_end(&f->kept, &grant, &unsaid, &why);
        assert_true(err == VT_E_SYNTAX || err == VT_E_LIMIT);
        assert_false(unsaid);
    }
    assert_int_equal(ledger.calls, 0);
}

static void
test_wrong_evidence(void **state)
{
    struct fixture *f = *state;
    struct vt_digest grant = {{7}};
    struct vt_digest was = grant;
    struct vt_why why = {{0}};

    begin(f);
    make_result(f);
    (void)store(f);
    say(f, 100);
    assert_int_equal(vt_run_kept_begin(&f->kept, "no evidence", 11, &grant, &why), VT_E_SYNTAX);
    assert_int_not_equal(
        vt_run_kept_begin(&f->kept, f->evidence.data, f->evidence.len - 1, &grant, &why),
        VT_OK);
    assert_true(vt_digest_eq(&grant, &was));
    assert_true(is_there(f, ""));
    assert_false(is_there(f, ".begun"));
}

/* A tree that still grows is no tree to store. */
static void
test_unended_customers(void **state)
{
    static const uint8_t salt[16] = {1};
    struct fixture *f = *state;
    struct vt_customers *c = NULL;
    struct vt_why why = {{0}};
    struct vt_run run = {.request = f->request,
        .grant = f->grant,
        .policy = f->asked.policy,
        .started = LW_ASKED,
        .outcome = VT_OUTCOME_DONE};

    (void)snprintf(run.site, sizeof run.site, "%s", f->v.home.name);
    begin(f);
    lw_must(vt_customers_new(salt, &c, &why), &why);
    assert_int_equal(vt_run_kept_store(&f->kept, &run, c, &why), VT_E_STATE);
    assert_int_equal(run.finished, 0);
    assert_false(is_there(f, ""));
    assert_true(end(f));
    vt_customers_free(c);
}

/*
 * Shares that were sent.
 */

/* Dan's share for a request, as its file. */
static struct vt_buf
share_for(const struct fixture *f, const struct vt_digest *request, enum vt_mode mode,
    enum lw_party who)
{
    struct vt_buf dealt = VT_BUF(VT_SHARES_FILE_MAX), one = VT_BUF(VT_SHARES_FILE_MAX);
    struct vt_box *box = lw_box(who);
    struct vt_box_public keeper = lw_box_public(LW_ZURICH);
    struct vt_why why = {{0}};

    lw_must(
        vt_shares_deal(f->v.world.policy, "EU", vt_box_private(f->v.eu), &dealt, &why), &why);
    lw_must(vt_shares_send(dealt.data, dealt.len, "EU", mode, lw_names[who], box, request,
                &keeper, &one, &why),
        &why);
    vt_box_free(box);
    vt_buf_release(&dealt);
    return one;
}

/* Puts a file into shares-in/REQUEST. */
static void
send_in(const struct fixture *f, const char *name, const void *data, size_t len)
{
    char hex[VT_DIGEST_HEX_SIZE], path[VT_PATH_MAX];
    struct vt_why why = {{0}};

    vt_digest_hex(&f->request, hex);
    lw_must(vt_vault_path(&f->v.home, path, &why, "shares-in/%s", hex), &why);
    lw_must(vt_dir_make(path, 0700, &why), &why);
    lw_must(vt_vault_path(&f->v.home, path, &why, "shares-in/%s/%s", hex, name), &why);
    lw_must(vt_file_replace(path, 0600, data, len, &why), &why);
}

static enum vt_err
load(const struct fixture *f, const char *file, size_t max, struct vt_buf *b)
{
    struct vt_why why = {{0}};
    enum vt_err err;

    vt_buf_init(b, max);
    err = vt_shares_in_load(&f->v.home, &f->request, &file, file != NULL, b, &why);
    assert_true(b->secret);
    if (err != VT_OK)
        assert_true(why.text[0] != '\0');
    return err;
}

/* Each after its length, and nothing else. */
static void
assert_holds(const struct vt_buf *b, const struct vt_buf *const *want, size_t n)
{
    struct vt_reader r = VT_READER(b->data, b->len);

    for (size_t i = 0; i < n; i++) {
        const uint8_t *p;
        uint32_t len;

        assert_true(vt_reader_u32(&r, &len));
        assert_int_equal(len, want[i]->len);
        assert_true(vt_reader_take(&r, len, &p));
        assert_memory_equal(p, want[i]->data, len);
    }
    assert_int_equal(r.left, 0);
}

static void
test_shares_sent(void **state)
{
    struct fixture *f = *state;
    struct vt_digest other = {{9}};
    struct vt_buf mine = share_for(f, &f->request, VT_MODE_EXPORT, LW_DAN);
    struct vt_buf bob = share_for(f, &f->request, VT_MODE_BREAK_GLASS, LW_BOB);
    struct vt_buf foreign = share_for(f, &other, VT_MODE_EXPORT, LW_DAN);
    const struct vt_buf *const want[] = {&bob, &mine};
    struct vt_buf b;

    assert_int_equal(load(f, NULL, VT_SHARES_JOIN_MAX, &b), VT_OK); /* none at all */
    assert_int_equal(b.len, 0);
    send_in(f, "3-mine", mine.data, mine.len);
    send_in(f, "1-foreign", foreign.data, foreign.len);
    send_in(f, "2-bob", bob.data, bob.len);
    send_in(f, "4-again", mine.data, mine.len);
    send_in(f, "5-rubbish", "VTH2 and then nothing", 21);
    send_in(f, "6-short", mine.data, mine.len - 1);
    send_in(f, "7-empty", "", 0);
    assert_int_equal(load(f, NULL, VT_SHARES_JOIN_MAX, &b), VT_OK);
    assert_holds(&b, want, 2);
    vt_buf_release(&b);
    vt_buf_release(&mine);
    vt_buf_release(&bob);
    vt_buf_release(&foreign);
}

static void
test_shares_brought(void **state)
{
    struct fixture *f = *state;
    struct vt_digest other = {{9}};
    struct vt_buf mine = share_for(f, &f->request, VT_MODE_EXPORT, LW_DAN);
    struct vt_buf foreign = share_for(f, &other, VT_MODE_EXPORT, LW_DAN);
    const struct vt_buf *const want[] = {&mine};
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    struct vt_buf b;

    lw_must(vt_path(path, &why, "%s/share", f->v.root), &why);
    assert_int_equal(load(f, path, VT_SHARES_JOIN_MAX, &b), VT_E_NOENT);
    lw_must(vt_file_replace(path, 0600, mine.data, mine.len, &why), &why);
    send_in(f, "1", mine.data, mine.len); /* sent and brought: once */
    assert_int_equal(load(f, path, VT_SHARES_JOIN_MAX, &b), VT_OK);
    assert_holds(&b, want, 1);
    vt_buf_release(&b);
    lw_must(vt_file_replace(path, 0600, foreign.data, foreign.len, &why), &why);
    assert_int_equal(load(f, path, VT_SHARES_JOIN_MAX, &b), VT_E_SYNTAX);
    vt_buf_release(&b);
    lw_must(vt_file_replace(path, 0600, "rubbish", 7, &why), &why);
    assert_int_equal(load(f, path, VT_SHARES_JOIN_MAX, &b), VT_E_SYNTAX);
    vt_buf_release(&b);
    vt_buf_release(&mine);
    vt_buf_release(&foreign);
}

/* A file that is too large is none, as is one of too many rows; too many files are an error. */
static void
test_shares_bounds(void **state)
{
    struct fixture *f = *state;
    struct vt_buf mine = share_for(f, &f->request, VT_MODE_EXPORT, LW_DAN);
    struct vt_buf big = VT_BUF(2 * VT_SHARES_FILE_MAX), many = VT_BUF(64);
    const struct vt_buf *const want[] = {&mine};
    struct vt_buf b;

    vt_buf_put(&big, mine.data, mine.len);
    while (big.len <= VT_SHARES_FILE_MAX)
        vt_buf_put(&big, mine.data, mine.len);
    vt_buf_puts(&many, "VTH2");
    vt_buf_put(&many, f->request.b, VT_DIGEST_SIZE);
    vt_buf_put_u32(&many, VT_SHARE_ROWS_MAX + 1);
    send_in(f, "1-big", big.data, big.len);
    send_in(f, "2-many", many.data, many.len);
    send_in(f, "3-mine", mine.data, mine.len);
    assert_int_equal(load(f, NULL, VT_SHARES_JOIN_MAX, &b), VT_OK);
    assert_holds(&b, want, 1);
    vt_buf_release(&b);
    assert_int_equal(load(f, NULL, mine.len + 4, &b), VT_OK); /* just fits */
    vt_buf_release(&b);
    assert_int_equal(load(f, NULL, mine.len + 3, &b), VT_E_LIMIT);
    vt_buf_release(&b);
    vt_buf_release(&mine);
    vt_buf_release(&big);
    vt_buf_release(&many);
}

int
main(void)
{
#define TEST(x) cmocka_unit_test_setup_teardown(x, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_nothing_yet), TEST(test_begun_is_told_once),
        TEST(test_a_job_that_failed), TEST(test_result_without_document),
        TEST(test_failed_and_unsaid), TEST(test_made), TEST(test_next_run),
        TEST(test_keeper_said_no), TEST(test_kinds), TEST(test_wrong_result),
        TEST(test_wrong_document), TEST(test_wrong_note), TEST(test_wrong_evidence),
        TEST(test_unended_customers), TEST(test_shares_sent), TEST(test_shares_brought),
        TEST(test_shares_bounds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
