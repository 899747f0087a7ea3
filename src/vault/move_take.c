/* SPDX-License-Identifier: Apache-2.0 */
/* The site that takes: what the other site POSTs, piece by piece. */
#include "vault/move_take.h"

#include "base/log.h"
#include "vault/place.h"

#include <stdlib.h>
#include <string.h>

/* --- begin ---------------------------------------------------------------------------------
 */

/* The relocation is said by the site that the other one is, of this region, to this site,
 * which is where the policy in force places it. */
static enum vt_err
check_terms(const struct vt_move_taker *t, const struct vt_fact *f, const char *region,
    struct vt_move_terms *ret, struct vt_why *why)
{
    const struct vt_rule_region *rule = vt_vault_policy_region(t->policy, region);
    const struct vt_rule_party *keeper;
    struct vt_move_terms terms;
    enum vt_err err = vt_move_terms(f->doc, &terms, why);

    if (err != VT_OK)
        return err;
    if (strcmp(terms.is.region, region) != 0 || strcmp(terms.is.to, t->home->name) != 0 ||
        strcmp(terms.is.from, t->home->name) == 0)
        return vt_fail(why, VT_E_REFUSED, "that relocation is of %s from %s to %s",
            terms.is.region, terms.is.from, terms.is.to);
    if (rule == NULL || strcmp(rule->site, t->home->name) != 0)
        /* Not yet, perhaps: the other site asks again for a while. */
        return vt_fail(why, VT_E_STATE,
            "the policy in force at %s does not place %s there: `vitrine vault policy take`",
            t->home->name, region);
    keeper = vt_vault_policy_keeper(t->policy, terms.is.from);
    if (keeper == NULL || !vt_pubkey_eq(&keeper->key.pub, &f->signer->key.pub) ||
        strcmp(keeper->key.name, f->signer->key.name) != 0)
        return vt_fail(why, VT_E_REFUSED, "that relocation was not said by the vault of %s",
            terms.is.from);
    *ret = terms;
    return VT_OK;
}

/* The region's public key with its proof, for the endpoints that will ask for it here. */
static enum vt_err
take_region_key(
    const struct vt_move_taking *k, const struct vt_evidence_file *file, struct vt_why *why)
{
    struct vt_evidence_file *one = calloc(1, sizeof *one);
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    struct vt_fact f = {0};
    enum vt_err err = VT_OK;

    if (one == NULL)
        return vt_fail(why, VT_E_NOMEM, "relocation: out of memory");
    one->count = 1;
    one->item[0] = file->item[1];
    if ((err = vt_fact_check(k->t->trust, VT_ENTRY_VAULT_KEY, &file->item[1], &f, why)) ==
            VT_OK &&
        strcmp(vt_doc_get(f.doc, "region"), k->move.region) != 0)
        err = vt_fail(why, VT_E_REFUSED, "that is another region's key");
    if (err == VT_OK && (err = vt_evidence_put(&b, one, why)) == VT_OK &&
        (err = vt_vault_path(k->t->home, dir, why, "keys")) == VT_OK &&
        (err = vt_path(path, why, "%s/%s.evidence", dir, k->move.region)) == VT_OK &&
        (err = vt_dir_make(dir, 0755, why)) == VT_OK && !vt_file_exists(path))
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_fact_release(&f);
    vt_buf_release(&b);
    free(one);
    return err;
}

static enum vt_err
begin_checked(struct vt_move_taking *k, const struct vt_evidence_file *file,
    const struct vt_move_terms *terms, struct vt_why *why)
{
    enum vt_err err =
        vt_move_begin(k->t->home, k->move.region, VT_MOVE_IN, terms->is.from, &k->move, why);

    if (err == VT_OK && file->count > 1)
        err = take_region_key(k, file, why);
    if (err == VT_OK && terms->is.segments == 0)
        err = vt_move_put(&k->move, "rows", "", 0, why);
    return err == VT_OK ? vt_move_put(&k->move, "evidence", k->body, k->len, why) : err;
}

/* Whether that relocation is over already: then its receipt is the answer. */
static enum vt_err
answer_done(struct vt_move_taking *k, const struct vt_move_terms *terms, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_done_path(&k->move, &terms->digest, path, why);

    if (err != VT_OK || !vt_file_exists(path))
        return err;
    k->answered = true;
    vt_buf_puts(k->answer, "receipt ");
    return vt_file_read(path, k->answer, why);
}

/* The first begin stores the evidence; later ones must be of the same relocation. */
static enum vt_err
take_begin(struct vt_move_taking *k, struct vt_why *why)
{
    struct vt_evidence_file *file = malloc(sizeof *file);
    struct vt_move_terms terms;
    struct vt_fact f = {0};
    enum vt_err err = VT_OK;

    if (file == NULL)
        return vt_fail(why, VT_E_NOMEM, "relocation: out of memory");
    if ((err = vt_evidence_parse(k->body, k->len, file, why)) == VT_OK &&
        (file->count < 1 || file->count > 2))
        err = vt_fail(why, VT_E_SYNTAX, "not the evidence of one relocation");
    if (err == VT_OK)
        err = vt_fact_check(k->t->trust, VT_ENTRY_RELOCATION, &file->item[0], &f, why);
    if (err == VT_OK)
        err = check_terms(k->t, &f, k->move.region, &terms, why);
    if (err == VT_OK && k->move.state.side == VT_MOVE_IN && vt_move_has(&k->move, "evidence")) {
        err = vt_move_terms_load(&k->move, "evidence", &k->terms, why);
        if (err == VT_OK && !vt_digest_eq(&k->terms.digest, &terms.digest))
            err = vt_fail(
                why, VT_E_STATE, "another relocation of %s is under way here", k->move.region);
    } else if (err == VT_OK) {
        err = answer_done(k, &terms, why);
        if (err == VT_OK && !k->answered)
            err = begin_checked(k, file, &terms, why);
        k->terms = terms;
    }
    vt_fact_release(&f);
    free(file);
    return err;
}

static enum vt_err
take_end(struct vt_move_taking *k, struct vt_why *why)
{
    if (!vt_move_has(&k->move, "end")) {
        if (!vt_move_has(&k->move, "segments") || !vt_move_has(&k->move, "keys"))
            return vt_fail(why, VT_E_STATE, "segments or keys are still to come");
        return vt_move_put(&k->move, "end", "", 0, why);
    }
    return vt_move_merge(k, why);
}

/* --- what is wanted next, and the dispatch -------------------------------------------------
 */

static enum vt_err
answer_keys(struct vt_move_taking *k, struct vt_why *why)
{
    struct vt_keeper_status status;
    uint64_t have = 0;
    enum vt_err err;

    if (!vt_move_has(&k->move, "sealed")) {
        (void)vt_move_size_of(&k->move, "sealed.part", &have);
        vt_buf_putf(k->answer, "keys %llu\n", (unsigned long long)have);
        return VT_OK;
    }
    err = vt_keeper_status(k->t->keeper, &status, why);
    if (err == VT_OK)
        vt_buf_putf(k->answer, "take %llu\n", (unsigned long long)status.ledger_size);
    return err;
}

static enum vt_err
answer_state(struct vt_move_taking *k, struct vt_why *why)
{
    const struct vt_move *m = &k->move;
    uint64_t have = 0;
    enum vt_err err = VT_OK;

    if (!vt_move_has(m, "rows")) {
        (void)vt_move_size_of(m, "rows.part", &have);
        vt_buf_putf(k->answer, "rows %llu\n", (unsigned long long)have);
    } else if (!vt_move_has(m, "retired")) {
        (void)vt_move_size_of(m, "retired.part", &have);
        vt_buf_putf(k->answer, "retired %llu\n", (unsigned long long)have);
    } else if (!vt_move_has(m, "segments")) {
        vt_buf_puts(k->answer, "segments\n");
    } else if (!vt_move_has(m, "keys")) {
        err = answer_keys(k, why);
    } else if (!vt_move_has(m, "end")) {
        vt_buf_puts(k->answer, "end\n");
    } else if (!vt_move_has(m, "said")) {
        vt_buf_puts(k->answer, "checking\n");
    } else {
        vt_buf_puts(k->answer, "receipt ");
        err = vt_move_get(m, "said", k->answer, why);
    }
    return err;
}

static enum vt_err
dispatch(struct vt_move_taking *k, const struct vt_move_path *p, struct vt_why *why)
{
    switch (p->step) {
    case VT_MOVE_STEP_BEGIN:
        return take_begin(k, why);
    case VT_MOVE_STEP_ROWS:
        return vt_move_take_rows(k, p->offset, why);
    case VT_MOVE_STEP_RETIRED:
        return vt_move_take_retired(k, p->number, p->offset, why);
    case VT_MOVE_STEP_MISSING:
        return vt_move_take_missing(k, p->offset, why);
    case VT_MOVE_STEP_SEGMENT:
        return vt_move_take_segment(k, p->number, p->offset, why);
    case VT_MOVE_STEP_KEYS:
        return vt_move_take_keys(k, p->number, p->offset, why);
    case VT_MOVE_STEP_TAKE:
        return vt_move_take_into_keeper(k, why);
    case VT_MOVE_STEP_END:
        return take_end(k, why);
    }
    return vt_fail(why, VT_E_SYNTAX, "no such step");
}

/* Steps after begin need what begin stored, and rows before what speaks of rows. */
static enum vt_err
prepare(struct vt_move_taking *k, enum vt_move_step step, struct vt_why *why)
{
    if (step == VT_MOVE_STEP_BEGIN)
        return VT_OK;
    if (k->move.state.side != VT_MOVE_IN || !vt_move_has(&k->move, "evidence"))
        return vt_fail(why, VT_E_STATE, "no relocation of %s has begun here", k->move.region);
    if (step > VT_MOVE_STEP_ROWS && !vt_move_has(&k->move, "rows"))
        return vt_fail(why, VT_E_STATE, "the rows of %s come first", k->move.region);
    if (step > VT_MOVE_STEP_RETIRED && !vt_move_has(&k->move, "retired"))
        return vt_fail(
            why, VT_E_STATE, "the removed segments of %s come first", k->move.region);
    return vt_move_terms_load(&k->move, "evidence", &k->terms, why);
}

static int
status_of(enum vt_err err)
{
    switch (err) {
    case VT_OK:
        return 200;
    case VT_E_SYNTAX:
    case VT_E_USAGE:
        return 400;
    case VT_E_REFUSED:
    case VT_E_UNKNOWN:
    case VT_E_QUORUM:
        return 403;
    case VT_E_STATE:
    case VT_E_NOENT:
    case VT_E_ROLLBACK:
    case VT_E_EXIST:
        return 409;
    case VT_E_LIMIT:
        return 413;
    case VT_E_SIG:
    case VT_E_PROOF:
    case VT_E_DIGEST:
        return 422;
    default:
        return 503;
    }
}

enum vt_err
vt_move_take(const struct vt_move_taker *t, const char *path, const void *body, size_t len,
    int *ret_status, struct vt_buf *answer, struct vt_why *why)
{
    struct vt_move_taking k = {.t = t, .body = body, .len = len, .answer = answer};
    struct vt_move_path p;
    struct vt_why text = {0};
    enum vt_err err = VT_OK;

    if (!vt_move_path_parse(path, &p))
        err = vt_fail(&text, VT_E_SYNTAX, "that is no step of a relocation");
    if (err == VT_OK && len > VT_MOVE_PIECE_MAX)
        err = vt_fail(&text, VT_E_LIMIT, "at most %u bytes at once", VT_MOVE_PIECE_MAX);
    if (err == VT_OK)
        err = vt_move_open(t->home, p.region, &k.move, &text);
    if (err == VT_OK)
        err = prepare(&k, p.step, &text);
    if (err == VT_OK)
        err = dispatch(&k, &p, &text);
    if (err == VT_OK && p.step != VT_MOVE_STEP_MISSING && !k.answered)
        err = answer_state(&k, &text);
    *ret_status = status_of(err);
    if (err != VT_OK) {
        vt_log(VT_LOG_INFO, "relocation: %s: %s", vt_err_name(err), text.text);
        vt_buf_clear(answer);
        vt_buf_putf(answer, "%s\n", text.text);
    }
    return vt_buf_check(answer, "an answer", why);
}
