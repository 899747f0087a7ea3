/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault result
 */
#include "vault.h"

#include "base/text.h"
#include "vault/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 512U /* bytes of a value in a table */

static const char *
cell_text(const struct vt_result *r, size_t row, size_t column, char *ret, size_t size)
{
    const json_t *v = json_array_get(vt_result_row(r, row), column);
    if (json_is_integer(v))
        (void)snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else
        (void)vt_text_clean(ret, size, json_string_value(v), json_string_length(v));
    return ret;
}

/* Columns as wide as their widest value in characters, numbers to the right. */
static size_t
width_of(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0U) != 0x80;
    return n;
}

static void
put_padded(struct vt_buf *b, const char *s, size_t width, bool right)
{
    size_t pad = width - width_of(s);
    for (size_t i = 0; right && i < pad; i++)
        vt_buf_put_u8(b, ' ');
    vt_buf_puts(b, s);
    for (size_t i = 0; !right && i < pad; i++)
        vt_buf_put_u8(b, ' ');
}

static void
put_table(struct vt_buf *b, const struct vt_result *r)
{
    size_t columns = vt_result_columns(r);
    size_t width[VT_KEYS_MAX + VT_MEASURES_MAX] = {0};
    char text[CELL_MAX];
    for (size_t i = 0; i < columns; i++) {
        width[i] = width_of(vt_result_name(r, i));
        for (size_t k = 0; k < vt_result_rows(r); k++) {
            size_t n = width_of(cell_text(r, k, i, text, sizeof text));
            width[i] = n > width[i] ? n : width[i];
        }
    }
    for (size_t k = 0; k <= vt_result_rows(r) && columns > 0; k++) {
        for (size_t i = 0; i < columns; i++) {
            if (i > 0)
                vt_buf_puts(b, "  ");
            put_padded(b,
                k == 0 ? vt_result_name(r, i) : cell_text(r, k - 1, i, text, sizeof text),
                width[i], i >= vt_result_keys(r));
        }
        vt_buf_put_u8(b, '\n');
    }
}

/* RFC 4180: values in quotes where they must be, lines ended by CR LF. */
static void
put_csv_value(struct vt_buf *b, const char *s, size_t len)
{
    bool plain = true;
    for (size_t i = 0; i < len; i++)
        plain = plain && strchr("\",\r\n", s[i]) == NULL;
    if (plain) {
        vt_buf_put(b, s, len);
        return;
    }
    vt_buf_put_u8(b, '"');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"')
            vt_buf_put_u8(b, '"');
        vt_buf_put(b, s + i, 1);
    }
    vt_buf_put_u8(b, '"');
}

static void
put_csv(struct vt_buf *b, const struct vt_result *r)
{
    size_t columns = vt_result_columns(r);
    for (size_t k = 0; k <= vt_result_rows(r) && columns > 0; k++) {
        for (size_t i = 0; i < columns; i++) {
            const json_t *v = k > 0 ? json_array_get(vt_result_row(r, k - 1), i) : NULL;
            const char *name = vt_result_name(r, i);
            if (i > 0)
                vt_buf_put_u8(b, ',');
            if (k == 0)
                put_csv_value(b, name, strlen(name));
            else if (json_is_integer(v))
                vt_buf_putf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
            else
                put_csv_value(b, json_string_value(v), json_string_length(v));
        }
        vt_buf_puts(b, "\r\n");
    }
}

static void
put_head(struct vt_buf *b, const struct vt_result *r)
{
    json_int_t epsilon = vt_result_number(r, "epsilon");
    vt_buf_putf(b, "answer to %s\n", vt_result_request(r));
    vt_buf_putf(b,
        "%" JSON_INTEGER_FORMAT " rows, each of at least %" JSON_INTEGER_FORMAT
        " data subjects; %s held back",
        vt_result_number(r, "rows"), vt_result_number(r, "threshold"),
        vt_result_number(r, "held_back") > 0 ? "others were" : "none was");
    if (epsilon > 0)
        vt_buf_putf(b, "; noise of epsilon %" JSON_INTEGER_FORMAT ".%03" JSON_INTEGER_FORMAT,
            epsilon / 1000, epsilon % 1000);
    vt_buf_puts(b, "\n\n");
}

static int
report(const struct vt_cmd *c, const struct vt_result *r, bool csv)
{
    struct vt_buf b = VT_BUF((size_t)1 << 30U);
    struct vt_why why = {0};
    if (csv) {
        put_csv(&b, r);
    } else if (!c->json) {
        put_head(&b, r);
        put_table(&b, r);
    }
    enum vt_err err = vt_buf_check(&b, "the result", &why);
    int code;
    if (err != VT_OK)
        code = vt_cmd_fail(c, err, &why);
    else if (csv)
        code = fwrite(b.len > 0 ? b.data : (const uint8_t *)"", 1, b.len, stdout) == b.len &&
                       fflush(stdout) == 0
                   ? 0
                   : 3;
    else
        code = vt_cmd_done(c, c->json ? vt_result_json(r) : NULL, "%.*s",
            b.len > 0 ? (int)b.len - 1 : 0, vt_buf_str(&b));
    vt_buf_release(&b);
    return code;
}

int
vt_cmd_vault_result(int argc, char **argv)
{
    const char *box = NULL;
    bool csv = false;
    const struct vt_opt opts[] = {
        {"box", 'b', VT_OPT_STR, "FILE", "the box key that the result is sealed to", &box,
            true},
        {"csv", 0, VT_OPT_FLAG, NULL, "print comma-separated values, with the names first",
            &csv, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "vault result",
        .args = "FILE --box FILE",
        .summary = "Opens the sealed result of a job, and prints its rows.",
        .details = "A file that is changed or cut short is refused. `age -d -i BOX FILE` gives "
                   "the same as JSON lines.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_result *r = NULL;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    if (code >= 0)
        return code;
    enum vt_err err = csv && c.json ? vt_fail(&why, VT_E_USAGE, "--csv and --json: one of them")
                                    : vt_result_open(c.argv[0], box, &r, &why);
    code = err == VT_OK ? report(&c, r, csv) : vt_cmd_fail(&c, err, &why);
    vt_result_free(r);
    return code;
}
