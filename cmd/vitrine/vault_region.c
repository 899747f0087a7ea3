/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault region new|show
 */
#include "vault.h"
#include "vault_site.h"

#include "base/clock.h"
#include "ledger/record.h"
#include "report/batch.h"
#include "vault/place.h"
#include "vault/say.h"
#include "vault/shares.h"

#include <stdlib.h>
#include <string.h>

struct ceremony {
    const char *region;
    const char *shares_path;
    bool replace;
    struct vt_vault_site site;
    struct vt_vault_policy *policy;
    struct vt_region_key key;
    uint64_t index;
};

static enum vt_err
evidence_path(
    const struct vt_home *h, const char *region, char ret[VT_PATH_MAX], struct vt_why *why)
{
    if (strlen(region) < 2 || strlen(region) > VT_REGION_MAX ||
        strspn(region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != strlen(region))
        return vt_fail(why, VT_E_USAGE, "%.40s: no region: A-Z, 0-9 and '-', 2 to 16", region);
    return vt_vault_path(h, ret, why, "keys/%s.evidence", region);
}

static enum vt_err
load_policy(struct ceremony *y, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(&y->site.home, path, why, "policy");

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_STATE,
            "no vault policy is in force: `vitrine vault policy "
            "take %s`",
            y->site.home.dir);
    if (err == VT_OK)
        err = vt_vault_policy_parse(b.data, b.len, &y->policy, why);
    vt_buf_release(&b);
    return err;
}

/* Who holds shares: of each mode that decrypts, each of its groups. */
static enum vt_err
describe_shares(struct ceremony *y, struct vt_why *why)
{
    static const enum vt_mode modes[] = {VT_MODE_ACCESS, VT_MODE_BREAK_GLASS, VT_MODE_EXPORT};
    const struct vt_rule_group *group[VT_RULES_MAX];

    for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        size_t n = vt_vault_policy_approvers(y->policy, modes[m], group, VT_RULES_MAX);
        for (size_t i = 0; i < n; i++) {
            struct vt_key_share *s = &y->key.share[y->key.share_count];
            if (y->key.share_count == VT_KEY_SHARES_MAX)
                return vt_fail(
                    why, VT_E_LIMIT, "more than %u groups hold shares", VT_KEY_SHARES_MAX);
            s->mode = modes[m];
            memcpy(s->group, group[i]->name, sizeof s->group);
            s->need = group[i]->need;
            s->of = (unsigned)group[i]->member_count;
            y->key.share_count++;
        }
    }
    return VT_OK;
}

static enum vt_err
describe_key(struct ceremony *y, struct vt_why *why)
{
    memcpy(y->key.region, y->region, strlen(y->region) + 1);
    memcpy(y->key.site, y->site.home.name, sizeof y->key.site);
    y->key.policy = *vt_vault_policy_digest(y->policy);
    y->key.created = vt_clock_now(&vt_clock_system);
    enum vt_err err = vt_random(y->key.ceremony, sizeof y->key.ceremony, why);
    return err == VT_OK ? describe_shares(y, why) : err;
}

/* The keeper makes the key and forgets it; the shares are on disk before the ledger hears. */
static enum vt_err
make_key(struct ceremony *y, struct vt_why *why)
{
    struct vt_buf shares = VT_BUF(VT_SHARES_FILE_MAX);
    enum vt_err err =
        vt_keeper_region_new(y->site.keeper, y->region, &y->key.public, &shares, why);

    if (err == VT_OK)
        err = vt_file_create(y->shares_path, 0600, shares.data, shares.len, why);
    vt_buf_release(&shares);
    return err;
}

static enum vt_err
say_key(struct ceremony *y, struct vt_why *why)
{
    char path[VT_PATH_MAX], hex[2 * sizeof y->key.ceremony + 1];
    struct vt_doc *doc = NULL;
    enum vt_err err;

    vt_hex_encode(y->key.ceremony, sizeof y->key.ceremony, hex);
    err = vt_say_path(&y->site.home, path, why, "key-%s-%s", y->region, hex);
    if (err == VT_OK)
        err = vt_region_key_doc(&y->key, &doc, why);
    if (err == VT_OK)
        err = vt_say_once(y->site.desk, y->site.signer, path, doc, NULL, &y->index, why);
    vt_doc_free(doc);
    return err;
}

static enum vt_err
store_evidence(struct ceremony *y, const char *path, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_desk_refresh(y->site.desk, why);

    if (err == VT_OK)
        err = vt_desk_evidence(y->site.desk, &y->index, 1, 0, &b, why);
    if (err == VT_OK)
        err = vt_vault_path(&y->site.home, dir, why, "keys");
    if (err == VT_OK)
        err = vt_dir_make(dir, 0755, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
hold(struct ceremony *y, const char *dir, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_site_open(&y->site, dir, VT_VAULT_KEEPER | VT_VAULT_LEDGER, why);

    if (err == VT_OK)
        err = evidence_path(&y->site.home, y->region, path, why);
    if (err == VT_OK && vt_file_exists(path) && !y->replace)
        err = vt_fail(why, VT_E_EXIST,
            "region %s has a key already; with --replace what comes from now on is sealed to a "
            "new one",
            y->region);
    if (err == VT_OK && vt_file_exists(y->shares_path))
        err =
            vt_fail(why, VT_E_EXIST, "%s: is there already; name another file", y->shares_path);
    if (err == VT_OK)
        err = load_policy(y, why);
    if (err == VT_OK)
        err = describe_key(y, why);
    if (err == VT_OK)
        err = make_key(y, why);
    if (err == VT_OK)
        err = say_key(y, why);
    return err == VT_OK ? store_evidence(y, path, why) : err;
}

static json_t *
key_json(const struct vt_region_key *k)
{
    json_t *shares = json_array();
    char box[VT_BOX_TEXT_MAX], hex[VT_DIGEST_HEX_SIZE], when[VT_TIME_SIZE];
    struct vt_digest id;

    vt_box_public_format(&k->public, box);
    vt_batch_key_id(&k->public, &id);
    vt_digest_hex(&id, hex);
    vt_time_format(k->created, when);
    for (size_t i = 0; i < k->share_count; i++)
        json_array_append_new(shares,
            json_pack("{s:s, s:s, s:i, s:i}", "mode", vt_mode_name(k->share[i].mode), "group",
                k->share[i].group, "need", (int)k->share[i].need, "of", (int)k->share[i].of));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "region", k->region, "site", k->site,
        "public", box, "key_id", hex, "created", when, "shares", shares);
}

static int
region_new(int argc, char **argv)
{
    struct ceremony y = {0};
    const struct vt_opt opts[] = {
        {"shares", 0, VT_OPT_STR, "FILE", "where the sealed shares of all approvers go",
            &y.shares_path, true},
        {"replace", 0, VT_OPT_FLAG, NULL, "also when the region has a key already", &y.replace,
            false},
        {0},
    };
    struct vt_cmd c = {.name = "vault region new",
        .args = "REGION SITE-HOME --shares FILE",
        .summary = "Makes a region's key, splits it among its approvers, and forgets it.",
        .details = "The shares file goes to the approvers, who can each open their own shares "
                   "only. The "
                   "public half goes into the ledger and to endpoints.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct vt_why why = {0};
    char box[VT_BOX_TEXT_MAX];
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    y.region = c.argv[0];
    err = hold(&y, c.argv[1], &why);
    if (err == VT_OK) {
        vt_box_public_format(&y.key.public, box);
        code = vt_cmd_done(&c, key_json(&y.key),
            "region %s has the key %s\nits private half exists in the shares only: give %s to "
            "the approvers",
            y.region, box, y.shares_path);
    } else {
        code = vt_cmd_fail(&c, err, &why);
    }
    vt_vault_policy_free(y.policy);
    vt_vault_site_release(&y.site);
    return code;
}

/* Reads the key document out of its evidence. */
static enum vt_err
read_key(const char *dir, const char *region, struct vt_region_key *ret, struct vt_why *why)
{
    struct vt_evidence_file *f = calloc(1, sizeof *f);
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_doc *doc = NULL;
    struct vt_home home;
    char path[VT_PATH_MAX];
    enum vt_err err = f == NULL ? vt_fail(why, VT_E_NOMEM, "out of memory")
                                : vt_home_open(dir, VT_HOME_SITE, &home, why);

    if (err == VT_OK)
        err = evidence_path(&home, region, path, why);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(
            why, VT_E_NOENT, "region %s has no key yet: `vitrine vault region new`", region);
    if (err == VT_OK)
        err = vt_evidence_parse(b.data, b.len, f, why);
    if (err == VT_OK && f->count == 0)
        err = vt_fail(why, VT_E_SYNTAX, "%s: holds no key", path);
    if (err == VT_OK)
        err =
            vt_doc_parse(f->item[0].document.p, f->item[0].document.len, VT_DOC_KEY, &doc, why);
    if (err == VT_OK)
        err = vt_region_key_read(doc, ret, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    free(f);
    return err;
}

static int
region_show(int argc, char **argv)
{
    struct vt_cmd c = {.name = "vault region show",
        .args = "REGION SITE-HOME",
        .summary = "Prints a region's public key, and who holds shares of its private half.",
        .args_min = 2,
        .args_max = 2};
    struct vt_buf b = VT_BUF(16384);
    struct vt_region_key k;
    struct vt_why why = {0};
    char box[VT_BOX_TEXT_MAX];
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = read_key(c.argv[1], c.argv[0], &k, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_box_public_format(&k.public, box);
    for (size_t i = 0; i < k.share_count; i++)
        vt_buf_putf(&b, "\n  %s: %u of %u of group %s", vt_mode_name(k.share[i].mode),
            k.share[i].need, k.share[i].of, k.share[i].group);
    code =
        vt_cmd_done(&c, key_json(&k), "%s\nshares of its private half:%s", box, vt_buf_str(&b));
    vt_buf_release(&b);
    return code;
}

int
vt_cmd_vault_region(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"new", "make a region's key and split it among approvers", region_new},
        {"show", "print a region's key and who holds its shares", region_show},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("vault region", "Regions' keys.", verbs, argc, argv);
}
