/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/view.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "log/reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define METADATA_MAX (8U * 1024U * 1024U)
enum { TARGETS_MAX = 20000, LOOK_MS = 250 };

void
vt_view_init(struct vt_view *v, const char *public_dir, const struct vt_policy *policy)
{
    *v = (struct vt_view){.public_dir = public_dir, .policy = policy};
    vt_buf_init(&v->note, VT_NOTE_MAX);
}

void
vt_view_release(struct vt_view *v)
{
    for (size_t i = 0; i < v->entry_count; i++)
        free(v->entry[i].subject);
    free(v->entry);
    free(v->target);
    vt_buf_release(&v->note);
    v->entry = NULL;
    v->target = NULL;
    v->entry_count = v->target_count = 0;
}

static enum vt_err
make_room(struct vt_view *v, struct vt_why *why)
{
    size_t cap = v->entry_cap == 0 ? 256 : v->entry_cap * 2;
    struct vt_view_entry *p;

    if (v->entry_count < v->entry_cap)
        return VT_OK;
    if (v->entry_count >= VT_VIEW_ENTRIES_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "this page shows the first %u entries only", VT_VIEW_ENTRIES_MAX);
    p = realloc(v->entry, cap * sizeof(*p));
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    v->entry = p;
    v->entry_cap = cap;
    return VT_OK;
}

static enum vt_err
take_entry(void *ctx, uint64_t index, const void *data, size_t len, struct vt_why *why)
{
    struct vt_view *v = ctx;
    struct vt_view_entry ve = {0};
    struct vt_entry e = {0};
    enum vt_err err = make_room(v, why);

    (void)index;
    if (err != VT_OK)
        return err;
    /* What cannot be read or is a stranger's is counted, and shown as that. */
    if (vt_log_entry_open(v->policy, data, len, &e, NULL, &ve.signer, NULL) == VT_OK) {
        ve.kind = e.kind;
        ve.statement = e.statement;
        ve.subject_count = e.subject_count;
        ve.subject = calloc(e.subject_count + 1, sizeof(*ve.subject));
        if (ve.subject == NULL)
            return vt_fail(why, VT_E_NOMEM, "out of memory");
        memcpy(ve.subject, e.subject, e.subject_count * sizeof(*ve.subject));
    }
    v->entry[v->entry_count++] = ve;
    return VT_OK;
}

static void
take_witnesses(struct vt_view *v)
{
    const struct vt_policy_party *w = NULL;
    struct vt_note note;

    v->witness_count = vt_policy_witnesses(v->policy, &w);
    if (vt_note_parse(v->note.data, v->note.len, &note, NULL) != VT_OK)
        v->witness_count = 0;
    for (size_t i = 0; i < v->witness_count; i++) {
        v->witness[i] = (struct vt_view_cosignature){.witness = &w[i]};
        if (vt_cosig_verify(&note, &w[i].key, &v->witness[i].time, NULL) != VT_OK)
            v->witness[i].time = 0;
    }
}

/* "N.CHANNEL.json": a targets file of a channel. */
static bool
channel_of(const char *name, char channel[65])
{
    struct vt_reader r = VT_READER(name, strlen(name));
    struct vt_reader part;
    uint64_t version;

    if (!vt_reader_word(&r, '.', &part) || !vt_reader_decimal(&part, INT64_MAX, &version) ||
        !vt_reader_word(&r, '.', &part) || !vt_reader_is(&r, "json") ||
        vt_reader_is(&part, "root") || vt_reader_is(&part, "snapshot"))
        return false;
    return vt_reader_cstr(&part, channel, 65);
}

static bool
take_string(const json_t *obj, const char *key, char *ret, size_t size)
{
    const char *s = json_string_value(json_object_get(obj, key));

    if (s == NULL || strlen(s) >= size)
        return false;
    memcpy(ret, s, strlen(s) + 1);
    return true;
}

static enum vt_err
take_target(struct vt_view *v, const struct vt_digest *metadata, const char *channel,
    const char *path, const json_t *o, struct vt_why *why)
{
    struct vt_view_target t = {.metadata = *metadata};
    const json_t *custom = json_object_get(o, "custom");
    const char *hex =
        json_string_value(json_object_get(json_object_get(o, "hashes"), "sha256"));
    struct vt_view_target *p;

    if (hex == NULL || !vt_digest_from_hex(hex, strlen(hex), &t.hash) ||
        !vt_path_is_safe(path) || strlen(path) >= sizeof(t.path))
        return VT_OK; /* not one of ours */
    memcpy(t.path, path, strlen(path) + 1);
    memcpy(t.channel, channel, strlen(channel) + 1);
    t.length = (uint64_t)json_integer_value(json_object_get(o, "length"));
    if (!take_string(custom, "product", t.product, sizeof(t.product)) ||
        !take_string(custom, "version", t.version, sizeof(t.version)))
        t.product[0] = t.version[0] = '\0';
    if (v->target_count >= TARGETS_MAX)
        return vt_fail(why, VT_E_LIMIT, "too many targets to show");
    p = realloc(v->target, (v->target_count + 1) * sizeof(*p));
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    v->target = p;
    v->target[v->target_count++] = t;
    return VT_OK;
}

/* Metadata files never change, so one that is known is not read again. */
static bool
knows_metadata(const struct vt_view *v, const struct vt_digest *d)
{
    for (size_t i = 0; i < v->target_count; i++)
        if (vt_digest_eq(&v->target[i].metadata, d))
            return true;
    return false;
}

static enum vt_err
take_metadata(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_view *v = ctx;
    struct vt_buf b = VT_BUF(METADATA_MAX);
    char channel[65];
    char path[VT_PATH_MAX];
    struct vt_digest d;
    json_t *doc = NULL;
    json_t *target;
    const char *key;
    enum vt_err err;

    if (!channel_of(name, channel))
        return VT_OK;
    err = vt_path(path, why, "%s/tuf/metadata/%s", v->public_dir, name);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK) {
        vt_digest_of(b.data, b.len, &d);
        if (!knows_metadata(v, &d))
            err = vt_json_parse(b.data, b.len, path, &doc, why);
    }
    json_object_foreach(json_object_get(json_object_get(doc, "signed"), "targets"), key, target)
    {
        if (err == VT_OK)
            err = take_target(v, &d, channel, key, target, why);
    }
    json_decref(doc);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
take_names(struct vt_view *v, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct stat st;
    int64_t changed;
    enum vt_err err = vt_path(path, why, "%s/tuf/metadata", v->public_dir);

    if (err != VT_OK || stat(path, &st) != 0)
        return err;
    changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (changed == v->names_changed_ns)
        return VT_OK;
    err = vt_dir_each(path, take_metadata, v, why);
    if (err == VT_OK)
        v->names_changed_ns = changed;
    return err;
}

static enum vt_err
take_checkpoint(struct vt_view *v, struct vt_why *why)
{
    struct vt_log_reader *r = NULL;
    const void *note;
    size_t len;
    enum vt_err err = vt_log_reader_open(v->public_dir, v->policy, &r, why);

    if (err != VT_OK)
        return err;
    note = vt_log_reader_note(r, &len);
    if (len == v->note.len && memcmp(note, v->note.data, len) == 0) {
        vt_log_reader_free(r);
        return VT_OK;
    }
    err = vt_log_reader_each(r, v->entry_count, take_entry, v, why);
    if (err == VT_OK || err == VT_E_LIMIT) {
        vt_buf_clear(&v->note);
        vt_buf_put(&v->note, note, len);
        v->checkpoint = *vt_log_reader_checkpoint(r);
        take_witnesses(v);
        v->generation++;
    }
    vt_log_reader_free(r);
    return err;
}

void
vt_view_refresh(struct vt_view *v)
{
    size_t targets = v->target_count;
    struct vt_why why = {0};
    bool was_well = v->problem.text[0] == '\0';
    int64_t now = vt_clock_monotonic_ms();
    enum vt_err err;

    if (v->looked_ms != 0 && now - v->looked_ms < LOOK_MS)
        return;
    v->looked_ms = now;
    err = take_checkpoint(v, &why);
    if (err == VT_E_NOENT)
        err = vt_fail(&why, err, "no checkpoint is published yet");
    if (err == VT_OK)
        err = take_names(v, &why);
    if (err == VT_OK)
        vt_why_clear(&v->problem);
    else
        v->problem = why;
    if (targets != v->target_count || was_well != (err == VT_OK))
        v->generation++;
}

const struct vt_digest *
vt_view_subject(const struct vt_view_entry *e, enum vt_subject_role role)
{
    for (size_t i = 0; i < e->subject_count; i++)
        if (e->subject[i].role == role)
            return &e->subject[i].digest;
    return NULL;
}

bool
vt_view_has(
    const struct vt_view_entry *e, enum vt_subject_role role, const struct vt_digest *digest)
{
    for (size_t i = 0; i < e->subject_count; i++)
        if (e->subject[i].role == role && vt_digest_eq(&e->subject[i].digest, digest))
            return true;
    return false;
}

bool
vt_view_find(const struct vt_view *v, enum vt_entry_kind kind, enum vt_subject_role role,
    const struct vt_digest *digest, size_t upto, size_t *ret)
{
    for (size_t i = upto + 1; i > 0; i--) {
        const struct vt_view_entry *e = &v->entry[i - 1];

        if (e->signer == NULL || e->kind != kind || !vt_view_has(e, role, digest))
            continue;
        *ret = i - 1;
        return true;
    }
    return false;
}

bool
vt_view_same_inputs(const struct vt_view_entry *a, const struct vt_view_entry *b)
{
    static const enum vt_subject_role roles[] = {
        VT_SUBJECT_SOURCE, VT_SUBJECT_ENVIRONMENT, VT_SUBJECT_RECIPE};

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        const struct vt_digest *d = vt_view_subject(a, roles[i]);

        if (d == NULL || !vt_view_has(b, roles[i], d))
            return false;
    }
    return true;
}

const struct vt_view_target *
vt_view_target(
    const struct vt_view *v, const struct vt_digest *metadata, const struct vt_digest *artifact)
{
    for (size_t i = 0; i < v->target_count; i++)
        if (vt_digest_eq(&v->target[i].metadata, metadata) &&
            vt_digest_eq(&v->target[i].hash, artifact))
            return &v->target[i];
    return NULL;
}
