/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror of 300 entries looks at a log of 600, one file of which is arbitrary bytes: whatever
 * comes of it, the mirror is whole for the checkpoint that it has.
 */
#include "log/audit.h"
#include "log/mirror.h"
#include "log_made.h"

static enum vt_err
look(const struct made *m, const char *dir)
{
    struct vt_log_mirror *mirror = NULL;
    struct vt_log_mirror_seen seen;
    struct vt_why why = {0};
    enum vt_err err = vt_log_mirror_open(m->dir, dir, m->policy, NULL, &mirror, &why);

    if (err == VT_OK)
        err = vt_log_mirror_look(mirror, &seen, &why);
    must(err == VT_OK || why.text[0] != '\0');
    vt_log_mirror_free(mirror);
    return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct made old, m;
    struct vt_log_audit_opts opts = {.threads = 1};
    struct vt_buf was = VT_BUF(65536);
    struct vt_log_audit sum;
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    const char *file;
    enum vt_err err;

    if (m.size == 0) {
        made_begin(&old);
        made_log(&old, 300);
        made_begin(&m);
        made_log(&m, 600);
    }
    if (size == 0)
        return 0;
    file = made_files[data[0] % MADE_FILES];
    must(vt_path(dir, NULL, "%s/mirror", m.root) == VT_OK);
    must(vt_tree_remove(dir, NULL) == VT_OK);
    must(look(&old, dir) == VT_OK);
    if (strcmp(file, "frozen") != 0)
        made_get(&m, file, &was);
    made_put(&m, file, data + 1, size - 1);
    err = look(&m, dir);
    must(vt_log_audit(dir, m.policy, &opts, &sum, NULL) == VT_OK);
    must(sum.checkpoint.size == (err == VT_OK ? 600 : 300));
    if (was.len > 0) {
        made_put(&m, file, was.data, was.len);
    } else {
        must(vt_path(path, NULL, "%s/frozen", m.dir) == VT_OK);
        must(unlink(path) == 0);
    }
    must(look(&m, dir) == VT_OK);
    vt_buf_release(&was);
    return 0;
}
