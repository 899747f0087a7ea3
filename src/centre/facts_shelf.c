/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shelf: which sources the library has, which it could not take, and where archives are.
 */
#include "centre/facts_held.h"

#include "base/clock.h"

#include <stdlib.h>

/* Where the archive is; *ret_sealed: only some may see it. False: it is not in the home. */
static bool
find_archive(const struct vt_facts *f, const struct vt_digest *source, char ret[VT_PATH_MAX],
    bool *ret_sealed)
{
    *ret_sealed = false;
    if (vt_facts_object_path(f, "public", source, ret, NULL) == VT_OK && vt_file_exists(ret))
        return true;
    *ret_sealed = true;
    return vt_facts_object_path(f, "sealed", source, ret, NULL) == VT_OK && vt_file_exists(ret);
}

/* An archive comes, or is made public, after its entry. */
static enum vt_err
put_sealed(struct vt_facts *f, const struct vt_digest *source, bool sealed, struct vt_why *why)
{
    enum vt_err err = vt_sql_begin(f->db, why);

    if (err == VT_OK)
        err = vt_sql_do(f->db, why, "UPDATE source SET sealed=? WHERE source=?", "id",
            (int64_t)sealed, source);
    if (err == VT_OK)
        err = vt_sql_do(f->db, why, "UPDATE state SET generation=generation+1", "");
    if (err == VT_OK)
        return vt_sql_commit(f->db, why);
    vt_sql_rollback(f->db);
    return err;
}

struct candidate {
    struct vt_digest source;
    bool sealed;
    bool wanted; /* not on the shelf, and not one that failed lately */
};

/* Sources whose archive must be looked for, newest first: those not on the shelf, and the
 * sealed ones, which may have become public. */
static enum vt_err
read_candidates(struct vt_facts *f, int64_t again_s, struct candidate **ret, size_t *ret_count,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct candidate *v = NULL, *p;
    size_t n = 0, cap = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT s.source, s.sealed, h.source IS NULL OR"
        " (h.problem IS NOT NULL AND h.tried IS NOT NULL AND h.tried<=?) AS wanted"
        " FROM source s LEFT JOIN shelf h ON h.source=s.source"
        " WHERE wanted OR s.sealed<>0 ORDER BY s.idx DESC",
        "i", vt_clock_now(&vt_clock_system) - again_s);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row) {
        if (n == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            p = reallocarray(v, cap, sizeof *v);
            if (p == NULL) {
                err = vt_fail(why, VT_E_NOMEM, "the facts: out of memory");
                break;
            }
            v = p;
        }
        v[n].sealed = vt_sql_int(r, 1) != 0;
        v[n].wanted = vt_sql_int(r, 2) != 0;
        n += vt_sql_digest(r, 0, &v[n].source) ? 1 : 0;
        err = vt_sql_step(r, &row, why);
    }
    vt_sql_end(r);
    *ret = v;
    *ret_count = n;
    return err;
}

enum vt_err
vt_facts_next_source(struct vt_facts *f, int64_t again_s, struct vt_digest *ret,
    char ret_path[VT_PATH_MAX], struct vt_why *why)
{
    struct candidate *v = NULL;
    char path[VT_PATH_MAX];
    size_t n = 0;
    bool found = false, sealed;
    enum vt_err err = read_candidates(f, again_s, &v, &n, why);

    for (size_t i = 0; i < n && err == VT_OK && !found; i++) {
        if (!find_archive(f, &v[i].source, path, &sealed))
            continue;
        if (sealed != v[i].sealed)
            err = put_sealed(f, &v[i].source, sealed, why);
        found = v[i].wanted;
        if (err == VT_OK && found) {
            *ret = v[i].source;
            err = vt_path(ret_path, why, "%s", path);
        }
    }
    free(v);
    return err == VT_OK && !found ? vt_fail(why, VT_E_NOENT, "no source waits for the library")
                                  : err;
}

enum vt_err
vt_facts_shelved(struct vt_facts *f, const struct vt_digest *source, const char *problem,
    bool again, struct vt_why *why)
{
    enum vt_err err = vt_sql_begin(f->db, why);

    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "INSERT OR REPLACE INTO shelf(source, tried, problem) VALUES(?, nullif(?, 0), ?)",
            "dis", source,
            problem == NULL || again ? vt_clock_now(&vt_clock_system) : INT64_C(0), problem);
    if (err == VT_OK)
        err = vt_sql_do(f->db, why, "UPDATE state SET generation=generation+1", "");
    if (err == VT_OK)
        return vt_sql_commit(f->db, why);
    vt_sql_rollback(f->db);
    return err;
}

/* One source at or after *at that is said to be on the shelf. */
static enum vt_err
next_shelved(struct vt_facts *f, int64_t *row_id, struct vt_digest *ret, bool *ret_any,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT rowid, source FROM shelf WHERE rowid>? AND problem IS NULL ORDER BY rowid"
        " LIMIT 1",
        "i", *row_id);

    if (err == VT_OK)
        err = vt_sql_step(r, ret_any, why);
    if (err == VT_OK && *ret_any) {
        *row_id = vt_sql_int(r, 0);
        *ret_any = vt_sql_digest(r, 1, ret);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_facts_check_shelf(struct vt_facts *f, bool (*fn)(void *ctx, const struct vt_digest *source),
    void *ctx, struct vt_why *why)
{
    struct vt_digest source;
    int64_t at = 0;
    bool any = true;
    enum vt_err err = VT_OK;

    while (err == VT_OK && any) {
        err = next_shelved(f, &at, &source, &any, why);
        if (err == VT_OK && any && !fn(ctx, &source))
            err = vt_sql_do(f->db, why, "DELETE FROM shelf WHERE source=?", "d", &source);
    }
    return err;
}
