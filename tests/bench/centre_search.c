/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library over a corpus of Debian source packages, and searches in it. Started by
 * tests/bench/search.py; prints one JSON object a command.
 *
 *     centre_search fetch FOLDER PACKAGE...    snapshots, kept in FOLDER/store from call to
 * call centre_search index FOLDER ARCHIVE...    a new library in FOLDER/library (archives by
 * digest) centre_search query FOLDER QUERIES       a file of lines MODE TAB QUERY; milliseconds
 * of each
 */
#include "assembly/snapshot.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "search/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int
failed(enum vt_err err, const struct vt_why *why)
{
    (void)fprintf(stderr, "centre_search: %s\n", why->text);
    return vt_err_exit_code(err);
}

static int
print(json_t *o)
{
    int bad = json_dumpf(o, stdout, JSON_COMPACT);

    (void)putchar('\n');
    json_decref(o);
    return bad != 0;
}

static int
fetch(const char *folder, char **package, int count)
{
    char store_dir[VT_PATH_MAX], repo[VT_PATH_MAX], work[VT_PATH_MAX], hex[VT_DIGEST_HEX_SIZE];
    struct vt_store *store = NULL;
    struct vt_why why = {0};
    json_t *all = json_array();
    enum vt_err err = vt_path(store_dir, &why, "%s/store", folder);

    if (err == VT_OK)
        err = vt_path(repo, &why, "%s/source.git", folder);
    if (err == VT_OK)
        err = vt_path(work, &why, "%s/work", folder);
    if (err == VT_OK)
        err = vt_store_open_dir(store_dir, &store, &why);
    for (int i = 0; i < count && err == VT_OK; i++) {
        struct vt_statement_source s = {0};

        err = vt_snapshot_take(store, repo, work, package[i], NULL, &s, &why);
        vt_digest_hex(&s.archive, hex);
        json_array_append_new(
            all, json_pack("{s:s, s:s, s:s, s:I}", "package", package[i], "version",
                     s.debian.version, "archive", hex, "files", (json_int_t)s.file_count));
    }
    vt_store_free(store);
    if (err != VT_OK) {
        json_decref(all);
        return failed(err, &why);
    }
    return print(all);
}

static int
make_index(const char *folder, char **archive, int count)
{
    char dir[VT_PATH_MAX], path[VT_PATH_MAX];
    struct vt_library *l = NULL;
    struct vt_library_source of;
    struct vt_why why = {0};
    struct rusage used;
    struct rusage children;
    uint64_t bytes = 0, files = 0, lines = 0;
    int64_t began = vt_clock_monotonic_ms();
    bool symbols = true;
    enum vt_err err = vt_path(dir, &why, "%s/library", folder);

    if (err == VT_OK)
        err = vt_library_open(dir, true, &l, &why);
    for (int i = 0; i < count && err == VT_OK; i++) {
        struct vt_digest d;

        err = vt_path(path, &why, "%s/store/sha256/%.2s/%s", folder, archive[i], archive[i]);
        if (err == VT_OK && !vt_digest_from_hex(archive[i], strlen(archive[i]), &d))
            err = vt_fail(&why, VT_E_USAGE, "%s is no digest", archive[i]);
        if (err == VT_OK)
            err = vt_library_add(l, &d, path, NULL, &symbols, &why);
        if (err == VT_OK)
            err = vt_library_source(l, &d, &of, &why);
        if (err == VT_OK) {
            bytes += of.bytes;
            files += of.files;
            lines += of.lines;
        }
    }
    vt_library_close(l);
    if (err != VT_OK)
        return failed(err, &why);
    (void)getrusage(RUSAGE_SELF, &used);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return print(json_pack("{s:f, s:I, s:I, s:I, s:b, s:f, s:f}", "seconds",
        (double)(vt_clock_monotonic_ms() - began) / 1000, "bytes", (json_int_t)bytes, "files",
        (json_int_t)files, "lines", (json_int_t)lines, "symbols", symbols, "rss_mb",
        (double)used.ru_maxrss / 1024, "ctags_rss_mb", (double)children.ru_maxrss / 1024));
}

static enum vt_err
count_hit(void *ctx, const struct vt_library_hit *h, struct vt_why *why)
{
    size_t *n = ctx;

    (void)why;
    *n += h->match_count > 0;
    return VT_OK;
}

static double
milliseconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One line of the queries' file. */
static enum vt_err
ask(struct vt_library *l, char *line, json_t *all, struct vt_why *why)
{
    char *tab = strchr(line, '\t');
    enum vt_pattern_form form = *line == 'e'   ? VT_PATTERN_EXACT
                                : *line == 'i' ? VT_PATTERN_ICASE
                                               : VT_PATTERN_REGEX;
    struct vt_library_search q = {.limit = 50, .most_ms = 5000};
    struct vt_pattern *p = NULL;
    bool truncated = false;
    size_t hits = 0;
    double began, took;
    enum vt_err err;

    line[strcspn(line, "\n")] = '\0';
    began = milliseconds();
    err = vt_pattern_new(tab == NULL ? "" : tab + 1, form, &p, why);
    q.pattern = p;
    if (err == VT_OK)
        err = vt_library_search(l, &q, count_hit, &hits, &truncated, why);
    took = milliseconds() - began;
    vt_pattern_free(p);
    if (err == VT_OK)
        json_array_append_new(all, json_pack("{s:f, s:I, s:b}", "ms", took, "files",
                                       (json_int_t)hits, "truncated", truncated));
    return err;
}

static int
query(const char *folder, const char *path)
{
    char dir[VT_PATH_MAX], line[2048];
    struct vt_library *l = NULL;
    struct vt_why why = {0};
    json_t *all = json_array();
    FILE *f = fopen(path, "r");
    enum vt_err err =
        f != NULL ? vt_path(dir, &why, "%s/library", folder) : vt_fail_errno(&why, "%s", path);

    if (err == VT_OK)
        err = vt_library_open(dir, false, &l, &why);
    while (err == VT_OK && fgets(line, sizeof(line), f) != NULL)
        err = ask(l, line, all, &why);
    vt_library_close(l);
    if (f != NULL)
        (void)fclose(f);
    if (err != VT_OK) {
        json_decref(all);
        return failed(err, &why);
    }
    return print(all);
}

int
main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "fetch") == 0)
        return fetch(argv[2], argv + 3, argc - 3);
    if (argc >= 4 && strcmp(argv[1], "index") == 0)
        return make_index(argv[2], argv + 3, argc - 3);
    if (argc == 4 && strcmp(argv[1], "query") == 0)
        return query(argv[2], argv[3]);
    (void)fprintf(stderr, "usage: centre_search fetch|index|query FOLDER ...\n");
    return 2;
}
