/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log add|checkpoint|prove
 */
#include "cmd.h"

#include "base/clock.h"
#include "base/file.h"
#include "http/client.h"
#include "log/reader.h"
#include "note/proof_check.h"
#include "store/policy_file.h"

#include <stdlib.h>
#include <string.h>

enum { RETRIES = 6 };

/* A log opened for reading, by --from and --policy. */
struct source {
    const char *from;
    const char *policy_path;
    struct vt_policy *policy;
    struct vt_log_reader *reader;
};

static enum vt_err
source_open(struct source *s, struct vt_why *why)
{
    enum vt_err err = vt_policy_load(s->policy_path, &s->policy, why);

    if (err == VT_OK)
        err = vt_log_reader_open(s->from, s->policy, &s->reader, why);
    return err;
}

static void
source_release(struct source *s)
{
    vt_log_reader_free(s->reader);
    vt_policy_free(s->policy);
}

/* log add */

static enum vt_err
add(const char *file, const char *url, uint64_t *ret_index, struct vt_why *why)
{
    struct vt_http_limits limits = {.retries = RETRIES};
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_http *h = NULL;
    struct vt_entry entry;
    struct vt_note note;
    enum vt_err err = vt_file_read(file, &b, why);

    if (err == VT_OK) {
        err = vt_entry_parse(b.data, b.len, &note, &entry, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", file);
    }
    if (err == VT_OK)
        err = vt_http_new(&limits, &h, why);
    if (err == VT_OK)
        err = vt_log_submit_entry(h, url, b.data, b.len, ret_index, why);
    vt_http_free(h);
    vt_buf_release(&b);
    return err;
}

static int
log_add(int argc, char **argv)
{
    const char *url = NULL;
    const struct vt_opt opts[] = {
        {"to", 't', VT_OPT_STR, "URL", "the site", &url, true},
        {0},
    };
    struct vt_cmd c = {.name = "log add",
        .args = "FILE --to URL",
        .summary = "Adds an entry that is signed already; prints its index.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};
    uint64_t index = 0;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = add(c.argv[0], url, &index, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(
        &c, json_pack("{s:I}", "index", (json_int_t)index), "%llu", (unsigned long long)index);
}

/* log checkpoint */

static int
print_checkpoint(const struct vt_cmd *c, const struct source *s)
{
    const struct vt_checkpoint *cp = vt_log_reader_checkpoint(s->reader);
    uint64_t time = vt_log_reader_cosigned_time(s->reader);
    struct vt_buf root = VT_BUF(64);
    char when[VT_TIME_SIZE];
    size_t len;
    const char *note = vt_log_reader_note(s->reader, &len);
    json_t *o;
    int code;

    vt_buf_put_b64(&root, cp->root.b, VT_DIGEST_SIZE);
    vt_time_format((int64_t)time, when);
    o = json_pack("{s:s, s:I, s:s, s:s?, s:s%}", "origin", cp->origin, "size",
        (json_int_t)cp->size, "root", vt_buf_str(&root), "vouched", time > 0 ? when : NULL,
        "checkpoint", note, len);
    /* Both end in a newline, and vt_cmd_done adds its own. */
    code = vt_cmd_done(c, o, "%.*s", (int)len - 1, note);
    vt_buf_release(&root);
    return code;
}

#define FROM_AND_POLICY(s_)                                                                    \
    {"from", 'f', VT_OPT_STR, "URL|DIR", "the site, a mirror, or a folder of its files",       \
        &(s_).from, true},                                                                     \
    {                                                                                          \
        "policy", 'p', VT_OPT_STR, "FILE", "the policy to check by", &(s_).policy_path, true   \
    }

static int
log_checkpoint(int argc, char **argv)
{
    struct source s = {0};
    const struct vt_opt opts[] = {FROM_AND_POLICY(s), {0}};
    struct vt_cmd c = {.name = "log checkpoint",
        .args = "--from URL --policy FILE",
        .summary =
            "Prints the newest checkpoint after checking its signature and its witnesses.",
        .opts = opts};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = source_open(&s, &why);
    code = err == VT_OK ? print_checkpoint(&c, &s) : vt_cmd_fail(&c, err, &why);
    source_release(&s);
    return code;
}

/* log prove */

static void
put_hashes(struct vt_buf *b, const struct vt_proof *p)
{
    for (size_t i = 0; i < p->len; i++) {
        vt_buf_put_b64(b, p->hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(b, "\n");
    }
}

static enum vt_err
prove_inclusion(struct source *s, uint64_t index, const char *entry_file, struct vt_buf *b,
    struct vt_why *why)
{
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX);
    struct vt_tlog_proof p = {.index = index};
    enum vt_err err = vt_log_reader_inclusion(s->reader, index, &p.path, why);

    if (err == VT_OK)
        err = vt_log_reader_entry(s->reader, index, &entry, why);
    if (err == VT_OK && entry_file != NULL)
        err = vt_file_replace(entry_file, 0644, entry.data, entry.len, why);
    if (err == VT_OK) {
        p.checkpoint = vt_log_reader_note(s->reader, &p.checkpoint_len);
        err = vt_tlog_proof_put_sealed(b, &p, why);
    }
    vt_buf_release(&entry);
    return err;
}

/* The proof and the checkpoint it leads to, as a witness takes them. */
static enum vt_err
prove_consistency(struct source *s, uint64_t old_size, struct vt_buf *b, struct vt_why *why)
{
    struct vt_proof p = {0};
    size_t len;
    const void *note = vt_log_reader_note(s->reader, &len);
    enum vt_err err = vt_log_reader_consistency(s->reader, old_size, &p, why);

    if (err != VT_OK)
        return err;
    vt_buf_putf(b, "old %llu\n", (unsigned long long)old_size);
    put_hashes(b, &p);
    vt_buf_puts(b, "\n");
    vt_buf_put(b, note, len);
    return vt_buf_check(b, "proof", why);
}

struct prove {
    struct source s;
    const char *entry_file;
    const char *old_text;
    const char *output;
};

static enum vt_err
prove(struct prove *p, const struct vt_cmd *c, struct vt_buf *b, struct vt_why *why)
{
    const char *text = p->old_text != NULL ? p->old_text : c->argc > 0 ? c->argv[0] : NULL;
    struct vt_reader r = VT_READER(text, text == NULL ? 0 : strlen(text));
    uint64_t n;
    enum vt_err err;

    if (text == NULL || (p->old_text != NULL && c->argc > 0))
        return vt_fail(why, VT_E_USAGE, "give an INDEX, or --old SIZE");
    if (!vt_reader_decimal(&r, INT64_MAX, &n))
        return vt_fail(why, VT_E_USAGE, "%s: not a number", text);
    err = source_open(&p->s, why);
    if (err != VT_OK)
        return err;
    return p->old_text != NULL ? prove_consistency(&p->s, n, b, why)
                               : prove_inclusion(&p->s, n, p->entry_file, b, why);
}

static int
log_prove(int argc, char **argv)
{
    struct prove p = {0};
    const struct vt_opt opts[] = {FROM_AND_POLICY(p.s),
        {"entry", 'e', VT_OPT_STR, "FILE", "write the entry's bytes there", &p.entry_file,
            false},
        {"old", 'o', VT_OPT_STR, "SIZE",
            "prove that the log's first SIZE entries are unchanged", &p.old_text, false},
        {"output", 'O', VT_OPT_STR, "FILE", "write the proof there, not to standard output",
            &p.output, false},
        {0}};
    struct vt_cmd c = {.name = "log prove",
        .args = "[INDEX] --from URL --policy FILE",
        .summary = "Prints a proof that an entry is in the log, or that the log only grew.",
        .details =
            "With INDEX a C2SP tlog-proof; with --old SIZE the consistency proof's lines "
            "and the checkpoint, as C2SP tlog-witness has them. Every hash was checked.",
        .opts = opts,
        .args_max = 1};
    struct vt_buf b = VT_BUF(2 * VT_NOTE_MAX);
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = prove(&p, &c, &b, &why);
    if (err == VT_OK && p.output != NULL)
        err = vt_file_replace(p.output, 0644, b.data, b.len, &why);
    if (err == VT_OK && p.output != NULL)
        code =
            vt_cmd_done(&c, json_pack("{s:s}", "output", p.output), "%s is written", p.output);
    else if (err == VT_OK)
        code = vt_cmd_done(&c, json_pack("{s:s%}", "proof", vt_buf_str(&b), b.len), "%.*s",
            (int)b.len - 1, vt_buf_str(&b)); /* which adds the last newline */
    else
        code = vt_cmd_fail(&c, err, &why);
    source_release(&p.s);
    vt_buf_release(&b);
    return code;
}

int
vt_cmd_log(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make a log's home and key", vt_cmd_log_init},
        {"run", "run a log of its own", vt_cmd_log_run},
        {"freeze", "end a log for ever", vt_cmd_log_freeze},
        {"add", "add an entry that is signed already", log_add},
        {"checkpoint", "the newest checkpoint, checked", log_checkpoint},
        {"prove", "a proof of inclusion or of consistency", log_prove},
        {"verify", "a proof and its entry, checked offline", vt_cmd_log_verify},
        {"find", "all entries about a digest, and that there are no others", vt_cmd_log_find},
        {"check", "read all of it and recompute the root", vt_cmd_log_check},
        {"mirror", "keep a verified copy", vt_cmd_log_mirror},
        {"serve", "serve a mirror", vt_cmd_log_serve},
        {"gc", "remove what is superfluous", vt_cmd_log_gc},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("log", "run a log, add to it, read it and check it", verbs, argc, argv);
}
