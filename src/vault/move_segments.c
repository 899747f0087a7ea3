/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, segments and keys that arrive. */
#include "vault/move_take.h"
#include "vault/move_voucher.h"
#include "vault/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYS_MAX (512U * 1024U * 1024U) /* sealed keys of a region */
#define LIST_MAX 1000U                  /* missing segments named at once */

enum vt_err
vt_move_take_rows(struct vt_move_taking *k, uint64_t offset, struct vt_why *why)
{
    uint64_t total = k->terms.is.segments * VT_SEGMENT_ROW_SIZE;
    struct vt_buf b = VT_BUF(total);
    struct vt_digest root;
    char path[VT_PATH_MAX];
    bool whole;
    enum vt_err err;

    if (vt_move_has(&k->move, "rows"))
        return VT_OK;
    err = vt_move_append(k, "rows", offset, total, &whole, why);
    if (err != VT_OK || !whole)
        return err;
    if ((err = vt_move_path(&k->move, path, why, "rows.part")) == VT_OK &&
        (err = vt_file_read(path, &b, why)) == VT_OK) {
        vt_move_rows_root(b.data, (size_t)k->terms.is.segments, &root);
        if (vt_digest_eq(&root, &k->terms.is.root))
            err = vt_move_install_here(&k->move, "rows", why);
        else if ((err = vt_move_drop_part(&k->move, "rows", why)) == VT_OK)
            err = vt_fail(why, VT_E_DIGEST,
                "the rows do not give the root that the relocation says: they were thrown "
                "away");
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_move_take_retired(
    struct vt_move_taking *k, uint64_t total, uint64_t offset, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_INVENTORY_MAX * VT_SEGMENT_ID_SIZE);
    struct vt_move_ids ids;
    char path[VT_PATH_MAX];
    bool whole;
    enum vt_err err;

    if (vt_move_has(&k->move, "retired"))
        return VT_OK;
    if (total % VT_SEGMENT_ID_SIZE != 0 || total / VT_SEGMENT_ID_SIZE > k->terms.is.segments)
        return vt_fail(why, VT_E_LIMIT, "more removed segments than the region has");
    err = vt_move_append(k, "retired", offset, total, &whole, why);
    if (err != VT_OK || !whole)
        return err;
    if ((err = vt_move_path(&k->move, path, why, "retired.part")) == VT_OK &&
        (err = vt_file_read(path, &b, why)) == VT_OK) {
        ids = (struct vt_move_ids){.count = b.len / VT_SEGMENT_ID_SIZE, .id = b.data};
        if (vt_move_ids_sorted(&ids))
            err = vt_move_install_here(&k->move, "retired", why);
        else if ((err = vt_move_drop_part(&k->move, "retired", why)) == VT_OK)
            err = vt_fail(why, VT_E_SYNTAX, "the ids of removed segments are not sorted");
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
row_at(
    const struct vt_move_taking *k, uint64_t i, struct vt_segment_row *ret, struct vt_why *why)
{
    uint8_t bytes[VT_SEGMENT_ROW_SIZE];
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_path(&k->move, path, why, "rows");
    int fd;

    if (err != VT_OK)
        return err;
    if (i >= k->terms.is.segments)
        return vt_fail(why, VT_E_SYNTAX, "there is no such row");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 ||
        pread(fd, bytes, sizeof bytes, (off_t)(i * sizeof bytes)) != (ssize_t)sizeof bytes)
        err = vt_fail_errno(why, "%s", path);
    else if (!vt_segment_row_parse(bytes, sizeof bytes, ret))
        err = vt_fail(why, VT_E_SYNTAX, "%s: damaged", path);
    if (fd >= 0)
        close(fd);
    return err;
}

/* A segment's bytes, by the number of its row. Its last piece is followed by the check. */
enum vt_err
vt_move_take_segment(
    struct vt_move_taking *k, uint64_t number, uint64_t offset, struct vt_why *why)
{
    char name[64];
    char part[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    struct vt_segment_row row;
    bool whole;
    enum vt_err err;

    if ((err = row_at(k, number, &row, why)) != VT_OK ||
        (err = vt_move_segment_path(k->t->home, k->move.region, row.id, to, why)) != VT_OK ||
        vt_file_exists(to))
        return err;
    vt_hex_encode(row.id, sizeof row.id, hex);
    (void)snprintf(name, sizeof name, "parts/%s", hex);
    if ((err = vt_move_path(&k->move, dir, why, "parts")) != VT_OK ||
        (err = vt_dir_make(dir, 0700, why)) != VT_OK ||
        (err = vt_move_append(k, name, offset, row.size, &whole, why)) != VT_OK || !whole ||
        (err = vt_move_path(&k->move, part, why, "%s.part", name)) != VT_OK)
        return err;
    err = vt_segment_check(part, &row, NULL, why);
    if (err != VT_OK) {
        (void)unlink(part);
        if (err == VT_E_SYNTAX || err == VT_E_LIMIT) /* sent wrongly, to be sent again */
            err = vt_fail(why, VT_E_DIGEST, "segment %s is not what its row says", hex);
        return vt_fail_in(why, err, "segment %s", hex);
    }
    if ((err = vt_vault_path(k->t->home, dir, why, "segments/%s", k->move.region)) == VT_OK &&
        (err = vt_dir_make(dir, 0755, why)) == VT_OK)
        err = vt_move_install(&k->move, name, to, dir, why);
    return err;
}

/* What of a segment's file lies in parts/ already. */
static uint64_t
part_size(const struct vt_move *m, const uint8_t id[VT_SEGMENT_ID_SIZE])
{
    char name[64];
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    uint64_t n = 0;

    vt_hex_encode(id, VT_SEGMENT_ID_SIZE, hex);
    (void)snprintf(name, sizeof name, "parts/%s.part", hex);
    return vt_move_size_of(m, name, &n) ? n : 0;
}

/* Lists rows from `from` on whose segments are not here: "ROW OFFSET" lines, at most LIST_MAX.
 */
static enum vt_err
list_missing(struct vt_move_taking *k, uint64_t from, const struct vt_move_ids *retired,
    struct vt_why *why)
{
    struct vt_inventory *rows = NULL;
    char path[VT_PATH_MAX];
    size_t n = 0;
    enum vt_err err = vt_move_path(&k->move, path, why, "rows");

    if (err == VT_OK)
        err = vt_inventory_open(path, &rows, why);
    for (size_t i = (size_t)from; err == VT_OK && i < vt_inventory_count(rows) && n < LIST_MAX;
         i++) {
        const struct vt_segment_row *row = vt_inventory_row(rows, i);

        if (vt_move_ids_has(retired, row->id))
            continue;
        err = vt_move_segment_path(k->t->home, k->move.region, row->id, path, why);
        if (err == VT_OK && !vt_file_exists(path)) {
            vt_buf_putf(
                k->answer, "%zu %llu\n", i, (unsigned long long)part_size(&k->move, row->id));
            n++;
        }
    }
    vt_inventory_free(rows);
    if (err == VT_OK && n == 0 && from == 0)
        err = vt_move_put(&k->move, "segments", "", 0, why);
    return err;
}

enum vt_err
vt_move_take_missing(struct vt_move_taking *k, uint64_t from, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_INVENTORY_MAX * VT_SEGMENT_ID_SIZE);
    struct vt_move_ids retired;
    enum vt_err err = vt_move_get(&k->move, "retired", &b, why);

    retired = (struct vt_move_ids){.count = b.len / VT_SEGMENT_ID_SIZE, .id = b.data};
    if (err == VT_OK)
        err = list_missing(k, from, &retired, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_move_take_keys(struct vt_move_taking *k, uint64_t total, uint64_t offset, struct vt_why *why)
{
    bool whole;
    enum vt_err err;

    if (vt_move_has(&k->move, "sealed") || vt_move_has(&k->move, "keys"))
        return VT_OK;
    if (total == 0 || total > KEYS_MAX)
        return vt_fail(why, VT_E_LIMIT, "sealed keys of %llu bytes", (unsigned long long)total);
    err = vt_move_append(k, "sealed", offset, total, &whole, why);
    return err == VT_OK && whole ? vt_move_install_here(&k->move, "sealed", why) : err;
}

/* The body is u32 n ‖ voucher, then fresh evidence of the relocation. */
static enum vt_err
check_voucher(const struct vt_move_taking *k, const struct vt_buf *sealed,
    struct vt_reader *ret_evidence, struct vt_why *why)
{
    const struct vt_rule_party *from = vt_vault_policy_keeper(k->t->policy, k->terms.is.from);
    struct vt_reader r = VT_READER(k->body, k->len);
    struct vt_digest digest;
    const uint8_t *voucher;
    uint32_t n;
    enum vt_err err;

    if (!vt_reader_u32(&r, &n) || !vt_reader_take(&r, n, &voucher))
        return vt_fail(why, VT_E_SYNTAX, "no voucher for the keys");
    if (from == NULL)
        return vt_fail(
            why, VT_E_REFUSED, "the policy in force knows no vault at %s", k->terms.is.from);
    vt_digest_of(sealed->data, sealed->len, &digest);
    err = vt_move_voucher_check(voucher, n, &from->key, &k->terms.digest, &digest, why);
    if (err == VT_OK)
        *ret_evidence = r;
    return err;
}

/* What was sealed anew, or by somebody else, is thrown away, to be sent again. */
static bool
is_other(enum vt_err err)
{
    return err == VT_E_SIG || err == VT_E_DIGEST || err == VT_E_SYNTAX || err == VT_E_UNKNOWN;
}

enum vt_err
vt_move_take_into_keeper(struct vt_move_taking *k, struct vt_why *why)
{
    struct vt_buf sealed = VT_BUF(KEYS_MAX);
    char line[VT_DIGEST_HEX_SIZE + 24];
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_reader evidence = {0};
    struct vt_digest root;
    uint64_t keys = 0;
    int n;
    enum vt_err err;

    if (vt_move_has(&k->move, "keys"))
        return VT_OK;
    if ((err = vt_move_get(&k->move, "sealed", &sealed, why)) != VT_OK)
        return err;
    if ((err = check_voucher(k, &sealed, &evidence, why)) == VT_OK)
        err = vt_keeper_take(k->t->keeper, evidence.p, evidence.left, sealed.data, sealed.len,
            &root, &keys, why);
    vt_buf_release(&sealed);
    if (is_other(err) && vt_move_drop(&k->move, "sealed", NULL) == VT_OK)
        err = vt_fail_in(why, VT_E_DIGEST, "the keys were thrown away");
    if (err != VT_OK)
        return err;
    vt_digest_hex(&root, hex);
    n = snprintf(line, sizeof line, "%s %llu\n", hex, (unsigned long long)keys);
    err = vt_move_put(&k->move, "keys", line, (size_t)n, why);
    return err == VT_OK ? vt_move_drop(&k->move, "sealed", why) : err;
}
