/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review visits */
#include "review.h"

#include "base/file.h"
#include "note/field.h"
#include "review/visit.h"

#include <inttypes.h>
#include <string.h>

#define MINE_MAX (64U * 1024U * 1024U)
#define ITEMS_MAX 1000000U

struct args {
    struct vt_review_desk d;
    const char *day;
    const char *mine;
};

struct result {
    size_t total;
    size_t published; /* with a proof that holds */
    uint64_t index;   /* of the day's entry */
    struct vt_review record;
};

/* What the page gave its reader to keep: GET /api/v1/visits?day= */
static enum vt_err
read_mine(const struct args *a, json_t **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(MINE_MAX);
    json_t *o = NULL;
    const char *day = NULL;
    enum vt_err err = vt_file_read(a->mine, &b, why);

    if (err == VT_OK)
        err = vt_json_parse(b.data, b.len, a->mine, &o, why);
    if (err == VT_OK)
        err = vt_json_str(o, "day", &day, why);
    if (err == VT_OK && strcmp(day, a->day) != 0)
        err = vt_fail(
            why, VT_E_USAGE, "%s: the visits of %.20s, not of %s", a->mine, day, a->day);
    vt_buf_release(&b);
    if (err != VT_OK) {
        json_decref(o);
        return err;
    }
    *ret = o;
    return VT_OK;
}

/* The day's record as the log has it, by a signer of the policy. */
static enum vt_err
read_record(struct args *a, uint64_t index, struct vt_review *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    const struct vt_policy_party *signer = NULL;
    struct vt_review r = {.file = NULL};
    struct vt_digest document;
    struct vt_entry e;
    enum vt_err err = vt_log_reader_entry(a->d.log, index, &b, why);

    if (err == VT_OK)
        err = vt_log_entry_open(a->d.policy, b.data, b.len, &e, NULL, &signer, why);
    if (err == VT_OK && e.kind != VT_ENTRY_VISITS)
        err = vt_fail(why, VT_E_REFUSED, "entry %" PRIu64 " is no record of visits", index);
    if (err == VT_OK) {
        document = e.statement;
        vt_buf_clear(&b);
        err = vt_log_reader_object(a->d.log, &document, &b, why);
    }
    if (err == VT_OK)
        err = vt_review_parse(b.data, b.len, &r, why);
    if (err == VT_OK)
        err = vt_review_matches(&r, &document, &e, signer->key.name, why);
    if (err == VT_OK && strcmp(r.day, a->day) != 0)
        err = vt_fail(why, VT_E_REFUSED, "entry %" PRIu64 " is the record of %s", index, r.day);
    vt_buf_release(&b);
    if (err != VT_OK)
        vt_review_release(&r);
    else
        *ret = r;
    return err;
}

static enum vt_err
take_proof(const json_t *hashes, struct vt_proof *ret, struct vt_why *why)
{
    ret->len = json_array_size(hashes);
    if (ret->len > VT_PROOF_MAX)
        return vt_fail(why, VT_E_LIMIT, "a proof has at most %d hashes", VT_PROOF_MAX);
    for (size_t i = 0; i < ret->len; i++) {
        const char *s = json_string_value(json_array_get(hashes, i));
        struct vt_reader r = VT_READER(s, s == NULL ? 0 : strlen(s));

        if (!vt_field_digest(&r, &ret->hash[i]))
            return vt_fail(why, VT_E_SYNTAX, "a hash of a proof is not sha256:HEX");
    }
    return VT_OK;
}

/* One line: in the record, and saying what is shown. */
static enum vt_err
check_item(const json_t *item, const struct vt_review *record, struct vt_why *why)
{
    const char *leaf = NULL, *path = NULL;
    int64_t index = 0;
    struct vt_visit v;
    struct vt_proof proof;
    struct vt_digest hash;
    json_t *hashes = NULL;
    enum vt_err err = vt_json_str(item, "leaf", &leaf, why);

    if (err == VT_OK)
        err = vt_json_str(item, "path", &path, why);
    if (err == VT_OK)
        err = vt_json_int(item, "index", 0, INT64_MAX, &index, why);
    if (err == VT_OK)
        err = vt_json_arr(item, "proof", VT_PROOF_MAX, &hashes, why);
    if (err == VT_OK)
        err = take_proof(hashes, &proof, why);
    if (err == VT_OK)
        err = vt_visit_parse(leaf, strlen(leaf), &v, why);
    if (err == VT_OK && strcmp(v.path, path) != 0)
        err = vt_fail(why, VT_E_DIGEST, "the line is of another file than is shown: %s", path);
    if (err != VT_OK)
        return err;
    vt_merkle_leaf(leaf, strlen(leaf), &hash);
    err = vt_merkle_check_inclusion(
        (uint64_t)index, record->visits, &hash, &proof, &record->root, why);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "the visit of %s", path);
}

static enum vt_err
check_items(const json_t *mine, struct result *ret, struct vt_why *why)
{
    json_t *items = NULL;
    enum vt_err err = vt_json_arr(mine, "items", ITEMS_MAX, &items, why);

    ret->total = json_array_size(items);
    for (size_t i = 0; i < json_array_size(items) && err == VT_OK; i++) {
        const json_t *item = json_array_get(items, i);

        if (json_is_null(json_object_get(item, "index")))
            continue; /* later than the record */
        err = check_item(item, &ret->record, why);
        ret->published++;
    }
    return err;
}

static enum vt_err
run(struct args *a, struct result *ret, struct vt_why *why)
{
    json_t *mine = NULL, *published = NULL;
    int64_t index = 0;
    enum vt_err err = read_mine(a, &mine, why);

    if (err == VT_OK)
        err = vt_review_desk_open(&a->d, why);
    if (err == VT_OK && json_is_null(json_object_get(mine, "published")))
        err = vt_fail(why, VT_E_STATE, "the record of %s is not published yet", a->day);
    if (err == VT_OK)
        err = vt_json_obj(mine, "published", &published, why);
    if (err == VT_OK)
        err = vt_json_int(published, "index", 0, INT64_MAX, &index, why);
    ret->index = (uint64_t)index;
    if (err == VT_OK)
        err = read_record(a, ret->index, &ret->record, why);
    if (err == VT_OK)
        err = check_items(mine, ret, why);
    json_decref(mine);
    return err;
}

int
vt_cmd_review_visits(int argc, char **argv)
{
    struct args a = {.day = NULL};
    struct result r = {.total = 0};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        VT_REVIEW_OPT_FROM(a.d),
        VT_REVIEW_OPT_POLICY(a.d),
        {"day", 'd', VT_OPT_STR, "YYYY-MM-DD", "the day", &a.day, true},
        {"mine", 'm', VT_OPT_STR, "FILE",
            "your visits of that day, as the page let you save them", &a.mine, true},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "review visits",
        .args = "--from URL --policy FILE --day DAY --mine FILE",
        .summary = "check your own visits against the published record",
        .details = "Each of them must be in the tree whose root the log has for that day.\n"
                   "Exit code 1: one is not, so the record is not complete.",
        .opts = opts};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc >= 0)
        return rc;
    enum vt_err err = run(&a, &r, &why);
    rc = err != VT_OK ? vt_cmd_fail(&c, err, &why)
                      : vt_cmd_done(&c,
                            json_pack("{s:s, s:I, s:I, s:I, s:I}", "day", a.day, "entry",
                                (json_int_t)r.index, "visits", (json_int_t)r.total, "published",
                                (json_int_t)r.published, "record", (json_int_t)r.record.visits),
                            "%zu of your %zu visits are in the record of %s (log entry %" PRIu64
                            ", %" PRIu64 " visits in all)%s",
                            r.published, r.total, a.day, r.index, r.record.visits,
                            r.published < r.total ? "; the others are later than it" : "");
    vt_review_release(&r.record);
    vt_review_desk_release(&a.d);
    return rc;
}
