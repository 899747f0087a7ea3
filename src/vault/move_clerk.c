/* SPDX-License-Identifier: Apache-2.0 */
/* The site that takes, in the clerk: reading everything once more, the receipt, and the end. */
#include "vault/move_take.h"

#include "base/clock.h"
#include "base/log.h"
#include "vault/place.h"
#include "vault/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct clerk {
    const struct vt_home *home;
    struct vt_desk *desk;
    struct vt_signer *signer;
};

/* A segment that is missing or damaged is asked for again. */
static enum vt_err
ask_again(const struct vt_move *m, const char *path, struct vt_why *why)
{
    enum vt_err err;

    if (unlink(path) == 0)
        vt_log(VT_LOG_WARN, "relocation of %s: %s is damaged and was removed", m->region, path);
    err = vt_move_drop(m, "end", why);
    return err == VT_OK ? vt_move_drop(m, "segments", why) : err;
}

/* Every segment that the rows name, from disk. *ret_good: none is missing or damaged. */
static enum vt_err
check_rows(const struct vt_move *m, const struct vt_inventory *rows,
    const struct vt_move_ids *retired, bool *ret_good, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_why bad = {0};
    enum vt_err err = VT_OK;

    *ret_good = true;
    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(rows); i++) {
        const struct vt_segment_row *row = vt_inventory_row(rows, i);
        enum vt_err one;

        if (vt_move_ids_has(retired, row->id))
            continue;
        err = vt_move_segment_path(m->home, m->region, row->id, path, why);
        if (err != VT_OK)
            break;
        one = vt_segment_check(path, row, NULL, &bad);
        if (one == VT_E_NOMEM || one == VT_E_IO)
            return vt_fail(why, one, "%s", bad.text);
        if (one != VT_OK) {
            *ret_good = false;
            vt_log(VT_LOG_WARN, "relocation of %s: %s", m->region, bad.text);
            err = ask_again(m, path, why);
        }
    }
    return err;
}

static enum vt_err
check_all(const struct vt_move *m, struct vt_why *why)
{
    struct vt_buf ids = VT_BUF((size_t)VT_INVENTORY_MAX * VT_SEGMENT_ID_SIZE);
    struct vt_inventory *rows = NULL;
    struct vt_move_ids retired;
    struct vt_move_terms terms;
    struct vt_digest root;
    char path[VT_PATH_MAX];
    bool good = false;
    enum vt_err err;

    if ((err = vt_move_terms_load(m, "evidence", &terms, why)) != VT_OK ||
        (err = vt_move_path(m, path, why, "rows")) != VT_OK ||
        (err = vt_inventory_open(path, &rows, why)) != VT_OK ||
        (err = vt_move_get(m, "retired", &ids, why)) != VT_OK)
        goto out;
    retired = (struct vt_move_ids){.count = ids.len / VT_SEGMENT_ID_SIZE, .id = ids.data};
    vt_inventory_root(rows, &root);
    if (vt_inventory_count(rows) != terms.is.segments || !vt_digest_eq(&root, &terms.is.root))
        err = vt_fail(why, VT_E_DIGEST, "%s: not the rows that were taken", path);
    if (err == VT_OK)
        err = check_rows(m, rows, &retired, &good, why);
    if (err == VT_OK && good)
        err = vt_move_put(m, "checked", "", 0, why);
out:
    vt_inventory_free(rows);
    vt_buf_release(&ids);
    return err;
}

/* How many keys the keeper took: the second word of the file. */
static enum vt_err
count_keys(const struct vt_move *m, uint64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(256);
    struct vt_reader r, line, word;
    enum vt_err err = vt_move_get(m, "keys", &b, why);

    r = VT_READER(b.data, b.len);
    if (err == VT_OK && (!vt_reader_line(&r, &line) || !vt_reader_word(&line, ' ', &word) ||
                            !vt_reader_decimal(&line, INT64_MAX, ret)))
        err = vt_fail(why, VT_E_CONFIG, "moves/%s/keys is damaged", m->region);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
say_receipt(const struct clerk *c, const struct vt_move *m, struct vt_why *why)
{
    struct vt_receipt r = {.made = vt_clock_now(&vt_clock_system)};
    struct vt_move_terms terms;
    struct vt_doc *doc = NULL;
    struct vt_digest said;
    char path[VT_PATH_MAX];
    char line[VT_DIGEST_HEX_SIZE + 40];
    char hex[VT_DIGEST_HEX_SIZE];
    uint64_t index;
    int n;
    enum vt_err err;

    if ((err = vt_move_terms_load(m, "evidence", &terms, why)) != VT_OK ||
        (err = count_keys(m, &r.keys, why)) != VT_OK ||
        (err = vt_move_path(m, path, why, "receipt")) != VT_OK)
        return err;
    r.relocation = terms.digest;
    memcpy(r.region, terms.is.region, sizeof r.region);
    memcpy(r.from, terms.is.from, sizeof r.from);
    memcpy(r.to, terms.is.to, sizeof r.to);
    r.segments = terms.is.segments;
    r.records = terms.is.records;
    r.bytes = terms.is.bytes;
    r.root = terms.is.root;
    err = vt_receipt_doc(&r, &doc, why);
    if (err == VT_OK)
        err = vt_say_once(c->desk, c->signer, path, doc, &said, &index, why);
    if (err == VT_OK) {
        vt_digest_hex(&said, hex);
        n = snprintf(line, sizeof line, "sha256:%s %llu\n", hex, (unsigned long long)index);
        err = vt_move_put(m, "said", line, (size_t)n, why);
    }
    vt_doc_free(doc);
    return err;
}

struct search {
    struct vt_digest receipt;
    bool found;
};

static enum vt_err
look_for_shred(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct search *s = ctx;

    (void)why;
    if (e->entry.kind != VT_ENTRY_SHRED ||
        !vt_entry_has(&e->entry, VT_SUBJECT_RECEIPT, &s->receipt))
        return VT_OK;
    s->found = true;
    return VT_E_EXIST;
}

/* Closes the move when the other site has said that it destroyed its part. */
static enum vt_err
close_shredded(const struct clerk *c, const struct vt_move *m, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_move_terms terms;
    struct search s = {0};
    enum vt_err err = vt_move_get(m, "receipt", &b, why);

    if (err == VT_OK) {
        vt_digest_of(b.data, b.len, &s.receipt);
        err = vt_desk_refresh(c->desk, why);
    }
    if (err == VT_OK)
        err = vt_desk_each(c->desk, look_for_shred, &s, why);
    if (err == VT_OK && s.found)
        err = vt_move_terms_load(m, "evidence", &terms, why);
    if (err == VT_OK && s.found) {
        err = vt_move_close(m, &terms.digest, why);
        vt_log(
            VT_LOG_INFO, "the relocation of %s from %s is complete", m->region, m->state.other);
    }
    vt_buf_release(&b);
    return err;
}

static bool
is_due(const struct vt_move *m)
{
    return m->state.side == VT_MOVE_IN &&
           ((vt_move_has(m, "end") && !vt_move_has(m, "checked")) ||
               (vt_move_has(m, "merged") && !vt_move_has(m, "said")));
}

struct due {
    const struct vt_home *home;
    bool is;
};

static enum vt_err
look_for_due(void *ctx, const char *name, struct vt_why *why)
{
    struct due *d = ctx;
    struct vt_move m;

    if (vt_move_region_valid(name) && vt_move_open(d->home, name, &m, why) == VT_OK &&
        is_due(&m))
        d->is = true;
    return d->is ? VT_E_EXIST : VT_OK;
}

bool
vt_move_clerk_due(const struct vt_home *h)
{
    struct due d = {.home = h};
    char path[VT_PATH_MAX];

    if (vt_vault_path(h, path, NULL, "moves") == VT_OK && vt_file_exists(path))
        (void)!vt_dir_each(path, look_for_due, &d, NULL);
    return d.is;
}

static enum vt_err
go_on(void *ctx, const char *name, struct vt_why *why)
{
    const struct clerk *c = ctx;
    struct vt_move m;
    enum vt_err err;

    if (!vt_move_region_valid(name))
        return VT_OK; /* moves/done */
    err = vt_move_open(c->home, name, &m, why);
    if (err != VT_OK || m.state.side != VT_MOVE_IN)
        return err;
    if (vt_move_has(&m, "end") && !vt_move_has(&m, "checked"))
        err = check_all(&m, why);
    if (err == VT_OK && vt_move_has(&m, "merged") && !vt_move_has(&m, "said"))
        err = say_receipt(c, &m, why);
    if (err == VT_OK && vt_move_has(&m, "said"))
        err = close_shredded(c, &m, why);
    return err;
}

enum vt_err
vt_move_clerk(
    const struct vt_home *h, struct vt_desk *desk, struct vt_signer *signer, struct vt_why *why)
{
    struct clerk c = {.home = h, .desk = desk, .signer = signer};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(h, path, why, "moves");

    if (err != VT_OK || !vt_file_exists(path))
        return err;
    return vt_dir_each(path, go_on, &c, why);
}
