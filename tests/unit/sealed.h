/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region's sealed segments at a home, and a stand-in for the keeper that has their keys: for
 * tests of what reads them. Link with --wrap=vt_keeper_open_keys and --wrap=vt_keeper_fd.
 */
#ifndef VT_TEST_SEALED_H
#define VT_TEST_SEALED_H

#include "crypto/kdf.h"
#include "report/batch.h"
#include "vault/place.h"
#include "vault/scan.h"
#include "vault/segment_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEALED_REGION "EU"
#define SEALED_BATCHES_MAX 64

struct sealed {
    struct vt_home home;
    struct vt_box *region;
    uint8_t private_half[VT_BOX_SIZE]; /* again: a forked process has no locked memory */
    struct vt_batch_writer *writer;    /* of the batch being made */
    struct vt_buf batch[SEALED_BATCHES_MAX];
    size_t batch_count;
    const char *class_name;
    uint8_t customer[VT_SUBJECT_SIZE];
    /* What the keeper answers. */
    uint8_t erased[VT_SUBJECT_SIZE]; /* a subject without a key */
    bool refuses;
    unsigned asked; /* how often it was asked for keys */
};
static struct sealed sealed;

static inline void
sealed_must(enum vt_err err, const struct vt_why *why)
{
    if (err == VT_OK)
        return;
    (void)fprintf(stderr, "sealed.h: %s\n", why->text);
    abort();
}

/* Tags that differ in all bytes. */
static inline void
sealed_tag(const char *what, unsigned n, uint8_t ret[VT_SUBJECT_SIZE])
{
    struct vt_digest d;
    const struct vt_slice v[] = {{what, strlen(what)}, {&n, sizeof n}};
    vt_digest_of_slices(v, 2, &d);
    memcpy(ret, d.b, VT_SUBJECT_SIZE);
}

static inline void
sealed_open(const char *dir)
{
    static const char *const folders[] = {("segments/" SEALED_REGION), "inventory", "work"};
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    memset(&sealed, 0, sizeof sealed);
    sealed.home.kind = VT_HOME_SITE;
    (void)snprintf(sealed.home.dir, sizeof sealed.home.dir, "%s", dir);
    (void)snprintf(sealed.home.name, sizeof sealed.home.name, "zurich.example");
    for (size_t i = 0; i < 3; i++) {
        sealed_must(vt_vault_path(&sealed.home, path, &why, "%s", folders[i]), &why);
        sealed_must(vt_dir_make(path, 0700, &why), &why);
    }
    sealed_must(vt_box_new(&sealed.region, &why), &why);
    memcpy(sealed.private_half, vt_box_private(sealed.region), VT_BOX_SIZE);
}

static inline void
sealed_batch_end(void)
{
    struct vt_why why = {0};
    if (sealed.writer == NULL || vt_batch_records(sealed.writer) == 0)
        return;
    if (sealed.batch_count == SEALED_BATCHES_MAX)
        abort();
    struct vt_buf *b = &sealed.batch[sealed.batch_count++];
    vt_buf_init(b, VT_BATCH_MAX);
    sealed_must(vt_batch_end(sealed.writer, b, &why), &why);
}

/* Batches from now on are of that class and customer. */
static inline void
sealed_begin(const char *class_name, unsigned customer)
{
    struct vt_why why = {0};
    struct vt_batch_opts o = {.region = SEALED_REGION,
        .site = "zurich.example",
        .class_name = class_name,
        .created = 1795000000};
    sealed_batch_end();
    vt_batch_free(sealed.writer);
    vt_box_public(sealed.region, &o.key);
    sealed_tag("customer", customer, o.customer);
    sealed.class_name = class_name;
    sealed_must(vt_batch_new(&o, &sealed.writer, &why), &why);
}

static inline void
sealed_add(unsigned subject, const void *record, size_t len)
{
    uint8_t tag[VT_SUBJECT_SIZE];
    struct vt_why why = {0};
    sealed_tag("subject", subject, tag);
    enum vt_err err = vt_batch_add(sealed.writer, tag, record, len, &why);
    if (err == VT_E_BUSY) {
        sealed_batch_end();
        err = vt_batch_add(sealed.writer, tag, record, len, &why);
    }
    sealed_must(err, &why);
}

/* Keys as the ring would have them: an epoch's by class and day, a subject's by tag. */
static inline void
sealed_key(const char *class_name, uint32_t day, const uint8_t *tag,
    const uint8_t id[VT_SEGMENT_ID_SIZE], uint32_t i, uint8_t ret[32])
{
    struct vt_digest epoch;
    struct vt_digest subject;
    const struct vt_slice e[] = {{class_name, strlen(class_name)}, {&day, sizeof day}};
    vt_digest_of_slices(e, 2, &epoch);
    vt_digest_of(tag, VT_SUBJECT_SIZE, &subject);
    vt_segment_block_key(epoch.b, subject.b, id, i, ret);
}

static inline enum vt_err
sealed_keys(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    (void)ctx;
    (void)why;
    for (size_t i = 0; i < n; i++)
        sealed_key(m->class_name, m->day, subject[i], id, first + (uint32_t)i, ret[i]);
    return VT_OK;
}

/* All batches since the last one become a segment, with its row in the inventory. */
static inline void
sealed_segment(uint32_t day, struct vt_segment_row *ret)
{
    struct vt_slice v[SEALED_BATCHES_MAX];
    struct vt_inventory *inventory = NULL;
    struct vt_segment_row row;
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    sealed_batch_end();
    for (size_t i = 0; i < sealed.batch_count; i++)
        v[i] = (struct vt_slice){sealed.batch[i].data, sealed.batch[i].len};
    const struct vt_segment_make m = {.region = SEALED_REGION,
        .site = "zurich.example",
        .class_name = sealed.class_name,
        .day = day,
        .created = 1795000000,
        .batch = v,
        .count = sealed.batch_count,
        .keys = sealed_keys,
        .keys_max = 1024};
    sealed_must(vt_vault_path(&sealed.home, path, &why, "segments/" SEALED_REGION), &why);
    sealed_must(vt_segment_make(&m, path, &row, &why), &why);
    sealed_must(vt_vault_path(&sealed.home, path, &why, "inventory/" SEALED_REGION), &why);
    sealed_must(vt_inventory_open(path, &inventory, &why), &why);
    sealed_must(vt_inventory_add(inventory, &row, &why), &why);
    vt_inventory_free(inventory);
    for (size_t i = 0; i < sealed.batch_count; i++)
        vt_buf_release(&sealed.batch[i]);
    sealed.batch_count = 0;
    if (ret != NULL)
        *ret = row;
}

static inline void
sealed_close(void)
{
    vt_batch_free(sealed.writer);
    vt_box_free(sealed.region);
    sealed.writer = NULL;
    sealed.region = NULL;
}

/* Days 10 to 20 of classes "detection" and "usage". */
static inline struct vt_scope
sealed_scope(void)
{
    return (struct vt_scope){.region = SEALED_REGION,
        .class_count = 2,
        .class_name = {"detection", "usage"},
        .day_from = 10,
        .day_to = 20};
}

/*
 * The stand-in.
 */

int __wrap_vt_keeper_fd(const struct vt_keeper *k);
enum vt_err __wrap_vt_keeper_open_keys(struct vt_keeper *k, uint64_t session, const void *head,
    size_t head_len, struct vt_block_key *block, size_t block_count, struct vt_batch_key *batch,
    size_t batch_count, struct vt_why *why);

int
__wrap_vt_keeper_fd(const struct vt_keeper *k)
{
    (void)k;
    return 2;
}

enum vt_err
__wrap_vt_keeper_open_keys(struct vt_keeper *k, uint64_t session, const void *head,
    size_t head_len, struct vt_block_key *block, size_t block_count, struct vt_batch_key *batch,
    size_t batch_count, struct vt_why *why)
{
    struct vt_segment_head h;
    uint8_t info[VT_BATCH_INFO_SIZE];
    struct vt_box *key = NULL;
    (void)k;
    (void)session;
    sealed.asked++;
    if (sealed.refuses)
        return vt_fail(why, VT_E_REFUSED, "the keeper says no");
    sealed_must(vt_segment_head_parse(head, head_len, &h, why), why);
    sealed_must(vt_box_from_private(sealed.private_half, &key, why), why);
    if (h.block_count != block_count || h.batch_count != batch_count)
        abort();
    for (uint32_t i = 0; i < h.block_count; i++) {
        const uint8_t *tag = h.block[i].row.subject;
        block[i].erased = memcmp(tag, sealed.erased, VT_SUBJECT_SIZE) == 0;
        block[i].open = !block[i].erased;
        sealed_key(h.class_name, h.day, tag, h.id, i, block[i].key);
    }
    for (uint32_t i = 0; i < h.batch_count; i++) {
        vt_batch_info(&h.batch[i], info);
        batch[i].open = true;
        sealed_must(
            vt_hpke_receive(key, h.batch[i].enc, info, sizeof info, &batch[i].secret, why),
            why);
    }
    vt_segment_head_release(&h);
    vt_box_free(key);
    return VT_OK;
}

#endif
