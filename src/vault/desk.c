/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk: saying and looking up. Everything read is proven by the log's reader;
 * a desk that has seen a tree takes no other that does not extend it.
 */
#include "crypto/signer.h"
#include "vault/desk_rows.h"

#include <stdlib.h>
#include <string.h>

enum { RETRIES = 6, TOTAL_MS = 120000 };

enum vt_err
vt_desk_new(const char *url, const struct vt_policy *policy, struct vt_signer *signer,
    struct vt_desk **ret, struct vt_why *why)
{
    size_t len = strlen(url);
    struct vt_desk *d;

    while (len > 1 && url[len - 1] == '/')
        len--;
    if (len == 0 || len >= VT_DESK_URL_MAX)
        return vt_fail(why, VT_E_USAGE, "the ledger's address has 1 to %u bytes, not %zu",
            VT_DESK_URL_MAX - 1, len);
    d = calloc(1, sizeof *d);
    if (d == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", url);
    memcpy(d->url, url, len);
    d->policy = policy;
    d->signer = signer;
    *ret = d;
    return VT_OK;
}

void
vt_desk_free(struct vt_desk *d)
{
    if (d == NULL)
        return;
    vt_log_reader_free(d->reader);
    vt_http_free(d->http);
    free(d->row);
    free(d->subject);
    free(d);
}

/* Saying */

static enum vt_err
open_http(struct vt_desk *d, struct vt_why *why)
{
    static const struct vt_http_limits limits = {.total_ms = TOTAL_MS, .retries = RETRIES};

    if (d->http != NULL)
        return VT_OK;
    if (strncmp(d->url, "http://", 7) != 0 && strncmp(d->url, "https://", 8) != 0)
        return vt_fail(why, VT_E_USAGE,
            "%s: only a log that runs takes entries: give its http:// or https:// address",
            d->url);
    return vt_http_new(&limits, &d->http, why);
}

/* A log that refuses whom it does not know: say what its operator must do. */
static enum vt_err
not_let_in(const struct vt_desk *d, enum vt_err err, struct vt_why *why)
{
    if (err != VT_E_UNKNOWN)
        return err;
    return vt_fail_in(why, err,
        "%s does not let %s say anything: its operator must add the line `signer NAME VKEY` "
        "with that key to the site's policy and start the site anew",
        d->url, vt_signer_name(d->signer));
}

static bool
is_ledger_kind(enum vt_entry_kind kind)
{
    enum vt_doc_kind doc;

    return vt_ledger_kind(kind, &doc);
}

/* Nothing goes into the ledger that its readers would not take. */
static enum vt_err
check_entry(struct vt_desk *d, const struct vt_entry *e, const void *doc, size_t len,
    struct vt_why *why)
{
    struct vt_doc *opened = NULL;
    struct vt_vkey key;
    enum vt_err err = vt_vkey_make(
        vt_signer_name(d->signer), VT_NOTE_ED25519, vt_signer_public(d->signer), &key, why);

    if (err == VT_OK)
        err = vt_ledger_doc_open(e, &key, doc, len, &opened, why);
    vt_doc_free(opened);
    return err;
}

static enum vt_err
make_entry(struct vt_desk *d, enum vt_entry_kind kind, const struct vt_subject *subject,
    size_t subject_count, const void *doc, size_t len, struct vt_buf *b, struct vt_why *why)
{
    struct vt_entry e = {.kind = kind};
    enum vt_err err = VT_OK;

    vt_digest_of(doc, len, &e.statement);
    for (size_t i = 0; i < subject_count && err == VT_OK; i++)
        err = vt_entry_add(&e, subject[i].role, &subject[i].digest, why);
    if (err == VT_OK)
        err = check_entry(d, &e, doc, len, why);
    return err == VT_OK ? vt_entry_sign(b, &e, d->signer, why) : err;
}

enum vt_err
vt_desk_say(struct vt_desk *d, enum vt_entry_kind kind, const struct vt_subject *subject,
    size_t subject_count, const void *doc, size_t len, uint64_t *ret_index, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest statement;
    enum vt_err err;

    if (d->signer == NULL)
        return vt_fail(why, VT_E_USAGE, "a desk without a key says nothing");
    err = open_http(d, why);
    if (err == VT_OK)
        err = make_entry(d, kind, subject, subject_count, doc, len, &b, why);
    if (err != VT_OK)
        goto out;
    err = vt_log_submit_object(d->http, d->url, doc, len, &statement, why);
    if (err == VT_OK)
        err = vt_log_submit_entry(d->http, d->url, b.data, b.len, ret_index, why);
    if (err != VT_OK)
        err = not_let_in(d, err, why);
out:
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_desk_wait(struct vt_desk *d, uint64_t index, int64_t timeout_ms, struct vt_why *why)
{
    enum vt_err err = open_http(d, why);

    if (err == VT_OK)
        err = vt_log_wait_published(d->http, d->url, d->policy, index, timeout_ms, why);
    return err;
}

/* Looking */

/* Whether the tree of `next` extends the one that was seen. */
static enum vt_err
check_growth(const struct vt_desk *d, struct vt_log_reader *next, struct vt_why *why)
{
    const struct vt_checkpoint *old = vt_log_reader_checkpoint(d->reader);
    const struct vt_checkpoint *now = vt_log_reader_checkpoint(next);
    struct vt_proof proof;
    enum vt_err err;

    if (now->size < old->size)
        return vt_fail(why, VT_E_ROLLBACK,
            "%s shows a log of %llu entries after one of %llu: it has gone back", d->url,
            (unsigned long long)now->size, (unsigned long long)old->size);
    err = vt_log_reader_consistency(next, old->size, &proof, why);
    if (err == VT_OK)
        err = vt_merkle_check_consistency(
            old->size, now->size, &old->root, &now->root, &proof, why);
    if (err == VT_E_PROOF)
        err = vt_fail_in(why, err, "%s shows another log than before", d->url);
    return err;
}

enum vt_err
vt_desk_refresh(struct vt_desk *d, struct vt_why *why)
{
    struct vt_log_reader *next = NULL;
    enum vt_err err = vt_log_reader_open(d->url, d->policy, &next, why);

    if (err == VT_OK && d->reader != NULL)
        err = check_growth(d, next, why);
    if (err != VT_OK) {
        vt_log_reader_free(next);
        return err;
    }
    vt_log_reader_free(d->reader);
    d->reader = next;
    return VT_OK;
}

/* Makes room for one more element of `size` bytes. */
static enum vt_err
make_room(void **array, size_t count, size_t *cap, size_t size, struct vt_why *why)
{
    size_t want = *cap == 0 ? 64 : *cap * 2;
    void *more;

    if (count < *cap)
        return VT_OK;
    if (want > VT_DESK_ROWS_MAX)
        return vt_fail(why, VT_E_LIMIT, "the ledger has more than %u entries or subjects",
            VT_DESK_ROWS_MAX);
    more = reallocarray(*array, want, size);
    if (more == NULL)
        return vt_fail(why, VT_E_NOMEM, "the ledger's entries: out of memory");
    *array = more;
    *cap = want;
    return VT_OK;
}

static enum vt_err
keep_row(struct vt_desk *d, uint64_t index, const struct vt_entry *e,
    const struct vt_policy_party *signer, struct vt_why *why)
{
    size_t subject_at = d->subject_count;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < e->subject_count && err == VT_OK; i++) {
        void *array = d->subject;

        err = make_room(&array, subject_at + i, &d->subject_cap, sizeof *d->subject, why);
        d->subject = array;
        if (err == VT_OK)
            d->subject[subject_at + i] = e->subject[i];
    }
    if (err == VT_OK) {
        void *array = d->row;

        err = make_room(&array, d->row_count, &d->row_cap, sizeof *d->row, why);
        d->row = array;
    }
    if (err != VT_OK)
        return err;
    d->subject_count = subject_at + e->subject_count;
    d->row[d->row_count++] = (struct vt_desk_row){.index = index,
        .kind = e->kind,
        .subject_count = (uint32_t)e->subject_count,
        .subject_at = subject_at,
        .statement = e->statement,
        .signer = signer};
    return VT_OK;
}

/* An entry that cannot be read, is a stranger's or of another kind says nothing here. */
static enum vt_err
scan_one(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    const struct vt_policy_party *signer = NULL;
    struct vt_desk *d = ctx;
    struct vt_note note;
    struct vt_entry e;
    enum vt_err err = VT_OK;

    if (vt_entry_parse(entry, len, &note, &e, NULL) == VT_OK && is_ledger_kind(e.kind) &&
        vt_log_entry_open(d->policy, entry, len, &e, NULL, &signer, NULL) == VT_OK)
        err = keep_row(d, index, &e, signer, why);
    if (err == VT_OK)
        d->scanned = index + 1;
    return err;
}

enum vt_err
vt_desk_scan(struct vt_desk *d, struct vt_why *why)
{
    if (d->reader == NULL)
        return vt_fail(why, VT_E_STATE, "%s: the ledger was not looked at yet", d->url);
    return vt_log_reader_each(d->reader, d->scanned, scan_one, d, why);
}

bool
vt_desk_row_has(const struct vt_desk *d, const struct vt_desk_row *r, enum vt_subject_role role,
    const struct vt_digest *digest)
{
    const struct vt_subject *s = d->subject + r->subject_at;

    for (uint32_t i = 0; i < r->subject_count; i++) {
        if (s[i].role == role && vt_digest_eq(&s[i].digest, digest))
            return true;
    }
    return false;
}

void
vt_desk_row_entry(
    const struct vt_desk *d, const struct vt_desk_row *r, struct vt_desk_entry *ret)
{
    *ret = (struct vt_desk_entry){.index = r->index, .signer = r->signer};
    ret->entry.kind = r->kind;
    ret->entry.statement = r->statement;
    ret->entry.subject_count = r->subject_count;
    for (uint32_t i = 0; i < r->subject_count; i++)
        ret->entry.subject[i] = d->subject[r->subject_at + i];
}

enum vt_err
vt_desk_each(struct vt_desk *d,
    enum vt_err (*fn)(void *ctx, const struct vt_desk_entry *e, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct vt_desk_entry e;
    enum vt_err err = vt_desk_scan(d, why);

    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < d->row_count && err == VT_OK; i++) {
        vt_desk_row_entry(d, &d->row[i], &e);
        err = fn(ctx, &e, why);
    }
    return err == VT_E_EXIST ? VT_OK : err;
}

static enum vt_err
fetch(
    struct vt_desk *d, const struct vt_digest *statement, struct vt_buf *b, struct vt_why *why)
{
    if (d->reader == NULL)
        return vt_fail(why, VT_E_STATE, "%s: the ledger was not looked at yet", d->url);
    return vt_log_reader_object(d->reader, statement, b, why);
}

static enum vt_err
in_entry(const struct vt_desk_entry *e, enum vt_err err, struct vt_why *why)
{
    return vt_fail_in(why, err, "the document of entry %llu (%s)", (unsigned long long)e->index,
        vt_entry_kind_name(e->entry.kind));
}

enum vt_err
vt_desk_doc(
    struct vt_desk *d, const struct vt_desk_entry *e, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    enum vt_err err = fetch(d, &e->entry.statement, &b, why);

    if (err == VT_OK)
        err = vt_ledger_doc_open(&e->entry, &e->signer->key, b.data, b.len, ret, why);
    vt_buf_release(&b);
    return err == VT_OK ? VT_OK : in_entry(e, err, why);
}

enum vt_err
vt_desk_row_doc(struct vt_desk *d, const struct vt_desk_row *r, struct vt_doc **ret,
    struct vt_why *nothing, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_desk_entry e;
    enum vt_err err;

    *ret = NULL;
    vt_desk_row_entry(d, r, &e);
    err = fetch(d, &r->statement, &b, why);
    if (err != VT_OK) {
        err = in_entry(&e, err, why);
    } else {
        err = vt_ledger_doc_open(&e.entry, &e.signer->key, b.data, b.len, ret, nothing);
        if (vt_err_exit_code(err) == 1)
            err = VT_OK;
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_desk_find(struct vt_desk *d, enum vt_entry_kind kind, const struct vt_digest *doc,
    struct vt_desk_entry *ret, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_desk_scan(d, why);

    if (err != VT_OK)
        return err;
    vt_digest_hex(doc, hex);
    err = vt_fail(why, VT_E_NOENT, "the ledger at %s has no %s sha256:%s by a known signer",
        d->url, vt_entry_kind_name(kind), hex);
    /* Whoever else logged the same document did not sign it, and so said nothing. */
    for (size_t i = d->row_count; i-- > 0 && err != VT_OK;) {
        struct vt_doc *said = NULL;
        struct vt_desk_entry e;

        if (d->row[i].kind != kind || !vt_digest_eq(&d->row[i].statement, doc))
            continue;
        vt_desk_row_entry(d, &d->row[i], &e);
        err = vt_desk_doc(d, &e, &said, why);
        vt_doc_free(said);
        if (err == VT_OK)
            *ret = e;
    }
    return err;
}
