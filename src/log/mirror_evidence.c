/* SPDX-License-Identifier: Apache-2.0 */
#include "log/mirror_parts.h"

#include <string.h>

/* Folders below DIR/evidence. Who signs a new contradiction each time fills no disk. */
enum { EVIDENCE_MAX = 16 };

enum vt_err
vt_log_mirror_put_proof(struct vt_buf *b, const struct vt_hash_source *src, uint64_t old_size,
    uint64_t size, struct vt_why *why)
{
    struct vt_proof proof = {0};
    struct vt_digest root;
    enum vt_err err = vt_merkle_root(src, old_size, &root, why);

    if (err == VT_OK)
        err = vt_merkle_prove_consistency(src, old_size, size, &proof, why);
    if (err != VT_OK)
        return err;
    vt_buf_putf(b, "old %llu\nroot ", (unsigned long long)old_size);
    vt_buf_put_b64(b, root.b, VT_DIGEST_SIZE);
    vt_buf_puts(b, "\n");
    for (size_t i = 0; i < proof.len; i++) {
        vt_buf_put_b64(b, proof.hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(b, "\n");
    }
    return vt_buf_check(b, "proof", why);
}

static enum vt_err
keep_file(const char *dir, const char *name, const struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/%s", dir, name);

    return err == VT_OK ? vt_file_replace(path, 0644, b->data, b->len, why) : err;
}

/* Whether there is room for a folder more below DIR/evidence. */
static enum vt_err
check_room(const struct vt_log_mirror *m, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    size_t count = 0;
    enum vt_err err = vt_path(path, why, "%s/evidence", m->dir);

    if (err == VT_OK)
        err = vt_dir_count(path, &count, why);
    if (err == VT_OK && count >= EVIDENCE_MAX)
        err = vt_fail(why, VT_E_LIMIT, "%s has %zu such cases already, this one is not kept",
            path, count);
    return err;
}

enum vt_err
vt_log_mirror_keep_evidence(struct vt_log_mirror *m, uint64_t size, const char *had_name,
    const struct vt_buf *had, const struct vt_buf *got, const struct vt_buf *proof,
    struct vt_why *why)
{
    struct vt_digest name;
    struct vt_note note;
    char hex[VT_DIGEST_HEX_SIZE];
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_note_parse(got->data, got->len, &note, why);

    if (err != VT_OK)
        return err;
    vt_digest_of(note.text, note.text_len, &name);
    vt_digest_hex(&name, hex);
    err = vt_path(dir, why, "%s/evidence/%llu-%.16s", m->dir, (unsigned long long)size, hex);
    if (err == VT_OK && !vt_file_exists(dir))
        err = check_room(m, why);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0755, why);
    if (err == VT_OK)
        err = keep_file(dir, had_name, had, why);
    if (err == VT_OK)
        err = keep_file(dir, "got", got, why);
    if (err == VT_OK && proof != NULL)
        err = keep_file(dir, "proof", proof, why);
    if (err == VT_OK)
        memcpy(m->evidence, dir, sizeof(dir));
    return err;
}
