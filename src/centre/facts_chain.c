/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of sources, environments and what ran: in-toto statements, each held against its
 * entry. Rows that several entries could make are made as by the first of them in the log, in
 * whichever order the statements come.
 */
#include "centre/facts_held.h"

#include "assembly/environment.h"
#include "attest/statement.h"

#include <stdlib.h>
#include <string.h>

static bool
is_only(const struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *d)
{
    const struct vt_digest *one = vt_entry_one(e, role);

    return one != NULL && vt_digest_eq(one, d);
}

/* A statement that says other than its entry. */
static enum vt_err
lies(struct vt_why *problem, const char *about)
{
    (void)vt_fail(problem, VT_E_DIGEST,
        "its statement has %s that the entry does not name, or "
        "lacks one that it names",
        about);
    return VT_OK;
}

/* Whether the outputs are the entry's artifacts, and all of them. */
static bool
same_artifacts(const struct vt_entry *e, const struct vt_statement_output *output, size_t count)
{
    struct vt_entry said = {.kind = e->kind};
    size_t artifacts = 0;

    for (size_t i = 0; i < count; i++)
        if (!vt_entry_has(e, VT_SUBJECT_ARTIFACT, &output[i].digest) ||
            vt_entry_add(&said, VT_SUBJECT_ARTIFACT, &output[i].digest, NULL) != VT_OK)
            return false;
    for (size_t i = 0; i < e->subject_count; i++)
        artifacts += e->subject[i].role == VT_SUBJECT_ARTIFACT ? 1 : 0;
    return said.subject_count == artifacts;
}

/* --- Sources. --- */

/* What a source is called: as its newest assembly says. */
static enum vt_err
name_source(struct vt_facts *f, const struct vt_digest *source, struct vt_why *why)
{
    return vt_sql_do(f->db, why,
        "UPDATE source SET name=r.product, version=r.version FROM (SELECT product, version"
        " FROM run WHERE source=?1 AND kind='assembly' ORDER BY idx DESC LIMIT 1) AS r"
        " WHERE source.source=?1",
        "d", source);
}

/* Whether the archive is one that only some may see. */
static bool
is_sealed(const struct vt_facts *f, const struct vt_digest *source)
{
    char path[VT_PATH_MAX];
    int64_t size;

    return !vt_facts_object_size(f, source, &size) &&
           vt_facts_object_path(f, "sealed", source, path, NULL) == VT_OK &&
           vt_file_exists(path);
}

enum vt_err
vt_facts_take_source(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    static const char *const origins[] = {[VT_ORIGIN_DIRECTORY] = "directory",
        [VT_ORIGIN_GIT] = "git",
        [VT_ORIGIN_DEBIAN] = "debian"};
    struct vt_statement_source s;
    enum vt_err err = vt_statement_get_source(data, len, &s, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    if (!is_only(&e->entry, VT_SUBJECT_SOURCE, &s.archive))
        return lies(problem, "a source");
    err = vt_sql_do(f->db, why,
        "INSERT INTO source(source, idx, tree, git_commit, origin, archive_size, files, sealed,"
        " name, version) VALUES(?, ?, ?, nullif(?, ''), ?, ?, ?, ?, nullif(?, ''),"
        " nullif(?, '')) ON CONFLICT DO UPDATE SET idx=excluded.idx, tree=excluded.tree,"
        " git_commit=excluded.git_commit, origin=excluded.origin,"
        " archive_size=excluded.archive_size, files=excluded.files, name=excluded.name,"
        " version=excluded.version WHERE excluded.idx<source.idx",
        "disssiiiss", &s.archive, (int64_t)e->index, s.git_tree, s.git_commit,
        origins[s.origin], (int64_t)s.archive_size, (int64_t)s.file_count,
        (int64_t)is_sealed(f, &s.archive), s.debian.name, s.debian.version);
    return err == VT_OK ? name_source(f, &s.archive, why) : err;
}

/* --- Environments. --- */

static enum vt_err
put_packages(struct vt_facts *f, const struct vt_digest *manifest,
    const struct vt_environment *v, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < v->count && err == VT_OK; i++) {
        const struct vt_package *p = &v->package[i];

        err = vt_sql_do(f->db, why,
            "INSERT OR IGNORE INTO package(environment, name, version, arch, size, digest)"
            " VALUES(?, ?, ?, ?, ?, ?)",
            "dsssid", manifest, p->name, p->version, p->arch, (int64_t)p->size, &p->digest);
    }
    return err;
}

/* The digest in one column of an entry's row; false: there is none. */
static enum vt_err
environment_of(struct vt_facts *f, uint64_t index, struct vt_digest *ret, bool *ret_any,
    bool *ret_known, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT s.digest, EXISTS(SELECT 1 FROM package p WHERE p.environment=s.digest)"
        " FROM subject s WHERE s.idx=? AND s.role='environment'",
        "i", (int64_t)index);

    if (err == VT_OK)
        err = vt_sql_step(r, ret_any, why);
    if (err == VT_OK && *ret_any) {
        *ret_any = vt_sql_digest(r, 0, ret);
        *ret_known = vt_sql_int(r, 1) != 0;
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_facts_take_manifest(struct vt_facts *f, uint64_t index, bool *ret_done, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ENVIRONMENT_MAX);
    struct vt_environment *v = NULL;
    struct vt_why problem = {0};
    struct vt_digest d;
    bool any = false, known = false;
    enum vt_err err = environment_of(f, index, &d, &any, &known, why);

    *ret_done = !any || known;
    if (err != VT_OK || *ret_done)
        return err;
    err = vt_log_reader_object(f->reader, &d, &b, &problem);
    if (err == VT_OK) {
        err = vt_environment_parse(b.data, b.len, &v, &problem);
        *ret_done = err != VT_E_NOMEM; /* its bytes will never be others */
    }
    err = err == VT_OK ? put_packages(f, &d, v, why) : vt_facts_theirs(err, &problem, why);
    vt_environment_free(v);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_facts_take_environment(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_statement_environment s;
    bool done = false;
    enum vt_err err = vt_statement_get_environment(data, len, &s, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    if (!is_only(&e->entry, VT_SUBJECT_ENVIRONMENT, &s.manifest))
        return lies(problem, "an environment");
    err = vt_sql_do(f->db, why,
        "INSERT INTO environment(environment, idx, distribution, arch, packages)"
        " VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET idx=excluded.idx,"
        " distribution=excluded.distribution, arch=excluded.arch, packages=excluded.packages"
        " WHERE excluded.idx<environment.idx",
        "dissi", &s.manifest, (int64_t)e->index, s.distribution, s.arch,
        (int64_t)s.package_count);
    if (err == VT_OK)
        err = vt_facts_take_manifest(f, e->index, &done, why);
    return err == VT_OK && !done ? vt_facts_wait(f, e->index, "manifest", why) : err;
}

/* --- What ran. --- */

/* A row of `run` as its statement has it; the inputs are the entry's. */
struct ran {
    const char *kind;
    const char *product; /* of an assembly */
    const char *version;
    const struct vt_statement_run *run;
    const struct vt_statement_varied *varied;
    const struct vt_digest *assembly; /* of the others: the statement that they answer */
    const struct vt_digest *report;
    int64_t first_offset; /* -1: none */
};

static void
put_varied(const struct vt_statement_varied *v, struct vt_buf *b)
{
    for (size_t i = 0; v != NULL && i < v->count; i++)
        vt_buf_putf(b, "%s%s", i > 0 ? " " : "", v->word[i]);
}

static enum vt_err
put_run(struct vt_facts *f, const struct vt_facts_entry *e, const struct ran *ran,
    struct vt_why *why)
{
    struct vt_buf varied = VT_BUF(VT_STATEMENT_VARIED_MAX * VT_STATEMENT_WORD_SIZE);
    const struct vt_entry *n = &e->entry;
    enum vt_err err;

    put_varied(ran->varied, &varied);
    err = vt_buf_check(&varied, "what was varied", why);
    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "INSERT INTO run(idx, kind, product, version, source, environment, recipe, site,"
            " jurisdiction, started, finished, varied, first_offset, report, assembly)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, nullif(?, -1), ?, ?)",
            "isssdddssiisidd", (int64_t)e->index, ran->kind, ran->product, ran->version,
            vt_entry_one(n, VT_SUBJECT_SOURCE), vt_entry_one(n, VT_SUBJECT_ENVIRONMENT),
            vt_entry_one(n, VT_SUBJECT_RECIPE), ran->run->site, ran->run->jurisdiction,
            ran->run->started, ran->run->finished,
            ran->varied != NULL ? vt_buf_str(&varied) : NULL, ran->first_offset, ran->report,
            ran->assembly);
    vt_buf_release(&varied);
    return err;
}

/* Rebuilds and mismatches of an assembly: those that name its statement and have its inputs.
 * They and it may come in any order; the first assembly with that statement counts. */
static enum vt_err
join_assembly(struct vt_facts *f, uint64_t index, struct vt_why *why)
{
    return vt_sql_do(f->db, why,
        "UPDATE run SET of=a.idx, product=a.product, version=a.version FROM"
        " (SELECT r.idx, r.product, r.version, r.source, r.environment, r.recipe, e.statement"
        "  FROM run r JOIN entry e ON e.idx=r.idx WHERE r.idx=?) AS a"
        " WHERE run.assembly=a.statement AND +run.source=a.source" /* by the first index */
        " AND +run.environment=a.environment AND run.recipe=a.recipe"
        " AND (run.of IS NULL OR run.of>a.idx)",
        "i", (int64_t)index);
}

static enum vt_err
find_assembly(struct vt_facts *f, uint64_t index, struct vt_why *why)
{
    return vt_sql_do(f->db, why,
        "UPDATE run SET of=a.idx, product=a.product, version=a.version FROM"
        " (SELECT b.idx, b.product, b.version FROM run r JOIN entry e ON e.statement=r.assembly"
        "  JOIN run b ON b.idx=e.idx WHERE r.idx=?1 AND b.kind='assembly'"
        "  AND +b.source=r.source AND +b.environment=r.environment AND b.recipe=r.recipe"
        "  ORDER BY +b.idx LIMIT 1) AS a WHERE run.idx=?1", /* by the statement's index */
        "i", (int64_t)index);
}

static enum vt_err
put_output(struct vt_facts *f, uint64_t index, const struct vt_statement_output *o,
    const struct vt_digest *rebuilt, struct vt_why *why)
{
    return vt_sql_do(f->db, why,
        "INSERT OR IGNORE INTO output(idx, name, artifact, rebuilt) VALUES(?, ?, ?, ?)", "isdd",
        (int64_t)index, o->name, &o->digest, rebuilt);
}

/* Outputs whose size is not known; at most VT_STATEMENT_OUTPUTS_MAX. */
static enum vt_err
read_unsized(struct vt_facts *f, uint64_t index, struct vt_digest ret[VT_STATEMENT_OUTPUTS_MAX],
    size_t *ret_count, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT artifact FROM output WHERE idx=? AND size IS NULL LIMIT 32", "i",
        (int64_t)index);

    *ret_count = 0;
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row && *ret_count < VT_STATEMENT_OUTPUTS_MAX) {
        if (vt_sql_digest(r, 0, &ret[*ret_count]))
            (*ret_count)++;
        err = vt_sql_step(r, &row, why);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_facts_take_sizes(struct vt_facts *f, uint64_t index, bool *ret_done, struct vt_why *why)
{
    struct vt_digest d[VT_STATEMENT_OUTPUTS_MAX];
    size_t count = 0;
    enum vt_err err = read_unsized(f, index, d, &count, why);

    *ret_done = true;
    for (size_t i = 0; i < count && err == VT_OK; i++) {
        int64_t size;

        if (vt_facts_object_size(f, &d[i], &size))
            err = vt_sql_do(f->db, why, "UPDATE output SET size=? WHERE idx=? AND artifact=?",
                "iid", size, (int64_t)index, &d[i]);
        else
            *ret_done = false;
    }
    return err;
}

/* The rows that all three kinds have. */
static enum vt_err
put_ran(struct vt_facts *f, const struct vt_facts_entry *e, const struct ran *ran,
    const struct vt_statement_output *output, size_t count, const struct vt_digest *rebuilt,
    struct vt_why *why)
{
    bool done = true;
    enum vt_err err = put_run(f, e, ran, why);

    for (size_t i = 0; i < count && err == VT_OK; i++)
        err = put_output(f, e->index, &output[i], rebuilt, why);
    if (err == VT_OK)
        err = vt_facts_take_sizes(f, e->index, &done, why);
    if (err == VT_OK && !done)
        err = vt_facts_wait(f, e->index, "output", why);
    return err;
}

enum vt_err
vt_facts_take_assembly(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_statement_assembly s;
    struct ran ran = {.kind = "assembly",
        .product = s.product,
        .version = s.version,
        .run = &s.run,
        .first_offset = -1};
    enum vt_err err = vt_statement_get_assembly(data, len, &s, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    if (!is_only(&e->entry, VT_SUBJECT_SOURCE, &s.source) ||
        !is_only(&e->entry, VT_SUBJECT_ENVIRONMENT, &s.environment) ||
        !is_only(&e->entry, VT_SUBJECT_RECIPE, &s.recipe))
        return lies(problem, "an input");
    if (!same_artifacts(&e->entry, s.output, s.output_count))
        return lies(problem, "an output");
    err = put_ran(f, e, &ran, s.output, s.output_count, NULL, why);
    if (err == VT_OK)
        err = join_assembly(f, e->index, why);
    return err == VT_OK ? name_source(f, &s.source, why) : err;
}

enum vt_err
vt_facts_take_rebuild(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_statement_rebuild s;
    struct ran ran = {.kind = "rebuild",
        .run = &s.run,
        .varied = &s.varied,
        .assembly = &s.assembly,
        .first_offset = -1};
    enum vt_err err = vt_statement_get_rebuild(data, len, &s, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    if (!same_artifacts(&e->entry, s.output, s.output_count))
        return lies(problem, "an output");
    err = put_ran(f, e, &ran, s.output, s.output_count, NULL, why);
    return err == VT_OK ? find_assembly(f, e->index, why) : err;
}

enum vt_err
vt_facts_take_mismatch(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_statement_mismatch s;
    struct ran ran = {.kind = "mismatch",
        .run = &s.run,
        .varied = &s.varied,
        .assembly = &s.assembly,
        .report = &s.report};
    enum vt_err err = vt_statement_get_mismatch(data, len, &s, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    if (!same_artifacts(&e->entry, &s.output, 1) ||
        !is_only(&e->entry, VT_SUBJECT_REBUILT, &s.rebuilt))
        return lies(problem, "an output");
    ran.first_offset = s.first_offset > INT64_MAX ? INT64_MAX : (int64_t)s.first_offset;
    err = put_ran(f, e, &ran, &s.output, 1, &s.rebuilt, why);
    return err == VT_OK ? find_assembly(f, e->index, why) : err;
}
