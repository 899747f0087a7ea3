/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/environment.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "vitrine/environment/v1"
/* Of one package file: far above what Debian has. */
#define PACKAGE_SIZE_MAX UINT32_MAX

void
vt_environment_free(struct vt_environment *e)
{
    if (e == NULL)
        return;
    free(e->package);
    free(e);
}

/* `KEY VALUE` on the next line. */
static bool
take_header(struct vt_reader *r, const char *key, char *ret, size_t size)
{
    struct vt_reader line;

    return vt_reader_line(r, &line) && vt_reader_skip(&line, key) &&
           vt_reader_skip(&line, " ") && vt_reader_cstr(&line, ret, size);
}

static bool
distribution_valid(const char *s)
{
    return s[0] >= 'a' && s[0] <= 'z' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(s);
}

/* `package NAME VERSION ARCH SIZE sha256:HEX` */
static bool
parse_package(struct vt_reader line, struct vt_package *ret)
{
    struct vt_reader name;
    struct vt_reader version;
    struct vt_reader arch;
    struct vt_reader size;

    return vt_reader_skip(&line, "package ") && vt_reader_word(&line, ' ', &name) &&
           vt_reader_word(&line, ' ', &version) && vt_reader_word(&line, ' ', &arch) &&
           vt_reader_word(&line, ' ', &size) && vt_reader_skip(&line, "sha256:") &&
           vt_digest_from_hex((const char *)line.p, line.left, &ret->digest) &&
           vt_reader_cstr(&name, ret->name, sizeof ret->name) &&
           vt_reader_cstr(&version, ret->version, sizeof ret->version) &&
           vt_reader_cstr(&arch, ret->arch, sizeof ret->arch) &&
           vt_reader_decimal(&size, PACKAGE_SIZE_MAX, &ret->size) &&
           vt_package_name_valid(ret->name) && vt_package_version_valid(ret->version) &&
           vt_package_arch_valid(ret->arch);
}

static size_t
count_lines(struct vt_reader r)
{
    struct vt_reader line;
    size_t n = 0;

    while (vt_reader_line(&r, &line))
        n++;
    return n;
}

static enum vt_err
parse_packages(struct vt_reader *r, struct vt_environment *e, struct vt_why *why)
{
    size_t n = count_lines(*r);
    struct vt_reader line;

    if (n < 1 || n > VT_STATEMENT_PACKAGES_MAX)
        return vt_fail(why, VT_E_SYNTAX, "the manifest names %zu packages, not 1 to %u", n,
            VT_STATEMENT_PACKAGES_MAX);
    e->package = calloc(n, sizeof *e->package);
    if (e->package == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for an environment's manifest");
    while (vt_reader_line(r, &line)) {
        struct vt_package *p = &e->package[e->count];

        if (!parse_package(line, p))
            return vt_fail(
                why, VT_E_SYNTAX, "line %zu of the manifest is no package", e->count + 4);
        if (strcmp(p->arch, e->arch) != 0 && strcmp(p->arch, "all") != 0)
            return vt_fail(why, VT_E_SYNTAX,
                "line %zu of the manifest is of another architecture", e->count + 4);
        if (e->count > 0 && strcmp(p[-1].name, p->name) >= 0)
            return vt_fail(
                why, VT_E_SYNTAX, "line %zu of the manifest is out of order", e->count + 4);
        e->count++;
    }
    if (r->left > 0)
        return vt_fail(why, VT_E_SYNTAX, "the manifest's last line does not end");
    return VT_OK;
}

enum vt_err
vt_environment_parse(
    const void *data, size_t len, struct vt_environment **ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_environment *e;
    enum vt_err err;

    if (len > VT_ENVIRONMENT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "the manifest is longer than %u bytes", VT_ENVIRONMENT_MAX);
    e = calloc(1, sizeof *e);
    if (e == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for an environment's manifest");
    if (!vt_reader_skip(&r, MAGIC "\n"))
        err = vt_fail(why, VT_E_SYNTAX, "this is no environment's manifest");
    else if (!take_header(&r, "distribution", e->distribution, sizeof e->distribution) ||
             !distribution_valid(e->distribution))
        err = vt_fail(why, VT_E_SYNTAX, "line 2 of the manifest names no distribution");
    else if (!take_header(&r, "architecture", e->arch, sizeof e->arch) ||
             !vt_package_arch_valid(e->arch))
        err = vt_fail(why, VT_E_SYNTAX, "line 3 of the manifest names no architecture");
    else
        err = parse_packages(&r, e, why);
    if (err != VT_OK) {
        vt_environment_free(e);
        return err;
    }
    *ret = e;
    return VT_OK;
}

void
vt_environment_put(struct vt_buf *b, const struct vt_environment *e)
{
    size_t i;

    vt_buf_putf(b, MAGIC "\ndistribution %s\narchitecture %s\n", e->distribution, e->arch);
    for (i = 0; i < e->count; i++) {
        const struct vt_package *p = &e->package[i];

        vt_buf_putf(b, "package %s %s %s %llu sha256:", p->name, p->version, p->arch,
            (unsigned long long)p->size);
        vt_buf_put_hex(b, p->digest.b, sizeof p->digest.b);
        vt_buf_puts(b, "\n");
    }
}

enum vt_err
vt_environment_load(struct vt_store *store, const struct vt_digest *digest,
    struct vt_environment **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ENVIRONMENT_MAX);
    enum vt_err err = vt_store_get(store, digest, &b, why);

    if (err == VT_OK)
        err = vt_environment_parse(b.data, b.len, ret, why);
    vt_buf_release(&b);
    return err;
}
