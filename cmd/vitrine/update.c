/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine update: brings a channel's products into a folder, refusing what is
 * not proven.
 */
#include "cmd.h"

#include "store/policy_file.h"
#include "update/update.h"

#include <inttypes.h>
#include <stdio.h>

struct update {
    const char *from;
    const char *root;
    const char *policy;
    const char *into;
    struct vt_policy *rules;
    struct vt_mirror mirror;
    struct vt_buf root_bytes;
    struct vt_update_report report;
};

static void
on_begin(void *ctx, const char *what, uint64_t total)
{
    vt_progress_begin(ctx, what, total);
}

static void
on_tick(void *ctx, uint64_t done)
{
    vt_progress_set(ctx, done);
}

static void
on_end(void *ctx)
{
    vt_progress_end(ctx);
}

static enum vt_err
update(struct update *u, const char *channel, struct vt_progress *progress, struct vt_why *why)
{
    struct vt_update_events events = {on_begin, on_tick, on_end, progress};
    enum vt_err err = vt_policy_load(u->policy, &u->rules, why);
    if (err == VT_OK && u->root != NULL)
        err = vt_file_read(u->root, &u->root_bytes, why);
    if (err == VT_OK)
        err = vt_mirror_open(u->from, &u->mirror, why);
    if (err != VT_OK)
        return err;
    struct vt_update_opts opts = {
        .mirror = &u->mirror,
        .channel = channel,
        .into = u->into,
        .root = u->root == NULL ? NULL : vt_buf_str(&u->root_bytes),
        .root_len = u->root_bytes.len,
        .policy = u->rules,
        .clock = &vt_clock_system,
        .events = &events,
    };
    return vt_update_run(&opts, &u->report, why);
}

static const char *
word_of(enum vt_install_outcome outcome)
{
    switch (outcome) {
    case VT_INSTALL_NEW:
        return "installed";
    case VT_INSTALL_REPAIRED:
        return "repaired";
    case VT_INSTALL_CURRENT:
        break;
    }
    return "current";
}

static json_t *
report_json(const struct update *u, const char *channel)
{
    const struct vt_update_report *r = &u->report;
    json_t *products = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const struct vt_update_item *it = &r->item[i];
        char hex[VT_DIGEST_HEX_SIZE];
        vt_digest_hex(&it->offer.digest, hex);
        (void)json_array_append_new(products,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:I}", "product", it->offer.product,
                "version", it->offer.version, "sha256", hex, "outcome",
                word_of(it->result.outcome), "folder", it->result.folder, "artifact",
                it->result.artifact, "was", it->result.was[0] == '\0' ? NULL : it->result.was,
                "reviews", (json_int_t)it->result.reviews));
    }
    return json_pack("{s:s, s:I, s:o}", "channel", channel, "version",
        (json_int_t)r->channel_version, "products", products);
}

static void
put_report(struct vt_buf *b, const struct vt_update_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct vt_update_item *it = &r->item[i];
        vt_buf_puts(b, i == 0 ? "" : "\n");
        switch (it->result.outcome) {
        case VT_INSTALL_NEW:
            vt_buf_putf(b, "%s: %s is proven and installed in %s", it->offer.product,
                it->offer.version, it->result.folder);
            if (it->result.was[0] != '\0')
                vt_buf_putf(b, " (it was %s)", it->result.was);
            break;
        case VT_INSTALL_REPAIRED:
            vt_buf_putf(b, "%s: %s was damaged or incomplete, and is put right in %s",
                it->offer.product, it->offer.version, it->result.folder);
            break;
        case VT_INSTALL_CURRENT:
            vt_buf_putf(b, "%s: %s is up to date, proven and unchanged", it->offer.product,
                it->offer.version);
            break;
        }
        if (it->result.reviews > 0)
            vt_buf_putf(b, "; its source is signed off by %u", it->result.reviews);
    }
}

int
vt_cmd_update(int argc, char **argv)
{
    struct update u = {.root_bytes = VT_BUF(VT_TUF_ROOT_MAX)};
    struct vt_buf text = VT_BUF(4U << 20);
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "URL|DIR",
            "the site or a mirror, or a folder that is a copy of its public files", &u.from,
            true},
        {"root", 'r', VT_OPT_STR, "FILE",
            "the root of TUF metadata that you trust; needed the first time", &u.root, false},
        {"policy", 'p', VT_OPT_STR, "FILE", "whom you trust, and how many of them", &u.policy,
            true},
        {"into", 'i', VT_OPT_STR, "DIR", "where to install; made when missing", &u.into, true},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "update",
        .args = "CHANNEL --from URL --root FILE --policy FILE --into DIR",
        .summary = "install a channel's products, refusing what is not proven",
        .details = "Installs into DIR/CHANNEL/PRODUCT/VERSION and switches the link `current` "
                   "there.\n"
                   "What is installed already is checked again. Exit code 1: refused, and the "
                   "message\nnames the reason; nothing is changed then.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    enum vt_err err = update(&u, c.argv[0], &c.progress, &why);
    if (err == VT_OK) {
        put_report(&text, &u.report);
        rc = vt_cmd_done(
            &c, c.json ? report_json(&u, c.argv[0]) : NULL, "%s", vt_buf_str(&text));
    } else {
        rc = vt_cmd_fail(&c, err, &why);
    }
    vt_update_report_release(&u.report);
    vt_mirror_close(&u.mirror);
    vt_policy_free(u.rules);
    vt_buf_release(&u.root_bytes);
    vt_buf_release(&text);
    return rc;
}
