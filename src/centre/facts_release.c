/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of releases: what the statement says, and what the published TUF metadata calls the
 * artifacts. The metadata goes out after the entry is logged, so it is waited for.
 */
#include "centre/facts_held.h"

#include "attest/statement.h"
#include "base/json.h"

#include <string.h>

#define TARGETS_MAX (8U * 1024U * 1024U)
#define TARGETS_COUNT_MAX 100000U

/* As every artifact of a release has them. */
struct published {
    struct vt_digest metadata;
    char channel[VT_STATEMENT_NAME_SIZE];
    uint64_t number;
};

static bool
names_all(const struct vt_entry *e, const struct vt_statement_release *s)
{
    const struct vt_digest *metadata = vt_entry_one(e, VT_SUBJECT_METADATA);
    struct vt_entry said = {.kind = e->kind};

    if (metadata == NULL || !vt_digest_eq(metadata, &s->metadata) ||
        vt_entry_add(&said, VT_SUBJECT_METADATA, metadata, NULL) != VT_OK)
        return false;
    for (size_t i = 0; i < s->output_count; i++)
        if (!vt_entry_has(e, VT_SUBJECT_ARTIFACT, &s->output[i].digest) ||
            vt_entry_add(&said, VT_SUBJECT_ARTIFACT, &s->output[i].digest, NULL) != VT_OK)
            return false;
    return said.subject_count == e->subject_count;
}

enum vt_err
vt_facts_take_release(struct vt_facts *f, const struct vt_facts_entry *e, const void *data,
    size_t len, struct vt_why *problem, struct vt_why *why)
{
    struct vt_statement_release s;
    bool done = false;
    enum vt_err err = vt_statement_get_release(data, len, &s, problem);

    if (err != VT_OK)
        return vt_facts_theirs(err, problem, why);
    if (!names_all(&e->entry, &s)) {
        (void)vt_fail(problem, VT_E_DIGEST,
            "its statement has other artifacts or metadata than the entry names");
        return VT_OK;
    }
    for (size_t i = 0; i < s.output_count && err == VT_OK; i++)
        err = vt_sql_do(f->db, why,
            "INSERT OR IGNORE INTO release(idx, artifact, channel, file, metadata, number,"
            " state, rebuilds, needed, contradictions)"
            " VALUES(?, ?, ?, ?, ?, ?, 'incomplete', 0, 0, 0)",
            "idssdi", (int64_t)e->index, &s.output[i].digest, s.channel, s.output[i].name,
            &s.metadata, (int64_t)s.version);
    if (err == VT_OK)
        err = vt_facts_take_targets(f, e->index, &done, why);
    return err == VT_OK && !done ? vt_facts_wait(f, e->index, "metadata", why) : err;
}

static enum vt_err
read_published(struct vt_facts *f, uint64_t index, struct published *ret, bool *ret_any,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT metadata, channel, number FROM release WHERE idx=? LIMIT 1", "i",
        (int64_t)index);

    if (err == VT_OK)
        err = vt_sql_step(r, ret_any, why);
    if (err == VT_OK && *ret_any) {
        const char *channel = vt_sql_text(r, 1);

        *ret_any = vt_sql_digest(r, 0, &ret->metadata) && strlen(channel) < sizeof ret->channel;
        if (*ret_any)
            memcpy(ret->channel, channel, strlen(channel) + 1);
        ret->number = (uint64_t)vt_sql_int(r, 2);
    }
    vt_sql_end(r);
    return err;
}

/* The metadata file, when it is there with those very bytes. */
static enum vt_err
read_metadata(struct vt_facts *f, const struct published *p, struct vt_buf *b)
{
    struct vt_digest d;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, NULL, "%s/tuf/metadata/%llu.%s.json", f->public_dir,
        (unsigned long long)p->number, p->channel);

    if (err == VT_OK)
        err = vt_file_read(path, b, NULL);
    if (err != VT_OK)
        return err;
    vt_digest_of(b->data, b->len, &d);
    return vt_digest_eq(&d, &p->metadata) ? VT_OK : VT_E_DIGEST;
}

/* A target's path: PRODUCT/VERSION/FILE. */
struct target_path {
    char product[VT_STATEMENT_NAME_SIZE];
    char version[VT_STATEMENT_NAME_SIZE];
    char file[VT_STATEMENT_NAME_SIZE];
};

static bool
parse_path(const char *path, struct target_path *ret)
{
    struct vt_reader r = VT_READER(path, strlen(path));
    struct vt_reader product, version;

    return vt_path_is_safe(path) && vt_reader_word(&r, '/', &product) &&
           vt_reader_word(&r, '/', &version) &&
           vt_reader_cstr(&product, ret->product, sizeof ret->product) &&
           vt_reader_cstr(&version, ret->version, sizeof ret->version) &&
           vt_reader_cstr(&r, ret->file, sizeof ret->file) &&
           vt_statement_name_valid(ret->product) && vt_statement_name_valid(ret->version) &&
           vt_statement_name_valid(ret->file);
}

/* The row of one artifact, from a target of the metadata. */
static enum vt_err
put_target(struct vt_facts *f, uint64_t index, const char *path, const json_t *target,
    struct vt_why *why)
{
    const json_t *length = json_object_get(target, "length");
    const char *hex =
        json_string_value(json_object_get(json_object_get(target, "hashes"), "sha256"));
    struct vt_digest artifact;
    struct target_path p;

    if (hex == NULL || !vt_digest_from_hex(hex, strlen(hex), &artifact) ||
        !parse_path(path, &p) || !json_is_integer(length))
        return VT_OK; /* none of ours */
    return vt_sql_do(f->db, why,
        "UPDATE release SET product=?, version=?, file=?, path=?, length=?"
        " WHERE artifact=? AND idx=? AND path IS NULL",
        "ssssidi", p.product, p.version, p.file, path, (int64_t)json_integer_value(length),
        &artifact, (int64_t)index);
}

static enum vt_err
put_targets(struct vt_facts *f, uint64_t index, const json_t *doc, struct vt_why *why)
{
    json_t *targets = json_object_get(json_object_get(doc, "signed"), "targets");
    enum vt_err err = VT_OK;
    const char *path;
    json_t *target;

    if (json_object_size(targets) > TARGETS_COUNT_MAX)
        return VT_OK;
    json_object_foreach(targets, path, target)
    {
        if (err == VT_OK)
            err = put_target(f, index, path, target, why);
    }
    return err;
}

enum vt_err
vt_facts_take_targets(struct vt_facts *f, uint64_t index, bool *ret_done, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(TARGETS_MAX);
    struct vt_why problem = {0};
    struct published p = {.number = 0};
    json_t *doc = NULL;
    bool any = false;
    enum vt_err err = read_published(f, index, &p, &any, why);

    *ret_done = !any;
    if (err == VT_OK && any && read_metadata(f, &p, &b) == VT_OK) {
        *ret_done = true;
        err = vt_json_parse(b.data, b.len, "targets metadata", &doc, &problem);
        err = err == VT_OK ? put_targets(f, index, doc, why)
                           : vt_facts_theirs(err, &problem, why);
    }
    json_decref(doc);
    vt_buf_release(&b);
    return err;
}
