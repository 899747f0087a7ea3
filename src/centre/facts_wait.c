/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is not published when its entry is logged: looked for again, some of it at a time.
 */
#include "centre/facts_held.h"

#include "base/text.h"

#include <string.h>

struct wait {
    int64_t index;
    char what[16];
};

static enum vt_err
next_wait(struct vt_facts *f, const struct wait *after, struct wait *ret, bool *ret_any,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT idx, what FROM waiting WHERE (idx, what)>(?, ?) ORDER BY idx, what LIMIT 1",
        "is", after->index, after->what);

    if (err == VT_OK)
        err = vt_sql_step(r, ret_any, why);
    if (err == VT_OK && *ret_any) {
        const char *what = vt_sql_text(r, 1);

        ret->index = vt_sql_int(r, 0);
        (void)vt_text_clean(ret->what, sizeof ret->what, what, strlen(what));
    }
    vt_sql_end(r);
    return err;
}

/* Reads the entry's own row back. *ret_any false: it is no entry of a signer of the policy. */
static enum vt_err
load_entry(struct vt_facts *f, int64_t index, struct vt_facts_entry *ret, bool *ret_any,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err =
        vt_sql_query(f->db, &r, why, "SELECT text FROM entry WHERE idx=?", "i", index);

    *ret_any = false;
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        size_t len;
        const void *text = vt_sql_bytes(r, 0, &len);

        ret->index = (uint64_t)index;
        *ret_any = vt_log_entry_open(
                       f->policy, text, len, &ret->entry, NULL, &ret->signer, NULL) == VT_OK;
        if (*ret_any)
            ret->organisation = vt_facts_organisation(f, ret->signer);
    }
    vt_sql_end(r);
    return err;
}

/* Whether the statement of an entry is published now. Asked very often, so nothing is verified
 * here. */
static enum vt_err
is_published(struct vt_facts *f, int64_t index, bool *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_digest d;
    bool row = false;
    int64_t size;
    enum vt_err err =
        vt_sql_query(f->db, &r, why, "SELECT statement FROM entry WHERE idx=?", "i", index);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    *ret = err == VT_OK && row && vt_sql_digest(r, 0, &d) && vt_facts_object_size(f, &d, &size);
    vt_sql_end(r);
    return err;
}

/* The statement is there: its facts are written, or what is wrong with it. */
static enum vt_err
retake(struct vt_facts *f, const struct vt_facts_entry *e, struct vt_why *why)
{
    struct vt_why problem = {0};
    enum vt_err err = vt_facts_take_statement(f, e, &problem, why);

    if (err == VT_OK)
        err = vt_sql_do(f->db, why, "UPDATE entry SET problem=nullif(?, '') WHERE idx=?", "si",
            problem.text, (int64_t)e->index);
    return err;
}

/* *ret_done: it need not be looked for again. */
static enum vt_err
look_for(struct vt_facts *f, const struct wait *w, bool *ret_done, struct vt_why *why)
{
    uint64_t index = (uint64_t)w->index;

    if (strcmp(w->what, "manifest") == 0)
        return vt_facts_take_manifest(f, index, ret_done, why);
    if (strcmp(w->what, "metadata") == 0)
        return vt_facts_take_targets(f, index, ret_done, why);
    if (strcmp(w->what, "output") == 0)
        return vt_facts_take_sizes(f, index, ret_done, why);
    return is_published(f, w->index, ret_done, why);
}

static enum vt_err
retry_one(struct vt_facts *f, const struct wait *w, bool *ret_changed, struct vt_why *why)
{
    struct vt_facts_entry e = {0};
    bool done = false, any = false;
    enum vt_err err = look_for(f, w, &done, why);

    if (err != VT_OK || !done)
        return err;
    *ret_changed = true;
    err = vt_sql_do(
        f->db, why, "DELETE FROM waiting WHERE idx=? AND what=?", "is", w->index, w->what);
    if (err == VT_OK)
        err = load_entry(f, w->index, &e, &any, why);
    if (err == VT_OK && any && strcmp(w->what, "statement") == 0)
        err = retake(f, &e, why);
    return err == VT_OK && any ? vt_facts_touch(f, &e.entry, why) : err;
}

static enum vt_err
retry_some(struct vt_facts *f, size_t most, bool *ret_changed, struct vt_why *why)
{
    struct wait w = {.index = f->retry_from};
    bool any = true;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < most && err == VT_OK && any; i++) {
        err = next_wait(f, &w, &w, &any, why);
        if (err == VT_OK && any)
            err = retry_one(f, &w, ret_changed, why);
    }
    f->retry_from = any ? w.index : 0; /* an entry may be looked at twice */
    return err == VT_OK ? vt_facts_judge(f, why) : err;
}

static enum vt_err
retry_and_commit(struct vt_facts *f, size_t most, struct vt_why *why)
{
    bool changed = false;
    enum vt_err err = vt_sql_begin(f->db, why);

    if (err == VT_OK)
        err = retry_some(f, most, &changed, why);
    if (err == VT_OK && changed)
        err = vt_sql_do(f->db, why, "UPDATE state SET generation=generation+1", "");
    if (err == VT_OK && changed)
        err = vt_sql_commit(f->db, why);
    else
        vt_sql_rollback(f->db);
    vt_facts_untouch(f);
    return err;
}

enum vt_err
vt_facts_retry(struct vt_facts *f, size_t most, struct vt_why *why)
{
    struct vt_why problem = {0};
    int64_t waiting = 0;
    enum vt_err err =
        vt_sql_count(f->db, 0, &waiting, why, "SELECT EXISTS(SELECT 1 FROM waiting)", "");

    if (err != VT_OK || waiting == 0)
        return err;
    if (vt_log_reader_open(f->public_dir, f->policy, &f->reader, &problem) != VT_OK)
        return VT_OK; /* vt_facts_follow says what is wrong */
    err = retry_and_commit(f, most, why);
    vt_log_reader_free(f->reader);
    f->reader = NULL;
    return err;
}
