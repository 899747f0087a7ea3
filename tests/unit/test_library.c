/* SPDX-License-Identifier: Apache-2.0 */
/* The source library: what it tells of snapshots, what it refuses, and what is left of it when
 * its writer dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/confine.h"
#include "base/file.h"
#include "base/proc.h"
#include "search/library.h"
#include "store/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char top[VT_PATH_MAX];
static char dir[VT_PATH_MAX]; /* the library */
static struct vt_why why;
static char said[65536]; /* what callbacks were told, as text */

static int
set_up(void **state)
{
    (void)state;
    vt_why_clear(&why);
    said[0] = '\0';
    return vt_dir_temp("/tmp", "test-library", top, NULL) == VT_OK &&
                   vt_path(dir, NULL, "%s/library", top) == VT_OK
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(top, NULL) == VT_OK ? 0 : -1;
}

static void
ok(enum vt_err err)
{
    if (err != VT_OK)
        fail_msg("%s: %s", vt_err_name(err), why.text);
}

/* --- Snapshots. ------------------------------------------------------------------------- */

struct snap {
    char archive[VT_PATH_MAX];
    struct vt_digest source;
};

static void
put(const char *snap, const char *name, const char *text)
{
    char path[VT_PATH_MAX];
    char *slash;

    ok(vt_path(path, &why, "%s/%s/%s", top, snap, name));
    slash = strrchr(path, '/');
    *slash = '\0';
    ok(vt_dir_make(path, 0755, &why));
    *slash = '/';
    ok(vt_file_replace(path, 0644, text, strlen(text), &why));
}

static void
put_link(const char *snap, const char *name, const char *target)
{
    char path[VT_PATH_MAX];

    ok(vt_path(path, &why, "%s/%s/%s", top, snap, name));
    assert_int_equal(symlink(target, path), 0);
}

/* Packs the folder top/NAME. */
static struct snap
packed(const char *name)
{
    char from[VT_PATH_MAX];
    struct snap s;

    ok(vt_path(from, &why, "%s/%s", top, name));
    ok(vt_path(s.archive, &why, "%s/%s.tar.zst", top, name));
    ok(vt_pack_folder(from, s.archive, 0, NULL, NULL, &why));
    ok(vt_digest_of_file(s.archive, &s.source, NULL, &why));
    return s;
}

#define MAIN_C "#include \"point.h\"\n\nint\nmain(void)\n{\n    return point_x();\n}\n"
#define POINT_H "struct point {\n    int x;\n};\n"
#define RULES "rule Evil { condition: true }\nrule Bad { condition: false }\n"

static struct snap
first_snap(void)
{
    put("one", "README", "A point.\nNo newline at the end");
    put("one", "src/main.c", MAIN_C);
    put("one", "src/point.h", POINT_H);
    put("one", "src.txt", "between src and src/\n");
    put("one", "rules/a.yar", RULES);
    put("one", "old/gone.py", "def gone(): pass\n");
    put("one", "copy/main.c", MAIN_C);
    put("one", "bin",
        "\x7f"
        "ELF\x01\xff\xfe");
    put_link("one", "link", "src/main.c");
    return packed("one");
}

static struct snap
second_snap(void)
{
    put("two", "README", "A point.\nNo newline at the end");
    put("two", "src/main.c", "#include \"point.h\"\n\nint\nmain(void)\n{\n    return 1;\n}\n");
    put("two", "src/point.h", POINT_H);
    put("two", "src.txt", "between src and src/\n");
    put("two", "rules/a.yar",
        "// New.\nrule Evil {\n  condition: true\n}\n"
        "rule Bad { condition: 1 of them }\nrule Worse { condition: x }\n");
    put("two", "new/here.py", "def here(): pass\n");
    put("two", "copy/main.c", MAIN_C);
    put("two", "bin",
        "\x7f"
        "ELF\x01\xff\xff");
    put_link("two", "link", "src/point.h");
    return packed("two");
}

static struct vt_library *
opened(bool writable)
{
    struct vt_library *l = NULL;

    ok(vt_library_open(dir, writable, &l, &why));
    return l;
}

static void
add(struct vt_library *l, const struct snap *s)
{
    bool symbols = false;

    ok(vt_library_add(l, &s->source, s->archive, NULL, &symbols, &why));
}

/* --- What is told, as text. ------------------------------------------------------------- */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void
say(const char *fmt, ...)
{
    size_t at = strlen(said);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(said + at, sizeof said - at, fmt, ap);
    va_end(ap);
}

static enum vt_err
say_file(void *ctx, const struct vt_library_file *f, struct vt_why *w)
{
    (void)ctx;
    (void)w;
    if (f->kind == VT_LIBRARY_FOLDER)
        say("%s/ %u;", f->name, (unsigned)f->files);
    else if (f->kind == VT_LIBRARY_LINK)
        say("%s -> %s;", f->name, f->target);
    else
        say("%s %u %u%s%s;", f->name, (unsigned)f->size, (unsigned)f->lines,
            f->language[0] != '\0' ? " " : "", f->language);
    return VT_OK;
}

static enum vt_err
say_language(void *ctx, const struct vt_library_file *f, struct vt_why *w)
{
    (void)ctx;
    (void)w;
    assert_string_equal(f->name, f->language);
    say("%s %u %u;", f->name, (unsigned)f->files, (unsigned)f->lines);
    return VT_OK;
}

static enum vt_err
say_symbol(void *ctx, const struct vt_library_symbol *s, struct vt_why *w)
{
    (void)ctx;
    (void)w;
    say("%s %s %s:%u %s;", s->name, s->kind, s->path, (unsigned)s->line, s->language);
    return VT_OK;
}

static enum vt_err
say_change(void *ctx, const struct vt_library_change *c, struct vt_why *w)
{
    (void)ctx;
    (void)w;
    say("%s %s%s%s +%u -%u;", c->change, c->path, c->old_blob != NULL ? " old" : "",
        c->new_blob != NULL ? " new" : "", (unsigned)c->lines_added,
        (unsigned)c->lines_removed);
    return VT_OK;
}

static enum vt_err
say_line(void *ctx, const struct vt_library_line *l, struct vt_why *w)
{
    (void)ctx;
    (void)w;
    if (l->kind == '@')
        say("@%u,%u %u,%u;", (unsigned)l->old_start, (unsigned)l->old_lines,
            (unsigned)l->new_start, (unsigned)l->new_lines);
    else
        say("%c%.*s;", l->kind, (int)l->len, l->text);
    return VT_OK;
}

struct hits {
    const struct snap *snap; /* by whose places sources are told */
    size_t count;
};

static enum vt_err
say_hit(void *ctx, const struct vt_library_hit *h, struct vt_why *w)
{
    const struct hits *all = ctx;

    (void)w;
    say("%s [%s]", h->path, h->language);
    for (size_t i = 0; i < h->source_count; i++) {
        for (size_t k = 0; k < all->count; k++) {
            if (vt_digest_eq(&h->sources[i], &all->snap[k].source))
                say(" %u", (unsigned)k);
        }
    }
    for (size_t i = 0; h->data != NULL && i < h->match_count; i++) {
        assert_true(h->match[i].to <= h->len);
        say(" '%.*s'", (int)(h->match[i].to - h->match[i].from),
            (const char *)h->data + h->match[i].from);
    }
    if (h->more > 0)
        say(" +%u", (unsigned)h->more);
    say(";");
    return VT_OK;
}

static enum vt_err
say_history(
    void *ctx, const struct vt_digest *source, const struct vt_digest *blob, struct vt_why *w)
{
    (void)ctx;
    (void)w;
    say("%02x:", source->b[0]);
    if (blob != NULL)
        say("%02x", blob->b[0]);
    say(";");
    return VT_OK;
}

static void
heard(const char *want)
{
    assert_string_equal(said, want);
    said[0] = '\0';
}

static enum vt_err
find_blob(void *ctx, const struct vt_library_file *f, struct vt_why *w)
{
    (void)w;
    *(struct vt_digest *)ctx = f->blob;
    return VT_OK;
}

static struct vt_digest
blob_of(struct vt_library *l, const struct snap *s, const char *path)
{
    struct vt_digest d;

    ok(vt_library_find(l, &s->source, path, find_blob, &d, &why));
    return d;
}

/* --- Reading. --------------------------------------------------------------------------- */

static void
folders_are_told(void **state)
{
    struct snap s = first_snap();
    struct vt_library *l = opened(true);
    struct vt_library_source total;
    struct vt_digest d;

    (void)state;
    add(l, &s);
    ok(vt_library_tree(l, &s.source, "", say_file, NULL, &why));
    heard("copy/ 1;old/ 1;rules/ 1;src/ 2;README 30 2 Text;bin 7 0;link -> src/main.c;"
          "src.txt 21 1 Text;");
    ok(vt_library_tree(l, &s.source, "src", say_file, NULL, &why));
    heard("main.c 61 7 C;point.h 29 3 C;");
    ok(vt_library_files(l, &s.source, say_file, NULL, &why));
    heard("README 30 2 Text;bin 7 0;copy/main.c 61 7 C;link -> src/main.c;"
          "old/gone.py 17 1 Python;rules/a.yar 60 2 YARA;src.txt 21 1 Text;src/main.c 61 7 C;"
          "src/point.h 29 3 C;");
    ok(vt_library_find(l, &s.source, "src/point.h", say_file, NULL, &why));
    ok(vt_library_find(l, &s.source, "src", say_file, NULL, &why));
    ok(vt_library_find(l, &s.source, "", say_file, NULL, &why));
    heard("src/point.h 29 3 C;src/ 2;/ 9;");
    ok(vt_library_languages(l, &s.source, say_language, NULL, &why));
    heard("C 3 17;Text 2 3;YARA 1 2;Python 1 1;");
    ok(vt_library_source(l, &s.source, &total, &why));
    assert_int_equal(total.files, 9);
    assert_int_equal(total.lines, 23);
    assert_int_equal(total.bytes, 30 + 7 + 61 + 17 + 60 + 21 + 61 + 29);
    assert_int_equal(vt_library_tree(l, &s.source, "README", say_file, NULL, &why), VT_E_NOENT);
    assert_int_equal(vt_library_tree(l, &s.source, "none", say_file, NULL, &why), VT_E_NOENT);
    assert_int_equal(vt_library_tree(l, &s.source, "src/", say_file, NULL, &why), VT_E_NOENT);
    assert_int_equal(vt_library_find(l, &s.source, "link/x", say_file, NULL, &why), VT_E_NOENT);
    assert_int_equal(
        vt_library_find(l, &s.source, "src/../README", say_file, NULL, &why), VT_E_NOENT);
    vt_digest_of("x", 1, &d);
    assert_int_equal(vt_library_tree(l, &d, "", say_file, NULL, &why), VT_E_NOENT);
    assert_int_equal(vt_library_source(l, &d, &total, &why), VT_E_NOENT);
    heard("");
    vt_library_close(l);
}

static void
blobs_are_given(void **state)
{
    struct snap s = first_snap();
    struct vt_library *l = opened(true);
    struct vt_buf b = VT_BUF(1000);
    struct vt_buf small = VT_BUF(3);
    struct vt_digest d;

    (void)state;
    add(l, &s);
    d = blob_of(l, &s, "bin");
    ok(vt_library_blob(l, &d, &b, &why));
    assert_int_equal(b.len, 7);
    assert_memory_equal(b.data,
        "\x7f"
        "ELF\x01\xff\xfe",
        7);
    assert_int_equal(vt_library_blob(l, &d, &small, &why), VT_E_LIMIT);
    vt_digest_of("x", 1, &d);
    assert_int_equal(vt_library_blob(l, &d, &b, &why), VT_E_NOENT);
    vt_buf_release(&b);
    vt_buf_release(&small);
    vt_library_close(l);
}

/* Flips the last byte of a file's text in its shard. */
static void
damage(const char *text)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(64U << 20);
    uint8_t *at;

    ok(vt_path(path, &why, "%s/shards/1-1.shard", dir));
    ok(vt_file_read(path, &b, &why));
    at = memmem(b.data, b.len, text, strlen(text));
    assert_non_null(at);
    at[strlen(text) - 1] ^= 1;
    ok(vt_file_replace(path, 0644, b.data, b.len, &why));
    vt_buf_release(&b);
}

static void
damaged_blobs_are_not_given(void **state)
{
    struct snap s = first_snap();
    struct vt_library *l = opened(true);
    struct vt_buf b = VT_BUF(1000);
    struct vt_digest d;

    (void)state;
    add(l, &s);
    d = blob_of(l, &s, "src/point.h");
    vt_library_close(l);
    damage(POINT_H);
    l = opened(false);
    assert_int_equal(vt_library_blob(l, &d, &b, &why), VT_E_DIGEST);
    assert_int_equal(b.len, 0);
    assert_int_equal(vt_library_diff(l, NULL, &d, say_line, NULL, &why), VT_E_DIGEST);
    vt_buf_release(&b);
    vt_library_close(l);
}

static void
changes_are_told(void **state)
{
    struct snap s[2] = {first_snap(), second_snap()};
    struct vt_library *l = opened(true);
    struct vt_digest was;
    struct vt_digest is;
    char want[256];

    (void)state;
    add(l, &s[0]);
    add(l, &s[1]);
    ok(vt_library_compare(l, &s[0].source, &s[1].source, say_change, NULL, &why));
    heard("changed bin old new +0 -0;changed link +0 -0;added new/here.py new +1 -0;"
          "removed old/gone.py old +0 -1;changed rules/a.yar old new +6 -2;"
          "changed src/main.c old new +1 -1;");
    ok(vt_library_compare(l, &s[0].source, &s[0].source, say_change, NULL, &why));
    heard("");
    was = blob_of(l, &s[0], "src/main.c");
    is = blob_of(l, &s[1], "src/main.c");
    ok(vt_library_diff(l, &was, &is, say_line, NULL, &why));
    heard("@3,5 3,5; int; main(void); {;-    return point_x();;+    return 1;; };");
    ok(vt_library_diff(l, NULL, &is, say_line, NULL, &why));
    assert_non_null(strstr(said, "@0,0 1,7;+#include \"point.h\";+;+int;"));
    said[0] = '\0';
    ok(vt_library_diff(l, &was, &was, say_line, NULL, &why));
    ok(vt_library_diff(l, NULL, NULL, say_line, NULL, &why));
    heard("");
    was = blob_of(l, &s[0], "bin");
    assert_int_equal(vt_library_diff(l, &was, &is, say_line, NULL, &why), VT_E_STATE);
    ok(vt_library_history(l, "src/main.c", say_history, NULL, &why));
    was = blob_of(l, &s[0], "src/main.c");
    (void)snprintf(want, sizeof want, "%02x:%02x;%02x:%02x;", s[1].source.b[0], is.b[0],
        s[0].source.b[0], was.b[0]);
    heard(want);
    ok(vt_library_history(l, "old/gone.py", say_history, NULL, &why));
    was = blob_of(l, &s[0], "old/gone.py");
    (void)snprintf(
        want, sizeof want, "%02x:;%02x:%02x;", s[1].source.b[0], s[0].source.b[0], was.b[0]);
    heard(want);
    ok(vt_library_history(l, "src", say_history, NULL, &why));
    (void)snprintf(want, sizeof want, "%02x:;%02x:;", s[1].source.b[0], s[0].source.b[0]);
    heard(want);
    vt_library_close(l);
}

static void
line_ends_stay_apart(void **state)
{
    struct snap s;
    struct vt_library *l = opened(true);
    struct vt_digest was;
    struct vt_digest is;

    (void)state;
    put("one", "a", "x\ny");
    put("one", "b", "x\r\ny\n");
    s = packed("one");
    add(l, &s);
    was = blob_of(l, &s, "a");
    is = blob_of(l, &s, "b");
    ok(vt_library_diff(l, &was, &is, say_line, NULL, &why));
    heard("@1,2 1,2;-x;-y;+x\r;+y;");
    vt_library_close(l);
}

/* Rules by their names' first letters. */
struct rules {
    struct vt_digest text['Z' + 1];
};

static enum vt_err
take_rule(void *ctx, const char *name, const char *path, const struct vt_digest *text,
    struct vt_why *w)
{
    struct rules *r = ctx;

    (void)w;
    say("%s %s;", name, path);
    r->text[(unsigned char)name[0] % ('Z' + 1)] = *text;
    return VT_OK;
}

static void
rules_are_told(void **state)
{
    struct snap s[2] = {first_snap(), second_snap()};
    struct vt_library *l = opened(true);
    static struct rules was;
    static struct rules is;

    (void)state;
    add(l, &s[0]);
    add(l, &s[1]);
    ok(vt_library_rules(l, &s[0].source, take_rule, &was, &why));
    heard("Bad rules/a.yar;Evil rules/a.yar;");
    ok(vt_library_rules(l, &s[1].source, take_rule, &is, &why));
    heard("Bad rules/a.yar;Evil rules/a.yar;Worse rules/a.yar;");
    /* Evil was laid out anew, Bad was changed. */
    assert_true(vt_digest_eq(&was.text['E'], &is.text['E']));
    assert_false(vt_digest_eq(&was.text['B'], &is.text['B']));
    ok(vt_library_symbols_of(l, &s[1].source, "rules/a.yar", say_symbol, NULL, &why));
    heard("Evil rule rules/a.yar:2 YARA;Bad rule rules/a.yar:5 YARA;"
          "Worse rule rules/a.yar:6 YARA;");
    vt_library_close(l);
}

static void
symbols_are_told(void **state)
{
    struct snap s[3] = {first_snap(), second_snap()};
    struct vt_library *l = opened(true);
    bool symbols = false;

    (void)state;
    /* A file that has symbols only under its second name, and only in a later snapshot. */
    put("three", "a.txt", "int late(void)\n{\n    return 0;\n}\n");
    s[2] = packed("three");
    ok(vt_library_add(l, &s[0].source, s[0].archive, NULL, &symbols, &why));
    if (!symbols) {
        print_message("no Universal Ctags here: skipped\n");
        vt_library_close(l);
        skip();
    }
    add(l, &s[1]);
    add(l, &s[2]);
    ok(vt_library_symbols_of(l, &s[0].source, "src/point.h", say_symbol, NULL, &why));
    heard("point struct src/point.h:1 C;x member src/point.h:2 C;");
    ok(vt_library_symbols(l, &s[0].source, "main", false, 0, say_symbol, NULL, &why));
    heard("main function copy/main.c:4 C;main function src/main.c:4 C;");
    ok(vt_library_symbols(l, &s[0].source, "main", false, 1, say_symbol, NULL, &why));
    heard("main function copy/main.c:4 C;");
    ok(vt_library_symbols(l, &s[1].source, "gone", false, 0, say_symbol, NULL, &why));
    ok(vt_library_symbols(l, &s[0].source, "mai", false, 0, say_symbol, NULL, &why));
    heard("");
    ok(vt_library_symbols(l, &s[1].source, "p", true, 0, say_symbol, NULL, &why));
    heard("point struct src/point.h:1 C;");
    ok(vt_library_symbols(l, &s[2].source, "", true, 0, say_symbol, NULL, &why));
    ok(vt_library_symbols_of(l, &s[2].source, "a.txt", say_symbol, NULL, &why));
    heard("");
    put("three", "b.c", "int late(void)\n{\n    return 0;\n}\n");
    s[2] = packed("three");
    add(l, &s[2]);
    ok(vt_library_symbols(l, &s[2].source, "late", false, 0, say_symbol, NULL, &why));
    heard("late function a.txt:1 Text;late function b.c:1 C;");
    vt_library_close(l);
}

/* --- Searching. ------------------------------------------------------------------------- */

struct asked {
    const char *text;
    enum vt_pattern_form form;
    const struct snap *only;
    const char *path;
    size_t limit;
    bool names;
    const struct vt_digest *hidden;
    int64_t most_ms;
};

static bool
is_hidden(void *ctx, const struct vt_digest *source)
{
    return vt_digest_eq(ctx, source);
}

static bool
search(struct vt_library *l, const struct snap *all, size_t count, struct asked a)
{
    struct hits h = {.snap = all, .count = count};
    struct vt_pattern *p = NULL;
    struct vt_digest hidden;
    struct vt_library_search q = {
        .source = a.only != NULL ? &a.only->source : NULL,
        .path = a.path,
        .limit = a.limit != 0 ? a.limit : 100,
        .most_ms = a.most_ms != 0 ? a.most_ms : 60000,
    };
    bool truncated = true;

    if (a.hidden != NULL) {
        hidden = *a.hidden;
        q.hidden = is_hidden;
        q.hidden_ctx = &hidden;
    }
    ok(vt_pattern_new(a.text, a.form != 0 ? a.form : VT_PATTERN_EXACT, &p, &why));
    q.pattern = p;
    ok((a.names ? vt_library_search_names : vt_library_search)(
        l, &q, say_hit, &h, &truncated, &why));
    vt_pattern_free(p);
    return truncated;
}

static void
contents_are_searched(void **state)
{
    struct snap s[2] = {first_snap(), second_snap()};
    struct vt_library *l = opened(true);

    (void)state;
    add(l, &s[0]);
    add(l, &s[1]);
    assert_false(search(l, s, 2, (struct asked){.text = "point_x()"}));
    heard("copy/main.c [C] 1 0 'point_x()';");
    assert_false(search(l, s, 2, (struct asked){.text = "point_x()", .only = &s[0]}));
    heard("src/main.c [C] 0 'point_x()';");
    assert_false(search(l, s, 2, (struct asked){.text = "point_x()", .path = "src/"}));
    heard("src/main.c [C] 0 'point_x()';");
    assert_false(search(l, s, 2, (struct asked){.text = "point_x()", .path = "none"}));
    assert_false(search(l, s, 2, (struct asked){.text = "POINT"}));
    assert_false(search(l, s, 2, (struct asked){.text = "ELF"})); /* no text */
    heard("");
    assert_false(search(l, s, 2, (struct asked){.text = "GONE", .form = VT_PATTERN_ICASE}));
    heard("old/gone.py [Python] 0 'gone';");
    assert_false(
        search(l, s, 2, (struct asked){.text = "def \\w+\\(", .form = VT_PATTERN_REGEX}));
    assert_non_null(strstr(said, "old/gone.py [Python] 0 'def gone(';"));
    assert_non_null(strstr(said, "new/here.py [Python] 1 'def here(';"));
    said[0] = '\0';
    assert_true(search(l, s, 2, (struct asked){.text = "int", .limit = 1}));
    said[0] = '\0';
    assert_false(search(l, s, 2, (struct asked){.text = "point_x()", .hidden = &s[0].source}));
    heard("copy/main.c [C] 1 'point_x()';");
    assert_false(search(
        l, s, 2, (struct asked){.text = "point_x()", .hidden = &s[0].source, .path = "src/"}));
    heard("");
    vt_library_close(l);
}

static void
sources_must_be_there(void **state)
{
    struct snap s = first_snap();
    struct vt_library *l = opened(true);
    struct vt_digest other;
    struct vt_pattern *p = NULL;
    struct vt_library_search q = {.limit = 1, .most_ms = 1000, .source = &other};
    bool truncated = false;

    (void)state;
    add(l, &s);
    vt_digest_of("x", 1, &other);
    ok(vt_pattern_new("main", VT_PATTERN_EXACT, &p, &why));
    q.pattern = p;
    assert_int_equal(vt_library_search(l, &q, say_hit, NULL, &truncated, &why), VT_E_NOENT);
    assert_int_equal(
        vt_library_search_names(l, &q, say_hit, NULL, &truncated, &why), VT_E_NOENT);
    q.source = &s.source;
    q.hidden = is_hidden;
    q.hidden_ctx = &s.source;
    assert_int_equal(vt_library_search(l, &q, say_hit, NULL, &truncated, &why), VT_E_NOENT);
    vt_pattern_free(p);
    vt_library_close(l);
}

static void
many_matches_are_counted(void **state)
{
    char text[2048];
    struct snap s;
    struct vt_library *l = opened(true);

    (void)state;
    memset(text, 'a', sizeof text);
    text[50] = '\0';
    put("one", "a", text);
    s = packed("one");
    add(l, &s);
    assert_false(search(l, &s, 1, (struct asked){.text = "aa"}));
    assert_non_null(strstr(said, " 'aa' +5;"));
    said[0] = '\0';
    text[50] = 'a';
    text[2047] = '\0';
    put("two", "a", text);
    s = packed("two");
    add(l, &s);
    assert_false(search(l, &s, 1, (struct asked){.text = "a", .only = &s}));
    assert_non_null(strstr(said, " +100;"));
    said[0] = '\0';
    vt_library_close(l);
}

static void
names_are_searched(void **state)
{
    struct snap s[2] = {first_snap(), second_snap()};
    struct vt_library *l = opened(true);

    (void)state;
    add(l, &s[0]);
    add(l, &s[1]);
    assert_false(search(l, s, 2, (struct asked){.text = "main", .names = true}));
    heard("copy/main.c [C] 1 0;src/main.c [C] 1 0;");
    assert_false(search(l, s, 2, (struct asked){.text = "o", .names = true}));
    heard("copy/main.c [C] 1 0;src/point.h [C] 1 0;old/gone.py [Python] 0;");
    assert_false(search(l, s, 2, (struct asked){.text = "e.py", .names = true}));
    heard("new/here.py [Python] 1;old/gone.py [Python] 0;");
    assert_false(search(l, s, 2, (struct asked){.text = "e.py", .names = true, .only = &s[0]}));
    heard("old/gone.py [Python] 0;");
    assert_false(
        search(l, s, 2, (struct asked){.text = "e.py", .names = true, .hidden = &s[0].source}));
    heard("new/here.py [Python] 1;");
    assert_false(search(l, s, 2,
        (struct asked){
            .text = "^.*\\.py$", .form = VT_PATTERN_REGEX, .names = true, .path = "old"}));
    heard("old/gone.py [Python] 0;");
    assert_true(search(l, s, 2, (struct asked){.text = ".", .names = true, .limit = 2}));
    said[0] = '\0';
    assert_false(search(l, s, 2, (struct asked){.text = "link", .names = true}));
    assert_false(search(l, s, 2, (struct asked){.text = "SRC", .names = true}));
    heard("");
    vt_library_close(l);
}

/* --- Adding. ---------------------------------------------------------------------------- */

/* Files below a folder of the library. */
static size_t
count_in(const char *folder)
{
    char path[VT_PATH_MAX];
    struct dirent *e;
    size_t count = 0;
    DIR *d;

    ok(vt_path(path, &why, "%s/%s", dir, folder));
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    (void)closedir(d);
    return count;
}

static void
is_added_once(void **state)
{
    struct snap s = first_snap();
    struct vt_library *l = NULL;
    struct vt_library *other = NULL;

    (void)state;
    assert_int_equal(vt_library_open(dir, false, &l, &why), VT_E_NOENT);
    l = opened(true);
    assert_int_equal(vt_library_open(dir, true, &other, &why), VT_E_BUSY);
    add(l, &s);
    assert_int_equal(unlink(s.archive), 0);
    add(l, &s); /* which needs no archive */
    vt_library_close(l);
    l = opened(false);
    assert_int_equal(vt_library_add(l, &s.source, s.archive, NULL, NULL, &why), VT_E_STATE);
    ok(vt_library_find(l, &s.source, "src.txt", say_file, NULL, &why));
    heard("src.txt 21 1 Text;");
    vt_library_close(l);
    vt_library_close(NULL);
}

static void
small_snapshots_share_a_shard(void **state)
{
    struct vt_library *l = opened(true);
    struct vt_library *reader = opened(false);
    struct snap s[70];
    char name[32];
    char text[64];

    (void)state;
    for (int i = 0; i < 70; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        (void)snprintf(text, sizeof text, "this is number %d.\n", i);
        put(name, "same", "the same everywhere\n");
        put(name, "folder/same", "the same everywhere\n");
        put(name, "number", text);
        s[i] = packed(name);
        add(l, &s[i]);
        if (i % 10 == 0) {
            ok(vt_library_refresh(reader, &why));
            (void)search(reader, &s[i], 1, (struct asked){.text = "same every", .limit = 1});
            heard("same [] 0 'same every';");
        }
    }
    assert_int_equal(count_in("shards"), 1);
    assert_int_equal(count_in("work"), 0);
    /* The reader has an older file of the shard open, and does as long as it likes. */
    assert_false(search(reader, s, 61, (struct asked){.text = "number 60."}));
    heard("number [] 60 'number 60.';");
    assert_false(search(reader, s, 70, (struct asked){.text = "number 65."}));
    heard("");
    ok(vt_library_refresh(reader, &why));
    assert_false(search(reader, s, 70, (struct asked){.text = "number 65."}));
    heard("number [] 65 'number 65.';");
    assert_false(search(reader, s, 1, (struct asked){.text = "everywhere", .path = "folder"}));
    heard("folder/same [] 0 'everywhere';");
    assert_false(search(reader, &s[69], 1, (struct asked){.text = "number", .names = true}));
    heard("number [] 0;");
    vt_library_close(reader);
    vt_library_close(l);
}

/* A text too long to be shown, and a file too large to be kept. */
static void
large_files_are_marked(void **state)
{
    size_t len = VT_LIBRARY_SHOWN_MAX + 1;
    char *text = malloc((17U << 20) + 1);
    struct vt_library *l = opened(true);
    struct vt_buf b = VT_BUF(32U << 20);
    struct vt_digest d;
    struct snap s;

    (void)state;
    assert_non_null(text);
    memset(text, 'l', 17U << 20);
    text[17U << 20] = '\0';
    put("one", "large.c", text);
    put("one", "more/large", text);
    text[len] = '\0';
    put("one", "long.c", text);
    text[len - 1] = '\0';
    put("one", "shown.c", text);
    s = packed("one");
    add(l, &s);
    ok(vt_library_files(l, &s.source, say_file, NULL, &why));
    heard("large.c 17825792 0 C;long.c 4194305 0 C;more/large 17825792 0;"
          "shown.c 4194304 1 C;");
    d = blob_of(l, &s, "large.c");
    assert_int_equal(vt_library_blob(l, &d, &b, &why), VT_E_LIMIT);
    assert_int_equal(vt_library_diff(l, NULL, &d, say_line, NULL, &why), VT_E_STATE);
    d = blob_of(l, &s, "long.c");
    ok(vt_library_blob(l, &d, &b, &why));
    assert_int_equal(b.len, len);
    assert_int_equal(vt_library_diff(l, NULL, &d, say_line, NULL, &why), VT_E_STATE);
    assert_false(search(l, &s, 1, (struct asked){.text = "llllllll", .path = "shown"}));
    said[0] = '\0';
    assert_false(search(l, &s, 1, (struct asked){.text = "llllllll", .path = "long"}));
    heard("");
    put("one", "again", "x");
    s = packed("one");
    add(l, &s);
    vt_buf_release(&b);
    vt_library_close(l);
    free(text);
}

/* --- Archives that are none. ------------------------------------------------------------ */

struct evil {
    const char *path[2];
    mode_t type;
    const char *link; /* hard */
};

static struct snap
evil_snap(const struct evil *v)
{
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    struct snap s;

    ok(vt_path(s.archive, &why, "%s/evil.tar.zst", top));
    archive_write_set_format_pax_restricted(a);
    archive_write_add_filter_zstd(a);
    assert_int_equal(archive_write_open_filename(a, s.archive), ARCHIVE_OK);
    for (size_t i = 0; i < 2 && v->path[i] != NULL; i++) {
        archive_entry_clear(e);
        archive_entry_set_pathname(e, v->path[i]);
        archive_entry_set_mode(e, (i == 0 ? v->type : (mode_t)S_IFREG) | 0644);
        if (v->link != NULL && i == 1)
            archive_entry_set_hardlink(e, v->link);
        else if (i == 1 || v->type == S_IFREG)
            archive_entry_set_size(e, 4);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (archive_entry_size(e) > 0)
            assert_int_equal(archive_write_data(a, "evil", 4), 4);
    }
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
    ok(vt_digest_of_file(s.archive, &s.source, NULL, &why));
    return s;
}

/* Adding it fails, and the library is as it was. */
static void
refused(struct vt_library *l, const struct snap *s, enum vt_err want)
{
    struct vt_library_source total;
    enum vt_err err = vt_library_add(l, &s->source, s->archive, NULL, NULL, &why);

    if (err != want)
        fail_msg("%s, not %s: %s", vt_err_name(err), vt_err_name(want), why.text);
    assert_true(why.text[0] != '\0');
    assert_int_equal(vt_library_source(l, &s->source, &total, &why), VT_E_NOENT);
    assert_int_equal(count_in("shards"), 0);
    assert_int_equal(count_in("work"), 0);
}

static void
hostile_archives_are_refused(void **state)
{
    static const struct evil is[] = {
        {{"../up"}, S_IFREG, NULL},
        {{"/etc/passwd"}, S_IFREG, NULL},
        {{"a/../../b"}, S_IFREG, NULL},
        {{"a//b"}, S_IFREG, NULL},
        {{"a\\b"}, S_IFREG, NULL},
        {{"a\nb"}, S_IFREG, NULL},
        {{"dup", "dup"}, S_IFREG, NULL},
        {{"x", "x/y"}, S_IFREG, NULL},
        {{"x/y", "x"}, S_IFREG, NULL},
        {{"fifo"}, S_IFIFO, NULL},
        {{"dev"}, S_IFCHR, NULL},
        {{"a", "b"}, S_IFREG, "a"},
    };
    struct vt_library *l = opened(true);
    char deep[600] = "";
    struct evil v = {{deep}, S_IFREG, NULL};
    struct snap s;

    (void)state;
    for (size_t i = 0; i < sizeof is / sizeof is[0]; i++) {
        s = evil_snap(&is[i]);
        refused(l, &s, VT_E_SYNTAX);
    }
    for (int i = 0; i < 200; i++)
        memcpy(deep + 2 * i, "d/", 3);
    memcpy(deep + 400, "x", 2);
    s = evil_snap(&v);
    refused(l, &s, VT_E_LIMIT);
    vt_library_close(l);
}

static void
damaged_archives_are_refused(void **state)
{
    struct vt_library *l = opened(true);
    struct vt_buf b = VT_BUF(1U << 20);
    struct snap s = first_snap();
    struct snap good = s;

    (void)state;
    s.source.b[0] ^= 1;
    refused(l, &s, VT_E_DIGEST);
    s = good;
    ok(vt_file_read(s.archive, &b, &why));
    /* More behind its end is another archive. */
    vt_buf_put(&b, "more", 4);
    ok(vt_file_replace(s.archive, 0644, b.data, b.len, &why));
    assert_int_not_equal(vt_library_add(l, &s.source, s.archive, NULL, NULL, &why), VT_OK);
    for (size_t cut = 0; cut + 4 < b.len; cut += 97) {
        struct vt_library_source total;

        ok(vt_file_replace(s.archive, 0644, b.data, cut, &why));
        assert_int_not_equal(vt_library_add(l, &s.source, s.archive, NULL, NULL, &why), VT_OK);
        vt_digest_of(b.data, cut, &s.source);
        assert_int_not_equal(vt_library_add(l, &s.source, s.archive, NULL, NULL, &why),
            cut == 0 ? 12345 : VT_OK);
        assert_int_equal(vt_library_source(l, &good.source, &total, &why), VT_E_NOENT);
        s.source = good.source;
    }
    assert_int_equal(count_in("work"), 0);
    assert_int_equal(unlink(s.archive), 0);
    refused(l, &s, VT_E_NOENT);
    ok(vt_file_replace(s.archive, 0644, b.data, b.len - 4, &why));
    add(l, &s);
    ok(vt_library_find(l, &s.source, "src.txt", say_file, NULL, &why));
    heard("src.txt 21 1 Text;");
    vt_buf_release(&b);
    vt_library_close(l);
}

/* --- Processes. ------------------------------------------------------------------------- */

/* A snapshot that takes a while. */
static struct snap
long_snap(void)
{
    char name[64];
    char text[20000];

    for (int i = 0; i < 400; i++) {
        size_t len = 0;

        while (len < sizeof text - 64)
            len += (size_t)snprintf(text + len, sizeof text - len, "int f%d_%zu(void) { }\n", i,
                len * 7919 % 10007);
        (void)snprintf(name, sizeof name, "d%d/f%d.c", i % 7, i);
        put("long", name, text);
    }
    return packed("long");
}

static int
adder_body(int fd, void *ctx)
{
    const struct snap *s = ctx;
    struct vt_library *l = NULL;
    enum vt_err err = vt_library_open(dir, true, &l, NULL);

    if (write(fd, "b", 1) != 1)
        return 1;
    if (err == VT_OK)
        err = vt_library_add(l, &s->source, s->archive, NULL, NULL, NULL);
    vt_library_close(l);
    return err == VT_OK ? 0 : 1;
}

/* A reader finds the first snapshot, whatever became of the second. */
static void
first_is_read(const struct snap *s)
{
    struct vt_library *l = opened(false);

    assert_false(search(l, s, 1, (struct asked){.text = "point_x()", .only = s}));
    heard("src/main.c [C] 0 'point_x()';");
    vt_library_close(l);
}

/* A writer that is killed leaves nothing, whenever that is. (No connection to tables is open
 * when a process is forked: sql/sql.h.) */
static void
killed_writers_leave_nothing(void **state)
{
    struct snap s[2] = {first_snap(), long_snap()};
    struct vt_library *l = opened(true);
    struct vt_library_source total;
    unsigned killed = 0;
    char c;

    (void)state;
    add(l, &s[0]);
    vt_library_close(l);
    for (unsigned i = 0; i < 12; i++) {
        const struct timespec nap = {.tv_nsec = (long)i * 25000000};
        int status = 0;
        pid_t pid;
        int fd;

        ok(vt_proc_fork("adder", adder_body, &s[1], NULL, &pid, &fd, &why));
        assert_int_equal(read(fd, &c, 1), 1);
        (void)nanosleep(&nap, NULL);
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void)close(fd);
        first_is_read(s);
        if (!WIFSIGNALED(status))
            break;
        killed++;
        l = opened(true);
        assert_int_equal(count_in("work"), 0);
        if (vt_library_source(l, &s[1].source, &total, NULL) == VT_E_NOENT)
            assert_int_equal(count_in("shards"), 1);
        vt_library_close(l);
        first_is_read(s);
    }
    assert_true(killed > 0);
    l = opened(true);
    add(l, &s[1]);
    ok(vt_library_source(l, &s[1].source, &total, &why));
    assert_int_equal(total.files, 400);
    vt_library_close(l);
}

/* A reader's process, confined to reading the library's folder: opens it when told 'o'; is told
 * else how many snapshots there should be, and tells whether it finds so many. */
static int
reader_body(int fd, void *ctx)
{
    const struct snap *s = ctx;
    struct vt_library *l = NULL;
    uint8_t n;

    while (read(fd, &n, 1) == 1) {
        struct vt_library_source total;
        enum vt_err err = VT_OK;
        uint8_t have = 0;

        /* Without Landlock it reads all the same. */
        if (n == 'o' && vt_confine_to_reading(dir, &why) != VT_OK)
            (void)fprintf(stderr, "reader: %s\n", why.text);
        if (n == 'o')
            err = vt_library_open(dir, false, &l, &why);
        else
            err = vt_library_refresh(l, &why);
        for (size_t i = 0; err == VT_OK && i < 2; i++)
            have =
                (uint8_t)(have + (vt_library_source(l, &s[i].source, &total, NULL) == VT_OK));
        said[0] = '\0';
        if (err == VT_OK && have > 0)
            (void)search(l, s, 2, (struct asked){.text = "point.h"});
        if (err != VT_OK)
            (void)fprintf(stderr, "reader: %s\n", why.text);
        have = err == VT_OK && have == (n == 'o' ? 0 : n) && (have == 0 || said[0] != '\0');
        if (write(fd, &have, 1) != 1)
            return 1;
    }
    vt_library_close(l);
    return 0;
}

static void
sees(int fd, uint8_t n)
{
    uint8_t right = 0;

    assert_int_equal(write(fd, &n, 1), 1);
    assert_int_equal(read(fd, &right, 1), 1);
    assert_int_equal(right, 1);
}

static void
confined_readers_follow(void **state)
{
    struct snap s[2] = {first_snap(), second_snap()};
    struct vt_library *l;
    int status = 1;
    pid_t pid;
    int fd;

    (void)state;
    ok(vt_proc_fork("reader", reader_body, s, NULL, &pid, &fd, &why));
    l = opened(true);
    sees(fd, 'o');
    sees(fd, 0);
    add(l, &s[0]);
    sees(fd, 1);
    vt_library_close(l);
    sees(fd, 1);
    l = opened(true);
    add(l, &s[1]);
    sees(fd, 2);
    vt_library_close(l);
    sees(fd, 2);
    (void)close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
is_followed_when_made_anew(void **state)
{
    struct snap s[2] = {first_snap(), second_snap()};
    struct vt_library *l = opened(true);
    struct vt_library *reader = opened(false);
    struct vt_library_source total;

    (void)state;
    add(l, &s[0]);
    vt_library_close(l);
    ok(vt_library_refresh(reader, &why));
    ok(vt_library_source(reader, &s[0].source, &total, &why));
    ok(vt_tree_remove(dir, &why));
    ok(vt_library_refresh(reader, &why)); /* what is open stays */
    ok(vt_library_source(reader, &s[0].source, &total, &why));
    l = opened(true);
    add(l, &s[1]);
    ok(vt_library_refresh(reader, &why));
    assert_int_equal(vt_library_source(reader, &s[0].source, &total, &why), VT_E_NOENT);
    ok(vt_library_find(reader, &s[1].source, "new/here.py", say_file, NULL, &why));
    heard("new/here.py 17 1 Python;");
    vt_library_close(reader);
    vt_library_close(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blobs_are_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_blobs_are_not_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(line_ends_stay_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(symbols_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contents_are_searched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sources_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_matches_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_searched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_added_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_snapshots_share_a_shard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_are_marked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_archives_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_archives_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_writers_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(confined_readers_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_followed_when_made_anew, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
