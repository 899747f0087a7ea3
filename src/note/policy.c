/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: parsing. One copy of the file is cut into words in place; every
 * name is a word of it. Each directive is one function that takes the rest of
 * its line.
 */
#include "note/policy.h"

#include "note/policy_compiled.h"
#include "note/seal.h"

#include <stdlib.h>
#include <string.h>

#define NONE "none"

struct directive {
    const char *name;
    enum vt_err (*parse)(struct vt_policy *p, char *rest, struct vt_why *why);
};

/* The next word of a line, or NULL; words are apart by spaces and tabs. */
static char *
next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    size_t len = strcspn(word, " \t");
    if (len == 0)
        return NULL;
    *rest = word + len;
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

/* The key of a line: of type alg, or of the type that may stand in its place. */
static enum vt_err
parse_key(const char *word, enum vt_note_alg alg, enum vt_note_alg or_alg, const char *what,
    struct vt_vkey *ret, struct vt_why *why)
{
    struct vt_vkey k;
    if (word == NULL)
        return vt_fail(why, VT_E_CONFIG, "the key of the %s is missing", what);
    if (vt_vkey_parse(word, strlen(word), &k, why) != VT_OK)
        return VT_E_CONFIG;
    if (k.alg != alg && k.alg != or_alg)
        return vt_fail(why, VT_E_CONFIG, "the key of a %s must be of type %02x, not %02x: %s",
            what, (unsigned)alg, (unsigned)k.alg,
            k.alg == VT_NOTE_PASSKEY ? "a passkey signs reviews"
            : alg == VT_NOTE_ED25519 ? "a cosigner's key signs no notes or entries"
                                     : "give the cosigner's key");
    *ret = k;
    return VT_OK;
}

/* The optional URL, and nothing after it. */
static enum vt_err
parse_url(char *rest, const char **ret, struct vt_why *why)
{
    const char *url = next_word(&rest);
    if (url != NULL && strlen(url) > VT_POLICY_URL_MAX)
        return vt_fail(why, VT_E_CONFIG, "the URL has more than %u bytes", VT_POLICY_URL_MAX);
    if (next_word(&rest) != NULL)
        return vt_fail(why, VT_E_CONFIG, "there is something after the URL");
    *ret = url;
    return VT_OK;
}

static const struct vt_policy_party *
find_key(const struct vt_policy_party *v, size_t n, const struct vt_pubkey *pub)
{
    for (size_t i = 0; i < n; i++) {
        if (vt_pubkey_eq(&v[i].key.pub, pub))
            return &v[i];
    }
    return NULL;
}

/* A name that is being defined. */
static enum vt_err
check_new_name(
    const struct vt_policy *p, const char *name, const char *what, struct vt_why *why)
{
    if (name == NULL)
        return vt_fail(why, VT_E_CONFIG, "the name of the %s is missing", what);
    if (strlen(name) > VT_POLICY_NAME_MAX)
        return vt_fail(why, VT_E_CONFIG, "the name of the %s has more than %u bytes", what,
            VT_POLICY_NAME_MAX);
    if (strcmp(name, NONE) == 0)
        return vt_fail(
            why, VT_E_CONFIG, "the name `none` is reserved: give the %s another", what);
    if (vt_quorum_find(&p->names, name) >= 0)
        return vt_fail(why, VT_E_CONFIG, "the name `%s` is defined already", name);
    return VT_OK;
}

/* A name that is being used: it must be defined above. */
static enum vt_err
find_name(const struct vt_policy *p, const char *name, enum vt_quorum_class class, int *ret,
    struct vt_why *why)
{
    bool signers = class == VT_QUORUM_SIGNER;
    int node = vt_quorum_find(&p->names, name);
    if (node < 0)
        return vt_fail(why, VT_E_CONFIG, "`%s` is not defined on a line above", name);
    if (p->names.node[node].class != class)
        return vt_fail(why, VT_E_CONFIG, "`%s` stands for %s; here belong %s", name,
            signers ? "witnesses" : "signers", signers ? "signers" : "witnesses");
    *ret = node;
    return VT_OK;
}

static enum vt_err
parse_log(struct vt_policy *p, char *rest, struct vt_why *why)
{
    struct vt_policy_party log = {0};
    enum vt_err err =
        parse_key(next_word(&rest), VT_NOTE_ED25519, VT_NOTE_ED25519, "log", &log.key, why);
    if (err == VT_OK)
        err = parse_url(rest, &log.url, why);
    if (err != VT_OK)
        return err;
    if (find_key(p->log, p->log_count, &log.key.pub) != NULL)
        return vt_fail(why, VT_E_CONFIG, "a log with this public key is named above");
    if (p->log_count == VT_POLICY_LOGS_MAX)
        return vt_fail(why, VT_E_CONFIG, "there are more than %u logs", VT_POLICY_LOGS_MAX);
    struct vt_policy_party *at = &p->log[p->log_count++];
    *at = log;
    at->name = at->key.name;
    return vt_policy_party_ready(at, why);
}

/* A witness or signer line, with the array it goes to. */
static enum vt_err
parse_party(struct vt_policy *p, enum vt_quorum_class class, struct vt_policy_party *v,
    size_t *count, char *rest, struct vt_why *why)
{
    bool witness = class == VT_QUORUM_WITNESS;
    enum vt_note_alg alg = witness ? VT_NOTE_COSIG_ED25519 : VT_NOTE_ED25519;
    enum vt_note_alg or_alg = witness ? VT_NOTE_COSIG_MLDSA44 : VT_NOTE_PASSKEY;
    struct vt_policy_party party = {.name = next_word(&rest)};
    const char *what = witness ? "witness" : "signer";

    enum vt_err err = check_new_name(p, party.name, what, why);
    if (err == VT_OK)
        err = parse_key(next_word(&rest), alg, or_alg, what, &party.key, why);
    if (err == VT_OK)
        err = parse_url(rest, &party.url, why);
    if (err != VT_OK)
        return err;
    const struct vt_policy_party *same = find_key(v, *count, &party.key.pub);
    if (same != NULL)
        return vt_fail(
            why, VT_E_CONFIG, "`%s` has the same public key as `%s`", party.name, same->name);
    if (p->witness_count + p->signer_count == VT_POLICY_PARTIES_MAX)
        return vt_fail(why, VT_E_CONFIG, "there are more than %u witnesses and signers",
            VT_POLICY_PARTIES_MAX);
    const struct vt_quorum_node node = {.name = party.name,
        .class = class,
        .party = (int)*count,
        .parent = VT_QUORUM_NODE_NONE};
    vt_quorum_add(&p->names, &node);
    v[*count] = party;
    return vt_policy_party_ready(&v[(*count)++], why);
}

static enum vt_err
parse_witness(struct vt_policy *p, char *rest, struct vt_why *why)
{
    return parse_party(p, VT_QUORUM_WITNESS, p->witness, &p->witness_count, rest, why);
}

static enum vt_err
parse_signer(struct vt_policy *p, char *rest, struct vt_why *why)
{
    return parse_party(p, VT_QUORUM_SIGNER, p->signer, &p->signer_count, rest, why);
}

/* Makes the words that are left members of the group that the next node of the
 * forest will be. */
static enum vt_err
parse_members(struct vt_policy *p, char *rest, struct vt_quorum_node *group, struct vt_why *why)
{
    const char *word;
    while ((word = next_word(&rest)) != NULL) {
        int node = vt_quorum_find(&p->names, word);
        if (group->members == 0 && node >= 0)
            group->class = p->names.node[node].class;
        enum vt_err err = find_name(p, word, group->class, &node, why);
        if (err != VT_OK)
            return err;
        if (p->names.node[node].parent >= 0)
            return vt_fail(why, VT_E_CONFIG, "`%s` is a member of a group already", word);
        p->names.node[node].parent = (int)p->names.count;
        group->members++;
    }
    if (group->members == 0)
        return vt_fail(why, VT_E_CONFIG, "the group `%s` has no members", group->name);
    return VT_OK;
}

static enum vt_err
parse_threshold(
    const char *word, const struct vt_quorum_node *group, unsigned *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(word, strlen(word));
    uint64_t k;
    if (strcmp(word, "any") == 0) {
        *ret = 1;
    } else if (strcmp(word, "all") == 0) {
        *ret = group->members;
    } else if (vt_reader_decimal(&r, group->members, &k) && k > 0) {
        *ret = (unsigned)k;
    } else {
        return vt_fail(why, VT_E_CONFIG,
            "the threshold `%s` of the group `%s` is not `all`, `any` or 1 to %u", word,
            group->name, group->members);
    }
    return VT_OK;
}

static enum vt_err
parse_group(struct vt_policy *p, char *rest, struct vt_why *why)
{
    struct vt_quorum_node group = {.class = VT_QUORUM_WITNESS,
        .party = VT_QUORUM_NODE_NONE,
        .parent = VT_QUORUM_NODE_NONE};

    group.name = next_word(&rest);
    enum vt_err err = check_new_name(p, group.name, "group", why);
    if (err != VT_OK)
        return err;
    const char *k = next_word(&rest);
    if (k == NULL)
        return vt_fail(
            why, VT_E_CONFIG, "the group `%s` has no threshold and members", group.name);
    if (p->names.count - p->witness_count - p->signer_count == VT_POLICY_GROUPS_MAX)
        return vt_fail(why, VT_E_CONFIG, "there are more than %u groups", VT_POLICY_GROUPS_MAX);
    err = parse_members(p, rest, &group, why);
    if (err == VT_OK)
        err = parse_threshold(k, &group, &group.k, why);
    if (err == VT_OK)
        vt_quorum_add(&p->names, &group);
    return err;
}

/* The last word of a line that uses a name: `none` or a defined name. */
static enum vt_err
parse_use(const struct vt_policy *p, const char *what, char *rest, enum vt_quorum_class class,
    int *ret, struct vt_why *why)
{
    const char *name = next_word(&rest);
    if (name == NULL || next_word(&rest) != NULL)
        return vt_fail(why, VT_E_CONFIG, "%s takes exactly one name, or `none`", what);
    if (strcmp(name, NONE) != 0)
        return find_name(p, name, class, ret, why);
    *ret = VT_QUORUM_NODE_NONE;
    return VT_OK;
}

static enum vt_err
parse_quorum(struct vt_policy *p, char *rest, struct vt_why *why)
{
    if (p->quorum_given)
        return vt_fail(why, VT_E_CONFIG, "there is a quorum line above; keep one");
    p->quorum_given = true;
    return parse_use(p, "quorum", rest, VT_QUORUM_WITNESS, &p->quorum, why);
}

/* A passkey signs entries of few kinds: a line that waits for others would wait for ever. */
static enum vt_err
check_passkeys(const struct vt_policy *p, enum vt_entry_kind kind, int node, struct vt_why *why)
{
    bool has[VT_POLICY_PARTIES_MAX] = {false};

    (void)vt_quorum_least(&p->names, node, has);
    for (size_t i = 0; i < p->signer_count; i++) {
        if (has[i] && !vt_entry_kind_signable(kind, p->signer[i].key.alg))
            return vt_fail(why, VT_E_CONFIG,
                "the key of `%s` is a passkey, which signs readings, reviews and objections, "
                "and no entries of kind %s",
                p->signer[i].name, vt_entry_kind_name(kind));
    }
    return VT_OK;
}

static enum vt_err
parse_require(struct vt_policy *p, char *rest, struct vt_why *why)
{
    const char *word = next_word(&rest);
    enum vt_entry_kind kind;
    int node;

    if (word == NULL)
        return vt_fail(why, VT_E_CONFIG, "require takes a kind of entry and a name");
    if (!vt_entry_kind_parse(word, strlen(word), &kind))
        return vt_fail(why, VT_E_CONFIG, "`%s` is not a kind of entry", word);
    if (p->require[kind].demand != VT_POLICY_SILENT)
        return vt_fail(why, VT_E_CONFIG, "there is a line `require %s` above; keep one", word);
    enum vt_err err = parse_use(p, "require", rest, VT_QUORUM_SIGNER, &node, why);
    if (err == VT_OK && node >= 0)
        err = check_passkeys(p, kind, node, why);
    if (err != VT_OK)
        return err;
    p->require[kind].demand = node < 0 ? VT_POLICY_NONE : VT_POLICY_QUORUM;
    p->require[kind].node = node;
    return VT_OK;
}

/* vt_seal_check has seen to the seal; here the word only has its place. */
static enum vt_err
parse_sealed(struct vt_policy *p, char *rest, struct vt_why *why)
{
    (void)p;
    if (next_word(&rest) != NULL)
        return vt_fail(why, VT_E_CONFIG, "there is something after `sealed`");
    return VT_OK;
}

static enum vt_err
parse_seal(struct vt_policy *p, char *rest, struct vt_why *why)
{
    (void)p;
    (void)rest;
    return vt_fail(why, VT_E_CONFIG,
        "a seal must be the last line: run `vitrine policy seal FILE` to renew it");
}

static const struct directive directives[] = {
    {"log", parse_log},
    {"witness", parse_witness},
    {"group", parse_group},
    {"quorum", parse_quorum},
    {"signer", parse_signer},
    {"require", parse_require},
    {"sealed", parse_sealed},
    {"seal", parse_seal},
};

static enum vt_err
parse_line(struct vt_policy *p, char *line, struct vt_why *why)
{
    const char *word = next_word(&line);
    if (word == NULL || word[0] == '#')
        return VT_OK;
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        if (strcmp(word, directives[i].name) == 0)
            return directives[i].parse(p, line, why);
    }
    return vt_fail(why, VT_E_CONFIG,
        "`%s` is none of log, witness, group, quorum, signer and require", word);
}

/* Tab, newline, printable ASCII, and whatever has the high bit set. */
static enum vt_err
check_characters(const uint8_t *p, size_t len, struct vt_why *why)
{
    unsigned line = 1;
    for (size_t i = 0; i < len; i++) {
        if ((p[i] < 0x20 && p[i] != '\t' && p[i] != '\n') || p[i] == 0x7f)
            return vt_fail(why, VT_E_CONFIG, "policy line %u: the control character %02x%s",
                line, p[i], p[i] == '\r' ? ": lines must end as on Unix" : "");
        line += p[i] == '\n';
    }
    if (len > 0 && p[len - 1] != '\n')
        return vt_fail(why, VT_E_CONFIG,
            "policy line %u does not end in a newline: is the file cut short?", line);
    return VT_OK;
}

static enum vt_err
parse_lines(struct vt_policy *p, struct vt_why *why)
{
    unsigned number = 1;
    for (char *line = p->text, *end; *line != '\0'; line = end + 1, number++) {
        end = strchr(line, '\n');
        *end = '\0';
        enum vt_err err = parse_line(p, line, why);
        if (err != VT_OK)
            return vt_fail_in(why, err, "policy line %u", number);
    }
    if (!p->quorum_given)
        return vt_fail(why, VT_E_CONFIG,
            "the policy has no quorum line: name the witnesses it needs, or `quorum none`");
    return vt_policy_check_keys(p, why);
}

enum vt_err
vt_policy_parse(const void *data, size_t len, struct vt_policy **ret, struct vt_why *why)
{
    struct vt_policy *p = NULL;
    struct vt_digest digest;

    if (len > VT_POLICY_MAX)
        return vt_fail(why, VT_E_CONFIG, "the policy has more than %u bytes", VT_POLICY_MAX);
    vt_digest_of(data, len, &digest);
    enum vt_err err = check_characters(data, len, why);
    if (err == VT_OK)
        err = vt_seal_check(data, len, &len, why);
    if (err != VT_OK)
        return err;
    p = calloc(1, sizeof *p);
    if (p == NULL || (p->text = calloc(1, len + 1)) == NULL) {
        err = vt_fail(why, VT_E_NOMEM, "no memory for the policy");
        goto out;
    }
    p->digest = digest;
    if (len > 0)
        memcpy(p->text, data, len);
    err = parse_lines(p, why);
    if (err != VT_OK)
        goto out;
    *ret = p;
    p = NULL; /* moved */
out:
    vt_policy_free(p);
    return err;
}

void
vt_policy_free(struct vt_policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < VT_POLICY_LOGS_MAX; i++)
        vt_verifier_free(p->log[i].verifier);
    for (size_t i = 0; i < VT_POLICY_PARTIES_MAX; i++) {
        vt_verifier_free(p->witness[i].verifier);
        vt_verifier_free(p->signer[i].verifier);
    }
    free(p->text);
    free(p);
}
