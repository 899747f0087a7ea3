/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/environment_repo.h"

#include "assembly/deb.h"

#include <stdio.h>
#include <string.h>

#define INDEX_MAX (64U * 1024U * 1024U)

/* Copies a package out of the store; what was copied is what is verified. */
static enum vt_err
copy_package(
    struct vt_store *store, const struct vt_package *p, const char *to, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(p->size);
    FILE *f = NULL;
    enum vt_err err = vt_store_get(store, &p->digest, &b, why);

    if (err != VT_OK) {
        err = vt_fail_in(why, err, "the package %s %s", p->name, p->version);
        goto out;
    }
    if (b.len != p->size) {
        err = vt_fail(why, VT_E_DIGEST, "the package %s has %zu bytes, not %llu", p->name,
            b.len, (unsigned long long)p->size);
        goto out;
    }
    f = fopen(to, "we");
    if (f == NULL || fwrite(b.data, 1, b.len, f) != b.len || fclose(f) != 0)
        err = vt_fail_errno(why, "cannot write %s", to);
out:
    vt_buf_release(&b);
    return err;
}

static bool
field_is(const struct vt_buf *control, const char *name, const char *want)
{
    char text[256];

    return vt_deb_field(control->data, control->len, name, text, sizeof text) &&
           strcmp(text, want) == 0;
}

/* The control file must be of the package that the manifest names, and leave to
 * the index what only an index says. */
static enum vt_err
check_control(const struct vt_buf *control, const struct vt_package *p, struct vt_why *why)
{
    static const char *const ours[] = {
        "Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512"};
    size_t i;

    if (!field_is(control, "Package", p->name) || !field_is(control, "Version", p->version) ||
        !field_is(control, "Architecture", p->arch))
        return vt_fail(why, VT_E_REFUSED,
            "the file that the manifest calls %s %s (%s) is another package", p->name,
            p->version, p->arch);
    for (i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (vt_deb_has_field(control->data, control->len, ours[i]))
            return vt_fail(why, VT_E_REFUSED,
                "the control file of the package %s has a field %s", p->name, ours[i]);
    }
    return VT_OK;
}

/* One paragraph of the archive's index, from the package's own control file. */
static enum vt_err
put_index(struct vt_buf *b, const struct vt_package *p, const char *path, const char *file,
    struct vt_why *why)
{
    struct vt_buf control = VT_BUF(VT_DEB_CONTROL_MAX);
    enum vt_err err;

    if ((err = vt_deb_control(path, &control, why)) != VT_OK ||
        (err = check_control(&control, p, why)) != VT_OK)
        goto out;
    vt_buf_put(b, control.data, control.len);
    vt_buf_putf(b, "Filename: ./%s\nSize: %llu\nSHA256: ", file, (unsigned long long)p->size);
    vt_buf_put_hex(b, p->digest.b, sizeof p->digest.b);
    vt_buf_puts(b, "\n\n");
    err = vt_buf_check(b, "the index of packages", why);
out:
    vt_buf_release(&control);
    return err;
}

enum vt_err
vt_environment_repo(struct vt_store *store, const struct vt_environment *env, const char *dir,
    struct vt_why *why)
{
    struct vt_buf index = VT_BUF(INDEX_MAX);
    char path[VT_PATH_MAX];
    size_t i;
    enum vt_err err = vt_dir_make(dir, 0755, why);

    for (i = 0; err == VT_OK && i < env->count; i++) {
        const struct vt_package *p = &env->package[i];
        char file[32];

        (void)snprintf(file, sizeof file, "%04zu.deb", i);
        if ((err = vt_path(path, why, "%s/%s", dir, file)) == VT_OK &&
            (err = copy_package(store, p, path, why)) == VT_OK)
            err = put_index(&index, p, path, file, why);
    }
    if (err == VT_OK && (err = vt_path(path, why, "%s/Packages", dir)) == VT_OK)
        err = vt_file_create(path, 0644, index.data, index.len, why);
    vt_buf_release(&index);
    return err;
}
