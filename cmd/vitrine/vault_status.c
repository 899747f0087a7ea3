/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault status
 */
#include "vault.h"

#include "vault/inventory.h"
#include "vault/keeper.h"
#include "vault/move.h"
#include "vault/place.h"

#include <inttypes.h>
#include <string.h>

struct status {
    struct vt_home home;
    struct vt_keeper_status keeper;
    struct vt_vault_policy *policy; /* NULL: none yet */
    json_t *regions;
    struct vt_buf text;
};

static enum vt_err
load_policy(struct status *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(&s->home, path, why, "policy");

    if (err == VT_OK && vt_file_exists(path))
        err = vt_file_read(path, &b, why);
    if (err == VT_OK && b.len > 0)
        err = vt_vault_policy_parse(b.data, b.len, &s->policy, why);
    vt_buf_release(&b);
    return err;
}

/* What is kept of a region; sums are zero when it never had a segment here. */
static enum vt_err
count_region(const struct status *s, const char *region, size_t *ret_segments,
    struct vt_segment_row *ret_sum, struct vt_why *why)
{
    struct vt_inventory *v = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(&s->home, path, why, "inventory/%s", region);

    *ret_segments = 0;
    *ret_sum = (struct vt_segment_row){0};
    if (err != VT_OK || !vt_file_exists(path))
        return err;
    err = vt_inventory_open(path, &v, why);
    if (err == VT_OK) {
        *ret_segments = vt_inventory_count(v);
        vt_inventory_sum(v, ret_sum);
    }
    vt_inventory_free(v);
    return err;
}

static const char *
side_name(enum vt_move_side side)
{
    return side == VT_MOVE_OUT ? "out" : side == VT_MOVE_IN ? "in" : "none";
}

static enum vt_err
show_region(struct status *s, const struct vt_rule_region *r, struct vt_why *why)
{
    bool here = strcmp(r->site, s->home.name) == 0;
    struct vt_move_state move = {0};
    struct vt_segment_row sum;
    char path[VT_PATH_MAX];
    size_t segments;
    bool has_key;
    enum vt_err err = count_region(s, r->name, &segments, &sum, why);

    if (err == VT_OK)
        err = vt_move_state(&s->home, r->name, &move, why);
    if (err == VT_OK)
        err = vt_vault_path(&s->home, path, why, "keys/%s.evidence", r->name);
    if (err != VT_OK || (!here && segments == 0 && move.side == VT_MOVE_NONE))
        return err;
    has_key = vt_file_exists(path);
    json_array_append_new(s->regions,
        json_pack("{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:s, s:s}", "region", r->name, "site",
            r->site, "here", here, "key", has_key, "segments", (json_int_t)segments, "records",
            (json_int_t)sum.records, "bytes", (json_int_t)sum.size, "relocating",
            side_name(move.side), "other", move.other));
    vt_buf_putf(&s->text, "\n  %-8s kept at %s%s: %zu segments, %" PRIu64 " records", r->name,
        r->site, here && !has_key ? " (no key yet)" : "", segments, sum.records);
    if (move.side != VT_MOVE_NONE)
        vt_buf_putf(&s->text, "; relocating %s %s", move.side == VT_MOVE_OUT ? "to" : "from",
            move.other);
    return VT_OK;
}

static enum vt_err
gather(struct status *s, const char *dir, struct vt_why *why)
{
    const struct vt_rule_region *r = NULL;
    struct vt_vault_conf conf;
    struct vt_keeper *k = NULL;
    size_t n = 0;
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, &s->home, why);

    if (err == VT_OK)
        err = vt_vault_conf_load(&s->home, &conf, why);
    if (err == VT_OK)
        err = vt_keeper_open(&s->home, &k, why);
    if (err == VT_OK)
        err = vt_keeper_status(k, &s->keeper, why);
    vt_keeper_close(k);
    if (err == VT_OK)
        err = load_policy(s, why);
    if (err == VT_OK && s->policy != NULL)
        n = vt_vault_policy_regions(s->policy, &r);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = show_region(s, &r[i], why);
    return err;
}

static int
print_status(const struct vt_cmd *c, struct status *s)
{
    const struct vt_keeper_status *k = &s->keeper;
    char root[VT_DIGEST_HEX_SIZE], policy[VT_DIGEST_HEX_SIZE], box[VT_BOX_TEXT_MAX];
    uint64_t serial = s->policy != NULL ? vt_vault_policy_serial(s->policy) : 0;
    const char *where = k->root == VT_ROOT_TOKEN ? "token" : "file";
    json_t *result;

    vt_digest_hex(&k->ring_root, root);
    vt_digest_hex(&k->policy, policy);
    vt_box_public_format(&k->box, box);
    result = json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:s, s:I, s:I, s:b, s:s, s:O}",
        "name", s->home.name, "generation", (json_int_t)k->generation, "epochs",
        (json_int_t)k->epochs, "subjects", (json_int_t)k->subjects, "ring_root", root, "root",
        where, "ledger_size", (json_int_t)k->ledger_size, "policy", policy, "serial",
        (json_int_t)serial, "sessions", (json_int_t)k->sessions, "locked_memory",
        k->locked_memory, "box", box, "regions", s->regions);
    return vt_cmd_done(c, result,
        "%s: key ring of generation %" PRIu64 " (root key in a %s), %" PRIu64
        " epoch keys, %" PRIu64 " subject keys%s\npolicy: serial %" PRIu64 "%s, ledger seen to "
        "%" PRIu64 " entries\nregions:%s",
        s->home.name, k->generation, where, k->epochs, k->subjects,
        k->locked_memory ? "" : "; not all memory is locked: raise `ulimit -l`", serial,
        serial == 0 ? " (none yet)" : "", k->ledger_size,
        s->text.len > 0 ? vt_buf_str(&s->text) : " none");
}

int
vt_cmd_vault_status(int argc, char **argv)
{
    struct vt_cmd c = {.name = "vault status",
        .args = "SITE-HOME",
        .summary = "Shows a vault's key ring, its policy, and what it keeps of each region.",
        .args_min = 1,
        .args_max = 1};
    struct status s = {.text = VT_BUF(65536)};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    s.regions = json_array();
    err = gather(&s, c.argv[0], &why);
    code = err == VT_OK ? print_status(&c, &s) : vt_cmd_fail(&c, err, &why);
    json_decref(s.regions);
    vt_vault_policy_free(s.policy);
    vt_buf_release(&s.text);
    return code;
}
