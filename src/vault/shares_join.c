/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's side of shares: what approvers sent for one request gives the region's private
 * key, or it does not.
 */
#include "vault/shares_row.h"

#include "crypto/locked.h"
#include "report/batch.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 1024U

/* An opened share, in locked memory. */
struct piece {
    uint8_t key;   /* index into the joined keys */
    uint8_t group; /* index into the mode's groups */
    struct vt_share share;
};

struct secrets {
    uint8_t key[VT_SHARE_SECRET_SIZE];
    uint8_t part[VT_SHARE_SECRET_SIZE];
    struct vt_share of_group[VT_SHARES_MAX];
    struct piece piece[PIECES_MAX];
};

struct join {
    const struct vt_vault_policy *policy;
    const struct vt_granted *granted;
    const struct vt_box *keeper;
    size_t group_count;
    const struct vt_rule_group *group[VT_RULES_MAX];
    size_t key_count;
    struct vt_digest key_id[VT_SHARES_KEYS_MAX];
    size_t piece_count;
    struct secrets *held;
    struct vt_shares *file; /* the one at hand */
};

void
vt_joined_release(struct vt_joined *j)
{
    for (size_t i = 0; i < j->count; i++)
        vt_box_free(j->key[i]);
    *j = (struct vt_joined){0};
}

static bool
is_zero(const struct vt_digest *d)
{
    static const struct vt_digest none;

    return vt_digest_eq(d, &none);
}

/* Whether the member approved, and by this very file where its approval names one. */
static bool
approved(const struct join *j, const char *member, const struct vt_digest *file)
{
    for (size_t i = 0; i < j->granted->approver_count; i++)
        if (strcmp(j->granted->approver[i], member) == 0)
            return is_zero(&j->granted->share[i]) || vt_digest_eq(&j->granted->share[i], file);
    return false;
}

static bool
group_has(const struct join *j, const struct vt_rule_group *g, const char *member)
{
    const struct vt_rule_party *party = NULL;
    size_t n = vt_vault_policy_parties(j->policy, &party);

    for (size_t i = 0; i < g->member_count; i++)
        if (g->member[i] < n && strcmp(party[g->member[i]].name, member) == 0)
            return true;
    return false;
}

/* The group's number; group_count when the member may not speak for it. */
static size_t
find_group(const struct join *j, const struct vt_share_row *row)
{
    size_t i = 0;

    while (i < j->group_count && strcmp(j->group[i]->name, row->group) != 0)
        i++;
    if (i < j->group_count && !group_has(j, j->group[i], row->member))
        return j->group_count;
    return i;
}

/* The key's number, a new one where there is room; VT_SHARES_KEYS_MAX otherwise. */
static size_t
find_key(struct join *j, const struct vt_digest *id)
{
    size_t i = 0;

    while (i < j->key_count && !vt_digest_eq(&j->key_id[i], id))
        i++;
    if (i == j->key_count && i < VT_SHARES_KEYS_MAX)
        j->key_id[j->key_count++] = *id;
    return i;
}

static bool
have_piece(const struct join *j, size_t key, size_t group, uint8_t x)
{
    for (size_t i = 0; i < j->piece_count; i++) {
        const struct piece *p = &j->held->piece[i];
        if (p->key == key && p->group == group && p->share.x == x)
            return true;
    }
    return false;
}

/* Takes a row that counts; one that does not, or does not open, is as if it were not there:
 * what is missing is said at the end. */
static void
take_row(struct join *j, const struct vt_share_row *row, const struct vt_digest *file)
{
    struct piece *p = &j->held->piece[j->piece_count];
    size_t group, key;

    if (row->mode != j->granted->request.mode ||
        strcmp(row->region, j->granted->request.scope.region) != 0 ||
        !approved(j, row->member, file))
        return;
    group = find_group(j, row);
    if (group == j->group_count || j->piece_count == PIECES_MAX)
        return;
    key = find_key(j, &row->key_id);
    if (key == VT_SHARES_KEYS_MAX || have_piece(j, key, group, row->x))
        return;
    p->key = (uint8_t)key;
    p->group = (uint8_t)group;
    p->share.x = row->x;
    if (vt_share_row_open(row, &j->granted->request_doc, j->keeper, p->share.y, NULL) == VT_OK)
        j->piece_count++;
}

static enum vt_err
take_file(struct join *j, const uint8_t *data, size_t len, struct vt_why *why)
{
    struct vt_digest digest;
    enum vt_err err = vt_shares_parse(data, len, j->file, why);

    if (err != VT_OK)
        return err;
    if (!j->file->for_request || !vt_digest_eq(&j->file->request, &j->granted->request_doc))
        return vt_fail(why, VT_E_REFUSED, "shares that were sent for another request");
    vt_digest_of(data, len, &digest);
    for (size_t i = 0; i < j->file->count; i++)
        take_row(j, &j->file->row[i], &digest);
    return VT_OK;
}

static enum vt_err
take_files(struct join *j, const void *files, size_t len, struct vt_why *why)
{
    struct vt_reader r = VT_READER(files, len);
    enum vt_err err = VT_OK;

    if (len > VT_SHARES_JOIN_MAX)
        return vt_fail(why, VT_E_LIMIT, "shares of %zu bytes in all", len);
    while (r.left > 0 && err == VT_OK) {
        const uint8_t *p;
        uint32_t n;
        if (!vt_reader_u32(&r, &n) || !vt_reader_take(&r, n, &p))
            return vt_fail(why, VT_E_SYNTAX, "the files of shares are cut short");
        err = take_file(j, p, n, why);
    }
    return err;
}

/* Joins one group's secret and adds it to the key. */
static enum vt_err
join_group(struct join *j, size_t key, size_t group, struct vt_why *why)
{
    const struct vt_rule_group *g = j->group[group];
    unsigned n = 0;
    enum vt_err err;

    for (size_t i = 0; i < j->piece_count && n < VT_SHARES_MAX; i++)
        if (j->held->piece[i].key == key && j->held->piece[i].group == group)
            j->held->of_group[n++] = j->held->piece[i].share;
    if (n < g->need)
        return vt_fail(why, VT_E_REFUSED,
            "group %s must give %u shares of the region's key, %u are there", g->name, g->need,
            n);
    err = vt_shamir_join(j->held->of_group, n, j->held->part, why);
    for (size_t i = 0; i < VT_SHARE_SECRET_SIZE && err == VT_OK; i++)
        j->held->key[i] ^= j->held->part[i];
    return err;
}

static enum vt_err
join_key(struct join *j, size_t key, struct vt_box **ret, struct vt_why *why)
{
    struct vt_box_public pub;
    struct vt_box *box = NULL;
    struct vt_digest id;
    enum vt_err err = VT_OK;

    vt_wipe(j->held->key, sizeof j->held->key);
    for (size_t i = 0; i < j->group_count && err == VT_OK; i++)
        err = join_group(j, key, i, why);
    if (err == VT_OK)
        err = vt_box_from_private(j->held->key, &box, why);
    if (err != VT_OK)
        return err;
    vt_box_public(box, &pub);
    vt_batch_key_id(&pub, &id);
    if (!vt_digest_eq(&id, &j->key_id[key])) {
        vt_box_free(box);
        return vt_fail(
            why, VT_E_REFUSED, "the shares do not give the region's key: one of them is wrong");
    }
    *ret = box;
    return VT_OK;
}

/* Every key of which enough is there; an older one may be out of reach by now. */
static enum vt_err
join_keys(struct join *j, struct vt_joined *ret, struct vt_why *why)
{
    struct vt_joined out = {0};
    enum vt_err err = vt_fail(why, VT_E_REFUSED, "no share of the region's key for %s came",
        vt_mode_name(j->granted->request.mode));

    for (size_t i = 0; i < j->key_count; i++) {
        enum vt_err one = join_key(j, i, &out.key[out.count], why);
        if (one == VT_OK)
            out.key_id[out.count++] = j->key_id[i];
        else
            err = one;
        if (one != VT_OK && one != VT_E_REFUSED) {
            vt_joined_release(&out);
            return one;
        }
    }
    if (out.count == 0)
        return err;
    *ret = out;
    return VT_OK;
}

enum vt_err
vt_shares_join(const struct vt_vault_policy *p, const struct vt_granted *granted,
    const void *files, size_t len, const struct vt_box *keeper, struct vt_joined *ret,
    struct vt_why *why)
{
    struct join j = {.policy = p, .granted = granted, .keeper = keeper};
    void *held = NULL;
    enum vt_err err;

    j.group_count = vt_vault_policy_approvers(p, granted->request.mode, j.group, VT_RULES_MAX);
    if (j.group_count == 0)
        return vt_fail(why, VT_E_REFUSED, "the policy has nobody to approve %s",
            vt_mode_name(granted->request.mode));
    j.file = calloc(1, sizeof *j.file);
    if (j.file == NULL)
        return vt_fail(why, VT_E_NOMEM, "shares: out of memory");
    err = vt_locked_new(sizeof *j.held, &held, why);
    j.held = held;
    if (err == VT_OK)
        err = take_files(&j, files, len, why);
    if (err == VT_OK)
        err = join_keys(&j, ret, why);
    vt_locked_free(held);
    free(j.file);
    return err;
}
