/* SPDX-License-Identifier: Apache-2.0 */
/* The site that hands over: rows, segments and keys on their way. */
#include "vault/move_send.h"

#include "base/clock.h"
#include "base/progress.h"
#include "vault/place.h"
#include "vault/retain.h"
#include "vault/say.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A step whose body is the bytes of a buffer from s->number on. */
static enum vt_err
send_rest(struct vt_sending *s, const char *step, const struct vt_buf *b, struct vt_why *why)
{
    char path[64];
    size_t at = (size_t)s->number;
    size_t len;

    if (s->number > b->len)
        return vt_fail(why, VT_E_STATE, "%s has more than there is", s->m->to_url);
    len = b->len - at < VT_MOVE_PIECE_MAX ? b->len - at : VT_MOVE_PIECE_MAX;
    if (strcmp(step, "rows") == 0)
        (void)snprintf(path, sizeof path, "%s/%zu", step, at);
    else
        (void)snprintf(path, sizeof path, "%s/%zu/%zu", step, b->len, at);
    return vt_sending_post(s, path, len > 0 ? b->data + at : NULL, len, why);
}

enum vt_err
vt_sending_rows(struct vt_sending *s, struct vt_why *why)
{
    size_t max = (size_t)VT_INVENTORY_MAX * VT_SEGMENT_ROW_SIZE;
    struct vt_buf b = VT_BUF(max);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->m->home, path, why, "inventory/%s", s->m->region);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK && b.len < s->terms.is.segments * VT_SEGMENT_ROW_SIZE)
        err = vt_fail(why, VT_E_STATE, "%s: rows are missing that were said", path);
    if (err == VT_OK) {
        b.len = (size_t)s->terms.is.segments * VT_SEGMENT_ROW_SIZE;
        err = send_rest(s, "rows", &b, why);
    }
    vt_buf_release(&b);
    return err;
}

static int
compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, VT_SEGMENT_ID_SIZE);
}

enum vt_err
vt_sending_retired(struct vt_sending *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF((size_t)VT_INVENTORY_MAX * VT_SEGMENT_ID_SIZE);
    struct vt_inventory *removed = NULL;
    enum vt_err err = vt_retain_removed(s->m->home, s->m->region, &removed, why);

    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(removed); i++)
        vt_buf_put(&b, vt_inventory_row(removed, i)->id, VT_SEGMENT_ID_SIZE);
    if (err == VT_OK)
        err = vt_buf_check(&b, "the ids of removed segments", why);
    if (err == VT_OK && b.len > 0)
        qsort(b.data, b.len / VT_SEGMENT_ID_SIZE, VT_SEGMENT_ID_SIZE, compare_ids);
    if (err == VT_OK)
        err = send_rest(s, "retired", &b, why);
    vt_inventory_free(removed);
    vt_buf_release(&b);
    return err;
}

/* From byte `at` to the end. When all of it is there already one empty piece is sent, so that
 * the other site, which may have died between the last byte and the check, checks it now. */
static enum vt_err
send_pieces(
    struct vt_sending *s, int fd, size_t row, uint64_t at, const char *path, struct vt_why *why)
{
    uint8_t *piece = malloc(VT_MOVE_PIECE_MAX);
    char step[64];
    size_t len = 0;
    enum vt_err err = VT_OK;

    if (piece == NULL)
        return vt_fail(why, VT_E_NOMEM, "relocation: out of memory");
    if (lseek(fd, (off_t)at, SEEK_SET) < 0)
        err = vt_fail_errno(why, "%s", path);
    for (bool sent = false; err == VT_OK; sent = true) {
        err = vt_fd_read(fd, piece, VT_MOVE_PIECE_MAX, &len, why);
        if (err != VT_OK || (len == 0 && sent))
            break;
        (void)snprintf(step, sizeof step, "segment/%zu/%llu", row, (unsigned long long)at);
        err = vt_sending_post(s, step, piece, len, why);
        at += len;
    }
    free(piece);
    return err;
}

static enum vt_err
send_segment(struct vt_sending *s, const struct vt_inventory *rows, size_t row, uint64_t at,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;
    int fd;

    if (row >= vt_inventory_count(rows))
        return vt_fail(why, VT_E_NET, "%s asks for a segment that is not", s->m->to_url);
    err = vt_move_segment_path(
        s->m->home, s->m->region, vt_inventory_row(rows, row)->id, path, why);
    if (err != VT_OK)
        return err;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vt_fail_errno(why, "%s", path);
    err = send_pieces(s, fd, row, at, path, why);
    close(fd);
    return err;
}

/* Sends those of one list. *ret_next: the row after the last of them; 0: the list was empty. */
static enum vt_err
send_listed(struct vt_sending *s, const struct vt_inventory *rows, const struct vt_buf *list,
    uint64_t *ret_next, struct vt_why *why)
{
    struct vt_reader r = VT_READER(list->data, list->len);
    struct vt_reader line, word;
    uint64_t row, at;
    enum vt_err err = VT_OK;

    *ret_next = 0;
    while (err == VT_OK && vt_reader_line(&r, &line)) {
        if (!vt_reader_word(&line, ' ', &word) ||
            !vt_reader_decimal(&word, VT_INVENTORY_MAX, &row) ||
            !vt_reader_decimal(&line, VT_SEGMENT_MAX, &at))
            return vt_fail(why, VT_E_NET, "%s: not a list of segments", s->m->to_url);
        err = send_segment(s, rows, (size_t)row, at, why);
        *ret_next = row + 1;
        if (s->m->progress != NULL)
            vt_progress_set(s->m->progress, row);
    }
    return err;
}

/* Lists and sends until nothing is missing. */
static enum vt_err
send_missing(struct vt_sending *s, const struct vt_inventory *rows, struct vt_why *why)
{
    struct vt_buf list = VT_BUF(VT_MOVE_PIECE_MAX);
    char step[64];
    uint64_t from = 0;
    uint64_t next = 0;
    enum vt_err err = VT_OK;

    do {
        (void)snprintf(step, sizeof step, "missing/%llu", (unsigned long long)from);
        err = vt_sending_post(s, step, NULL, 0, why);
        vt_buf_clear(&list);
        vt_buf_put(&list, s->answer.data, s->answer.len);
        if (err == VT_OK)
            err = vt_buf_check(&list, "the list of segments", why);
        if (err == VT_OK)
            err = send_listed(s, rows, &list, &next, why);
        if (next == 0 && from == 0)
            break; /* none is missing */
        from = next;
        if (err == VT_OK && vt_clock_monotonic_ms() > s->until_ms)
            err = vt_fail(why, VT_E_TIMEOUT,
                "%s still asks for segments: give the command again", s->m->to_url);
    } while (err == VT_OK);
    vt_buf_release(&list);
    return err;
}

enum vt_err
vt_sending_segments(struct vt_sending *s, struct vt_why *why)
{
    struct vt_inventory *rows = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->m->home, path, why, "inventory/%s", s->m->region);

    if (err == VT_OK)
        err = vt_inventory_open(path, &rows, why);
    if (err == VT_OK && s->m->progress != NULL)
        vt_progress_begin(s->m->progress, "segments", vt_inventory_count(rows));
    if (err == VT_OK)
        err = send_missing(s, rows, why);
    if (s->m->progress != NULL)
        vt_progress_end(s->m->progress);
    vt_inventory_free(rows);
    return err;
}

/* The same sealed bytes for all pieces, also after this process was killed. */
enum vt_err
vt_sending_seal(struct vt_sending *s, struct vt_why *why)
{
    struct vt_buf evidence = VT_BUF(VT_EVIDENCE_MAX);
    enum vt_err err;

    vt_buf_release(&s->sealed);
    vt_buf_init(&s->sealed, VT_MOVE_SEALED_MAX);
    err = vt_move_get(&s->move, "sealed", &s->sealed, why);
    if (err != VT_E_NOENT)
        return err;
    err = vt_say_evidence(s->m->desk, s->m->keeper, &s->sent.relocation, 1, &evidence, why);
    if (err == VT_OK)
        err = vt_keeper_give(s->m->keeper, evidence.data, evidence.len, &s->sealed, why);
    if (err == VT_OK)
        err = vt_move_put(&s->move, "sealed", s->sealed.data, s->sealed.len, why);
    vt_buf_release(&evidence);
    return err;
}

enum vt_err
vt_sending_keys(struct vt_sending *s, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (s->number == 0 || s->sealed.len == 0) {
        err = vt_sending_seal(s, why);
    }
    return err == VT_OK ? send_rest(s, "keys", &s->sealed, why) : err;
}
