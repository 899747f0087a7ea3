/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of a release: for each kind of entry whom the site's policy asks for, who has
 * delivered, and what is missing, in words for people who have never read a policy.
 */
#include "centre/api_parts.h"

#include <stdio.h>
#include <string.h>

/* A step, and the entries that speak for it or against it. */
struct step {
    const char *step;
    const char *title;
    enum vt_entry_kind kind;
    const char *against; /* the kind of entries against it, "" when there is none */
    const char *role;    /* the subject by which its entries are found */
    const char *wanted;  /* what is missing when it is: a sentence's beginning */
    const char *contradicted;
};

static const struct step steps[] = {
    {"source", "The source", VT_ENTRY_SOURCE, "", "source",
        "Nobody can say yet that this is the source that was meant to be released", NULL},
    {"environment", "The tools it was assembled with", VT_ENTRY_ENVIRONMENT, "", "environment",
        "The exact set of tools that it was assembled with is not vouched for yet", NULL},
    {"assembly", "The assembly", VT_ENTRY_ASSEMBLY, "", "artifact",
        "Nobody whom the policy trusts has said how this file was made", NULL},
    {"rebuild", "Independent rebuilds", VT_ENTRY_REBUILD, "mismatch", "artifact",
        "It has not been made again, with the same bytes, by all who must do so",
        "Somebody made this file again from the same source and got other bytes: do not use it "
        "until it is known why."},
    {"review", "Reviews of the source", VT_ENTRY_REVIEW, "objection", "source",
        "The source is not signed off by all who must have read it",
        "A reviewer objects to releasing anything from this source."},
    {"release", "The release", VT_ENTRY_RELEASE, "", "artifact",
        "The maker has not published this file in the way that the policy asks for", NULL},
};

#define SITE_COLUMN VT_API_LINK_COLUMNS

/* What an entry says, in a word. */
static json_t *
verdict_of(struct vt_sql_rows *r, const char *kind)
{
    if (strcmp(kind, "rebuild") == 0)
        return json_string("identical");
    if (strcmp(kind, "mismatch") == 0)
        return json_string("different");
    if (strcmp(kind, "review") == 0)
        return json_string("ok");
    return vt_api_column_text(r, SITE_COLUMN + 5);
}

static json_t *
varied_of(struct vt_sql_rows *r, int column)
{
    const char *text = vt_sql_text(r, column);
    struct vt_reader words = VT_READER(text, strlen(text));
    struct vt_reader word;
    json_t *array;

    if (vt_sql_is_null(r, column))
        return json_null();
    array = json_array();
    while (array != NULL && vt_reader_word(&words, ' ', &word))
        if (word.left > 0 && vt_api_add(array, vt_api_text_n(word.p, word.left), NULL) != VT_OK)
            break;
    return array;
}

/* One who has delivered. */
static enum vt_err
put_got(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    json_t *o = NULL;
    enum vt_err err = vt_api_link(c, r, &o, why);

    if (err != VT_OK)
        return err;
    err = vt_api_join(o,
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "site", vt_api_column_text(r, SITE_COLUMN),
            "jurisdiction", vt_api_column_text(r, SITE_COLUMN + 1), "started",
            vt_api_column_time(r, SITE_COLUMN + 2), "finished",
            vt_api_column_time(r, SITE_COLUMN + 3), "varied", varied_of(r, SITE_COLUMN + 4),
            "verdict", verdict_of(r, vt_sql_text(r, 1))),
        why);
    if (err == VT_OK)
        *ret = o;
    else
        json_decref(o);
    return err;
}

/* Those that speak of the artifact's very inputs and outputs, as passports count them; what is
 * against it counts whatever it says of the inputs. */
static enum vt_err
collect(struct vt_api_call *c, const struct step *s, const struct vt_api_release_facts *of,
    json_t *got, struct vt_why *why)
{
    const struct vt_digest *by = strcmp(s->role, "source") == 0        ? &of->source
                                 : strcmp(s->role, "environment") == 0 ? &of->environment
                                                                       : &of->artifact;
    struct vt_sql_rows *rows = NULL;
    enum vt_err err;

    if (by != &of->artifact && !of->has_run)
        return VT_OK;
    err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_LINK ",a.site,a.jurisdiction,a.started,a.finished,a.varied,v.code"
        " FROM subject s JOIN entry e ON e.idx=s.idx LEFT JOIN run a ON a.idx=e.idx"
        " LEFT JOIN review v ON v.idx=e.idx"
        " WHERE s.digest=?1 AND s.role=?2 AND e.signer IS NOT NULL"
        " AND (e.kind=?4 OR (e.kind=?3 AND e.problem IS NULL AND (a.idx IS NULL OR"
        "  (a.source=?5 AND a.environment=?6 AND a.recipe=?7 AND NOT EXISTS("
        "   SELECT digest FROM subject WHERE idx=e.idx AND role='artifact'"
        "   EXCEPT SELECT digest FROM subject WHERE idx=?8 AND role='artifact') AND NOT EXISTS("
        "   SELECT digest FROM subject WHERE idx=?8 AND role='artifact'"
        "   EXCEPT SELECT digest FROM subject WHERE idx=e.idx AND role='artifact')))))"
        " AND (e.kind NOT IN ('review','objection') OR" VT_API_LAST_WORD ")"
        " ORDER BY e.idx LIMIT 256",
        "dsssdddi", by, s->role, vt_entry_kind_name(s->kind), s->against, &of->source,
        &of->environment, &of->recipe, of->run);
    return err == VT_OK ? vt_api_rows(c, rows, put_got, got, why) : err;
}

/* Who of the policy's signers is among them. */
static void
mark_signers(const struct vt_policy *policy, const json_t *got, enum vt_entry_kind kind,
    struct vt_signer_set *ret, bool *ret_against)
{
    const struct vt_policy_party *signer;
    size_t n = vt_policy_signers(policy, &signer);
    const json_t *o;
    size_t i;

    memset(ret, 0, sizeof(*ret));
    *ret_against = false;
    json_array_foreach(got, i, o)
    {
        const char *name = json_string_value(json_object_get(o, "signer"));

        if (strcmp(json_string_value(json_object_get(o, "kind")), vt_entry_kind_name(kind)) !=
            0)
            *ret_against = true;
        else
            for (size_t k = 0; k < n && name != NULL; k++)
                ret->has[k] = ret->has[k] || strcmp(signer[k].name, name) == 0;
    }
}

/* The wanted sentence, and who has not delivered of those who may. */
static json_t *
missing_text(
    const struct vt_policy *policy, const struct step *s, const struct vt_signer_set *set)
{
    const struct vt_policy_party *signer;
    size_t n = vt_policy_signers(policy, &signer);
    struct vt_buf b = VT_BUF(32768);
    struct vt_signer_set members;
    const char *sep = ": still to come from ";
    unsigned least;
    json_t *v;

    vt_policy_members(policy, s->kind, &members, &least);
    vt_buf_puts(&b, s->wanted);
    for (size_t i = 0; i < n; i++) {
        if (!members.has[i] || set->has[i])
            continue;
        vt_buf_putf(&b, "%s%s", sep, signer[i].name);
        sep = ", ";
    }
    vt_buf_puts(&b, " (the policy asks for ");
    vt_policy_put_demand(&b, policy, s->kind);
    vt_buf_puts(&b, ").");
    v = b.err == VT_OK ? vt_api_text_n(b.data, b.len) : NULL;
    vt_buf_release(&b);
    return v;
}

static json_t *
demand_text(const struct vt_policy *policy, enum vt_entry_kind kind)
{
    struct vt_buf b = VT_BUF(32768);
    json_t *v;

    if (vt_policy_demand_name(policy, kind) == NULL)
        return json_string("nobody: the policy asks for none");
    vt_policy_put_demand(&b, policy, kind);
    v = b.err == VT_OK ? vt_api_text_n(b.data, b.len) : NULL;
    vt_buf_release(&b);
    return v;
}

static json_t *
step_of(const char *step, const char *title, const char *state, json_t *demanded, json_t *got,
    json_t *missing)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "step", step, "title", title, "state", state,
        "demanded", demanded, "got", got, "missing", missing);
}

static enum vt_err
put_step(struct vt_api_call *c, const struct step *s, const struct vt_api_release_facts *of,
    json_t *chain, struct vt_why *why)
{
    const struct vt_policy *policy = c->api->policy;
    bool demanded = vt_policy_demand_of(policy, s->kind) == VT_POLICY_QUORUM;
    json_t *got = json_array();
    json_t *missing;
    struct vt_signer_set set;
    const char *state = "ok";
    bool against = false;
    enum vt_err err = collect(c, s, of, got, why);

    if (err != VT_OK) {
        json_decref(got);
        return err;
    }
    mark_signers(policy, got, s->kind, &set, &against);
    if (against && (demanded || s->kind == VT_ENTRY_REBUILD))
        state = "contradicted";
    else if (!demanded)
        state = "none-demanded";
    else if (vt_policy_check_signers(policy, s->kind, &set, NULL) != VT_OK)
        state = "missing";
    missing = strcmp(state, "contradicted") == 0 ? json_string(s->contradicted)
              : strcmp(state, "missing") == 0    ? missing_text(policy, s, &set)
                                                 : json_null();
    return vt_api_add(chain,
        step_of(s->step, s->title, state, demand_text(policy, s->kind), got, missing), why);
}

/* It is in the log that the checkpoint fixes, or no facts would know of it. */
static enum vt_err
put_log(const struct vt_checkpoint *cp, json_t *chain, struct vt_why *why)
{
    char text[VT_KEY_NAME_MAX + 64];

    (void)snprintf(text, sizeof(text), "an entry in the public log %s", cp->origin);
    return vt_api_add(chain,
        step_of("log", "The public log", "ok", vt_api_text(text), json_array(), json_null()),
        why);
}

static json_t *
put_witness(const struct vt_policy_party *w, int64_t time)
{
    return json_pack("{s:o,s:o,s:o}", "name", vt_api_text(w->name), "key",
        vt_api_text(w->key.name), "time", vt_api_time(time));
}

static enum vt_err
put_witnesses(
    struct vt_api_call *c, const struct vt_note *note, json_t *chain, struct vt_why *why)
{
    const struct vt_policy_party *w;
    size_t n = vt_policy_witnesses(c->api->policy, &w);
    struct vt_why short_of = {0};
    json_t *got = json_array();
    json_t *missing = json_null();
    const char *state = "ok";
    enum vt_err err = VT_OK;
    uint64_t time;

    for (size_t i = 0; i < n && err == VT_OK; i++)
        if (vt_cosig_verify(note, &w[i].key, &time, NULL) == VT_OK)
            err = vt_api_add(got, put_witness(&w[i], (int64_t)time), why);
    if (err != VT_OK) {
        json_decref(got);
        return err;
    }
    if (vt_policy_demand_name(c->api->policy, 0) == NULL)
        state = "none-demanded";
    else if (vt_policy_check_quorum(c->api->policy, note, &time, &short_of) != VT_OK) {
        state = "missing";
        missing = vt_api_text(short_of.text);
    }
    return vt_api_add(chain,
        step_of("witnesses", "Independent witnesses of the log", state,
            demand_text(c->api->policy, 0), got, missing),
        why);
}

enum vt_err
vt_api_chain(struct vt_api_call *c, const struct vt_api_release_facts *of, json_t **ret,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    json_t *chain = json_array();
    struct vt_checkpoint cp;
    struct vt_note note;
    enum vt_err err = vt_api_note(c, &b, why);

    if (err == VT_OK)
        err = vt_policy_check_log(c->api->policy, b.data, b.len, &note, &cp, why);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && err == VT_OK; i++)
        err = put_step(c, &steps[i], of, chain, why);
    if (err == VT_OK)
        err = put_log(&cp, chain, why);
    if (err == VT_OK)
        err = put_witnesses(c, &note, chain, why);
    vt_buf_release(&b);
    if (err == VT_OK)
        *ret = chain;
    else
        json_decref(chain);
    return err;
}
