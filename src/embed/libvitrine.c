/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public API of libvitrine over the modules. include/vitrine/vitrine.h is
 * its documentation.
 */
#include "vitrine/vitrine.h"

#include "store/policy_file.h"
#include "update/update.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The public codes are the internal ones. */
static_assert((int)VITRINE_E_USAGE == (int)VT_E_USAGE, "usage");
static_assert((int)VITRINE_E_CONFIG == (int)VT_E_CONFIG, "config");
static_assert((int)VITRINE_E_STATE == (int)VT_E_STATE, "state");
static_assert((int)VITRINE_E_SYNTAX == (int)VT_E_SYNTAX, "syntax");
static_assert((int)VITRINE_E_LIMIT == (int)VT_E_LIMIT, "limit");
static_assert((int)VITRINE_E_IO == (int)VT_E_IO, "io");
static_assert((int)VITRINE_E_NOENT == (int)VT_E_NOENT, "noent");
static_assert((int)VITRINE_E_EXIST == (int)VT_E_EXIST, "exist");
static_assert((int)VITRINE_E_NOSPC == (int)VT_E_NOSPC, "nospc");
static_assert((int)VITRINE_E_NET == (int)VT_E_NET, "net");
static_assert((int)VITRINE_E_TIMEOUT == (int)VT_E_TIMEOUT, "timeout");
static_assert((int)VITRINE_E_BUSY == (int)VT_E_BUSY, "busy");
static_assert((int)VITRINE_E_CHILD == (int)VT_E_CHILD, "child");
static_assert((int)VITRINE_E_NOMEM == (int)VT_E_NOMEM, "nomem");
static_assert((int)VITRINE_E_CRYPTO == (int)VT_E_CRYPTO, "crypto");
static_assert((int)VITRINE_E_REFUSED == (int)VT_E_REFUSED, "refused");
static_assert((int)VITRINE_E_SIG == (int)VT_E_SIG, "sig");
static_assert((int)VITRINE_E_PROOF == (int)VT_E_PROOF, "proof");
static_assert((int)VITRINE_E_QUORUM == (int)VT_E_QUORUM, "quorum");
static_assert((int)VITRINE_E_DIGEST == (int)VT_E_DIGEST, "digest");
static_assert((int)VITRINE_E_ROLLBACK == (int)VT_E_ROLLBACK, "rollback");
static_assert((int)VITRINE_E_EXPIRED == (int)VT_E_EXPIRED, "expired");
static_assert((int)VITRINE_E_UNKNOWN == (int)VT_E_UNKNOWN, "unknown");
static_assert(sizeof(struct vitrine_message) == sizeof(struct vt_why), "message");

struct vitrine_proof {
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_policy *policy; /* owns the signers' names */
    struct vt_passport_report report;
};

struct vitrine_updater {
    struct vt_policy *policy;
    char *from;
    char *into;
    struct vt_buf root;
    void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
    void *progress_ctx;
    char what[128]; /* being done */
    uint64_t total;
    struct vt_update_report report;
    struct vt_why why;
};

const char *
vitrine_error_name(enum vitrine_error err)
{
    return vt_err_name((enum vt_err)err);
}

const char *
vitrine_version(void)
{
    return VT_VERSION;
}

static enum vitrine_error
finish(enum vt_err err, const struct vt_why *why, struct vitrine_message *message)
{
    if (message != NULL) {
        message->text[0] = '\0';
        if (err != VT_OK)
            memcpy(message->text, why->text, sizeof message->text);
    }
    return (enum vitrine_error)err;
}

/*
 * Verifying.
 */

static enum vt_err
verify(
    const char *artifact, const char *passport, struct vitrine_proof *proof, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX);
    struct vt_passport *p = NULL;
    struct vt_digest d;
    enum vt_err err = vt_file_read(passport, &b, why);
    if (err == VT_OK) {
        err = vt_passport_parse(b.data, b.len, &p, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", passport);
    }
    if (err == VT_OK)
        err = vt_digest_of_file(artifact, &d, NULL, why);
    if (err == VT_OK) {
        vt_digest_hex(&d, proof->hex);
        err = vt_passport_check(p, &d, proof->policy, &proof->report, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", artifact);
    }
    vt_passport_free(p);
    vt_buf_release(&b);
    return err;
}

enum vitrine_error
vitrine_verify(const char *artifact, const char *passport, const char *policy,
    struct vitrine_proof **ret, struct vitrine_message *message)
{
    struct vt_why why = {0};
    struct vitrine_proof *proof = calloc(1, sizeof *proof);
    enum vt_err err =
        proof == NULL ? vt_fail(&why, VT_E_NOMEM, "no memory for a proof") : VT_OK;
    if (err == VT_OK)
        err = vt_policy_load(policy, &proof->policy, &why);
    if (err == VT_OK)
        err = verify(artifact, passport, proof, &why);
    if (err == VT_OK && ret != NULL) {
        *ret = proof;
        proof = NULL; /* moved */
    }
    vitrine_proof_free(&proof);
    return finish(err, &why, message);
}

const char *
vitrine_proof_sha256(const struct vitrine_proof *p)
{
    return p->hex;
}

const char *
vitrine_proof_log(const struct vitrine_proof *p)
{
    return p->report.checkpoint.origin;
}

uint64_t
vitrine_proof_log_size(const struct vitrine_proof *p)
{
    return p->report.checkpoint.size;
}

int64_t
vitrine_proof_time(const struct vitrine_proof *p)
{
    return p->report.cosigned_time <= INT64_MAX ? (int64_t)p->report.cosigned_time : INT64_MAX;
}

size_t
vitrine_proof_entries(const struct vitrine_proof *p)
{
    return p->report.count;
}

const char *
vitrine_proof_entry_kind(const struct vitrine_proof *p, size_t i)
{
    assert(i < p->report.count);
    return vt_entry_kind_name(p->report.entry[i].kind);
}

const char *
vitrine_proof_entry_signer(const struct vitrine_proof *p, size_t i)
{
    assert(i < p->report.count);
    return p->report.entry[i].signer;
}

uint64_t
vitrine_proof_entry_index(const struct vitrine_proof *p, size_t i)
{
    assert(i < p->report.count);
    return p->report.entry[i].index;
}

void
vitrine_proof_free(struct vitrine_proof **p)
{
    if (p == NULL || *p == NULL)
        return;
    vt_policy_free((*p)->policy);
    free(*p);
    *p = NULL;
}

/*
 * Updating.
 */

enum vitrine_error
vitrine_updater_new(const char *from, const char *policy, const char *into,
    struct vitrine_updater **ret, struct vitrine_message *message)
{
    struct vt_why why = {0};
    enum vt_err err = VT_OK;
    struct vitrine_updater *u = calloc(1, sizeof *u);
    if (u != NULL) {
        vt_buf_init(&u->root, VT_TUF_ROOT_MAX);
        u->from = strdup(from);
        u->into = strdup(into);
    }
    if (u == NULL || u->from == NULL || u->into == NULL)
        err = vt_fail(&why, VT_E_NOMEM, "no memory for an updater");
    if (err == VT_OK)
        err = vt_policy_load(policy, &u->policy, &why);
    if (err == VT_OK) {
        *ret = u;
        u = NULL; /* moved */
    }
    vitrine_updater_free(&u);
    return finish(err, &why, message);
}

enum vitrine_error
vitrine_updater_set_root(struct vitrine_updater *u, const void *root, size_t len)
{
    vt_why_clear(&u->why);
    vt_buf_clear(&u->root);
    vt_buf_put(&u->root, root, len);
    enum vt_err err = vt_buf_check(&u->root, "the root", &u->why);
    if (err != VT_OK)
        vt_buf_clear(&u->root);
    return (enum vitrine_error)err;
}

void
vitrine_updater_set_progress(struct vitrine_updater *u,
    void (*fn)(void *ctx, const char *what, uint64_t done, uint64_t total), void *ctx)
{
    u->progress = fn;
    u->progress_ctx = ctx;
}

static void
on_begin(void *ctx, const char *what, uint64_t total)
{
    struct vitrine_updater *u = ctx;
    size_t len = strnlen(what, sizeof u->what - 1);
    memcpy(u->what, what, len);
    u->what[len] = '\0';
    u->total = total;
    u->progress(u->progress_ctx, u->what, 0, total);
}

static void
on_tick(void *ctx, uint64_t done)
{
    const struct vitrine_updater *u = ctx;
    u->progress(u->progress_ctx, u->what, done, u->total);
}

enum vitrine_error
vitrine_updater_run(struct vitrine_updater *u, const char *channel)
{
    struct vt_update_events events = {on_begin, on_tick, NULL, u};
    struct vt_mirror mirror = {0};
    vt_why_clear(&u->why);
    vt_update_report_release(&u->report);
    enum vt_err err = vt_mirror_open(u->from, &mirror, &u->why);
    if (err != VT_OK)
        return (enum vitrine_error)err;
    struct vt_update_opts opts = {
        .mirror = &mirror,
        .channel = channel,
        .into = u->into,
        .root = u->root.len == 0 ? NULL : u->root.data,
        .root_len = u->root.len,
        .policy = u->policy,
        .clock = &vt_clock_system,
        .events = u->progress == NULL ? NULL : &events,
    };
    err = vt_update_run(&opts, &u->report, &u->why);
    if (err == VT_OK)
        vt_why_clear(&u->why); /* of what was tried on the way */
    vt_mirror_close(&mirror);
    return (enum vitrine_error)err;
}

const char *
vitrine_updater_message(const struct vitrine_updater *u)
{
    return u->why.text;
}

size_t
vitrine_updater_products(const struct vitrine_updater *u)
{
    return u->report.count;
}

const char *
vitrine_updater_product(const struct vitrine_updater *u, size_t i)
{
    assert(i < u->report.count);
    return u->report.item[i].offer.product;
}

const char *
vitrine_updater_product_version(const struct vitrine_updater *u, size_t i)
{
    assert(i < u->report.count);
    return u->report.item[i].offer.version;
}

enum vitrine_outcome
vitrine_updater_outcome(const struct vitrine_updater *u, size_t i)
{
    assert(i < u->report.count);
    switch (u->report.item[i].result.outcome) {
    case VT_INSTALL_NEW:
        return VITRINE_INSTALLED;
    case VT_INSTALL_REPAIRED:
        return VITRINE_REPAIRED;
    case VT_INSTALL_CURRENT:
        break;
    }
    return VITRINE_CURRENT;
}

const char *
vitrine_updater_folder(const struct vitrine_updater *u, size_t i)
{
    assert(i < u->report.count);
    return u->report.item[i].result.folder;
}

const char *
vitrine_updater_was(const struct vitrine_updater *u, size_t i)
{
    assert(i < u->report.count);
    return u->report.item[i].result.was;
}

void
vitrine_updater_free(struct vitrine_updater **u)
{
    if (u == NULL || *u == NULL)
        return;
    vt_update_report_release(&(*u)->report);
    vt_policy_free((*u)->policy);
    vt_buf_release(&(*u)->root);
    free((*u)->from);
    free((*u)->into);
    free(*u);
    *u = NULL;
}
