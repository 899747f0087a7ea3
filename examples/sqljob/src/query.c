/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next word of a list that `stops` separate; blanks around it are taken off. */
static bool
next_word(const char **list, const char *stops, const char **ret, size_t *ret_len)
{
    const char *p = *list + strspn(*list, " ");
    if (*p == '\0' || *p == '\n')
        return false;
    size_t n = strcspn(p, stops);
    *list = p + n + (p[n] != '\0' && p[n] != '\n');
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\r'))
        n--;
    *ret = p;
    *ret_len = n;
    return true;
}

static bool
name_valid(const char *s, size_t len)
{
    static const char chars[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return len > 0 && len <= QUERY_NAME_MAX && strspn(s, chars) >= len &&
           !(s[0] >= '0' && s[0] <= '9');
}

static bool
add_column(struct query *q, const char *word, size_t len, char why[256])
{
    const char *eq = memchr(word, '=', len);
    size_t name_len = eq != NULL ? (size_t)(eq - word) : len;
    const char *path = eq != NULL ? eq + 1 : word;
    size_t path_len = len - (size_t)(path - word);
    if (q->column_count == FLAT_PATHS_MAX || !name_valid(word, name_len) || path_len == 0 ||
        path_len > FLAT_PATH_MAX) {
        (void)snprintf(why, 256,
            "-- columns: up to %u of NAME or NAME=PATH, a name of letters, digits and _",
            FLAT_PATHS_MAX);
        return false;
    }
    memcpy(q->name[q->column_count], word, name_len);
    memcpy(q->path[q->column_count], path, path_len);
    q->column_count++;
    return true;
}

static bool
add_measure(struct query *q, const char *word, size_t len, char why[256])
{
    if (q->measure_count == QUERY_MEASURES_MAX || len != 3 ||
        (memcmp(word, "sum", 3) != 0 && memcmp(word, "max", 3) != 0 &&
            memcmp(word, "min", 3) != 0)) {
        (void)snprintf(
            why, 256, "-- measures: up to %u of sum, max and min", QUERY_MEASURES_MAX);
        return false;
    }
    memcpy(q->measure[q->measure_count++], word, 3);
    return true;
}

static bool
header_line(struct query *q, const char *line, char why[256])
{
    static const char columns[] = "-- columns:";
    static const char measures[] = "-- measures:";
    static const char keep[] = "-- keep";
    const char *word;
    size_t len;
    bool good = true;
    if (strncmp(line, columns, sizeof columns - 1) == 0) {
        line += sizeof columns - 1;
        while (good && next_word(&line, ",\n", &word, &len))
            good = add_column(q, word, len, why);
    } else if (strncmp(line, measures, sizeof measures - 1) == 0) {
        line += sizeof measures - 1;
        while (good && next_word(&line, " \n", &word, &len))
            good = add_measure(q, word, len, why);
    } else if (strncmp(line, keep, sizeof keep - 1) == 0) {
        q->keep = true;
    }
    return good;
}

bool
query_parse(char *text, struct query *ret, char why[256])
{
    *ret = (struct query){.text = text};
    bool good = true;
    for (const char *line = text; good && *line != '\0';) {
        good = header_line(ret, line, why);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    if (good && ret->column_count == 0) {
        (void)snprintf(why, 256, "the query has no line `-- columns: NAME, NAME=PATH ...`");
        good = false;
    }
    return good;
}

bool
query_read(const char *file, struct query *ret, char why[256])
{
    *ret = (struct query){0};
    FILE *f = fopen(file, "re");
    char *text = malloc(QUERY_MAX + 1);
    size_t n = f != NULL && text != NULL ? fread(text, 1, QUERY_MAX + 1, f) : 0;
    bool good = n > 0 && n <= QUERY_MAX && !ferror(f) && memchr(text, '\0', n) == NULL;
    if (f != NULL)
        (void)fclose(f);
    if (!good) {
        free(text);
        (void)snprintf(why, 256, "%s: no query of 1 byte to 1 MiB", file);
        return false;
    }
    text[n] = '\0';
    return query_parse(text, ret, why);
}

void
query_release(struct query *q)
{
    free(q->text);
    q->text = NULL;
}
