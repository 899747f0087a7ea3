/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault policy add|take
 */
#include "party.h"
#include "vault.h"
#include "vault_desk.h"

#include "base/file.h"
#include "vault/chain.h"
#include "vault/move.h"
#include "vault/place.h"
#include "vault/say.h"

#include <inttypes.h>
#include <string.h>

/* vault policy add */

struct add {
    struct vt_vault_desk d;
    const char *url;
    const char *policy_path;
    const char *key;
    const char *cosign;
    struct vt_policy_chain *chain;
    struct vt_buf doc;       /* the signed document */
    struct vt_digest digest; /* of that */
    uint64_t serial;
    uint64_t index;
    bool in_force;
};

/* The serial and previous that a new policy must have; the file may leave both out. */
static enum vt_err
add_place(struct add *a, struct vt_doc *doc, struct vt_why *why)
{
    size_t n = vt_policy_chain_count(a->chain);
    const struct vt_policy_step *last = vt_policy_chain_step(a->chain, n - 1);
    uint64_t serial = last == NULL ? 1 : vt_vault_policy_serial(last->policy) + 1;
    enum vt_err err = vt_doc_addf(doc, why, "serial", "%" PRIu64, serial);

    if (err == VT_OK && last != NULL)
        err = vt_doc_add_digest(doc, "previous", vt_vault_policy_digest(last->policy), why);
    return err;
}

/* One line of the file: a field, or nothing (empty, or a comment). */
static enum vt_err
add_line(struct add *a, struct vt_doc *doc, struct vt_reader line, struct vt_why *why)
{
    struct vt_reader word;
    char name[64], value[1024];
    enum vt_err err = VT_OK;

    if (line.left == 0 || line.p[0] == '#')
        return VT_OK;
    if (!vt_reader_word(&line, ' ', &word) || !vt_reader_cstr(&word, name, sizeof name) ||
        !vt_reader_cstr(&line, value, sizeof value))
        return vt_fail(why, VT_E_CONFIG, "not a field's name, a space and its value");
    if (vt_doc_count(doc) == 0 && strcmp(name, "serial") != 0)
        err = add_place(a, doc, why);
    if (err == VT_OK)
        err = vt_doc_add(doc, name, value, why);
    return err == VT_E_USAGE ? VT_E_CONFIG : err;
}

static enum vt_err
read_fields(struct add *a, const char *path, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_doc *doc = NULL;
    struct vt_reader line, r;
    unsigned number = 0;
    enum vt_err err = vt_file_read(path, &b, why);

    if (err == VT_OK)
        err = vt_doc_new(VT_DOC_POLICY, &doc, why);
    r = VT_READER(b.data, b.len);
    while (err == VT_OK && vt_reader_word(&r, '\n', &line)) {
        number++;
        err = add_line(a, doc, line, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s line %u", path, number);
    }
    vt_buf_release(&b);
    if (err != VT_OK) {
        vt_doc_free(doc);
        return err;
    }
    *ret = doc;
    return VT_OK;
}

/* Whether a document says what the policy in force says but for its place in the chain: who
 * gives the command again must not make another one. */
static bool
says_the_same(const struct vt_doc *a, const struct vt_doc *b)
{
    size_t i = 0, j = 0;

    for (;; i++, j++) {
        const struct vt_doc_field *x, *y;

        while (i < vt_doc_count(a) && (strcmp(vt_doc_field(a, i)->name, "serial") == 0 ||
                                          strcmp(vt_doc_field(a, i)->name, "previous") == 0))
            i++;
        while (j < vt_doc_count(b) && (strcmp(vt_doc_field(b, j)->name, "serial") == 0 ||
                                          strcmp(vt_doc_field(b, j)->name, "previous") == 0))
            j++;
        if (i == vt_doc_count(a) || j == vt_doc_count(b))
            return i == vt_doc_count(a) && j == vt_doc_count(b);
        x = vt_doc_field(a, i);
        y = vt_doc_field(b, j);
        if (strcmp(x->name, y->name) != 0 || strcmp(x->value, y->value) != 0)
            return false;
    }
}

static enum vt_err
make_document(struct add *a, const char *path, struct vt_why *why)
{
    size_t n = vt_policy_chain_count(a->chain);
    const struct vt_policy_step *last = vt_policy_chain_step(a->chain, n - 1);
    struct vt_doc *doc = NULL;
    size_t len;
    const void *bytes;
    enum vt_err err = read_fields(a, path, &doc, why);

    if (err != VT_OK)
        return err;
    if (last != NULL && says_the_same(doc, vt_vault_policy_doc(last->policy))) {
        bytes = vt_doc_bytes(vt_vault_policy_doc(last->policy), &len);
        vt_buf_put(&a->doc, bytes, len);
        err = vt_buf_check(&a->doc, path, why);
    } else {
        err = vt_doc_sign(doc, a->d.signer, &a->doc, why);
    }
    vt_doc_free(doc);
    return err;
}

/* The document that others said, with this signer's signature on it too. */
static enum vt_err
take_document(struct add *a, struct vt_why *why)
{
    struct vt_desk_entry e;
    struct vt_doc *doc = NULL;
    struct vt_digest digest;
    struct vt_vkey key;
    size_t len;
    const void *bytes;
    enum vt_err err = vt_party_digest("--cosign", a->cosign, &digest, why);

    if (err == VT_OK)
        err = vt_desk_find(a->d.desk, VT_ENTRY_VAULT_POLICY, &digest, &e, why);
    if (err == VT_OK)
        err = vt_desk_doc(a->d.desk, &e, &doc, why);
    if (err == VT_OK)
        err = vt_vkey_make(vt_signer_name(a->d.signer), VT_NOTE_ED25519,
            vt_signer_public(a->d.signer), &key, why);
    if (err != VT_OK)
        goto out;
    bytes = vt_doc_bytes(doc, &len);
    vt_buf_put(&a->doc, bytes, len);
    err = vt_doc_verify(doc, &key, why);
    if (err == VT_E_UNKNOWN)
        err = vt_doc_countersign(&a->doc, a->d.signer, why);
out:
    vt_doc_free(doc);
    return err;
}

/* Whether a policy's serial and previous make it the next one. */
static enum vt_err
check_place(const struct add *a, const struct vt_doc *doc, struct vt_why *why)
{
    size_t n = vt_policy_chain_count(a->chain);
    const struct vt_policy_step *last = vt_policy_chain_step(a->chain, n - 1);
    uint64_t next = last == NULL ? 1 : vt_vault_policy_serial(last->policy) + 1;
    struct vt_digest previous;
    uint64_t serial = 0;

    if (!vt_doc_get_count(doc, "serial", &serial) || serial != next)
        return vt_fail(why, VT_E_CONFIG,
            "serial %" PRIu64 ": the next vault policy of this ledger has serial %" PRIu64
            " (leave `serial` and `previous` out to have them filled in)",
            serial, next);
    if (vt_doc_get_digest(doc, "previous", &previous) != (last != NULL) ||
        (last != NULL && !vt_digest_eq(&previous, vt_vault_policy_digest(last->policy))))
        return vt_fail(why, VT_E_CONFIG,
            "`previous` must be the policy in force (leave `serial` and `previous` out to have "
            "them filled in)");
    return VT_OK;
}

/* Whether it is a policy, and can be the next one (or was in force already). */
static enum vt_err
check_document(struct add *a, struct vt_why *why)
{
    struct vt_vault_policy *p = NULL;
    struct vt_doc *doc = NULL;
    enum vt_err err = vt_doc_parse(a->doc.data, a->doc.len, VT_DOC_POLICY, &doc, why);

    if (err != VT_OK)
        return err;
    a->digest = *vt_doc_digest(doc);
    if (vt_policy_chain_find(a->chain, &a->digest) == NULL)
        err = check_place(a, doc, why);
    if (err == VT_OK)
        err = vt_vault_policy_parse(a->doc.data, a->doc.len, &p, why);
    if (err == VT_OK)
        a->serial = vt_vault_policy_serial(p);
    vt_vault_policy_free(p);
    vt_doc_free(doc);
    return err;
}

static enum vt_err
say_policy(struct add *a, struct vt_why *why)
{
    const struct vt_subject subject = {VT_SUBJECT_POLICY, a->digest};
    enum vt_err err = vt_desk_say(
        a->d.desk, VT_ENTRY_VAULT_POLICY, &subject, 1, a->doc.data, a->doc.len, &a->index, why);

    if (err == VT_OK)
        err = vt_desk_wait(a->d.desk, a->index, VT_VAULT_WAIT_MS, why);
    if (err == VT_OK)
        err = vt_desk_refresh(a->d.desk, why);
    if (err != VT_OK)
        return err;
    vt_policy_chain_free(a->chain);
    a->chain = NULL;
    err = vt_desk_policy_chain(a->d.desk, &a->chain, why);
    if (err == VT_OK)
        a->in_force = vt_policy_chain_find(a->chain, &a->digest) != NULL;
    return err;
}

static enum vt_err
add(struct add *a, const struct vt_cmd *c, struct vt_why *why)
{
    enum vt_err err;

    if ((a->cosign == NULL) != (c->argc == 1))
        return vt_fail(why, VT_E_USAGE, "give a FILE with a policy's fields, or --cosign");
    err = vt_vault_desk_open(&a->d, a->url, a->policy_path, a->key, why);
    if (err == VT_OK)
        err = vt_desk_policy_chain(a->d.desk, &a->chain, why);
    if (err == VT_OK)
        err = a->cosign == NULL ? make_document(a, c->argv[0], why) : take_document(a, why);
    if (err == VT_OK)
        err = check_document(a, why);
    return err == VT_OK ? say_policy(a, why) : err;
}

static int
print_added(const struct vt_cmd *c, const struct add *a)
{
    char text[VT_VAULT_DIGEST_TEXT];

    vt_vault_digest_text(&a->digest, text);
    return vt_cmd_done(c,
        json_pack("{s:s, s:I, s:I, s:b}", "policy", text, "serial", (json_int_t)a->serial,
            "index", (json_int_t)a->index, "in_force", (int)a->in_force),
        "vault policy %" PRIu64 " is entry %" PRIu64 "%s\n%s", a->serial, a->index,
        a->in_force ? " and in force"
                    : "; others must say it too, each with `vault policy add --cosign` of this "
                      "digest:",
        text);
}

static int
policy_add(int argc, char **argv)
{
    struct add a = {.doc = VT_BUF(VT_DOC_MAX)};
    const struct vt_opt opts[] = {
        {"key", 'k', VT_OPT_STR, "FILE", "the authority's signing key", &a.key, true},
        {"to", 't', VT_OPT_STR, "URL", "the log", &a.url, true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the trust policy", &a.policy_path, true},
        {"cosign", 0, VT_OPT_STR, "sha256:HEX",
            "sign and say the policy that another authority has said", &a.cosign, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault policy add",
        .args = "[FILE] --key FILE --to URL --policy FILE",
        .summary = "Signs a vault policy, puts it into the ledger and prints its digest.",
        .details =
            "FILE has the policy's fields, one a line; empty lines and lines that begin with # "
            "are left out. Without `serial` and `previous` they are filled in. It is in force "
            "once those have said it whom `require vault-policy` of the trust policy names. "
            "Where "
            "these are several, each signs the digest that the one before printed, and at the "
            "end all the last one.",
        .opts = opts,
        .args_max = 1};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = add(&a, &c, &why);
    code = err == VT_OK ? print_added(&c, &a) : vt_cmd_fail(&c, err, &why);
    vt_policy_chain_free(a.chain);
    vt_buf_release(&a.doc);
    vt_vault_desk_release(&a.d);
    return code;
}

/* vault policy take */

struct take {
    struct vt_home home;
    struct vt_vault_desk d;
    struct vt_policy_chain *chain;
    struct vt_keeper *keeper;
    const struct vt_policy_step *last;
    size_t taken;
};

/* How many policies of the chain the keeper has. */
static enum vt_err
count_known(struct take *t, size_t *ret, struct vt_why *why)
{
    static const struct vt_digest none;
    struct vt_keeper_status status;
    size_t n = vt_policy_chain_count(t->chain);
    enum vt_err err = vt_keeper_status(t->keeper, &status, why);

    if (err != VT_OK)
        return err;
    *ret = 0;
    if (vt_digest_eq(&status.policy, &none))
        return VT_OK;
    for (size_t i = 0; i < n; i++) {
        if (vt_digest_eq(vt_vault_policy_digest(vt_policy_chain_step(t->chain, i)->policy),
                &status.policy))
            *ret = i + 1;
    }
    if (*ret == 0)
        return vt_fail(why, VT_E_REFUSED,
            "the keeper follows a vault policy that this ledger never had in force: is %s the "
            "right ledger?",
            t->home.dir);
    return VT_OK;
}

/* Gives the keeper one policy after the other: each names the one before it. */
static enum vt_err
give_keeper(struct take *t, struct vt_buf *evidence, struct vt_why *why)
{
    size_t n = vt_policy_chain_count(t->chain);
    size_t known = 0;
    enum vt_err err = count_known(t, &known, why);

    for (size_t i = known; i < n && err == VT_OK; i++) {
        const struct vt_policy_step *s = vt_policy_chain_step(t->chain, i);

        err = vt_move_expect(&t->home, t->d.desk, s->policy, why);
        if (err == VT_OK)
            err =
                vt_say_evidence(t->d.desk, t->keeper, s->entry, s->entry_count, evidence, why);
        if (err == VT_OK)
            err = vt_keeper_set_policy(t->keeper, evidence->data, evidence->len, why);
        if (err == VT_OK)
            t->taken++;
    }
    return err;
}

/* What endpoints are given needs no tree that they know already. */
static enum vt_err
store_policy(struct take *t, struct vt_buf *evidence, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    size_t len;
    const void *bytes = vt_doc_bytes(vt_vault_policy_doc(t->last->policy), &len);
    enum vt_err err;

    vt_buf_clear(evidence);
    err = vt_desk_evidence(t->d.desk, t->last->entry, t->last->entry_count, 0, evidence, why);
    if (err == VT_OK)
        err = vt_vault_path(&t->home, path, why, "policy.evidence");
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, evidence->data, evidence->len, why);
    if (err == VT_OK)
        err = vt_vault_path(&t->home, path, why, "policy");
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, bytes, len, why);
    return err;
}

static enum vt_err
open_vault(struct take *t, const char *dir, struct vt_why *why)
{
    struct vt_vault_conf conf;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, &t->home, why);

    if (err == VT_OK)
        err = vt_vault_conf_load(&t->home, &conf, why);
    if (err == VT_OK)
        err = vt_home_path(&t->home, path, why, "policy");
    if (err == VT_OK)
        err = vt_vault_desk_open(&t->d, conf.ledger, path, NULL, why);
    if (err == VT_OK)
        err = vt_desk_policy_chain(t->d.desk, &t->chain, why);
    return err;
}

static enum vt_err
take(struct take *t, const char *dir, struct vt_why *why)
{
    struct vt_buf evidence = VT_BUF(VT_EVIDENCE_MAX);
    enum vt_err err = open_vault(t, dir, why);

    if (err == VT_OK) {
        t->last = vt_policy_chain_step(t->chain, vt_policy_chain_count(t->chain) - 1);
        if (t->last == NULL)
            err = vt_fail(why, VT_E_NOENT,
                "the ledger has no vault policy in force yet: `vitrine vault policy add` says "
                "one");
    }
    if (err == VT_OK)
        err = vt_keeper_open(&t->home, &t->keeper, why);
    if (err == VT_OK)
        err = give_keeper(t, &evidence, why);
    if (err == VT_OK)
        err = store_policy(t, &evidence, why);
    vt_buf_release(&evidence);
    return err;
}

static int
policy_take(int argc, char **argv)
{
    struct vt_cmd c = {.name = "vault policy take",
        .args = "SITE-HOME",
        .summary = "Puts the newest vault policy of the ledger in force at a site's vault.",
        .details =
            "The policy is found by the home's trust policy in the ledger that `vault "
            "init` named, checked, and given to the keeper, which checks it again offline.",
        .args_min = 1,
        .args_max = 1};
    char text[VT_VAULT_DIGEST_TEXT];
    struct take t = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = take(&t, c.argv[0], &why);
    if (err == VT_OK) {
        vt_vault_digest_text(vt_vault_policy_digest(t.last->policy), text);
        code = vt_cmd_done(&c,
            json_pack("{s:s, s:I, s:I}", "policy", text, "serial",
                (json_int_t)vt_vault_policy_serial(t.last->policy), "taken",
                (json_int_t)t.taken),
            "vault policy %" PRIu64 " is in force at %s\n%s",
            vt_vault_policy_serial(t.last->policy), t.home.name, text);
    } else {
        code = vt_cmd_fail(&c, err, &why);
    }
    vt_keeper_close(t.keeper);
    vt_policy_chain_free(t.chain);
    vt_vault_desk_release(&t.d);
    return code;
}

int
vt_cmd_vault_policy(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"add", "sign a vault policy and put it into the ledger", policy_add},
        {"take", "put the ledger's newest policy in force at a site", policy_take},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs(
        "vault policy", "Who keeps users' data where, and who may do what.", verbs, argc, argv);
}
