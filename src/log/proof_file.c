/* SPDX-License-Identifier: Apache-2.0 */
#include "log/proof_file.h"

#include "base/file.h"
#include "base/log.h"
#include "log/reader.h"
#include "note/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct vt_proof_file {
    char public_dir[VT_PATH_MAX];
    char checkpoint[VT_PATH_MAX];
    const struct vt_policy *policy;
    struct vt_log_reader *reader; /* at the checkpoint that `seen` was, or NULL */
    struct stat seen;
    uint64_t mark; /* of the checkpoint's bytes, for ETags */
    char etag[VT_PROOF_ETAG_SIZE];
};

enum vt_err
vt_proof_file_new(const char *public_dir, const struct vt_policy *policy,
    struct vt_proof_file **ret, struct vt_why *why)
{
    struct vt_proof_file *f = calloc(1, sizeof *f);
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "proofs: out of memory");
    f->policy = policy;
    err = vt_path(f->public_dir, why, "%s", public_dir);
    if (err == VT_OK)
        err = vt_path(f->checkpoint, why, "%s/checkpoint", public_dir);
    if (err != VT_OK) {
        vt_proof_file_free(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_proof_file_free(struct vt_proof_file *f)
{
    if (f == NULL)
        return;
    vt_log_reader_free(f->reader);
    free(f);
}

static void
forget(struct vt_proof_file *f)
{
    vt_log_reader_free(f->reader);
    f->reader = NULL;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Has the reader be at the newest checkpoint. Looked at before it is read, so that one which is
 * replaced meanwhile is read again the next time. */
static enum vt_err
renew(struct vt_proof_file *f, struct vt_why *why)
{
    struct vt_digest d;
    struct stat now;
    const void *note;
    size_t len;
    enum vt_err err;

    if (stat(f->checkpoint, &now) != 0)
        return vt_fail_errno(why, "%s", f->checkpoint);
    if (f->reader != NULL && is_same(&f->seen, &now))
        return VT_OK;
    forget(f);
    err = vt_log_reader_open(f->public_dir, f->policy, &f->reader, why);
    if (err != VT_OK)
        return err;
    f->seen = now;
    note = vt_log_reader_note(f->reader, &len);
    vt_digest_of(note, len, &d);
    memcpy(&f->mark, d.b, sizeof f->mark);
    return VT_OK;
}

static enum vt_err
prove(struct vt_proof_file *f, uint64_t index, struct vt_proof *ret, struct vt_why *why)
{
    enum vt_err err = renew(f, why);

    if (err != VT_OK)
        return err;
    if (index >= vt_log_reader_checkpoint(f->reader)->size)
        return vt_fail(why, VT_E_NOENT, "no published checkpoint covers entry %llu yet",
            (unsigned long long)index);
    err = vt_log_reader_inclusion(f->reader, index, ret, why);
    /* That the index is covered is known: what is missing are tiles. */
    return err == VT_E_NOENT ? VT_E_PROOF : err;
}

enum vt_err
vt_proof_file_put(struct vt_proof_file *f, uint64_t index, struct vt_buf *b,
    char ret_etag[VT_PROOF_ETAG_SIZE], struct vt_why *why)
{
    struct vt_tlog_proof p = {.index = index};
    enum vt_err err = prove(f, index, &p.path, why);

    if (err == VT_E_PROOF) {
        forget(f); /* the files may have been gone over meanwhile */
        err = prove(f, index, &p.path, why);
    }
    if (err != VT_OK)
        return err;
    p.checkpoint = vt_log_reader_note(f->reader, &p.checkpoint_len);
    vt_tlog_proof_put(b, &p);
    err = vt_buf_check(b, "proof", why);
    if (err == VT_OK)
        (void)snprintf(ret_etag, VT_PROOF_ETAG_SIZE, "\"%llu-%016llx\"",
            (unsigned long long)index, (unsigned long long)f->mark);
    return err;
}

static void
fail(struct vt_http_response *rs, int status, unsigned retry_s, const char *text)
{
    vt_buf_clear(&rs->body);
    rs->status = status;
    rs->retry_after_s = retry_s;
    vt_buf_putf(&rs->body, "%s\n", text);
}

void
vt_proof_file_get(
    struct vt_proof_file *f, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    const char *s = rq->path + strlen("/proof/");
    struct vt_reader r = VT_READER(s, strlen(s));
    struct vt_why why = {.text = ""};
    uint64_t index;
    enum vt_err err;

    if (!vt_reader_decimal(&r, INT64_MAX, &index)) {
        fail(rs, 404, 0, "that is no entry's number");
        return;
    }
    err = vt_proof_file_put(f, index, &rs->body, f->etag, &why);
    if (err == VT_E_NOENT) {
        fail(rs, 404, 1, "no published checkpoint covers that entry yet");
        return;
    }
    if (err != VT_OK) {
        vt_log(VT_LOG_ERROR, "no proof of entry %llu: %s", (unsigned long long)index, why.text);
        fail(rs, 503, 1, "the log's files give no proof now");
        return;
    }
    rs->etag = f->etag;
    rs->cache = "no-cache";
    rs->for_all = true;
}
