/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/shares.h"

#include "crypto/hpke.h"
#include "crypto/locked.h"
#include "report/batch.h"
#include "vault/shares_row.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_DEALT "VTH1"
#define HEAD_SENT "VTH2"

static const char dealt_label[] = "vitrine/shares/v1"; /* their NULs are part of the info */
static const char sent_label[] = "vitrine/share/v1";

static bool
take_text(struct vt_reader *r, char *ret, size_t size)
{
    struct vt_reader text = {0};
    uint8_t len;

    if (!vt_reader_u8(r, &len) || len == 0 || !vt_reader_take(r, len, &text.p))
        return false;
    text.left = len;
    return vt_reader_cstr(&text, ret, size);
}

static bool
all_of(const char *s, const char *set)
{
    return s[strspn(s, set)] == '\0';
}

/* Whether a share of that mode's key can be: erasure decrypts nothing. */
static bool
mode_decrypts(uint8_t mode)
{
    return mode == VT_MODE_ACCESS || mode == VT_MODE_BREAK_GLASS || mode == VT_MODE_EXPORT;
}

static bool
take_row(struct vt_reader *r, struct vt_share_row *ret)
{
    const uint8_t *id;
    uint8_t mode;
    uint16_t len;

    ret->bytes = r->p;
    if (!take_text(r, ret->region, sizeof ret->region) ||
        !vt_reader_take(r, VT_DIGEST_SIZE, &id) || !vt_reader_u8(r, &mode) ||
        !take_text(r, ret->group, sizeof ret->group) ||
        !take_text(r, ret->member, sizeof ret->member) || !vt_reader_u8(r, &ret->x))
        return false;
    ret->bytes_len = (size_t)(r->p - ret->bytes);
    memcpy(ret->key_id.b, id, VT_DIGEST_SIZE);
    ret->mode = (enum vt_mode)mode;
    return vt_reader_u16(r, &len) && len == VT_SHARE_SEALED_SIZE &&
           vt_reader_take(r, len, &ret->sealed) && mode_decrypts(mode) && ret->x != 0 &&
           all_of(ret->region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") &&
           all_of(ret->group, "abcdefghijklmnopqrstuvwxyz0123456789-") &&
           vt_key_name_valid(ret->member);
}

static enum vt_err
take_head(struct vt_reader *r, struct vt_shares *ret, uint32_t *ret_count, struct vt_why *why)
{
    const uint8_t *request;

    ret->for_request = vt_reader_skip(r, HEAD_SENT);
    if (!ret->for_request && !vt_reader_skip(r, HEAD_DEALT))
        return vt_fail(why, VT_E_SYNTAX, "not a file of shares");
    if (ret->for_request) {
        if (!vt_reader_take(r, VT_DIGEST_SIZE, &request))
            return vt_fail(why, VT_E_SYNTAX, "a file of shares is cut short");
        memcpy(ret->request.b, request, VT_DIGEST_SIZE);
    }
    if (!vt_reader_u32(r, ret_count))
        return vt_fail(why, VT_E_SYNTAX, "a file of shares is cut short");
    if (*ret_count > VT_SHARE_ROWS_MAX)
        return vt_fail(why, VT_E_LIMIT, "a file of %lu shares; at most %u may be",
            (unsigned long)*ret_count, VT_SHARE_ROWS_MAX);
    return VT_OK;
}

enum vt_err
vt_shares_parse(const void *data, size_t len, struct vt_shares *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    uint32_t count = 0;
    enum vt_err err;

    ret->count = 0;
    if (len > VT_SHARES_FILE_MAX)
        return vt_fail(why, VT_E_LIMIT, "a file of shares of %zu bytes", len);
    err = take_head(&r, ret, &count, why);
    if (err != VT_OK)
        return err;
    for (uint32_t i = 0; i < count; i++)
        if (!take_row(&r, &ret->row[i]))
            return vt_fail(why, VT_E_SYNTAX,
                "a file of shares: row %lu is cut short or no "
                "share",
                (unsigned long)i);
    if (r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "a file of shares has bytes too many");
    ret->count = count;
    return VT_OK;
}

static void
put_text(struct vt_buf *b, const char *s)
{
    vt_buf_put_u8(b, (uint8_t)strlen(s));
    vt_buf_puts(b, s);
}

/* The row up to x, which is what its seal is bound to. */
static void
put_row(struct vt_buf *b, const struct vt_share_row *row)
{
    put_text(b, row->region);
    vt_buf_put(b, row->key_id.b, VT_DIGEST_SIZE);
    vt_buf_put_u8(b, (uint8_t)row->mode);
    put_text(b, row->group);
    put_text(b, row->member);
    vt_buf_put_u8(b, row->x);
}

static void
put_info(struct vt_buf *b, const struct vt_digest *request, const void *row, size_t row_len)
{
    if (request != NULL) {
        vt_buf_put(b, sent_label, sizeof sent_label);
        vt_buf_put(b, request->b, VT_DIGEST_SIZE);
    } else {
        vt_buf_put(b, dealt_label, sizeof dealt_label);
    }
    vt_buf_put(b, row, row_len);
}

/* Appends a whole row with y sealed to somebody; for a request, or (NULL) as dealt. */
static enum vt_err
put_sealed(struct vt_buf *b, const struct vt_share_row *row, const uint8_t *y,
    const struct vt_digest *request, const struct vt_box_public *to, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(1024);
    struct vt_buf info = VT_BUF(2048);
    enum vt_err err;

    put_row(&text, row);
    put_info(&info, request, text.data, text.len);
    vt_buf_put(b, text.data, text.len);
    vt_buf_put_u16(b, VT_SHARE_SEALED_SIZE);
    err = vt_buf_check(&info, "share", why);
    if (err == VT_OK)
        err =
            vt_hpke_seal_to(b, to, info.data, info.len, NULL, 0, y, VT_SHARE_SECRET_SIZE, why);
    if (err == VT_OK)
        err = vt_buf_check(b, "file of shares", why);
    vt_buf_release(&info);
    vt_buf_release(&text);
    return err;
}

enum vt_err
vt_share_row_open(const struct vt_share_row *row, const struct vt_digest *request,
    const struct vt_box *key, uint8_t ret[VT_SHARE_SECRET_SIZE], struct vt_why *why)
{
    struct vt_buf plain = {.max = VT_SHARE_SECRET_SIZE, .secret = true};
    struct vt_buf info = VT_BUF(2048);
    enum vt_err err;

    put_info(&info, request, row->bytes, row->bytes_len);
    err = vt_buf_check(&info, "share", why);
    if (err == VT_OK)
        err = vt_hpke_open_from(
            &plain, key, info.data, info.len, NULL, 0, row->sealed, VT_SHARE_SEALED_SIZE, why);
    if (err == VT_OK)
        memcpy(ret, plain.data, VT_SHARE_SECRET_SIZE);
    vt_buf_release(&plain);
    vt_buf_release(&info);
    return err;
}

/* One region's key as it is dealt out. The secrets are in locked memory. */
struct deal {
    const struct vt_vault_policy *policy;
    struct vt_share_row row;
    struct vt_buf *rows;
    uint32_t count;
    struct {
        uint8_t rest[VT_SHARE_SECRET_SIZE];   /* what the last group must hold */
        uint8_t secret[VT_SHARE_SECRET_SIZE]; /* of this group */
        struct vt_share share[VT_SHARES_MAX];
    } * held;
};

static enum vt_err
deal_group(struct deal *d, const struct vt_rule_group *g, struct vt_why *why)
{
    const struct vt_rule_party *party = NULL;
    size_t parties = vt_vault_policy_parties(d->policy, &party);
    enum vt_err err = vt_shamir_split(
        d->held->secret, g->need, (unsigned)g->member_count, d->held->share, why);

    memcpy(d->row.group, g->name, sizeof d->row.group);
    for (size_t i = 0; i < g->member_count && err == VT_OK; i++) {
        if (g->member[i] >= parties)
            return vt_fail(why, VT_E_CONFIG, "group %s has a member that is no party", g->name);
        memcpy(d->row.member, party[g->member[i]].name, sizeof d->row.member);
        d->row.x = d->held->share[i].x;
        err = put_sealed(
            d->rows, &d->row, d->held->share[i].y, NULL, &party[g->member[i]].box, why);
        if (++d->count > VT_SHARE_ROWS_MAX && err == VT_OK)
            err = vt_fail(why, VT_E_LIMIT, "the policy asks for more than %u shares of a key",
                VT_SHARE_ROWS_MAX);
    }
    return err;
}

/* The secrets of a mode's groups are random but for the last, which is what makes their
 * exclusive-or the key. */
static enum vt_err
deal_mode(struct deal *d, enum vt_mode mode, const uint8_t *priv, struct vt_why *why)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    size_t n = vt_vault_policy_approvers(d->policy, mode, group, VT_RULES_MAX);
    enum vt_err err = VT_OK;

    if (n == 0)
        return vt_fail(
            why, VT_E_CONFIG, "the policy has nobody to approve %s", vt_mode_name(mode));
    d->row.mode = mode;
    memcpy(d->held->rest, priv, VT_SHARE_SECRET_SIZE);
    for (size_t i = 0; i < n && err == VT_OK; i++) {
        if (i + 1 < n)
            err = vt_random(d->held->secret, VT_SHARE_SECRET_SIZE, why);
        else
            memcpy(d->held->secret, d->held->rest, VT_SHARE_SECRET_SIZE);
        for (size_t j = 0; j < VT_SHARE_SECRET_SIZE; j++)
            d->held->rest[j] ^= d->held->secret[j];
        if (err == VT_OK)
            err = deal_group(d, group[i], why);
    }
    return err;
}

static enum vt_err
region_key_id(const uint8_t *priv, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_box_public pub;
    struct vt_box *box = NULL;
    enum vt_err err = vt_box_from_private(priv, &box, why);

    if (err != VT_OK)
        return err;
    vt_box_public(box, &pub);
    vt_batch_key_id(&pub, ret);
    vt_box_free(box);
    return VT_OK;
}

enum vt_err
vt_shares_deal(const struct vt_vault_policy *p, const char *region,
    const uint8_t priv[VT_BOX_SIZE], struct vt_buf *b, struct vt_why *why)
{
    static const enum vt_mode modes[] = {VT_MODE_ACCESS, VT_MODE_BREAK_GLASS, VT_MODE_EXPORT};
    struct vt_buf rows = VT_BUF(VT_SHARES_FILE_MAX);
    struct deal d = {.policy = p, .rows = &rows};
    void *held = NULL;
    enum vt_err err;

    if (strlen(region) >= sizeof d.row.region)
        return vt_fail(why, VT_E_USAGE, "no such region: %.40s", region);
    memcpy(d.row.region, region, strlen(region) + 1);
    err = vt_locked_new(sizeof *d.held, &held, why);
    d.held = held;
    if (err == VT_OK)
        err = region_key_id(priv, &d.row.key_id, why);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0] && err == VT_OK; i++)
        err = deal_mode(&d, modes[i], priv, why);
    if (err == VT_OK) {
        vt_buf_puts(b, HEAD_DEALT);
        vt_buf_put_u32(b, d.count);
        vt_buf_put(b, rows.data, rows.len);
        err = vt_buf_check(b, "file of shares", why);
    }
    vt_locked_free(held);
    vt_buf_release(&rows);
    return err;
}

static enum vt_err
send_row(const struct vt_share_row *row, const struct vt_box *key,
    const struct vt_digest *request, const struct vt_box_public *keeper, struct vt_buf *b,
    struct vt_why *why)
{
    void *y = NULL;
    enum vt_err err = vt_locked_new(VT_SHARE_SECRET_SIZE, &y, why);

    if (err == VT_OK)
        err = vt_share_row_open(row, NULL, key, y, why);
    if (err == VT_E_SIG)
        err = vt_fail(why, VT_E_SIG,
            "the share of %s in group %s does not open: it was sealed to another box key",
            row->member, row->group);
    if (err == VT_OK)
        err = put_sealed(b, row, y, request, keeper, why);
    vt_locked_free(y);
    return err;
}

enum vt_err
vt_shares_send(const void *file, size_t len, const char *region, enum vt_mode mode,
    const char *member, const struct vt_box *key, const struct vt_digest *request,
    const struct vt_box_public *keeper, struct vt_buf *b, struct vt_why *why)
{
    struct vt_shares *s = calloc(1, sizeof *s);
    struct vt_buf rows = VT_BUF(VT_SHARES_FILE_MAX);
    uint32_t count = 0;
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "shares: out of memory");
    err = vt_shares_parse(file, len, s, why);
    if (err == VT_OK && s->for_request)
        err =
            vt_fail(why, VT_E_SYNTAX, "these shares are for a request, not an approver's own");
    for (size_t i = 0; i < s->count && err == VT_OK; i++) {
        const struct vt_share_row *row = &s->row[i];
        if (row->mode != mode || strcmp(row->region, region) != 0 ||
            strcmp(row->member, member) != 0)
            continue;
        err = send_row(row, key, request, keeper, &rows, why);
        count++;
    }
    if (err == VT_OK && count == 0)
        err = vt_fail(why, VT_E_NOENT, "the file has no share of %s for %s in %s", member,
            vt_mode_name(mode), region);
    if (err == VT_OK) {
        vt_buf_puts(b, HEAD_SENT);
        vt_buf_put(b, request->b, VT_DIGEST_SIZE);
        vt_buf_put_u32(b, count);
        vt_buf_put(b, rows.data, rows.len);
        err = vt_buf_check(b, "file of shares", why);
    }
    vt_buf_release(&rows);
    free(s);
    return err;
}
