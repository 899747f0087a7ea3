/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding a snapshot. One transaction holds all its rows, so readers see it whole from the
 * commit on. Its shards are written below work/, made durable and moved beside the others
 * before that commit; when it does not come, the next writer removes them (vt_library_sweep).
 */
#include "search/library_add.h"
#include "base/text.h"
#include "search/language.h"
#include "search/unpacked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_ARCHIVE (512U * 1024U)     /* bytes; one thread does */
#define SMALL_SHARD (4U * 1024U * 1024U) /* bytes; is gone on with, under a new file */
#define SMALL_SHARD_BLOBS (VT_SHARD_BLOBS_MAX / 2)

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Gives a blob to the threads; takes its bytes over. */
static enum vt_err
put_job(struct vt_adding *a, struct vt_unpacked *u, size_t known, bool store, bool symbols,
    const char *language, struct vt_why *why)
{
    struct vt_job *j = calloc(1, sizeof(*j));
    char *name = strdup(last_part(u->path));

    if (j == NULL || name == NULL) {
        free(j);
        free(name);
        return vt_fail(why, VT_E_NOMEM, "no memory to add a source");
    }
    *j = (struct vt_job){
        .known = known,
        .data = u->data,
        .len = (size_t)u->size,
        .digest = u->digest,
        .name = name,
        .language = language,
        .store = store,
        .symbols = symbols,
    };
    u->data = NULL; /* moved */
    vt_work_put(a->work, j);
    return VT_OK;
}

/* Puts the rows of a job that is done. Symbols of a blob that another job stores may come
 * first: they wait until its number is known. */
static enum vt_err
take_done(struct vt_adding *a, struct vt_job *j, struct vt_why *why)
{
    enum vt_err err;

    if (!j->store && a->blob[j->known].id == 0) {
        j->next = a->later;
        a->later = j;
        return VT_OK;
    }
    err = vt_adding_put(a, j, why);
    vt_job_free(j);
    return err;
}

static enum vt_err
make_room(struct vt_adding *a, struct vt_why *why)
{
    struct vt_job *j = NULL;
    enum vt_err err;

    do {
        err = vt_work_take(a->work, &j, why);
        if (err == VT_OK && j != NULL)
            err = take_done(a, j, why);
    } while (err == VT_OK && j != NULL);
    return err;
}

static enum vt_err
finish_work(struct vt_adding *a, struct vt_why *why)
{
    struct vt_job *j = NULL;
    enum vt_err err;

    do {
        err = vt_work_finish(a->work, &j, why);
        if (err == VT_OK && j != NULL)
            err = take_done(a, j, why);
    } while (err == VT_OK && j != NULL);
    while (err == VT_OK && a->later != NULL) {
        j = a->later;
        a->later = j->next;
        err = take_done(a, j, why);
    }
    return err == VT_OK ? vt_adding_put_names(a, why) : err;
}

static enum vt_err
take_link(struct vt_adding *a, const struct vt_unpacked *u, struct vt_why *why)
{
    char target[VT_PATH_MAX];

    (void)vt_text_clean(target, sizeof target, u->target, strlen(u->target));
    return vt_adding_file(a, u->path, target, 0, "", why);
}

static enum vt_err
take_entry(void *ctx, struct vt_unpacked *u, struct vt_why *why)
{
    struct vt_adding *a = ctx;
    const char *language;
    size_t known;
    bool fresh;
    bool symbols;
    enum vt_err err;

    if (a->progress != NULL)
        vt_progress_set(a->progress, u->read);
    if (u->target != NULL)
        return take_link(a, u, why);
    language =
        vt_language_of(last_part(u->path), u->data, u->data != NULL ? (size_t)u->size : 0);
    if ((err = vt_adding_blob(a, &u->digest, u->size, &known, &fresh, why)) != VT_OK ||
        (err = vt_adding_file(a, u->path, NULL, known, language, why)) != VT_OK)
        return err;
    if (u->data == NULL)
        return fresh ? vt_adding_put_large(a, &a->blob[known], why) : VT_OK;
    symbols =
        !a->blob[known].looked && u->size <= VT_LIBRARY_SHOWN_MAX &&
        vt_language_symbols(language) != VT_LANGUAGE_PLAIN &&
        (vt_work_has_ctags(a->work) || vt_language_symbols(language) == VT_LANGUAGE_RULES);
    if (!fresh && !symbols)
        return VT_OK;
    a->blob[known].looked = a->blob[known].looked || symbols;
    err = put_job(a, u, known, fresh, symbols, language, why);
    return err == VT_OK ? make_room(a, why) : err;
}

/* Copies a small shard's blobs, in their order, to a writer that goes on with it. */
static enum vt_err
copy_shard(struct vt_library *l, uint32_t id, struct vt_shard_writer *to, uint32_t *ret_count,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    uint32_t count = 0;
    enum vt_err err = vt_sql_query(l->db, &r, why,
        "SELECT id, text FROM blob WHERE id >= ? AND id < ? ORDER BY id", "ii",
        VT_LIBRARY_BLOB(id, 0), VT_LIBRARY_BLOB((uint64_t)id + 1, 0));

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        struct vt_digest digest;
        const uint8_t *data;
        uint32_t number = 0;
        size_t len;

        err = vt_library_bytes(l, vt_sql_int(r, 0), &digest, &data, &len, why);
        if (err == VT_OK)
            err = vt_shard_add(to, &digest, data, len, vt_sql_int(r, 1) != 0, &number, why);
        if (err == VT_OK && VT_LIBRARY_BLOB(id, number) != vt_sql_int(r, 0))
            err = vt_fail(why, VT_E_SYNTAX, "%s: the numbers of a shard have gaps", l->dir);
        count++;
    }
    vt_sql_end(r);
    *ret_count = count;
    return err;
}

/* Begins a new file of a small shard, to be gone on with. */
static enum vt_err
go_on_with(struct vt_library *l, const struct vt_work_shard *was, struct vt_shard_writer **ret,
    struct vt_work_shard *ret_as, struct vt_why *why)
{
    struct vt_shard_writer *writer = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err =
        vt_library_shard_path(l, VT_LIBRARY_WORK, was->id, was->generation + 1, path, why);

    *ret_as = *was;
    ret_as->generation++;
    if (err == VT_OK)
        err = vt_shard_writer_new(path, &writer, why);
    if (err == VT_OK)
        err = copy_shard(l, was->id, writer, &ret_as->blobs, why);
    if (err != VT_OK) {
        vt_shard_writer_free(writer);
        return err;
    }
    *ret = writer;
    return VT_OK;
}

/* The last small shards are gone on with: so many small snapshots do not make many shards. */
static enum vt_err
go_on(struct vt_adding *a, struct vt_work_opts *o, struct vt_why *why)
{
    struct vt_work_shard was[VT_WORK_THREADS_MAX];
    struct vt_sql_rows *r = NULL;
    unsigned count = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(a->l->db, &r, why,
        "SELECT id, generation, bytes FROM shard WHERE bytes < ? AND blobs < ?"
        " ORDER BY id DESC LIMIT ?",
        "iii", (int64_t)SMALL_SHARD, (int64_t)SMALL_SHARD_BLOBS, (int64_t)o->threads);

    while (err == VT_OK && count < o->threads && (err = vt_sql_step(r, &row, why)) == VT_OK &&
           row) {
        was[count].id = (uint32_t)vt_sql_int(r, 0);
        was[count].generation = (uint32_t)vt_sql_int(r, 1);
        was[count++].bytes = (uint64_t)vt_sql_int(r, 2);
    }
    vt_sql_end(r);
    for (unsigned i = 0; err == VT_OK && i < count; i++)
        err = go_on_with(a->l, &was[i], &o->begun[i], &o->begun_as[i], why);
    for (unsigned i = 0; err != VT_OK && i < count; i++)
        vt_shard_writer_free(o->begun[i]);
    return err;
}

static enum vt_err
begin_work(struct vt_adding *a, const char *archive, struct vt_why *why)
{
    struct vt_work_opts o = {.library = a->l, .threads = VT_WORK_THREADS_MAX};
    struct stat st;
    int64_t last = 0;
    enum vt_err err;

    if (stat(archive, &st) != 0)
        return vt_fail_errno(why, "%s", archive);
    if (st.st_size < SMALL_ARCHIVE || sysconf(_SC_NPROCESSORS_ONLN) < 2)
        o.threads = 1;
    err = vt_sql_count(a->l->db, 0, &last, why, "SELECT max(id) FROM shard", "");
    o.next_shard = (uint32_t)last + 1;
    if (err == VT_OK)
        err = vt_sql_count(a->l->db, 0, &a->large, why,
            "SELECT count(*) FROM blob WHERE id >= ?", "i", VT_LIBRARY_LARGE);
    if (err == VT_OK)
        err = go_on(a, &o, why);
    return err == VT_OK ? vt_work_new(&o, &a->work, why) : err;
}

/* Moves the new shards to where readers look for them, and tells the tables. */
static enum vt_err
put_shards(struct vt_adding *a, struct vt_why *why)
{
    const struct vt_work_shard *shard;
    size_t count = vt_work_shards(a->work, &shard);
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < count; i++) {
        uint32_t id = shard[i].id;
        uint32_t generation = shard[i].generation;

        err = vt_library_shard_path(a->l, VT_LIBRARY_WORK, id, generation, from, why);
        if (err == VT_OK)
            err = vt_library_shard_path(a->l, VT_LIBRARY_SHARDS, id, generation, to, why);
        if (err == VT_OK && rename(from, to) != 0)
            err = vt_fail_errno(why, "cannot move %s", from);
        if (err == VT_OK)
            err = vt_sql_do(a->l->db, why,
                "INSERT OR REPLACE INTO shard(id, generation, blobs, bytes)"
                " VALUES(?, ?, ?, ?)",
                "iiii", (int64_t)id, (int64_t)generation, (int64_t)shard[i].blobs,
                (int64_t)shard[i].bytes);
    }
    if (err == VT_OK)
        err = vt_path(to, why, "%s/" VT_LIBRARY_SHARDS, a->l->dir);
    return err == VT_OK ? vt_dir_sync(to, why) : err;
}

static enum vt_err
add(struct vt_adding *a, const struct vt_digest *source, const char *archive,
    struct vt_why *why)
{
    int64_t top = 0;
    enum vt_err err = begin_work(a, archive, why);

    if (err == VT_OK)
        err = vt_unpacked_each(archive, source, take_entry, a, why);
    if (err == VT_OK)
        err = finish_work(a, why);
    if (err == VT_OK)
        err = vt_adding_folders(a, &top, why);
    if (err == VT_OK)
        err = vt_adding_snapshot(a, source, top, why);
    if (err == VT_OK)
        err = put_shards(a, why);
    return err == VT_OK ? vt_sql_commit(a->l->db, why) : err;
}

/* What a small shard was before goes, or what was written in vain. When that fails, the next
 * writer does it. */
static void
sweep(struct vt_library *l)
{
    enum vt_err err = vt_library_sweep(l, NULL);

    (void)err;
}

/* Gives back the room that so large a commit took in the tables' journal, if readers let it. */
static void
tidy(struct vt_library *l)
{
    enum vt_err err = vt_sql_do(l->db, NULL, "PRAGMA wal_checkpoint(TRUNCATE)", "");

    (void)err;
}

static enum vt_err
add_new(struct vt_library *l, const struct vt_digest *source, const char *archive,
    struct vt_progress *progress, bool *ret_symbols, struct vt_why *why)
{
    struct vt_adding a = {
        .l = l,
        .progress = progress,
        .text = VT_BUF(VT_ADDING_PATHS_MAX),
        .names = {.text = VT_BUF(64U << 20)},
    };
    enum vt_err err = vt_sql_begin(l->db, why);

    if (err == VT_OK)
        err = add(&a, source, archive, why);
    if (err == VT_OK)
        *ret_symbols = vt_work_has_ctags(a.work);
    else
        vt_sql_rollback(l->db);
    vt_adding_release(&a);
    if (err == VT_OK) {
        err = vt_library_reload(l, why);
        tidy(l);
    }
    sweep(l);
    return err;
}

enum vt_err
vt_library_add(struct vt_library *l, const struct vt_digest *source, const char *archive,
    struct vt_progress *progress, bool *ret_symbols, struct vt_why *why)
{
    const struct vt_library_snapshot *have;
    bool symbols = true;
    enum vt_err err = VT_OK;

    if (!l->writable)
        return vt_fail(why, VT_E_STATE, "%s: the library is open for reading only", l->dir);
    if (vt_library_seek(l, source, &have, NULL) != VT_OK)
        err = add_new(l, source, archive, progress, &symbols, why);
    if (err == VT_OK && ret_symbols != NULL)
        *ret_symbols = symbols;
    return err;
}
