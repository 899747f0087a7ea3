/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine witness logs
 */
#include "witness.h"

#include "base/clock.h"
#include "base/file.h"
#include "witness/records.h"

#include <inttypes.h>

static const char *
when(const struct vt_witness_log *log, char ret[VT_TIME_SIZE])
{
    if (log->note == NULL)
        return "never";
    if (log->time == 0 || log->time > INT64_MAX)
        return "before";
    vt_time_format((int64_t)log->time, ret);
    return ret;
}

static json_t *
log_json(const struct vt_witness_log *log, const char *root)
{
    char time[VT_TIME_SIZE];

    return json_pack("{s:s, s:b, s:I, s:s, s:s, s:I, s:i}", "origin", log->origin, "followed",
        log->keys.count > 0, "size", (json_int_t)log->size, "root", root, "cosigned",
        when(log, time), "keys", (json_int_t)log->keys.count, "evidence", (int)log->evidence);
}

static void
log_line(const struct vt_witness_log *log, const char *root, struct vt_buf *b)
{
    char time[VT_TIME_SIZE];

    vt_buf_putf(b, "%s%s at %" PRIu64 " entries, root %s, cosigned %s", b->len > 0 ? "\n" : "",
        log->origin, log->size, root, when(log, time));
    if (log->keys.count == 0)
        vt_buf_puts(b, ", no longer followed");
    if (log->evidence > 0)
        vt_buf_putf(b, ", %u FILES OF EVIDENCE", log->evidence);
}

static int
print(const struct vt_cmd *c, const struct vt_witness_table *t)
{
    struct vt_buf root = VT_BUF(64);
    struct vt_buf text = VT_BUF(256U << 20);
    json_t *list = json_array();
    int code;

    for (size_t i = 0; i < vt_witness_table_count(t); i++) {
        const struct vt_witness_log *log = vt_witness_table_at(t, i);

        vt_buf_clear(&root);
        vt_buf_put_b64(&root, log->root.b, VT_DIGEST_SIZE);
        if (c->json)
            json_array_append_new(list, log_json(log, vt_buf_str(&root)));
        else
            log_line(log, vt_buf_str(&root), &text);
    }
    if (text.len == 0)
        vt_buf_puts(&text, "no logs");
    code = vt_cmd_done(c, json_pack("{s:o}", "logs", list), "%s", vt_buf_str(&text));
    vt_buf_release(&root);
    vt_buf_release(&text);
    return code;
}

static enum vt_err
read_all(const struct vt_home *home, struct vt_witness_table *t, struct vt_why *why)
{
    const struct vt_opt_list none = {0};
    struct vt_witness_list l = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "records");

    if (err == VT_OK)
        err = vt_witness_records_read(path, t, why);
    if (err == VT_OK)
        err = vt_witness_gather(&l, home, &none, why);
    if (err == VT_OK)
        err = vt_witness_table_follow(t, l.item, l.count, why);
    vt_witness_list_release(&l);
    return err;
}

int
vt_cmd_witness_logs(int argc, char **argv)
{
    const struct vt_opt opts[] = {{0}};
    struct vt_cmd c = {.name = "witness logs",
        .args = "HOME",
        .summary = "Lists the logs that a witness knows, and what it last cosigned of each.",
        .details = "Also while the witness runs. Logs that only --log names are listed once "
                   "something of theirs was cosigned, as no longer followed.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_witness_table *t = NULL;
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = vt_home_open(c.argv[0], VT_HOME_WITNESS, &home, &why);
    if (err == VT_OK)
        err = vt_witness_table_new(&t, &why);
    if (err == VT_OK)
        err = read_all(&home, t, &why);
    code = err == VT_OK ? print(&c, t) : vt_cmd_fail(&c, err, &why);
    vt_witness_table_free(t);
    return code;
}
