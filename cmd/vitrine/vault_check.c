/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault check
 */
#include "vault.h"

#include "vault/check.h"

#include <inttypes.h>
#include <stdio.h>

struct told {
    const struct vt_cmd *c;
    json_t *lines; /* with --json */
};

static void
tell(void *ctx, const char *line)
{
    struct told *t = ctx;

    if (t->lines != NULL)
        (void)json_array_append_new(t->lines, json_string(line));
    else
        (void)fprintf(stderr, "vitrine %s: %s\n", t->c->name, line);
}

static int
report(const struct vt_cmd *c, const struct vt_check_counts *n,
    const struct vt_keeper_status *ring, json_t *lines)
{
    uint64_t bad = n->damaged + n->missing;
    char root[VT_DIGEST_HEX_SIZE];
    int code;

    vt_digest_hex(&ring->ring_root, root);
    code = vt_cmd_done(c,
        json_pack(
            "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:o*}",
            "result", bad == 0 ? "whole" : "damaged", "regions", (json_int_t)n->regions,
            "segments", (json_int_t)n->segments, "records", (json_int_t)n->records, "bytes",
            (json_int_t)n->bytes, "removed", (json_int_t)n->removed, "waiting",
            (json_int_t)n->waiting, "damaged", (json_int_t)n->damaged, "missing",
            (json_int_t)n->missing, "surplus", (json_int_t)n->surplus, "ring", root,
            "generation", (json_int_t)ring->generation, "epochs", (json_int_t)ring->epochs,
            "subjects", (json_int_t)ring->subjects, "lines", lines),
        "%s: %" PRIu64 " segments of %" PRIu64 " regions with %" PRIu64 " records (%" PRIu64
        " bytes), %" PRIu64 " removed by retention; %" PRIu64 " batches wait to be packed\n"
        "  damaged %" PRIu64 ", missing %" PRIu64 ", not in an inventory %" PRIu64 "\n"
        "  ring of generation %" PRIu64 ": keys of %" PRIu64 " epochs and %" PRIu64
        " subjects, root %s",
        bad == 0 ? "whole" : "NOT whole", n->segments, n->regions, n->records, n->bytes,
        n->removed, n->waiting, n->damaged, n->missing, n->surplus, ring->generation,
        ring->epochs, ring->subjects, root);
    return code != 0 ? code : bad > 0 ? 1 : 0;
}

int
vt_cmd_vault_check(int argc, char **argv)
{
    const struct vt_opt opts[] = {{0}};
    struct vt_cmd c = {.name = "vault check",
        .args = "SITE-HOME",
        .summary = "Looks whether all that a vault keeps is whole.",
        .details =
            "Reads every segment and compares it with the inventory, reads what waits to "
            "be packed, and asks the keeper about its ring. Changes nothing; may run "
            "beside the vault. Exit code 1 when something is damaged or missing.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_check_counts counts = {0};
    struct vt_keeper_status ring = {0};
    struct vt_keeper *keeper = NULL;
    struct vt_why why = {{0}};
    struct vt_home home;
    struct told t = {.c = &c};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    if (c.json)
        t.lines = json_array();
    err = vt_home_open(c.argv[0], VT_HOME_SITE, &home, &why);
    if (err == VT_OK)
        err = vt_keeper_open(&home, &keeper, &why);
    if (err == VT_OK)
        err = vt_vault_check(&home, keeper, tell, &t, &c.progress, &counts, &ring, &why);
    vt_keeper_close(keeper);
    if (err == VT_OK)
        return report(&c, &counts, &ring, t.lines);
    json_decref(t.lines);
    return vt_cmd_fail(&c, err, &why);
}
