/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a log replaced by arbitrary bytes: what a reader gives out is the log's all the
 * same, and the audit finds every change.
 */
#include "log/audit.h"
#include "log/tiles.h"
#include "log_made.h"

/* Everything that the tiles give out is of the tree. */
static bool
read_all(const struct made *m)
{
    struct vt_fetch *fetch = NULL;
    struct vt_tiles *tiles = NULL;
    bool all = true;

    must(vt_fetch_new(m->dir, &fetch, NULL) == VT_OK);
    must(vt_tiles_new(fetch, m->size, &m->root_hash, &tiles, NULL) == VT_OK);
    for (uint64_t i = 0; i < m->size; i += 37) {
        struct vt_hash_source src = vt_tiles_source(tiles);
        struct vt_proof proof;
        struct vt_digest leaf;
        const uint8_t *p = NULL;
        char text[32];
        size_t len = 0;
        int want = snprintf(text, sizeof(text), "entry %u\n", (unsigned)i);

        vt_merkle_leaf(text, (size_t)want, &leaf);
        if (vt_tiles_entry(tiles, i, &p, &len, NULL) != VT_OK)
            all = false;
        else
            must(len == (size_t)want && memcmp(p, text, len) == 0);
        if (vt_merkle_prove_inclusion(&src, i, m->size, &proof, NULL) != VT_OK)
            all = false;
        else
            must(vt_merkle_check_inclusion(i, m->size, &leaf, &proof, &m->root_hash, NULL) ==
                 VT_OK);
    }
    vt_tiles_free(tiles);
    vt_fetch_free(fetch);
    return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made m;
    struct vt_log_audit_opts opts = {.threads = 1};
    struct vt_buf was = VT_BUF(65536);
    struct vt_log_audit sum;
    struct vt_tile t;
    char path[64] = {0};
    const char *file;
    enum vt_err err;
    bool same;

    if (m.size == 0) {
        made_begin(&m);
        made_log(&m, 600);
    }
    /* Paths too. */
    memcpy(path, data, size < sizeof(path) - 1 ? size : sizeof(path) - 1);
    if (vt_tile_parse(path, &t)) {
        char again[VT_TILE_PATH_MAX];

        vt_tile_path(&t, again);
        must(strcmp(again, path) == 0);
    }
    if (size == 0)
        return 0;
    file = made_files[1 + data[0] % 6];
    made_get(&m, file, &was);
    made_put(&m, file, data + 1, size - 1);
    same = size - 1 == was.len && memcmp(data + 1, was.data, was.len) == 0;
    if (same)
        must(read_all(&m));
    else
        (void)read_all(&m);
    err = vt_log_audit(m.dir, m.policy, &opts, &sum, NULL);
    must((err == VT_OK) == same);
    made_put(&m, file, was.data, was.len);
    vt_buf_release(&was);
    return 0;
}
