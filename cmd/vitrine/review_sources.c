/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review sources */
#include "review.h"

#include <inttypes.h>

struct list {
    struct vt_review_desk d;
    json_t *items;
    struct vt_buf text;
};

/* How often each kind was said of a source. */
struct tally {
    size_t readings;
    size_t reviews;
    size_t objections;
};

static struct tally
count(const struct list *l, const struct vt_digest *source)
{
    const struct vt_reckon_said *s;
    size_t n = vt_reckon_said(l->d.reckon, &s);
    struct tally t = {0};

    for (size_t i = 0; i < n; i++) {
        if (!vt_digest_eq(&s[i].source, source))
            continue;
        t.readings += s[i].kind == VT_ENTRY_READING;
        if (vt_reckon_is_last(l->d.reckon, i)) {
            t.reviews += s[i].kind == VT_ENTRY_REVIEW;
            t.objections += s[i].kind == VT_ENTRY_OBJECTION;
        }
    }
    return t;
}

static enum vt_err
take_entry(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct list *l = ctx;
    const struct vt_policy_party *signer = NULL;
    struct vt_entry e;

    if (vt_log_entry_open(l->d.policy, entry, len, &e, NULL, &signer, NULL) != VT_OK ||
        e.kind != VT_ENTRY_SOURCE)
        return VT_OK;
    const struct vt_digest *source = vt_entry_one(&e, VT_SUBJECT_SOURCE);
    struct vt_digest_text text = vt_digest_text(source);
    struct tally t = count(l, source);
    vt_buf_putf(&l->text,
        "%s entry %" PRIu64 " by %s: %zu readings, %zu reviews, %zu objections\n", text.s,
        index, signer->name, t.readings, t.reviews, t.objections);
    if (json_array_append_new(l->items,
            json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "source", text.s, "index",
                (json_int_t)index, "signer", signer->name, "readings", (json_int_t)t.readings,
                "reviews", (json_int_t)t.reviews, "objections", (json_int_t)t.objections)) != 0)
        return vt_fail(why, VT_E_NOMEM, "no memory for the list");
    return vt_buf_check(&l->text, "the list of sources", why);
}

static int
finish(const struct vt_cmd *c, struct list *l)
{
    json_t *result = json_pack("{s:O}", "items", l->items);

    if (l->text.len == 0)
        return vt_cmd_done(c, result, "the log has no source by a signer of the policy");
    return vt_cmd_done(c, result, "%.*s", (int)l->text.len - 1, vt_buf_str(&l->text));
}

int
vt_cmd_review_sources(int argc, char **argv)
{
    struct list l = {.items = json_array(), .text = VT_BUF(16U * 1024U * 1024U)};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {VT_REVIEW_OPT_POLICY(l.d), {.name = NULL}};
    struct vt_cmd c = {.name = "review sources",
        .args = "URL|DIR [--policy FILE]",
        .summary = "list the snapshots that a log has, with what was said of each",
        .details =
            "DIR is a mirror's folder of public files, or a site's home. Of reviews and\n"
            "objections each signer's last word is counted.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc < 0) {
        l.d.from = c.argv[0];
        enum vt_err err = vt_review_desk_open(&l.d, &why);
        if (err == VT_OK)
            err = vt_reckon_new(l.d.log, &l.d.reckon, &why);
        if (err == VT_OK)
            err = vt_log_reader_each(l.d.log, 0, take_entry, &l, &why);
        rc = err == VT_OK ? finish(&c, &l) : vt_cmd_fail(&c, err, &why);
    }
    json_decref(l.items);
    vt_buf_release(&l.text);
    vt_review_desk_release(&l.d);
    return rc;
}
