/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review coverage */
#include "review.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAX (64U * 1024U * 1024U)

struct organisation {
    const char *name;
    uint64_t files; /* covered, whole */
    uint64_t lines;
    bool is_signed;
};

struct coverage {
    struct vt_review_desk d;
    bool unread;
    uint64_t files;
    uint64_t covered;
    uint64_t lines;
    uint64_t covered_lines;
    size_t organisation_count;
    struct organisation organisation[VT_COVERAGE_ORGANISATIONS_MAX];
    struct vt_signer_set reviews; /* last words */
    uint64_t objections;
    bool demanded;
    bool met;
    json_t *items;
    struct vt_buf text;
};

static struct organisation *
organisation_of(struct coverage *v, const char *name)
{
    for (size_t i = 0; i < v->organisation_count; i++)
        if (strcmp(v->organisation[i].name, name) == 0)
            return &v->organisation[i];
    if (v->organisation_count == VT_COVERAGE_ORGANISATIONS_MAX)
        return NULL;
    v->organisation[v->organisation_count].name = name;
    return &v->organisation[v->organisation_count++];
}

static json_t *
file_json(const struct vt_reckon_file *f, const struct vt_coverage_blob *b, bool whole)
{
    json_t *names = json_array();

    for (size_t i = 0; i < b->count; i++)
        if (b->of[i].whole)
            json_array_append_new(names, json_string(b->of[i].organisation));
    return json_pack("{s:s, s:s, s:I, s:o, s:b, s:I}", "path", f->path, "blob",
        vt_digest_text(&f->blob).s, "lines", (json_int_t)f->lines, "organisations", names,
        "whole", whole, "covered_lines", (json_int_t)b->lines);
}

/* One file into the totals; what nobody has read whole into the text. */
static enum vt_err
add_file(struct coverage *v, const struct vt_reckon_file *f, uint64_t size, struct vt_why *why)
{
    struct vt_coverage_blob b;
    bool whole = false;
    enum vt_err err = vt_reckon_coverage(v->d.reckon, f, size, &b, why);

    for (size_t i = 0; i < b.count && err == VT_OK; i++) {
        struct organisation *o = organisation_of(v, b.of[i].organisation);
        if (o == NULL)
            return vt_fail(why, VT_E_LIMIT, "more than %u organisations have read the source",
                VT_COVERAGE_ORGANISATIONS_MAX);
        o->files += b.of[i].whole;
        o->lines += b.of[i].lines;
        whole = whole || b.of[i].whole;
    }
    if (err != VT_OK)
        return err;
    v->files++;
    v->covered += whole;
    v->lines += f->lines;
    v->covered_lines += b.lines;
    if (v->unread && !whole)
        vt_buf_putf(&v->text, "  %s (%" PRIu64 " of %" PRIu64 " lines read)\n", f->path,
            b.lines, f->lines);
    if ((!v->unread || !whole) && json_array_append_new(v->items, file_json(f, &b, whole)) != 0)
        return vt_fail(why, VT_E_NOMEM, "no memory for the list of files");
    return vt_buf_check(&v->text, "the list of files", why);
}

/* Who signed off, and who objects. */
static enum vt_err
add_words(struct coverage *v, struct vt_why *why)
{
    const struct vt_policy_party *signers;
    const struct vt_reckon_said *s;
    size_t n = vt_reckon_said(v->d.reckon, &s);
    size_t signer_count = vt_policy_signers(v->d.policy, &signers);

    for (size_t i = 0; i < n; i++) {
        if (!vt_digest_eq(&s[i].source, &v->d.source) || !vt_reckon_is_last(v->d.reckon, i))
            continue;
        v->objections += s[i].kind == VT_ENTRY_OBJECTION;
        if (s[i].kind != VT_ENTRY_REVIEW)
            continue;
        struct organisation *o = organisation_of(v, s[i].organisation);
        if (o == NULL)
            return vt_fail(why, VT_E_LIMIT, "more than %u organisations have signed",
                VT_COVERAGE_ORGANISATIONS_MAX);
        o->is_signed = true;
        for (size_t j = 0; j < signer_count; j++)
            v->reviews.has[j] = v->reviews.has[j] || signers[j].name == s[i].signer;
    }
    v->demanded = vt_policy_demand_of(v->d.policy, VT_ENTRY_REVIEW) == VT_POLICY_QUORUM;
    v->met = !v->demanded ||
             (v->objections == 0 && vt_policy_check_signers(v->d.policy, VT_ENTRY_REVIEW,
                                        &v->reviews, NULL) == VT_OK);
    return VT_OK;
}

static enum vt_err
reckon(struct coverage *v, struct vt_why *why)
{
    const struct vt_reckon_file *f;
    size_t n = vt_reckon_files(v->d.reckon, &f);
    uint64_t size = vt_log_reader_checkpoint(v->d.log)->size;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = add_file(v, &f[i], size, why);
    return err == VT_OK ? add_words(v, why) : err;
}

static json_t *
result_json(const struct coverage *v)
{
    json_t *organisations = json_array(), *signed_by = json_array();

    for (size_t i = 0; i < v->organisation_count; i++) {
        const struct organisation *o = &v->organisation[i];
        json_array_append_new(organisations,
            json_pack("{s:s, s:I, s:I, s:b}", "name", o->name, "files", (json_int_t)o->files,
                "lines", (json_int_t)o->lines, "signed", o->is_signed));
        if (o->is_signed)
            json_array_append_new(signed_by, json_string(o->name));
    }
    return json_pack("{s:s, s:{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:b, s:b}, s:o, s:O, s:I}",
        "source", vt_digest_text(&v->d.source).s, "coverage", "files", (json_int_t)v->files,
        "covered", (json_int_t)v->covered, "lines", (json_int_t)v->lines, "covered_lines",
        (json_int_t)v->covered_lines, "organisations", (json_int_t)v->organisation_count,
        "signed", signed_by, "objections", (json_int_t)v->objections, "demanded", v->demanded,
        "met", v->met, "organisations", organisations, "items", v->items, "log_size",
        (json_int_t)vt_log_reader_checkpoint(v->d.log)->size);
}

static int
finish(const struct vt_cmd *c, struct coverage *v)
{
    struct vt_buf b = VT_BUF(TEXT_MAX);
    int rc;

    vt_buf_putf(&b,
        "%" PRIu64 " of %" PRIu64 " files are read whole, %" PRIu64 " of %" PRIu64 " lines\n",
        v->covered, v->files, v->covered_lines, v->lines);
    for (size_t i = 0; i < v->organisation_count; i++)
        vt_buf_putf(&b, "%s: %" PRIu64 " files, %" PRIu64 " lines%s\n", v->organisation[i].name,
            v->organisation[i].files, v->organisation[i].lines,
            v->organisation[i].is_signed ? ", signed off" : "");
    if (v->objections > 0)
        vt_buf_putf(&b, "%" PRIu64 " object\n", v->objections);
    vt_buf_put(&b, v->text.data, v->text.len);
    vt_buf_puts(&b, !v->demanded ? "the policy demands no reviews"
                    : v->met     ? "what the policy demands is there"
                                 : "what the policy demands is not there");
    rc = vt_cmd_done(c, result_json(v), "%s", vt_buf_str(&b));
    vt_buf_release(&b);
    return rc;
}

int
vt_cmd_review_coverage(int argc, char **argv)
{
    static struct coverage v;
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        VT_REVIEW_OPT_FROM(v.d),
        VT_REVIEW_OPT_POLICY(v.d),
        VT_REVIEW_OPT_ARCHIVE(v.d),
        {"unread", 'u', VT_OPT_FLAG, NULL, "name the files that nobody has read whole",
            &v.unread, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "review coverage",
        .args = "SOURCE --from URL --policy FILE [--unread]",
        .summary = "say what of a snapshot was read, and by whom",
        .details =
            "Reckoned here, from the log and the snapshot's archive: nothing that a site\n"
            "says of coverage is believed.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc >= 0)
        return rc;
    v.items = json_array();
    v.text = VT_BUF(TEXT_MAX);
    enum vt_err err = vt_review_desk_open_source(&v.d, c.argv[0], &c.progress, &why);
    if (err == VT_OK)
        err = reckon(&v, &why);
    rc = err == VT_OK ? finish(&c, &v) : vt_cmd_fail(&c, err, &why);
    json_decref(v.items);
    vt_buf_release(&v.text);
    vt_review_desk_release(&v.d);
    return rc;
}
