/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/herald.h"

#include "base/clock.h"
#include "base/log.h"
#include "centre/facts.h"
#include "centre/herald_held.h"
#include "crypto/signer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TURN_MS = 1000, POLL_MS = 250, CONNECT_MS = 5000, TOTAL_MS = 15000 };
#define ANSWER_MAX 65536U
#define CONTENT_TYPE "application/vnd.dsse.envelope.v1+json"

enum vt_err
vt_herald_new(const struct vt_herald_opts *opts, struct vt_herald **ret, struct vt_why *why)
{
    const struct vt_http_limits limits = {.connect_ms = CONNECT_MS, .total_ms = TOTAL_MS};
    struct vt_herald *h = calloc(1, sizeof *h);
    enum vt_err err;

    if (h == NULL)
        return vt_fail(why, VT_E_NOMEM, "the herald: out of memory");
    h->opts = opts;
    h->signer = opts->signer;
    h->hooks_changed_ns = -1;
    err = vt_http_new(&limits, &h->http, why);
    if (err == VT_OK)
        err = vt_herald_open_book(h, why);
    if (err != VT_OK) {
        vt_herald_free(h);
        return err;
    }
    *ret = h;
    return VT_OK;
}

void
vt_herald_free(struct vt_herald *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < VT_HOOKS_MAX; i++)
        vt_herald_letter_release(&h->letter[i]);
    vt_sql_close(h->facts);
    vt_sql_close(h->db);
    vt_http_free(h->http);
    vt_signer_free(h->own);
    free(h);
}

/* Reads the file of hooks when it is another than the one read. What is wrong in it is said
 * once; the hooks as they were go on. */
static enum vt_err
take_hooks(struct vt_herald *h, struct vt_why *why)
{
    struct vt_why problem = {0};
    char path[VT_PATH_MAX];
    struct stat st;
    int64_t changed = 0;
    enum vt_err err = vt_home_path(h->opts->home, path, why, "%s", VT_HOOK_FILE);

    if (err != VT_OK)
        return err;
    if (stat(path, &st) == 0)
        changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (changed == h->hooks_changed_ns)
        return VT_OK;
    h->hooks_changed_ns = changed;
    if (vt_hooks_load(h->opts->home, &h->hooks, &problem) != VT_OK) {
        vt_log(VT_LOG_WARN, "%s", problem.text);
        return VT_OK;
    }
    return vt_herald_prune(h, why);
}

/* The key in a process of its own. *ret_any false: the home has no such key. */
static enum vt_err
take_signer(struct vt_herald *h, bool *ret_any, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;

    *ret_any = h->signer != NULL;
    if (*ret_any)
        return VT_OK;
    err = vt_home_key_path(h->opts->home, "centre", path, why);
    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path)) {
        if (!h->said)
            vt_log(VT_LOG_WARN, "web hooks wait for the key %s", path);
        h->said = true;
        return VT_OK;
    }
    err = vt_signer_spawn(path, VT_SIGN_BIT(VT_SIGN_DSSE), &h->own, why);
    if (err == VT_OK)
        h->signer = h->own;
    *ret_any = err == VT_OK;
    return err;
}

/* Opens the facts, which come and go with the indexer. *ret_any false: there are none yet. */
static enum vt_err
open_facts(struct vt_herald *h, bool *ret_any, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_why none = {0};
    char path[VT_PATH_MAX];
    bool row = false;
    size_t len;
    enum vt_err err = vt_home_path(h->opts->home, path, why, "%s", VT_FACTS_FILE);

    *ret_any = false;
    if (err != VT_OK || vt_sql_open(path, VT_SQL_READ, VT_FACTS_SCHEMA, VT_FACTS_VERSION,
                            &h->facts, &none) != VT_OK)
        return err; /* the indexer makes them, or will */
    err = vt_sql_query(h->facts, &r, why, "SELECT made FROM state", "");
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        const void *made = vt_sql_bytes(r, 0, &len);

        *ret_any = len == sizeof h->made;
        if (*ret_any)
            memcpy(h->made, made, len);
    }
    vt_sql_end(r);
    return err;
}

/* Writes all letters that are due. */
static enum vt_err
write_letters(struct vt_herald *h, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    h->count = 0;
    for (size_t i = 0; i < h->hooks.count && err == VT_OK; i++) {
        struct vt_herald_letter *l = &h->letter[h->count];
        bool any = false;

        err = vt_herald_due(h, &h->hooks.hook[i], l, &any, why);
        if (err == VT_OK && any) {
            err = vt_herald_seal(h, l, why);
            h->count++;
        }
    }
    return err;
}

/* What became of a call, in words that have no URL in them; NULL: it was delivered. */
static const char *
outcome(const struct vt_http_call *c, char ret[64])
{
    if (c->err == VT_OK && c->status >= 200 && c->status <= 299)
        return NULL;
    if (c->err == VT_OK)
        (void)snprintf(ret, 64, "HTTP status %d", c->status);
    else if (c->err == VT_E_TIMEOUT)
        (void)snprintf(ret, 64, "no answer in time");
    else
        (void)snprintf(ret, 64, "no answer: %s", vt_err_name(c->err));
    return ret;
}

static enum vt_err
take_outcome(struct vt_herald *h, const struct vt_herald_letter *l,
    const struct vt_http_call *c, bool *ret_delivered, struct vt_why *why)
{
    char shown[VT_HOOK_SHOWN_SIZE], text[64];
    const char *problem = outcome(c, text);

    if (problem == NULL) {
        *ret_delivered = true;
        return vt_herald_delivered(h, l, why);
    }
    vt_hook_shown(l->hook->url, shown);
    if (l->failed == 0)
        vt_log(VT_LOG_WARN, "web hook %s: %s", shown, problem);
    return vt_herald_failed(h, l, problem, c->retry_after_s, why);
}

static void
fill_call(const struct vt_herald_letter *l, struct vt_http_call *c)
{
    *c = (struct vt_http_call){.base = l->hook->url,
        .content_type = CONTENT_TYPE,
        .headers = l->lines,
        .body = l->body.data,
        .body_len = l->body.len,
        .answer = VT_BUF(ANSWER_MAX)};
}

static bool
is_stopped(int stop_fd)
{
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};

    return stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* Sends all letters at once. *ret_delivered: one was at least. Calls that are broken off when
 * stop_fd closes are made again by whoever comes next. */
static enum vt_err
send_letters(struct vt_herald *h, int stop_fd, bool *ret_delivered, struct vt_why *why)
{
    struct vt_http_call *calls = calloc(h->count + 1, sizeof *calls);
    struct vt_http_batch *b = NULL;
    size_t left = h->count;
    enum vt_err err = VT_OK;

    if (calls == NULL)
        return vt_fail(why, VT_E_NOMEM, "the herald: out of memory");
    for (size_t i = 0; i < h->count; i++)
        fill_call(&h->letter[i], &calls[i]);
    err = vt_http_batch_new(h->http, calls, h->count, &b, why);
    while (err == VT_OK && left > 0 && !is_stopped(stop_fd))
        err = vt_http_batch_poll(b, stop_fd, POLL_MS, &left, why);
    for (size_t i = 0; i < h->count && err == VT_OK; i++)
        if (calls[i].done)
            err = take_outcome(h, &h->letter[i], &calls[i], ret_delivered, why);
    vt_http_batch_free(b);
    for (size_t i = 0; i < h->count; i++)
        vt_buf_release(&calls[i].answer);
    free(calls);
    return err;
}

enum vt_err
vt_herald_turn(struct vt_herald *h, int stop_fd, struct vt_why *why)
{
    bool any = false, more = true;
    enum vt_err err = take_hooks(h, why);

    if (err != VT_OK || h->hooks.count == 0)
        return err;
    err = take_signer(h, &any, why);
    if (err == VT_OK && any)
        err = open_facts(h, &any, why);
    while (err == VT_OK && any && more && !is_stopped(stop_fd)) {
        more = false;
        err = write_letters(h, why);
        if (err == VT_OK && h->count > 0)
            err = send_letters(h, stop_fd, &more, why);
    }
    vt_sql_close(h->facts);
    h->facts = NULL;
    return err;
}

enum vt_err
vt_herald_run(int fd, const struct vt_herald_opts *opts, struct vt_why *why)
{
    struct vt_herald *h = NULL;
    enum vt_err err = vt_herald_new(opts, &h, why);

    while (err == VT_OK) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n;

        err = vt_herald_turn(h, fd, why);
        n = err == VT_OK ? poll(&p, 1, TURN_MS) : 0;
        if (n < 0 && errno != EINTR)
            err = vt_fail_errno(why, "the herald: cannot wait");
        if (n > 0)
            break;
    }
    vt_herald_free(h);
    return err;
}

static enum vt_err
write_ping(struct vt_herald *h, const struct vt_hook *hook, struct vt_why *why)
{
    struct vt_herald_letter *l = &h->letter[0];

    l->hook = hook;
    vt_herald_id(hook->url, l->id);
    l->event = (struct vt_herald_event){.name = "ping",
        .at = vt_clock_now(&vt_clock_system),
        .data = VT_BUF(VT_HERALD_DATA_MAX)};
    l->event.seq = l->event.at;
    vt_digest_of(hook->url, strlen(hook->url), &l->event.subject);
    vt_buf_puts(&l->event.data, "{}");
    return vt_herald_seal(h, l, why);
}

enum vt_err
vt_herald_ping(const struct vt_herald_opts *opts, const char *url, struct vt_why *why)
{
    struct vt_hooks one = {.count = 0};
    struct vt_http_call call = {.answer = VT_BUF(ANSWER_MAX)};
    struct vt_herald *h = NULL;
    const char *problem;
    char text[64];
    bool any = false;
    enum vt_err err = vt_hooks_add(&one, url, 1, why);

    if (err == VT_OK)
        err = vt_herald_new(opts, &h, why);
    if (err == VT_OK)
        err = take_signer(h, &any, why);
    if (err == VT_OK && !any)
        err = vt_fail(why, VT_E_NOENT, "%s has no key `centre`: hooks are signed with it",
            opts->home->dir);
    if (err == VT_OK)
        err = write_ping(h, &one.hook[0], why);
    if (err == VT_OK) {
        fill_call(&h->letter[0], &call);
        err = vt_http_post_all(h->http, &call, 1, why);
    }
    problem = err == VT_OK ? outcome(&call, text) : NULL;
    if (problem != NULL)
        err = vt_fail(why, VT_E_NET, "the ping was not taken: %s", problem);
    vt_buf_release(&call.answer);
    vt_herald_free(h);
    return err;
}
