/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log find: all entries about a digest, and that there are no others.
 */
#include "cmd.h"
#include "party.h"

#include "base/clock.h"
#include "base/file.h"
#include "log/find.h"
#include "log/log_index.h"
#include "store/policy_file.h"

#define LIST_MAX (64U * 1024U * 1024U) /* bytes of what is printed */

struct find {
    const char *from, *policy_path, *save_path, *check_path;
    bool all;
    struct vt_digest digest;
    struct vt_policy *policy;
    struct vt_log_find_result result;
    struct vt_buf list; /* a line an entry */
    json_t *entries;
};

/* The log whose index root this is, or NULL. */
static const char *
root_of(const struct find *f, uint64_t index, const void *entry, size_t len)
{
    const struct vt_policy_party *log = NULL;
    const size_t n = vt_policy_logs(f->policy, &log);

    for (size_t i = 0; i < n; i++) {
        if (vt_log_index_is_root(f->policy, log[i].name, index, entry, len))
            return log[i].name;
    }
    return NULL;
}

/* What an entry is, and whose. */
static void
describe(const struct find *f, uint64_t index, const void *entry, size_t len,
    const char **ret_kind, const char **ret_signer)
{
    const struct vt_policy_party *signer = NULL;
    struct vt_entry e;
    struct vt_note note;

    *ret_kind = NULL;
    *ret_signer = NULL;
    if (vt_log_entry_open(f->policy, entry, len, &e, NULL, &signer, NULL) == VT_OK) {
        *ret_signer = signer->name;
    } else if (vt_entry_parse(entry, len, &note, &e, NULL) != VT_OK) {
        *ret_signer = root_of(f, index, entry, len);
        *ret_kind = *ret_signer != NULL ? "log-index" : NULL;
        return;
    }
    *ret_kind = vt_entry_kind_name(e.kind);
}

static enum vt_err
take(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct find *f = ctx;
    const char *kind, *signer;

    describe(f, index, entry, len, &kind, &signer);
    vt_buf_putf(&f->list, "%10llu  %-12s %s\n", (unsigned long long)index,
        kind != NULL ? kind : "-",
        signer != NULL ? signer
        : kind != NULL ? "(signed by nobody that the policy names)"
                       : "(no entry that this program reads)");
    if (json_array_append_new(
            f->entries, json_pack("{s:I, s:s?, s:s?}", "index", (json_int_t)index, "kind", kind,
                            "signer", signer)) != 0)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    return vt_buf_check(&f->list, "the list of entries", why);
}

static enum vt_err
ask(struct find *f, struct vt_progress *progress, struct vt_why *why)
{
    struct vt_buf save = VT_BUF(VT_LOG_FOUND_MAX);
    const struct vt_log_find_opts opts = {
        .all = f->all, .save = f->save_path != NULL ? &save : NULL, .progress = progress};
    struct vt_log_reader *r = NULL;
    enum vt_err err = vt_log_reader_open(f->from, f->policy, &r, why);

    if (err == VT_OK)
        err = vt_log_find(r, f->from, &f->digest, &opts, take, f, &f->result, why);
    if (err == VT_OK && f->save_path != NULL)
        err = vt_file_replace(f->save_path, 0644, save.data, save.len, why);
    vt_log_reader_free(r);
    vt_buf_release(&save);
    return err;
}

static enum vt_err
check(struct find *f, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_LOG_FOUND_MAX);
    enum vt_err err = vt_file_read(f->check_path, &b, why);

    if (err == VT_OK) {
        err = vt_log_find_check(f->policy, b.data, b.len, &f->digest, take, f, &f->result, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", f->check_path);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
find(struct find *f, const char *digest, struct vt_progress *progress, struct vt_why *why)
{
    enum vt_err err = vt_party_digest("DIGEST", digest, &f->digest, why);

    if (err != VT_OK)
        return err;
    if ((f->from == NULL) == (f->check_path == NULL))
        return vt_fail(why, VT_E_USAGE, "give --from URL|DIR, or --check FILE");
    if (f->check_path != NULL && (f->all || f->save_path != NULL))
        return vt_fail(why, VT_E_USAGE, "--all and --save go with --from");
    f->entries = json_array();
    if (f->entries == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    err = vt_policy_load(f->policy_path, &f->policy, why);
    if (err != VT_OK)
        return err;
    return f->check_path != NULL ? check(f, why) : ask(f, progress, why);
}

static int
print(const struct vt_cmd *c, struct find *f)
{
    const struct vt_log_find_result *r = &f->result;
    char hex[VT_DIGEST_HEX_SIZE], when[VT_TIME_SIZE];
    struct vt_buf rests = VT_BUF(256);
    json_t *index = json_null(), *o;
    int code;

    vt_digest_hex(&f->digest, hex);
    vt_time_format((int64_t)r->time, when);
    if (r->index_size > 0) {
        index = json_pack("{s:I, s:I}", "entry", (json_int_t)r->index_entry, "size",
            (json_int_t)r->index_size);
        vt_buf_putf(&rests, "; the first %llu by the index root of entry %llu",
            (unsigned long long)r->index_size, (unsigned long long)r->index_entry);
    } else {
        vt_buf_puts(&rests, "; all of them were read");
    }
    o = json_pack("{s:s, s:s, s:O, s:I, s:I, s:s?, s:o, s:s?}", "origin", r->checkpoint.origin,
        "digest", hex, "entries", f->entries, "found", (json_int_t)r->found, "complete_to",
        (json_int_t)r->checkpoint.size, "vouched", r->time > 0 ? when : NULL, "index", index,
        "saved", f->save_path);
    code = vt_cmd_done(c, o, "%s%llu entries about sha256:%s\ncomplete up to %llu%s",
        vt_buf_str(&f->list), (unsigned long long)r->found, hex,
        (unsigned long long)r->checkpoint.size, vt_buf_str(&rests));
    vt_buf_release(&rests);
    return code;
}

int
vt_cmd_log_find(int argc, char **argv)
{
    struct find f = {.list = VT_BUF(LIST_MAX)};
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "URL|DIR", "the site, a mirror, or a folder of its files",
            &f.from, false},
        {"policy", 'p', VT_OPT_STR, "FILE", "the policy to check by", &f.policy_path, true},
        {"all", 'a', VT_OPT_FLAG, NULL, "use no index: read the whole log", &f.all, false},
        {"save", 's', VT_OPT_STR, "FILE", "write the answer with its whole proof there",
            &f.save_path, false},
        {"check", 'c', VT_OPT_STR, "FILE", "check such a file instead, without network",
            &f.check_path, false},
        {0},
    };
    struct vt_cmd c = {.name = "log find",
        .args = "DIGEST --from URL|DIR --policy FILE",
        .summary = "Finds all entries about a digest, and proves that there are no others.",
        .details =
            "DIGEST is a SHA-256: of an entry, or of anything that entries name. The answer "
            "is complete up to the checkpoint. It rests on the index whose root the log "
            "signed and logged (`log check --index` recomputes it), or with --all on nothing "
            "but the entries.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = find(&f, c.argv[0], &c.progress, &why);
    code = err == VT_OK ? print(&c, &f) : vt_cmd_fail(&c, err, &why);
    json_decref(f.entries);
    vt_policy_free(f.policy);
    vt_buf_release(&f.list);
    return code;
}
