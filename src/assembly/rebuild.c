/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/rebuild_answer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PUBLISHED_MS 30000

static bool
is_wanted(const struct vt_rebuild *r, const struct vt_entry *e)
{
    bool wanted = r->artifact_count == 0;
    for (size_t i = 0; !wanted && i < r->artifact_count; i++)
        wanted = vt_entry_has(e, VT_SUBJECT_ARTIFACT, &r->artifact[i]);
    return wanted;
}

static enum vt_err
check_wanted(const struct vt_rebuild_state *s, struct vt_why *why)
{
    for (size_t i = 0; i < s->r->artifact_count; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < s->history.count; k++)
            found = vt_entry_has(
                &s->history.item[k].entry, VT_SUBJECT_ARTIFACT, &s->r->artifact[i]);
        if (!found) {
            char hex[VT_DIGEST_HEX_SIZE];
            vt_digest_hex(&s->r->artifact[i], hex);
            return vt_fail(why, VT_E_NOENT,
                "the log has no assembly of sha256:%s by a known assembler", hex);
        }
    }
    return VT_OK;
}

static enum vt_err
open_state(struct vt_rebuild_state *s, struct vt_why *why)
{
    const struct vt_record *record = &s->r->record;
    enum vt_err err = vt_vkey_make(vt_signer_name(record->signer), VT_NOTE_ED25519,
        vt_signer_public(record->signer), &s->me, why);
    if (err == VT_OK)
        err = vt_home_path(record->home, s->store_dir, why, "objects");
    if (err == VT_OK)
        err = vt_store_open_dir(s->store_dir, &s->store, why);
    if (err == VT_OK)
        err = vt_home_path(record->home, s->work_dir, why, "work");
    if (err == VT_OK)
        err = vt_dir_make(s->work_dir, 0700, why);
    if (err == VT_OK)
        err = vt_log_reader_open(record->url, s->r->policy, &s->log, why);
    if (err == VT_OK)
        err = vt_history_read(s->log, s->r->policy, &s->me, &s->history, why);
    return err == VT_OK ? check_wanted(s, why) : err;
}

/* Whether another assembly may fare better after this error. */
static bool
is_of_one(enum vt_err err)
{
    switch (err) {
    case VT_E_NET:
    case VT_E_STATE:
    case VT_E_IO:
    case VT_E_NOSPC:
    case VT_E_NOMEM:
    case VT_E_BUSY:
    case VT_E_UNKNOWN: /* the site does not know this rebuilder */
        return false;
    default:
        return true;
    }
}

static enum vt_err
answer_all(struct vt_rebuild_state *s, struct vt_why *why)
{
    struct vt_why mismatch = {0};
    enum vt_err first = VT_OK;
    for (size_t i = 0; i < s->history.count; i++) {
        struct vt_history_item *it = &s->history.item[i];
        struct vt_why here = {0};
        if (it->confirmed || it->contradicted || !is_wanted(s->r, &it->entry))
            continue;
        enum vt_err err = vt_rebuild_answer(s, it, &mismatch, &here);
        if (err != VT_OK && first == VT_OK) {
            first = err;
            (void)vt_fail(why, err, "%s", here.text);
        }
        if (err != VT_OK && !is_of_one(err))
            break;
    }
    return mismatch.text[0] == '\0' ? first : vt_fail(why, VT_E_REFUSED, "%s", mismatch.text);
}

/* What was answered is seen by the next run, and by whoever is told of this one's end, once a
 * checkpoint covers it. A log that does not get its witnesses is not this rebuilder's failure.
 */
static void
await_published(const struct vt_rebuild_state *s)
{
    const struct vt_record *record = &s->r->record;
    struct vt_why ignored = {0};

    if (s->said)
        (void)!vt_log_wait_published(
            record->http, record->url, s->r->policy, s->said_index, PUBLISHED_MS, &ignored);
}

enum vt_err
vt_rebuild_run(
    const struct vt_rebuild *r, struct vt_rebuild_state **ret_state, struct vt_why *why)
{
    struct vt_rebuild_state *s = calloc(1, sizeof *s);
    *ret_state = NULL;
    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for rebuilds");
    s->r = r;
    enum vt_err err = open_state(s, why);
    if (err != VT_OK) {
        vt_rebuild_state_free(s);
        return err;
    }
    *ret_state = s;
    err = answer_all(s, why);
    await_published(s);
    return err;
}

void
vt_rebuild_state_free(struct vt_rebuild_state *s)
{
    if (s == NULL)
        return;
    vt_history_release(&s->history);
    vt_log_reader_free(s->log);
    vt_store_free(s->store);
    free(s);
}

/* Whether the assembly of this item made the artifact as that file. */
static enum vt_err
check_claim(const struct vt_statement_assembly *a, const struct vt_digest *artifact,
    const char *product, const char *version, const char *name, struct vt_why *why)
{
    bool named = false;
    for (size_t i = 0; !named && i < a->output_count; i++)
        named = vt_digest_eq(&a->output[i].digest, artifact) &&
                strcmp(a->output[i].name, name) == 0;
    if (named && strcmp(a->product, product) == 0 && strcmp(a->version, version) == 0)
        return VT_OK;
    return vt_fail(why, VT_E_REFUSED, "%s/%s/%s: these bytes were confirmed as a file of %s %s",
        product, version, name, a->product, a->version);
}

enum vt_err
vt_rebuild_confirmed(const struct vt_rebuild_state *s, const struct vt_digest *artifact,
    const char *product, const char *version, const char *name, uint64_t length,
    struct vt_why *why)
{
    const struct vt_history_item *it = vt_history_confirmed(&s->history, artifact);
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_DIGEST_HEX_SIZE + 4096];
    struct stat st;
    vt_digest_hex(artifact, hex);
    if (it == NULL)
        return vt_fail(why, VT_E_REFUSED,
            "%s/%s/%s (sha256:%s): not confirmed by this rebuilder", product, version, name,
            hex);
    struct vt_statement_assembly *a = calloc(1, sizeof *a);
    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a statement");
    struct vt_fetch f = vt_rebuild_fetch(s);
    enum vt_err err = vt_rebuild_statement(&f, it, a, why);
    if (err == VT_OK)
        err = check_claim(a, artifact, product, version, name, why);
    free(a);
    if (err == VT_OK)
        err = vt_fetch_object(&f, artifact, VT_FETCH_ARCHIVE_MAX, why);
    if (err == VT_OK)
        err = vt_store_path(s->store, artifact, path, why);
    if (err == VT_OK && (stat(path, &st) != 0 || (uint64_t)st.st_size != length))
        err = vt_fail(why, VT_E_REFUSED, "%s/%s/%s: its length is not %llu", product, version,
            name, (unsigned long long)length);
    return err;
}
