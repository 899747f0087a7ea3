/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store process is asked besides taking batches: shares, access receipts, pieces of a
 * relocation, numbers.
 */
#include "vault/service_parts.h"

#include "base/json.h"
#include "ledger/customers.h"
#include "vault/move.h"
#include "vault/place.h"
#include "vault/shares.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHARE_REQUESTS_MAX 10000U
#define SHARES_A_REQUEST 64U
#define CUSTOMERS_FILE_MAX (64U * 1024U * 1024U)

void
vt_store_line(struct vt_store_answer *a, int status, const char *fmt, ...)
{
    va_list ap;
    struct vt_why line = {{0}};
    char text[512];

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)vt_fail(&line, VT_E_USAGE, "%s", text); /* makes it one harmless line */
    vt_buf_clear(&a->body);
    a->type = VT_VAULT_TEXT;
    a->status = status;
    a->retry_s = status == 503 ? 5 : 0;
    vt_buf_putf(&a->body, "%s\n", line.text);
}

/* --- Shares ------------------------------------------------------------------------------- */

/* Whether each row is of a key that this site keeps a region with. */
static bool
shares_are_ours(const struct vt_store_process *s, const struct vt_shares *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (!vt_intake_has_key(s->intake, v->row[i].region, &v->row[i].key_id))
            return false;
    return v->for_request && v->count > 0;
}

/* shares-in/REQUEST/DIGEST. */
static enum vt_err
store_shares(struct vt_store_process *s, const struct vt_digest *request, const void *body,
    size_t len, struct vt_store_answer *a, struct vt_why *why)
{
    char hex[2][VT_DIGEST_HEX_SIZE];
    char all[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    struct vt_digest d;
    size_t requests = 0;
    size_t shares = 0;
    enum vt_err err;

    vt_digest_of(body, len, &d);
    vt_digest_hex(request, hex[0]);
    vt_digest_hex(&d, hex[1]);
    err = vt_vault_path(s->opts->home, all, why, "shares-in");
    if (err == VT_OK)
        err = vt_path(dir, why, "%s/%s", all, hex[0]);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/%s", dir, hex[1]);
    if (err == VT_OK && !vt_file_exists(dir))
        err = vt_dir_count(all, &requests, why);
    if (err == VT_OK)
        err = vt_dir_count(dir, &shares, why);
    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path) &&
        (requests >= SHARE_REQUESTS_MAX || shares >= SHARES_A_REQUEST)) {
        vt_store_line(
            a, 503, "no room for more shares: the site's operator must remove old ones");
        return VT_OK;
    }
    err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, body, len, why);
    if (err == VT_OK) {
        s->metrics.shares++;
        vt_store_line(a, 200, "stored sha256:%s", hex[1]);
    }
    return err;
}

static enum vt_err
take_shares(struct vt_store_process *s, const void *body, size_t len, struct vt_store_answer *a,
    struct vt_why *why)
{
    struct vt_shares *v = calloc(1, sizeof *v);
    struct vt_why text = {{0}};
    enum vt_err err = VT_OK;

    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    if (len > VT_VAULT_SHARES_MAX) {
        vt_store_line(a, 413, "at most %u bytes of shares", VT_VAULT_SHARES_MAX);
    } else if (vt_shares_parse(body, len, v, &text) != VT_OK) {
        vt_store_line(a, 400, "%s", text.text);
    } else if (!shares_are_ours(s, v)) {
        vt_store_line(a, 421, "these are no shares for a request, of the key of a region at %s",
            s->opts->home->name);
    } else if (store_shares(s, &v->request, body, len, a, &text) != VT_OK) {
        vt_store_line(a, 503, "the share cannot be stored now: %s", text.text);
    }
    free(v);
    return err;
}

/* --- Accesses ----------------------------------------------------------------------------- */

/* The customers of a run, read when it is another one than the last. */
static enum vt_err
load_customers(struct vt_store_process *s, const char *run, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(CUSTOMERS_FILE_MAX);
    struct vt_customers *c = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    if (s->customers != NULL && strcmp(s->customers_run, run) == 0)
        return VT_OK;
    err = vt_vault_path(s->opts->home, path, why, "accesses/%s", run);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_customers_parse(b.data, b.len, &c, why);
    if (err == VT_OK) {
        vt_customers_free(s->customers);
        s->customers = c;
        (void)snprintf(s->customers_run, sizeof s->customers_run, "%s", run);
    }
    vt_buf_release(&b);
    return err;
}

/* RUN/TAG. */
static void
give_access(struct vt_store_process *s, const char *path, struct vt_store_answer *a)
{
    const char *slash = strchr(path, '/');
    struct vt_why text = {{0}};
    uint8_t tag[VT_CUSTOMER_TAG_SIZE];
    char run[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    size_t len = 0;
    enum vt_err err;

    if (slash == NULL || !vt_digest_from_hex(path, (size_t)(slash - path), &d) ||
        !vt_hex_decode(slash + 1, strlen(slash + 1), tag, sizeof tag, &len) ||
        len != sizeof tag) {
        vt_store_line(a, 404, "the path is /vault/v1/accesses/RUN/TAG, both in hexadecimal");
        return;
    }
    vt_digest_hex(&d, run);
    err = load_customers(s, run, &text);
    if (err == VT_OK)
        err = vt_customers_receipt(s->customers, tag, &a->body, &text);
    if (err == VT_OK)
        a->type = VT_VAULT_BYTES;
    else if (err == VT_E_NOENT)
        vt_store_line(a, 404, "no such run was answered here");
    else
        vt_store_line(a, 503, "the receipt cannot be made now: %s", text.text);
}

/* --- Relocation --------------------------------------------------------------------------- */

static enum vt_err
give_inventory(void *ctx, const char *region, struct vt_inventory **ret, struct vt_why *why)
{
    return vt_store_inventory(ctx, region, ret, why);
}

static enum vt_err
have_arrived(void *ctx, const char *region, struct vt_why *why)
{
    return vt_store_learn(ctx, region, why);
}

static enum vt_err
take_move(struct vt_store_process *s, const char *path, const void *body, size_t len,
    struct vt_store_answer *a, struct vt_why *why)
{
    struct vt_move_taker t = {.home = s->opts->home,
        .trust = s->opts->trust,
        .keeper = s->opts->keeper,
        .inventory = give_inventory,
        .arrived = have_arrived,
        .ctx = s};
    /* The other site may have seen the policy that moves the region before this one looked. */
    enum vt_err err = vt_store_refresh(s, why);

    if (err != VT_OK)
        return err;
    t.policy = vt_intake_vault_policy(s->intake);
    if (t.policy == NULL) {
        vt_store_line(a, 503, "%s has no vault policy in force yet", s->opts->home->name);
        return VT_OK;
    }
    s->metrics.moves++;
    (void)pthread_mutex_lock(&s->keeper_lock);
    err = vt_move_take(&t, path, body, len, &a->status, &a->body, why);
    (void)pthread_mutex_unlock(&s->keeper_lock);
    a->retry_s = a->status == 503 ? 5 : 0;
    return err;
}

/* --- Numbers ------------------------------------------------------------------------------ */

void
vt_store_gauge(struct vt_store_process *s)
{
    struct vt_metrics *m = &s->metrics;

    m->wal_bytes = vt_pack_queue_bytes(s->queue) + (s->wal == NULL ? 0 : vt_bwal_size(s->wal));
    m->wal_files = vt_pack_queue_files(s->queue) + (s->wal == NULL ? 0 : 1);
    m->wal_batches =
        vt_pack_queue_batches(s->queue) + (s->wal == NULL ? 0 : vt_bwal_count(s->wal));
    m->known_batches = vt_taken_count(s->taken);
    m->queue = s->waiting_count;
    m->ready = vt_intake_policy(s->intake) != NULL;
}

static json_t *
region_status(struct vt_store_process *s, const char *name, struct vt_why *why)
{
    struct vt_inventory *v = NULL;
    struct vt_segment_row sum;
    struct vt_move_state move = {0};
    struct vt_digest root;
    char hex[VT_DIGEST_HEX_SIZE];

    if (vt_store_inventory(s, name, &v, why) != VT_OK ||
        vt_move_state(s->opts->home, name, &move, why) != VT_OK)
        return NULL;
    vt_inventory_sum(v, &sum);
    vt_inventory_root(v, &root);
    vt_digest_hex(&root, hex);
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:b}", "region", name, "segments",
        (json_int_t)vt_inventory_count(v), "records", (json_int_t)sum.records, "bytes",
        (json_int_t)sum.size, "root", hex, "relocating", move.side != VT_MOVE_NONE);
}

static bool
is_relocating(const struct vt_store_process *s, const char *region)
{
    struct vt_move_state move = {0};

    return vt_move_state(s->opts->home, region, &move, NULL) == VT_OK &&
           move.side != VT_MOVE_NONE;
}

/* The regions that the policy keeps here, and those that are leaving. */
static json_t *
regions_status(struct vt_store_process *s, struct vt_why *why)
{
    const struct vt_vault_policy *policy = vt_intake_vault_policy(s->intake);
    const struct vt_rule_region *rule = NULL;
    size_t n = policy == NULL ? 0 : vt_vault_policy_regions(policy, &rule);
    json_t *all = json_array();

    for (size_t i = 0; i < n && all != NULL; i++) {
        json_t *one;

        if (strcmp(rule[i].site, s->opts->home->name) != 0 && !is_relocating(s, rule[i].name))
            continue;
        one = region_status(s, rule[i].name, why);
        if (one == NULL || json_array_append_new(all, one) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    return all;
}

static void
give_status(struct vt_store_process *s, struct vt_store_answer *a)
{
    const struct vt_vault_policy *policy = vt_intake_vault_policy(s->intake);
    char hex[VT_DIGEST_HEX_SIZE] = "";
    struct vt_why text = {{0}};
    json_t *regions = regions_status(s, &text);
    json_t *v = NULL;
    uint64_t batches;

    vt_store_gauge(s);
    batches = s->metrics.known_batches + s->metrics.wal_batches;
    if (policy != NULL)
        vt_digest_hex(vt_vault_policy_digest(policy), hex);
    if (regions != NULL)
        v = json_pack("{s:s, s:b, s:s, s:I, s:o, s:{s:I, s:I, s:I}, s:I}", "site",
            s->opts->home->name, "ready", s->metrics.ready, "policy", hex, "serial",
            (json_int_t)(policy == NULL ? 0 : vt_vault_policy_serial(policy)), "regions",
            regions, "waiting", "batches", (json_int_t)s->metrics.wal_batches, "bytes",
            (json_int_t)s->metrics.wal_bytes, "files", (json_int_t)s->metrics.wal_files,
            "batches", (json_int_t)batches);
    if (v != NULL && vt_json_text(v, false, &a->body, &text) == VT_OK)
        a->type = VT_VAULT_JSON;
    else
        vt_store_line(a, 503, "no status now: %s", text.text);
    json_decref(v);
}

enum vt_err
vt_store_ask(struct vt_store_process *s, enum vt_vault_msg type, const char *path,
    const void *body, size_t len, struct vt_store_answer *a, struct vt_why *why)
{
    switch (type) {
    case VT_VAULT_SHARES:
        return take_shares(s, body, len, a, why);
    case VT_VAULT_MOVE:
        return take_move(s, path, body, len, a, why);
    case VT_VAULT_ACCESS:
        give_access(s, path, a);
        return VT_OK;
    case VT_VAULT_METRICS:
        vt_store_gauge(s);
        a->type = VT_VAULT_PROMETHEUS;
        vt_metrics_put(&s->metrics, &a->body);
        return VT_OK;
    default:
        give_status(s, a);
        return VT_OK;
    }
}
