/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of ledger_world.h as the public files of a log, so that a desk can read it
 * from a folder. Include after ledger_world.h.
 */
#ifndef VT_TEST_LEDGER_FOLDER_H
#define VT_TEST_LEDGER_FOLDER_H

#include "base/file.h"
#include "log/writer.h"
#include "store/store.h"

struct ledger_folder {
    char dir[VT_PATH_MAX]; /* made by lf_init, with log/ and public/ below */
    char pub[VT_PATH_MAX];
    struct vt_log_writer *writer;
    struct vt_store *store;
    struct vt_signer *signer;
};

static inline void
lf_init(struct ledger_folder *f)
{
    char log[VT_PATH_MAX], objects[VT_PATH_MAX];
    struct vt_why why = {{0}};
    lw_must(vt_dir_temp("/tmp", "vt-ledger", f->dir, &why), &why);
    lw_must(vt_path(log, &why, "%s/log", f->dir), &why);
    lw_must(vt_path(f->pub, &why, "%s/public", f->dir), &why);
    lw_must(vt_path(objects, &why, "%s/objects", f->pub), &why);
    lw_must(vt_log_writer_open(log, f->pub, LW_ORIGIN, &f->writer, &why), &why);
    lw_must(vt_store_open_dir(objects, &f->store, &why), &why);
    f->signer = lw_signer(LW_LOG);
}

static inline void
lf_release(struct ledger_folder *f)
{
    struct vt_why why = {{0}};
    vt_log_writer_free(f->writer);
    vt_store_free(f->store);
    vt_signer_free(f->signer);
    lw_must(vt_tree_remove(f->dir, &why), &why);
}

/* Writes what the world has more than the folder, and publishes it with the cosignatures of
 * who cosigns. */
static inline void
lf_publish(struct ledger_folder *f, struct ledger_world *w)
{
    struct vt_buf note = VT_BUF(VT_NOTE_MAX);
    struct vt_why why = {{0}};
    struct vt_digest d;
    uint64_t index;
    for (size_t i = (size_t)vt_log_writer_size(f->writer); i < w->count; i++) {
        struct lw_item *item = &w->item[i];
        lw_must(vt_store_put(f->store, item->doc.data, item->doc.len, &d, &why), &why);
        lw_must(vt_log_writer_add(
                    f->writer, item->entry.data, item->entry.len, &item->leaf, &index, &why),
            &why);
        assert_int_equal(index, i);
    }
    lw_must(vt_log_writer_commit(f->writer, &why), &why);
    lw_must(vt_log_writer_sign(f->writer, f->signer, &why), &why);
    lw_put_checkpoint(w, w->count, &note);
    lw_must(vt_log_writer_publish(f->writer, note.data, note.len, &why), &why);
    vt_buf_release(&note);
}

#endif
