/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/indexer_shelf.h"

#include "base/log.h"
#include "base/msg.h"
#include "base/proc.h"
#include "search/library.h"

#include <string.h>
#include <unistd.h>

enum { AGAIN_S = 3600, GRACE_MS = 2000 };

/* The one message of the process: u8 whether it may be better later, u8 whether there are
 * symbols, and a line about what is wrong; no line when it is on the shelf. */
enum { MSG_TAKEN = 1 };
#define TEXT_MAX 1024U

static const struct vt_msg_rule rules[] = {{MSG_TAKEN, TEXT_MAX + 2}, {0, 0}};

/* What is wrong with the archive itself stays wrong. */
static bool
is_final(enum vt_err err)
{
    return err == VT_E_DIGEST || err == VT_E_SYNTAX || err == VT_E_LIMIT;
}

static enum vt_err
take_in(const struct vt_shelf *s, bool *ret_symbols, struct vt_why *why)
{
    struct vt_library *l = NULL;
    enum vt_err err = vt_library_open(s->dir, true, &l, why);

    if (err == VT_OK)
        err = vt_library_add(l, &s->source, s->archive, NULL, ret_symbols, why);
    vt_library_close(l);
    return err;
}

static int
taker_main(int fd, void *ctx)
{
    const struct vt_shelf *s = ctx;
    struct vt_buf b = VT_BUF(TEXT_MAX + 2);
    struct vt_why why = {0};
    bool symbols = false;
    enum vt_err err;

    vt_log_init("library", VT_LOG_INFO);
    err = take_in(s, &symbols, &why);
    vt_buf_put_u8(&b, err != VT_OK && !is_final(err));
    vt_buf_put_u8(&b, symbols);
    if (err != VT_OK)
        vt_buf_put(&b, why.text, strnlen(why.text, TEXT_MAX - 1));
    err = vt_msg_send(fd, MSG_TAKEN, b.data, b.len, NULL);
    vt_buf_release(&b);
    return err == VT_OK ? 0 : 3;
}

static bool
is_in_library(void *ctx, const struct vt_digest *source)
{
    struct vt_library *l = ctx;
    struct vt_library_source found;

    return l != NULL && vt_library_source(l, source, &found, NULL) == VT_OK;
}

enum vt_err
vt_shelf_init(
    struct vt_shelf *s, const struct vt_home *home, struct vt_facts *facts, struct vt_why *why)
{
    struct vt_library *l = NULL;
    enum vt_err err;

    *s = (struct vt_shelf){.facts = facts, .fd = -1};
    err = vt_home_path(home, s->dir, why, "centre/source");
    if (err != VT_OK)
        return err;
    err = vt_library_open(s->dir, false, &l, why);
    if (err == VT_OK || err == VT_E_NOENT)
        err = vt_facts_check_shelf(facts, is_in_library, l, why);
    vt_library_close(l);
    return err;
}

void
vt_shelf_release(struct vt_shelf *s)
{
    if (s->pid > 0)
        vt_proc_stop(s->pid, s->fd, GRACE_MS);
    s->pid = 0;
    s->fd = -1;
}

enum vt_err
vt_shelf_begin(struct vt_shelf *s, bool *ret_any, struct vt_why *why)
{
    enum vt_err err;

    *ret_any = s->pid > 0;
    if (*ret_any)
        return VT_OK;
    err = vt_facts_next_source(s->facts, AGAIN_S, &s->source, s->archive, why);
    if (err == VT_E_NOENT) {
        vt_why_clear(why);
        return VT_OK;
    }
    if (err == VT_OK)
        err = vt_proc_fork("library", taker_main, s, NULL, &s->pid, &s->fd, why);
    *ret_any = err == VT_OK;
    return err;
}

/* What the process said; of one that died without a word, that. */
static void
hear(const struct vt_shelf *s, struct vt_buf *b, bool *ret_again, bool *ret_symbols)
{
    uint16_t type;
    struct vt_reader r;
    uint8_t again = 1, symbols = 0;

    if (vt_msg_recv(s->fd, rules, -1, &type, b, NULL) == VT_OK) {
        r = VT_READER(b->data, b->len);
        if (vt_reader_u8(&r, &again) && vt_reader_u8(&r, &symbols)) {
            *ret_again = again != 0;
            *ret_symbols = symbols != 0;
            memmove(b->data, r.p, r.left);
            b->len = r.left;
            b->data[b->len] = '\0';
            return;
        }
    }
    vt_buf_clear(b);
    vt_buf_puts(b, "the process that took it in ended before it was done");
    *ret_again = true;
}

enum vt_err
vt_shelf_end(struct vt_shelf *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(TEXT_MAX + 2);
    char hex[VT_DIGEST_HEX_SIZE];
    bool again = true, symbols = false;
    const char *problem;
    enum vt_err err;

    hear(s, &b, &again, &symbols);
    vt_proc_stop(s->pid, s->fd, GRACE_MS);
    s->pid = 0;
    s->fd = -1;
    problem = b.len > 0 ? vt_buf_str(&b) : NULL;
    vt_digest_hex(&s->source, hex);
    if (problem != NULL)
        vt_log(VT_LOG_WARN, "source sha256:%s is not in the library: %s", hex, problem);
    else
        vt_log(VT_LOG_INFO, "source sha256:%s is in the library%s", hex,
            symbols ? "" : ", without symbols: Universal Ctags is not installed");
    err = vt_facts_shelved(s->facts, &s->source, problem, again, why);
    vt_buf_release(&b);
    return err;
}
