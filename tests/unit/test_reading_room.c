/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader process, asked over its socket pair as http asks it: every question of the API, over
 * a log with all kinds of entries and a library of three snapshots, one of them sealed; what is
 * malformed, missing, not open to the asker, or not there yet.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/msg.h"
#include "base/proc.h"
#include "centre/facts.h"
#include "centre/facts_writer.h"
#include "centre/reading_room.h"
#include "centre/room.h"
#include "note/proof.h"
#include "search/library.h"
#include "sql/sql.h"
#include "store/pack.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "index_world.h"

#define URL "http://127.0.0.1:8700"
#define SEALED_CODE "int secret;\n"
#define RULES "rule one { condition: true }\nrule two { condition: false }\n"
#define RULES_AFTER "rule one { condition: false }\nrule three { condition: true }\n"

struct world {
    struct index_world in;
    pid_t pid;
    int fd;
    struct vt_digest first; /* snapshots, as in the library */
    struct vt_digest second;
    struct vt_digest sealed;
    /* Of the last answer; the strings point into message. */
    struct vt_buf message;
    struct vt_answer answer;
    json_t *out;
    /* Of the next question. */
    const char *who;
    const char *sealed_open;
    const char *match;
};

static int
set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    iw_init(&w->in);
    w->fd = -1;
    w->who = w->sealed_open = w->match = "";
    vt_buf_init(&w->message, VT_ROOM_MESSAGE_MAX);
    *state = w;
    return 0;
}

static int
reader_main(int fd, void *ctx)
{
    struct world *w = ctx;
    const struct vt_reading_room_opts opts = {
        .home = &w->in.home, .policy = w->in.policy, .url = URL};
    struct vt_why why = {{0}};
    enum vt_err err = vt_reading_room_run(fd, &opts, &why);

    if (err != VT_OK)
        fprintf(stderr, "reader: %s\n", why.text);
    return vt_err_exit_code(err);
}

static void
start(struct world *w)
{
    struct vt_why why = {{0}};

    lw_must(vt_proc_fork("reader", reader_main, w, NULL, &w->pid, &w->fd, &why), &why);
}

/* Closes the channel: the reader ends of itself, and well. */
static void
stop(struct world *w)
{
    int status = -1;

    if (w->fd < 0)
        return;
    close(w->fd);
    w->fd = -1;
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int
tear_down(void **state)
{
    struct world *w = *state;

    stop(w);
    json_decref(w->out);
    vt_buf_release(&w->message);
    iw_release(&w->in);
    free(w);
    return 0;
}

/* ---- asking ---- */

static void
ask_as(struct world *w, bool post, const char *path, const char *query)
{
    static const struct vt_msg_rule rules[] = {{VT_ROOM_ANSWER, VT_ROOM_MESSAGE_MAX}, {0, 0}};
    static uint64_t number;
    const struct vt_ask ask = {.number = ++number,
        .post = post,
        .path = path,
        .query = query,
        .content_type = "",
        .if_none_match = w->match,
        .origin = "",
        .session = "",
        .client = "",
        .who = w->who,
        .sealed = w->sealed_open};
    struct vt_why why = {{0}};
    uint16_t type;

    if (w->fd < 0)
        start(w);
    lw_must(vt_ask_send(w->fd, VT_ROOM_ASK, &ask, &why), &why);
    lw_must(vt_msg_recv(w->fd, rules, 60000, &type, &w->message, &why), &why);
    lw_must(vt_answer_read(&w->message, &w->answer, &why), &why);
    assert_int_equal(w->answer.number, number);
    json_decref(w->out);
    w->out = NULL;
    if (strcmp(w->answer.content_type, "application/json") == 0 && w->answer.status != 304)
        lw_must(vt_json_parse(w->answer.body, w->answer.body_len, path, &w->out, &why), &why);
}

/* path is below /api/v1/, with its query. */
static int ask(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int
ask(struct world *w, const char *fmt, ...)
{
    char text[4096] = "/api/v1/";
    char *query;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text + 8, sizeof(text) - 8, fmt, ap);
    va_end(ap);
    query = strchr(text, '?');
    if (query != NULL)
        *query++ = '\0';
    ask_as(w, false, text, query == NULL ? "" : query);
    if (w->answer.status != 200 && w->answer.status != 304) {
        const char *code =
            json_string_value(json_object_get(json_object_get(w->out, "error"), "code"));

        assert_non_null(code);
        assert_string_equal(w->answer.etag, "");
    }
    return w->answer.status;
}

/* What stands at "items.0.path" of an object; fails when nothing does. */
static const json_t *
in(const json_t *v, const char *path)
{
    struct vt_reader r = VT_READER(path, strlen(path));
    struct vt_reader part;

    while (vt_reader_word(&r, '.', &part)) {
        char key[64];

        assert_true(vt_reader_cstr(&part, key, sizeof(key)));
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(key)) : json_object_get(v, key);
        if (v == NULL)
            fail_msg("there is no %s (at %s)", path, key);
    }
    return v;
}

static const char *
text_of(const struct world *w, const char *path)
{
    const char *s = json_string_value(in(w->out, path));

    if (s == NULL)
        fail_msg("%s is no string", path);
    return s;
}

static int64_t
number_of(const struct world *w, const char *path)
{
    assert_true(json_is_integer(in(w->out, path)));
    return json_integer_value(in(w->out, path));
}

static size_t
count_of(const struct world *w, const char *path)
{
    assert_true(json_is_array(in(w->out, path)));
    return json_array_size(in(w->out, path));
}

static bool
is_true(const struct world *w, const char *path)
{
    assert_true(json_is_boolean(in(w->out, path)));
    return json_is_true(in(w->out, path));
}

static void
assert_null_at(const struct world *w, const char *path)
{
    assert_true(json_is_null(in(w->out, path)));
}

/* The item of an array whose member `key` is `value`. */
static const json_t *
item_with(const struct world *w, const char *array, const char *key, const char *value)
{
    const json_t *v;
    size_t i;

    json_array_foreach(in(w->out, array), i, v)
    {
        if (strcmp(json_string_value(in(v, key)), value) == 0)
            return v;
    }
    fail_msg("%s has no item whose %s is %s", array, key, value);
    return NULL;
}

static const char *
member(const json_t *o, const char *path)
{
    const json_t *v = in(o, path);

    assert_true(json_is_string(v));
    return json_string_value(v);
}

static const char *
hex_of(const struct vt_digest *d)
{
    static char hex[4][VT_DIGEST_HEX_SIZE];
    static size_t at;

    at = (at + 1) % 4;
    vt_digest_hex(d, hex[at]);
    return hex[at];
}

static const char *
hex_text(const char *what)
{
    struct vt_digest d = iw_digest(what);

    return hex_of(&d);
}

static bool
body_has(const struct world *w, const char *text)
{
    return memmem(w->answer.body, w->answer.body_len, text, strlen(text)) != NULL;
}

/* ---- making what is asked about ---- */

static void
follow(struct world *w)
{
    struct vt_facts *f = NULL;
    struct vt_why problem = {{0}};
    struct vt_why why = {{0}};

    lw_must(vt_facts_open(&w->in.home, w->in.policy, &f, &why), &why);
    lw_must(vt_facts_follow(f, &problem, &why), &why);
    lw_must(vt_facts_retry(f, SIZE_MAX, &why), &why);
    vt_facts_close(f);
    assert_string_equal(problem.text, "");
}

static struct vt_sql *
open_facts(struct world *w)
{
    struct vt_why why = {{0}};
    struct vt_sql *db = NULL;
    char path[VT_PATH_MAX];

    iw_path(&w->in, path, VT_FACTS_FILE);
    lw_must(
        vt_sql_open(path, VT_SQL_WRITE, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &db, &why), &why);
    return db;
}

/* The archive of a snapshot, into the library. */
static void
add_to_library(struct world *w, const char *code, const char *rules, bool with_notes,
    struct vt_digest *ret)
{
    struct vt_pack *p = NULL;
    struct vt_library *l = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];

    iw_path(&w->in, path, "archive");
    iw_path(&w->in, dir, "centre/source");
    lw_must(vt_pack_new(path, 0, NULL, &p, &why), &why);
    if (with_notes)
        lw_must(vt_pack_file(p, "NOTES", false, "pile of \xf0\x9f\x92\xa9 notes\n", 18, &why),
            &why);
    lw_must(vt_pack_file(p, "data.bin", false, "\0\1\2", 3, &why), &why);
    lw_must(vt_pack_file(p, "empty", false, "", 0, &why), &why);
    lw_must(vt_pack_file(p, "rules.yar", false, rules, strlen(rules), &why), &why);
    lw_must(vt_pack_dir(p, "src", &why), &why);
    lw_must(vt_pack_file(p, "src/<b>\"&.c", false, "int odd;\n", 9, &why), &why);
    lw_must(vt_pack_file(p, "src/main.c", false, code, strlen(code), &why), &why);
    lw_must(vt_pack_end(p, NULL, &why), &why);
    vt_pack_free(p);
    lw_must(vt_digest_of_file(path, ret, NULL, &why), &why);
    lw_must(vt_library_open(dir, true, &l, &why), &why);
    lw_must(vt_library_add(l, ret, path, NULL, NULL, &why), &why);
    vt_library_close(l);
}

/* Archives are not what the log's test entries name: the facts are told otherwise. */
static void
rename_source(struct world *w, const char *name, const struct vt_digest *is, bool sealed)
{
    static const char *const tables[] = {"UPDATE source SET source=?1 WHERE source=?2",
        "UPDATE run SET source=?1 WHERE source=?2",
        "UPDATE review SET source=?1 WHERE source=?2",
        "UPDATE subject SET digest=?1 WHERE digest=?2"};
    struct vt_digest was = iw_digest(name);
    struct vt_sql *db = open_facts(w);
    struct vt_why why = {{0}};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        lw_must(vt_sql_do(db, &why, tables[i], "dd", is, &was), &why);
    lw_must(vt_sql_do(db, &why, "UPDATE source SET sealed=? WHERE source=?", "id",
                (int64_t)sealed, is),
        &why);
    lw_must(vt_sql_do(db, &why, "INSERT INTO shelf(source,tried) VALUES(?,1)", "d", is), &why);
    lw_must(vt_sql_do(db, &why, "UPDATE state SET generation=generation+1", ""), &why);
    vt_sql_close(db);
}

#define MAIN_C "/* begin */\nint\nmain(void)\n{\n    return 0;\n}\n"
#define MAIN_C_AFTER "/* begin */\nint\nmain(void)\n{\n    return 1;\n}\n"

/* Alice of `north` has read main.c and the rules of source two, bob a part of main.c. */
static void
say_readings(struct world *w)
{
    struct vt_review r = iw_review_of(VT_ENTRY_READING, "source two", IW_ALICE);
    struct vt_digest main_c = iw_digest(MAIN_C_AFTER);
    struct vt_digest rules = iw_digest(RULES_AFTER);
    struct vt_why why = {{0}};

    lw_must(vt_review_add(&r, &main_c, VT_VERDICT_OK, 0, 0, "src/main.c", &why), &why);
    lw_must(vt_review_add(&r, &rules, VT_VERDICT_OK, 0, 0, "rules.yar", &why), &why);
    (void)iw_review(&w->in, &r, IW_ALICE);
    vt_review_release(&r);
    r = iw_review_of(VT_ENTRY_READING, "source two", IW_BOB);
    lw_must(vt_review_add(&r, &main_c, VT_VERDICT_CONCERN, 3, 5, "src/main.c", &why), &why);
    (void)iw_review(&w->in, &r, IW_BOB);
    vt_review_release(&r);
    r = iw_review_of(VT_ENTRY_REVIEW, "source two", IW_ALICE);
    r.log_size = w->in.count;
    r.files = 5;
    r.covered = 2;
    r.root = iw_digest("root");
    (void)iw_review(&w->in, &r, IW_ALICE);
}

/* Two releases, the second not rebuilt by all; readings; their snapshots and a sealed one. */
static void
say_sources(struct world *w)
{
    iw_whole(&w->in, "source one", "artifact one", "1.0.0", 1, true);
    iw_whole(&w->in, "source two", "artifact two", "1.1.0", 2, false);
    (void)iw_source(&w->in, "source sealed", &(struct iw_how){.who = IW_DEVELOPER});
    say_readings(w);
    iw_publish(&w->in);
    follow(w);
    add_to_library(w, MAIN_C, RULES, true, &w->first);
    add_to_library(w, MAIN_C_AFTER, RULES_AFTER, false, &w->second);
    add_to_library(w, SEALED_CODE, RULES, true, &w->sealed);
    rename_source(w, "source one", &w->first, false);
    rename_source(w, "source two", &w->second, false);
    rename_source(w, "source sealed", &w->sealed, true);
}

/* ---- the tests ---- */

static void
test_before_there_are_facts(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, "site"), 200);
    assert_string_equal(text_of(w, "name"), "zurich.example");
    assert_string_equal(text_of(w, "origin"), LW_ORIGIN);
    assert_null_at(w, "checkpoint");
    assert_int_equal(ask(w, "releases"), 503);
    assert_true(w->answer.retry_after_s > 0);
    assert_int_equal(ask(w, "terms"), 200);
    assert_true(count_of(w, "items") > 40);
    assert_int_equal(ask(w, "openapi.json"), 200);
    assert_true(strncmp(text_of(w, "openapi"), "3.1", 3) == 0);
    /* They are taken as soon as they are there; and again when they are made anew. */
    iw_whole(&w->in, "source one", "artifact one", "1.0.0", 1, true);
    iw_publish(&w->in);
    follow(w);
    assert_int_equal(ask(w, "releases"), 200);
    assert_int_equal(count_of(w, "items"), 1);
}

static void
test_facts_made_anew(void **state)
{
    struct world *w = *state;
    char path[VT_PATH_MAX];

    iw_whole(&w->in, "source one", "artifact one", "1.0.0", 1, true);
    iw_publish(&w->in);
    follow(w);
    assert_int_equal(ask(w, "entries"), 200);
    assert_int_equal(count_of(w, "items"), 6);
    iw_path(&w->in, path, VT_FACTS_FILE);
    assert_int_equal(vt_sql_remove(path, NULL), VT_OK);
    assert_int_equal(ask(w, "entries"), 503);
    (void)iw_source(&w->in, "source two", &(struct iw_how){.who = IW_DEVELOPER});
    iw_publish(&w->in);
    follow(w);
    assert_int_equal(ask(w, "entries"), 200);
    assert_int_equal(count_of(w, "items"), 7);
}

static void
test_what_is_refused(void **state)
{
    static const struct {
        const char *path;
        int status;
    } asks[] = {
        {"", 404},
        {"nothing", 404},
        {"site/", 404},
        {"site/more", 404},
        {"releases/sha256:00", 400},
        {"releases/latest", 400},
        {"entries/-1", 400},
        {"entries/01", 400},
        {"entries/99999999999999999999", 400},
        {"entries/99", 404},
        {"entries/99/proof", 404},
        {"site?x=1", 400},
        {"entries?limit=1&limit=1", 400},
        {"entries?limit=0", 400},
        {"entries?limit=501", 400},
        {"entries?limit=1e1", 400},
        {"entries?limit=", 400},
        {"entries?after=x", 400},
        {"entries?after=1.2", 400},
        {"entries?subject=sha256:xyz", 400},
        {"entries?kind=%ff", 400},
        {"entries?kind=%0", 400},
        {"requests?state=maybe", 400},
        {"search", 400},
        {"search?q=", 400},
        {"search?q=a&mode=fuzzy", 400},
        {"search?q=(&mode=regex", 400},
    };
    struct world *w = *state;

    iw_whole(&w->in, "source one", "artifact one", "1.0.0", 1, true);
    iw_publish(&w->in);
    follow(w);
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
        if (ask(w, "%s", asks[i].path) != asks[i].status)
            fail_msg("%s: %d, not %d", asks[i].path, w->answer.status, asks[i].status);
    ask_as(w, true, "/api/v1/site", "");
    assert_int_equal(w->answer.status, 405);
    ask_as(w, false, "/api/v2/site", "");
    assert_int_equal(w->answer.status, 404);
    assert_int_equal(ask(w, "releases/sha256:%s", hex_text("no artifact")), 404);
    assert_int_equal(ask(w, "releases/sha256:%s/sbom", hex_text("no artifact")), 404);
    assert_int_equal(ask(w, "artifacts/sha256:%s", hex_text("no artifact")), 404);
    assert_int_equal(ask(w, "sources/sha256:%s", hex_text("no source")), 404);
    assert_int_equal(ask(w, "sources/sha256:%s/tree", hex_text("no source")), 404);
    assert_int_equal(ask(w, "sources/sha256:%s/tree", hex_text("source one")), 503);
    assert_int_equal(ask(w, "requests/sha256:%s", hex_text("no request")), 404);
}

/* Every entry once, whatever the page's size. */
static void
walk_entries(struct world *w, int limit, int64_t count)
{
    char after[128] = "";
    int64_t expect = count - 1;

    do {
        assert_int_equal(
            ask(w, "entries?limit=%d%s%s", limit, after[0] != '\0' ? "&after=" : "", after),
            200);
        for (size_t i = 0; i < count_of(w, "items"); i++) {
            char path[64];

            (void)snprintf(path, sizeof(path), "items.%zu.index", i);
            assert_int_equal(number_of(w, path), expect--);
        }
        after[0] = '\0';
        if (json_is_string(in(w->out, "next")))
            (void)snprintf(after, sizeof(after), "%s", text_of(w, "next"));
    } while (after[0] != '\0');
    assert_int_equal(expect, -1);
}

/* The proof of an entry leads to the checkpoint in it. */
static void
check_proof(struct world *w, uint64_t index, const void *entry, size_t len)
{
    struct vt_tlog_proof p;
    struct vt_checkpoint cp;
    struct vt_digest leaf;
    struct vt_why why = {{0}};
    uint64_t time;

    assert_int_equal(ask(w, "entries/%llu/proof", (unsigned long long)index), 200);
    lw_must(vt_tlog_proof_parse(w->answer.body, w->answer.body_len, &p, &why), &why);
    lw_must(vt_policy_check_checkpoint(
                w->in.policy, p.checkpoint, p.checkpoint_len, &cp, &time, &why),
        &why);
    vt_merkle_leaf(entry, len, &leaf);
    assert_int_equal(p.index, index);
    lw_must(vt_merkle_check_inclusion(index, cp.size, &leaf, &p.path, &cp.root, &why), &why);
}

static void
test_log(void **state)
{
    struct world *w = *state;
    uint8_t entry[VT_ENTRY_MAX];
    size_t len;
    int64_t count;

    say_sources(w);
    count = (int64_t)w->in.count;
    assert_int_equal(ask(w, "checkpoint"), 200);
    assert_int_equal(number_of(w, "size"), count);
    assert_string_equal(text_of(w, "origin"), LW_ORIGIN);
    assert_string_equal(text_of(w, "quorum"), "witness-1");
    assert_int_equal(number_of(w, "needed"), 1);
    assert_string_equal(text_of(w, "witnesses.0.time"), text_of(w, "time"));
    assert_int_equal(ask(w, "site"), 200);
    assert_int_equal(number_of(w, "checkpoint.size"), count);
    assert_null_at(w, "problem");
    walk_entries(w, 500, count);
    walk_entries(w, 4, count);
    walk_entries(w, 1, count);
    assert_int_equal(ask(w, "entries?kind=release"), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_int_equal(ask(w, "entries?kind=release&signer=developer"), 200);
    assert_int_equal(count_of(w, "items"), 0);
    assert_int_equal(ask(w, "entries?signer=alpha&limit=1"), 200);
    assert_string_equal(text_of(w, "items.0.kind"), "rebuild");
    assert_string_equal(text_of(w, "items.0.organisation"), "rebuilders");
    assert_string_equal(text_of(w, "next"), "9");
    assert_int_equal(ask(w, "entries?subject=sha256:%s", hex_text("artifact one")), 200);
    assert_int_equal(count_of(w, "items"), 4);
    assert_int_equal(
        ask(w, "entries?subject=sha256:%s&kind=assembly", hex_text("artifact one")), 200);
    assert_int_equal(count_of(w, "items"), 1);
    assert_string_equal(text_of(w, "items.0.subjects.0.role"), "artifact");
    /* One that a statement says, and one that a document says. */
    assert_int_equal(ask(w, "entries/2"), 200);
    assert_string_equal(text_of(w, "form"), "statement");
    assert_string_equal(
        text_of(w, "says.predicate.buildDefinition.externalParameters.product"), "lantern");
    assert_null_at(w, "raw");
    assert_true(vt_b64_decode(
        text_of(w, "text"), strlen(text_of(w, "text")), entry, sizeof(entry), &len));
    check_proof(w, 2, entry, len);
    assert_int_equal(ask(w, "entries/%lld", (long long)count - 1), 200);
    assert_string_equal(text_of(w, "kind"), "review");
    assert_string_equal(text_of(w, "form"), "review");
    assert_string_equal(text_of(w, "says.0.0"), "source");
    assert_true(strncmp(text_of(w, "raw"), "vitrine/review/review/v1\n", 25) == 0);
}

/* An answer that has not changed is not sent again; it is another when the log grows. */
static void
test_tags(void **state)
{
    static const char *const paths[] = {"site", "entries?limit=3", "releases", "health",
        "terms", "feed.atom", "entries/0/proof"};
    struct world *w = *state;
    char tag[64];

    iw_whole(&w->in, "source one", "artifact one", "1.0.0", 1, true);
    iw_publish(&w->in);
    follow(w);
    for (size_t i = 0; i < 3; i++) {
        w->match = "";
        assert_int_equal(ask(w, "%s", paths[i]), 200);
        (void)snprintf(tag, sizeof(tag), "%s", w->answer.etag);
        assert_true(strlen(tag) > 10 && tag[0] == '"');
        assert_string_equal(w->answer.cache, "no-cache");
        w->match = tag;
        assert_int_equal(ask(w, "%s", paths[i]), 304);
        assert_int_equal(w->answer.body_len, 0);
    }
    for (size_t i = 3; i < sizeof(paths) / sizeof(paths[0]); i++) {
        w->match = "";
        assert_int_equal(ask(w, "%s", paths[i]), 200);
        assert_true(w->answer.etag[0] == '"');
    }
    w->match = tag;
    (void)iw_source(&w->in, "source two", &(struct iw_how){.who = IW_DEVELOPER});
    iw_publish(&w->in);
    follow(w);
    assert_int_equal(ask(w, "releases"), 200);
    assert_string_not_equal(w->answer.etag, tag);
    w->match = "";
}

/* The same question again, and by very many others in between, has the same answer. */
static void
test_kept_answers(void **state)
{
    struct world *w = *state;
    struct vt_buf first = VT_BUF(VT_ROOM_ANSWER_MAX);
    char tag[64];

    say_sources(w);
    assert_int_equal(ask(w, "feed.atom"), 200);
    vt_buf_put(&first, w->answer.body, w->answer.body_len);
    (void)snprintf(tag, sizeof(tag), "%s", w->answer.etag);
    for (int i = 1; i <= 150; i++) {
        if (i % 50 == 0) {
            assert_int_equal(ask(w, "feed.atom"), 200);
            assert_string_equal(w->answer.etag, tag);
            assert_string_equal(w->answer.content_type, "application/atom+xml; charset=utf-8");
            assert_int_equal(w->answer.body_len, first.len);
            assert_memory_equal(w->answer.body, first.data, first.len);
        }
        assert_int_equal(ask(w, "entries?limit=%d", i), 200);
        assert_int_equal(count_of(w, "items"), i < (int)w->in.count ? i : (int)w->in.count);
    }
    (void)iw_source(&w->in, "source new", &(struct iw_how){.who = IW_DEVELOPER});
    iw_publish(&w->in);
    follow(w);
    assert_int_equal(ask(w, "feed.atom"), 200);
    assert_string_not_equal(w->answer.etag, tag);
    vt_buf_release(&first);
}

static void
test_release(void **state)
{
    static const char *const steps[] = {"source", "environment", "assembly", "rebuild",
        "review", "release", "log", "witnesses"};
    struct world *w = *state;
    const json_t *step;

    say_sources(w);
    assert_int_equal(ask(w, "releases"), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_string_equal(text_of(w, "items.0.version"), "1.1.0");
    assert_string_equal(text_of(w, "items.0.state"), "incomplete");
    assert_string_equal(text_of(w, "items.1.state"), "verified");
    assert_int_equal(number_of(w, "items.1.rebuilds"), 2);
    assert_int_equal(ask(w, "releases?limit=1"), 200);
    assert_int_equal(ask(w, "releases?limit=1&after=%s", text_of(w, "next")), 200);
    assert_string_equal(text_of(w, "items.0.version"), "1.0.0");
    assert_null_at(w, "next");
    assert_int_equal(ask(w, "releases?product=lantern&channel=none"), 200);
    assert_int_equal(count_of(w, "items"), 0);

    assert_int_equal(ask(w, "releases/sha256:%s", hex_text("artifact one")), 200);
    assert_int_equal(count_of(w, "chain"), 8);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(member(json_array_get(in(w->out, "chain"), i), "step"), steps[i]);
    step = item_with(w, "chain", "step", "rebuild");
    assert_string_equal(member(step, "state"), "ok");
    assert_string_equal(member(step, "demanded"), "all of alpha, beta");
    assert_string_equal(member(step, "got.0.site"), "alpha.example");
    assert_string_equal(member(step, "got.0.varied.1"), "build-path");
    assert_string_equal(
        member(item_with(w, "chain", "step", "review"), "state"), "none-demanded");
    assert_string_equal(
        member(item_with(w, "chain", "step", "witnesses"), "got.0.name"), "witness-1");
    assert_null_at(w, "previous");
    assert_string_equal(text_of(w, "next") + 7, hex_text("artifact two"));
    assert_string_equal(text_of(w, "commands.3.command"),
        "vitrine verify lantern.bin --passport lantern.bin.passport --policy policy");
    assert_non_null(strstr(text_of(w, "download"), URL "/tuf/targets/lantern/1.0.0/"));
    assert_int_equal(number_of(w, "coverage.files"), 5);

    assert_int_equal(ask(w, "releases/sha256:%s", hex_text("artifact two")), 200);
    step = item_with(w, "chain", "step", "rebuild");
    assert_string_equal(member(step, "state"), "missing");
    assert_non_null(strstr(member(step, "missing"), "still to come from beta"));
    assert_int_equal(number_of(w, "coverage.covered"), 2);
    assert_string_equal(text_of(w, "coverage.signed.0"), "north");
    assert_false(is_true(w, "coverage.demanded"));
    assert_true(is_true(w, "coverage.met"));
}

static void
test_release_contradicted(void **state)
{
    struct world *w = *state;
    struct vt_digest assembly;
    const json_t *step;

    (void)iw_source(&w->in, "source one", &(struct iw_how){.who = IW_DEVELOPER});
    (void)iw_assembly(&w->in, "source one", "artifact one", "1.0.0",
        &(struct iw_how){.who = IW_ASSEMBLER, .statement = &assembly});
    (void)iw_rebuild(
        &w->in, &assembly, "source one", "artifact one", &(struct iw_how){.who = IW_ALPHA});
    (void)iw_mismatch(
        &w->in, &assembly, "source one", "artifact one", &(struct iw_how){.who = IW_BETA});
    (void)iw_released(&w->in, "artifact one", "1.0.0", 1, &(struct iw_how){.who = IW_RELEASE});
    iw_put_targets(&w->in, "artifact one", "1.0.0", 1);
    iw_publish(&w->in);
    follow(w);
    assert_int_equal(ask(w, "releases/sha256:%s", hex_text("artifact one")), 200);
    assert_string_equal(text_of(w, "state"), "contradicted");
    step = item_with(w, "chain", "step", "rebuild");
    assert_string_equal(member(step, "state"), "contradicted");
    assert_string_equal(member(step, "got.1.verdict"), "different");
    assert_non_null(strstr(member(step, "missing"), "do not use it"));
    assert_string_equal(
        member(item_with(w, "chain", "step", "environment"), "state"), "missing");
    assert_null_at(w, "coverage");
    assert_int_equal(ask(w, "artifacts/sha256:%s", hex_text("other bytes")), 200);
    assert_int_equal(count_of(w, "mismatches"), 1);
    assert_int_equal(count_of(w, "releases"), 0);
    assert_int_equal(ask(w, "artifacts/sha256:%s", hex_text("artifact one")), 200);
    assert_int_equal(count_of(w, "assemblies"), 1);
    assert_int_equal(count_of(w, "releases"), 1);
    assert_int_equal(ask(w, "health"), 200);
    assert_int_equal(count_of(w, "mismatches"), 1);
    assert_string_equal(text_of(w, "mismatches.0.artifact") + 7, hex_text("artifact one"));
    assert_int_equal(number_of(w, "rebuilders.1.mismatches"), 1);
    assert_int_equal(ask(w, "feed.atom"), 200);
    assert_true(body_has(w, "A rebuild gave other bytes"));
}

static void
test_release_parts(void **state)
{
    struct world *w = *state;

    say_sources(w);
    assert_int_equal(ask(w, "releases/sha256:%s/packages", hex_text("artifact one")), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_string_equal(text_of(w, "items.1.version"), "4:12.2.0-3");
    assert_int_equal(ask(w, "releases/sha256:%s/sbom", hex_text("artifact one")), 200);
    assert_string_equal(w->answer.content_type, "application/vnd.cyclonedx+json; version=1.6");
    assert_true(body_has(w, "\"purl\":\"pkg:deb/debian/gcc@4%3A12.2.0-3?arch=amd64\""));
    assert_true(body_has(w, "\"specVersion\":\"1.6\""));
    assert_true(body_has(w, hex_of(&w->first)));
    assert_int_equal(ask(w, "releases/sha256:%s/changes", hex_text("artifact two")), 200);
    assert_string_equal(text_of(w, "since") + 7, hex_text("artifact one"));
    assert_int_equal(number_of(w, "files.changed"), 2);
    assert_int_equal(number_of(w, "files.removed"), 1);
    assert_int_equal(number_of(w, "files.added"), 0);
    assert_int_equal(number_of(w, "rules.files"), 1);
    assert_string_equal(text_of(w, "rules.added.0"), "three");
    assert_string_equal(text_of(w, "rules.changed.0"), "one");
    assert_string_equal(text_of(w, "rules.removed.0"), "two");
    assert_int_equal(count_of(w, "packages.changed"), 0);
    assert_int_equal(ask(w, "releases/sha256:%s/changes", hex_text("artifact one")), 404);
    assert_int_equal(ask(w, "releases/sha256:%s/changes?since=sha256:%s",
                         hex_text("artifact one"), hex_text("artifact two")),
        200);
    assert_int_equal(number_of(w, "files.added"), 1);
}

static void
test_sources(void **state)
{
    struct world *w = *state;
    const json_t *o;

    say_sources(w);
    assert_int_equal(ask(w, "sources"), 200);
    assert_int_equal(count_of(w, "items"), 3);
    assert_true(is_true(w, "items.0.sealed"));
    assert_true(is_true(w, "items.0.indexed"));
    assert_string_equal(text_of(w, "items.1.label"), "lantern 1.1.0");
    assert_string_equal(text_of(w, "items.1.releases.0.version"), "1.1.0");
    assert_int_equal(ask(w, "sources?limit=2"), 200);
    assert_int_equal(ask(w, "sources?limit=2&after=%s", text_of(w, "next")), 200);
    assert_int_equal(count_of(w, "items"), 1);
    assert_int_equal(ask(w, "sources/sha256:%s", hex_of(&w->second)), 200);
    assert_int_equal(number_of(w, "files"), 5);
    assert_int_equal(number_of(w, "coverage.files"), 4);
    assert_true(count_of(w, "languages") > 0);
    assert_int_equal(ask(w, "sources/sha256:%s/tree", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "entries.0.name"), "src");
    assert_string_equal(text_of(w, "entries.0.kind"), "dir");
    assert_int_equal(number_of(w, "entries.0.files"), 2);
    assert_int_equal(number_of(w, "entries.0.covered"), 1);
    o = item_with(w, "entries", "name", "rules.yar");
    assert_int_equal(json_integer_value(in(o, "covered")), 1);
    assert_int_equal(ask(w, "sources/sha256:%s/tree?path=src", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "entries.0.name"), "<b>\"&.c");
    assert_int_equal(ask(w, "sources/sha256:%s/tree?path=none", hex_of(&w->second)), 404);
    assert_int_equal(ask(w, "sources/sha256:%s/tree?path=/src", hex_of(&w->second)), 400);
    assert_int_equal(ask(w, "sources/sha256:%s/tree?path=src/", hex_of(&w->second)), 400);
}

static void
test_files(void **state)
{
    struct world *w = *state;

    say_sources(w);
    assert_int_equal(ask(w, "sources/sha256:%s/file?path=src/main.c", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "text"), MAIN_C_AFTER);
    assert_string_equal(text_of(w, "encoding"), "utf-8");
    assert_int_equal(number_of(w, "lines"), 6);
    assert_int_equal(count_of(w, "readings"), 2);
    assert_string_equal(text_of(w, "readings.0.verdict"), "concern");
    assert_int_equal(number_of(w, "readings.0.from"), 3);
    assert_string_equal(text_of(w, "readings.1.organisation"), "north");
    assert_null_at(w, "mark");
    assert_int_equal(
        ask(w, "sources/sha256:%s/file?path=src/%%3Cb%%3E%%22%%26.c", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "text"), "int odd;\n");
    assert_int_equal(ask(w, "sources/sha256:%s/file?path=data.bin", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "encoding"), "binary");
    assert_null_at(w, "text");
    assert_int_equal(ask(w, "sources/sha256:%s/file?path=src", hex_of(&w->second)), 404);
    assert_int_equal(ask(w, "sources/sha256:%s/file?path=../x", hex_of(&w->second)), 404);
    assert_int_equal(ask(w, "sources/sha256:%s/file", hex_of(&w->second)), 400);
    assert_int_equal(ask(w, "sources/sha256:%s/raw?path=data.bin", hex_of(&w->second)), 200);
    assert_int_equal(w->answer.body_len, 3);
    assert_memory_equal(w->answer.body, "\0\1\2", 3);
    assert_string_equal(w->answer.content_type, "application/octet-stream");
    assert_string_equal(w->answer.csp, "sandbox");
    assert_string_equal(w->answer.cache, "public, max-age=31536000, immutable");
    assert_string_equal(w->answer.disposition, "attachment; filename=\"data.bin\"");
    assert_int_equal(
        ask(w, "sources/sha256:%s/raw?path=src/%%3Cb%%3E%%22%%26.c", hex_of(&w->second)), 200);
    assert_string_equal(w->answer.disposition, "attachment; filename=\"_b___.c\"");
}

static void
test_history_and_differences(void **state)
{
    struct world *w = *state;

    say_sources(w);
    assert_int_equal(
        ask(w, "sources/sha256:%s/history?path=src/main.c", hex_of(&w->second)), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_string_equal(text_of(w, "items.0.change"), "changed");
    assert_string_equal(text_of(w, "items.1.change"), "added");
    assert_int_equal(ask(w, "sources/sha256:%s/history?path=NOTES", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "items.0.change"), "removed");
    assert_null_at(w, "items.0.blob");
    assert_int_equal(
        ask(w, "sources/sha256:%s/history?path=data.bin", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "items.0.change"), "same");
    assert_int_equal(ask(w, "sources/sha256:%s/history?path=none", hex_of(&w->second)), 404);
    assert_int_equal(
        ask(w, "sources/sha256:%s/diff?since=sha256:%s", hex_of(&w->second), hex_of(&w->first)),
        200);
    assert_int_equal(count_of(w, "items"), 3);
    assert_null_at(w, "items.0.new_blob");
    assert_false(is_true(w, "truncated"));
    assert_int_equal(ask(w, "sources/sha256:%s/diff?since=sha256:%s&path=src/main.c",
                         hex_of(&w->second), hex_of(&w->first)),
        200);
    assert_int_equal(count_of(w, "hunks"), 1);
    assert_int_equal(number_of(w, "hunks.0.old_start"), 2);
    assert_string_equal(
        member(item_with(w, "hunks.0.lines", "kind", "-"), "text"), "    return 0;");
    assert_string_equal(
        member(item_with(w, "hunks.0.lines", "kind", "+"), "text"), "    return 1;");
    assert_int_equal(ask(w, "sources/sha256:%s/diff?since=sha256:%s&path=data.bin",
                         hex_of(&w->second), hex_of(&w->first)),
        200);
    assert_true(is_true(w, "binary"));
    assert_int_equal(ask(w, "sources/sha256:%s/diff?since=sha256:%s&path=none",
                         hex_of(&w->second), hex_of(&w->first)),
        404);
    assert_int_equal(ask(w, "sources/sha256:%s/diff", hex_of(&w->second)), 400);
    assert_int_equal(ask(w, "sources/sha256:%s/diff?since=sha256:%s", hex_of(&w->second),
                         hex_of(&w->sealed)),
        403);
    assert_int_equal(ask(w, "sources/sha256:%s/symbols?name=main", hex_of(&w->second)), 200);
    assert_int_equal(ask(w, "sources/sha256:%s/symbols?prefix=ma", hex_of(&w->second)), 200);
    assert_int_equal(ask(w, "sources/sha256:%s/symbols", hex_of(&w->second)), 400);
    assert_int_equal(
        ask(w, "sources/sha256:%s/symbols?name=a&prefix=a", hex_of(&w->second)), 400);
}

static void
test_coverage(void **state)
{
    struct world *w = *state;
    struct vt_digest d;
    const json_t *o;

    say_sources(w);
    assert_int_equal(ask(w, "sources/sha256:%s/coverage", hex_of(&w->second)), 200);
    assert_int_equal(number_of(w, "coverage.files"), 4); /* the empty one does not count */
    assert_int_equal(number_of(w, "coverage.covered"), 2);
    assert_int_equal(number_of(w, "coverage.lines"), 9);
    assert_int_equal(number_of(w, "coverage.covered_lines"), 8);
    assert_int_equal(number_of(w, "coverage.organisations"), 2);
    assert_int_equal(number_of(w, "readings"), 2);
    assert_int_equal(count_of(w, "reviews"), 1);
    assert_int_equal(count_of(w, "objections"), 0);
    assert_null_at(w, "demanded");
    o = item_with(w, "organisations", "name", "north");
    assert_int_equal(json_integer_value(in(o, "files")), 2);
    assert_true(json_is_true(in(o, "signed")));
    o = item_with(w, "items", "path", "src/main.c");
    assert_true(json_is_true(in(o, "whole")));
    assert_int_equal(json_array_size(in(o, "organisations")), 2);
    assert_int_equal(
        ask(w, "sources/sha256:%s/coverage?only=unread&limit=1", hex_of(&w->second)), 200);
    assert_string_equal(text_of(w, "items.0.path"), "data.bin");
    assert_int_equal(ask(w, "sources/sha256:%s/coverage?only=unread&limit=1&after=%s",
                         hex_of(&w->second), text_of(w, "next")),
        200);
    assert_string_equal(text_of(w, "items.0.path"), "src/<b>\"&.c");
    /* The first snapshot has none of what was read. One more reading, and it has. */
    assert_int_equal(ask(w, "sources/sha256:%s/coverage", hex_of(&w->first)), 200);
    assert_int_equal(number_of(w, "coverage.covered"), 0);
    {
        struct vt_review r = iw_review_of(VT_ENTRY_READING, "source one", IW_BOB);
        struct vt_why why = {{0}};

        d = iw_digest("int odd;\n");
        lw_must(vt_review_add(&r, &d, VT_VERDICT_OK, 1, 1, "src/odd.c", &why), &why);
        (void)iw_review(&w->in, &r, IW_BOB);
        vt_review_release(&r);
        iw_publish(&w->in);
        follow(w);
    }
    assert_int_equal(ask(w, "sources/sha256:%s/coverage", hex_of(&w->first)), 200);
    assert_int_equal(number_of(w, "coverage.covered"), 1);
    assert_int_equal(ask(w, "sources/sha256:%s/coverage", hex_of(&w->second)), 200);
    assert_int_equal(number_of(w, "coverage.covered"), 3);
}

static void
test_sealed(void **state)
{
    static const char *const below[] = {"tree", "file?path=src/main.c", "raw?path=src/main.c",
        "symbols?name=main", "history?path=src/main.c", "coverage"};
    struct world *w = *state;
    const char *hex;

    say_sources(w);
    hex = hex_of(&w->sealed);
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
        assert_int_equal(ask(w, "sources/sha256:%s/%s", hex_of(&w->sealed), below[i]), 403);
    assert_int_equal(
        ask(w, "sources/sha256:%s/diff?since=sha256:%s", hex_of(&w->sealed), hex_of(&w->first)),
        403);
    assert_int_equal(ask(w, "sources/sha256:%s", hex_of(&w->sealed)), 200);
    assert_int_equal(ask(w, "search?q=secret"), 200);
    assert_int_equal(count_of(w, "items"), 0);
    assert_int_equal(ask(w, "search?q=secret&source=sha256:%s", hex_of(&w->sealed)), 403);
    /* Another's list does not open it; one's own does. */
    w->who = "alice.example";
    w->sealed_open = hex_of(&w->first);
    assert_int_equal(ask(w, "sources/sha256:%s/tree", hex_of(&w->sealed)), 403);
    w->sealed_open = hex;
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        char sealed[VT_DIGEST_HEX_SIZE];

        vt_digest_hex(&w->sealed, sealed);
        w->sealed_open = sealed;
        assert_int_equal(ask(w, "sources/sha256:%s/%s", sealed, below[i]), 200);
        assert_string_equal(w->answer.cache, "private, no-store");
        if (strncmp(below[i], "file", 4) == 0)
            assert_true(strncmp(text_of(w, "mark"), "opened by alice.example at 2", 28) == 0);
        assert_int_equal(ask(w, "search?q=secret"), 200);
        assert_int_equal(count_of(w, "items"), 1);
        assert_string_equal(w->answer.cache, "private, no-store");
    }
    w->who = w->sealed_open = "";
}

static void
test_search(void **state)
{
    struct world *w = *state;

    say_sources(w);
    assert_int_equal(ask(w, "search?q=return"), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_int_equal(number_of(w, "files"), 2);
    assert_false(is_true(w, "truncated"));
    assert_true(number_of(w, "took_ms") >= 0);
    assert_int_equal(ask(w, "search?q=RETURN"), 200);
    assert_int_equal(count_of(w, "items"), 0);
    assert_int_equal(
        ask(w, "search?q=RETURN&mode=icase&source=sha256:%s", hex_of(&w->second)), 200);
    assert_int_equal(count_of(w, "items"), 1);
    assert_string_equal(text_of(w, "items.0.path"), "src/main.c");
    assert_int_equal(number_of(w, "items.0.matches.0.line"), 5);
    assert_string_equal(text_of(w, "items.0.matches.0.text"), "    return 1;");
    assert_int_equal(number_of(w, "items.0.matches.0.ranges.0.0"), 4);
    assert_int_equal(number_of(w, "items.0.matches.0.ranges.0.1"), 10);
    /* Ranges count as JavaScript does: the heap is two units. */
    assert_int_equal(ask(w, "search?q=notes"), 200);
    assert_int_equal(number_of(w, "items.0.matches.0.ranges.0.0"), 11);
    assert_int_equal(number_of(w, "items.0.matches.0.ranges.0.1"), 16);
    assert_int_equal(ask(w, "search?q=i.t%%20?ma&mode=regex&path=src/"), 200);
    assert_int_equal(count_of(w, "items"), 0);
    assert_int_equal(ask(w, "search?q=n.+one&mode=regex&path=src/"), 200);
    assert_int_equal(count_of(w, "items"), 0);
    assert_int_equal(ask(w, "search?q=rule%%20on[e]&mode=regex&path=.yar"), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_int_equal(ask(w, "search?q=main&in=name"), 200);
    assert_true(count_of(w, "items") > 0);
    assert_string_equal(text_of(w, "items.0.path"), "src/main.c");
    assert_int_equal(count_of(w, "items.0.matches"), 0);
    assert_int_equal(ask(w, "search?q=main&in=symbol"), 200);
    for (size_t i = 0; i < count_of(w, "items"); i++) /* without ctags there are none */
        assert_string_equal(text_of(w, "items.0.matches.0.text"), "main(void)");
    assert_int_equal(ask(w, "search?q=main&in=symbol&mode=regex"), 400);
    assert_int_equal(ask(w, "search?q=a&source=sha256:%s", hex_text("no such source")), 404);
}

/* A request that was granted and run, one that is open, and a region on its way. */
static void
say_data(struct world *w, bool equal)
{
    struct ledger_world *l = &w->in.ledger;
    struct vt_request rq = lw_subject_request(l, VT_MODE_ERASURE);
    struct vt_relocation rel = {.segments = 3, .records = 30, .bytes = 300, .made = LW_ASKED};
    struct vt_receipt rec = {
        .segments = 3, .records = 30, .bytes = 300, .keys = 2, .made = LW_ASKED + 9};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    size_t request;
    size_t approval;
    size_t moved;

    request = lw_say_request(l, &rq, LW_CAROL);
    approval = lw_approve(l, request, LW_DAN);
    (void)lw_approve(l, request, LW_STRANGER); /* counts for nothing */
    struct vt_grant g =
        lw_grant(l, request, VT_MODE_ERASURE, (size_t[]){approval}, 1, LW_ZURICH);
    (void)lw_say_grant(l, &g, LW_ZURICH);
    rq.id[0] = 9;
    (void)lw_say_request(l, &rq, LW_CAROL);
    (void)snprintf(rel.region, sizeof(rel.region), "EU");
    (void)snprintf(rel.from, sizeof(rel.from), "%s", lw_names[LW_ZURICH]);
    (void)snprintf(rel.to, sizeof(rel.to), "%s", lw_names[LW_FRANKFURT]);
    rel.policy = *vt_vault_policy_digest(l->policy);
    rel.root = iw_digest("inventory");
    lw_must(vt_relocation_doc(&rel, &d, &why), &why);
    moved = lw_say(l, d, LW_ZURICH);
    rec.relocation = l->item[moved].digest;
    memcpy(rec.region, rel.region, sizeof(rec.region));
    memcpy(rec.from, rel.from, sizeof(rec.from));
    memcpy(rec.to, rel.to, sizeof(rec.to));
    rec.root = iw_digest(equal ? "inventory" : "another");
    lw_must(vt_receipt_doc(&rec, &d, &why), &why);
    (void)lw_say(l, d, LW_FRANKFURT);
    iw_add_ledger(&w->in);
    iw_publish(&w->in);
    follow(w);
}

static void
test_data(void **state)
{
    struct world *w = *state;
    char request[80];

    say_data(w, true);
    assert_int_equal(ask(w, "regions"), 200);
    assert_non_null(strstr(text_of(w, "policy.text"), "vitrine/vault/policy/v1"));
    assert_true(count_of(w, "items") >= 2);
    assert_string_equal(
        member(item_with(w, "items", "region", "EU"), "site"), lw_names[LW_ZURICH]);
    assert_true(json_is_string(in(item_with(w, "items", "region", "EU"), "moving")));
    assert_true(json_is_null(in(item_with(w, "items", "region", "US"), "moving")));
    assert_true(count_of(w, "sites") >= 2);
    assert_int_equal(ask(w, "requests"), 200);
    assert_int_equal(count_of(w, "items"), 2);
    assert_string_equal(text_of(w, "items.1.state"), "granted");
    assert_int_equal(number_of(w, "items.1.approvals"), 1);
    assert_string_equal(text_of(w, "items.1.mode"), "erasure");
    assert_string_equal(text_of(w, "items.1.class"), "detection");
    (void)snprintf(request, sizeof(request), "%s", text_of(w, "items.1.request"));
    assert_int_equal(ask(w, "requests?state=granted&region=EU"), 200);
    assert_int_equal(count_of(w, "items"), 1);
    assert_int_equal(ask(w, "requests?limit=1"), 200);
    assert_int_equal(ask(w, "requests?limit=1&after=%s", text_of(w, "next")), 200);
    assert_string_equal(text_of(w, "items.0.request"), request);
    assert_null_at(w, "next");
    assert_int_equal(ask(w, "requests/%s", request), 200);
    assert_int_equal(count_of(w, "steps"), 2);
    assert_string_equal(text_of(w, "steps.0.kind"), "approval");
    assert_string_equal(text_of(w, "steps.0.by"), lw_names[LW_DAN]);
    assert_string_equal(text_of(w, "steps.1.link.kind"), "grant");
    assert_string_equal(text_of(w, "fields.0.0"), "id");
    assert_int_equal(ask(w, "relocations"), 200);
    assert_string_equal(text_of(w, "items.0.state"), "received");
    assert_true(is_true(w, "items.0.equal"));
    assert_int_equal(number_of(w, "items.0.received.records"), 30);
    assert_null_at(w, "items.0.shredded");
    assert_int_equal(ask(w, "erasures"), 200);
    assert_int_equal(count_of(w, "items"), 0);
    assert_int_equal(ask(w, "retentions"), 200);
    assert_int_equal(ask(w, "runs"), 200);
    assert_int_equal(ask(w, "feed.atom"), 200);
    assert_string_equal(w->answer.content_type, "application/atom+xml; charset=utf-8");
    assert_true(body_has(w, "<title>A region begins to move</title>"));
}

static void
test_relocation_unequal(void **state)
{
    struct world *w = *state;

    say_data(w, false);
    assert_int_equal(ask(w, "relocations"), 200);
    assert_false(is_true(w, "items.0.equal"));
}

static void
test_health(void **state)
{
    struct world *w = *state;

    say_sources(w);
    assert_int_equal(ask(w, "health"), 200);
    assert_int_equal(number_of(w, "log.size"), (int64_t)w->in.count);
    assert_true(count_of(w, "log.growth") > 0);
    assert_string_equal(text_of(w, "witnesses.0.name"), "witness-1");
    assert_int_equal(number_of(w, "witnesses.0.cosigned"), 1);
    assert_int_equal(count_of(w, "rebuilders"), 2);
    assert_int_equal(number_of(w, "rebuilders.0.waiting"), 0);
    assert_int_equal(number_of(w, "rebuilders.1.waiting"), 1);
    assert_int_equal(count_of(w, "drills"), 0);
    assert_int_equal(count_of(w, "hooks"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_before_there_are_facts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_facts_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tags, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_release, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_release_contradicted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_release_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_history_and_differences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_coverage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_search, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_relocation_unequal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_health, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
