/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/apt_state.h"

#include "base/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 512U
#define OPTIONS_MAX 16U
#define URIS_MAX (8U * 1024U * 1024U)
#define DSC_MAX (1024U * 1024U)

/* `apt-get -c CONF ... OPTIONS install ?essential usr-is-merged NAMES`. */
static enum vt_err
run_install(struct vt_apt *a, const char *const *options, const char *const *names,
    size_t count, struct vt_buf *out, enum vt_err (*tick)(void *ctx, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    const char *argv[NAMES_MAX + OPTIONS_MAX + 16] = {
        NULL, NULL, NULL, "apt-get", "-c", a->conf, "-y", "-q"};
    size_t n = 8;
    size_t i;

    if (count > NAMES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u packages are asked for", NAMES_MAX);
    for (i = 0; i < OPTIONS_MAX && options[i] != NULL; i++)
        argv[n++] = options[i];
    argv[n++] = "install";
    argv[n++] = "?essential";
    argv[n++] = "usr-is-merged";
    for (i = 0; i < count; i++) {
        if (!vt_package_name_valid(names[i]))
            return vt_fail(
                why, VT_E_USAGE, "\"%s\" cannot be the name of a Debian package", names[i]);
        argv[n++] = names[i];
    }
    return vt_apt_run(a, argv, out, tick, ctx, why);
}

/* Undoes %XX in a part of an archive's file name. */
static bool
unquote(struct vt_reader r, char *ret, size_t size)
{
    size_t n = 0;
    const uint8_t *p;

    while (vt_reader_take(&r, 1, &p)) {
        char c = (char)*p;
        uint8_t byte;
        size_t len;

        if (c == '%') {
            char hex[2];

            if (!vt_reader_take(&r, 2, &p))
                return false;
            hex[0] = (char)tolower(p[0]);
            hex[1] = (char)tolower(p[1]);
            if (!vt_hex_decode(hex, 2, &byte, 1, &len))
                return false;
            c = (char)byte;
        }
        if (n + 1 >= size || c == '\0')
            return false;
        ret[n++] = c;
    }
    ret[n] = '\0';
    return true;
}

/* NAME_VERSION_ARCH.deb, as apt makes it. */
static bool
parse_file(struct vt_reader file, struct vt_apt_choice *ret)
{
    struct vt_reader name;
    struct vt_reader version;
    struct vt_reader arch;

    if (!vt_reader_cstr(&file, ret->file, sizeof ret->file) || strchr(ret->file, '/') != NULL ||
        !vt_reader_word(&file, '_', &name) || !vt_reader_word(&file, '_', &version) ||
        !vt_reader_word(&file, '.', &arch) || !vt_reader_is(&file, "deb"))
        return false;
    return unquote(name, ret->package.name, sizeof ret->package.name) &&
           unquote(version, ret->package.version, sizeof ret->package.version) &&
           unquote(arch, ret->package.arch, sizeof ret->package.arch) &&
           vt_package_name_valid(ret->package.name) &&
           vt_package_version_valid(ret->package.version) &&
           vt_package_arch_valid(ret->package.arch);
}

/* A line `'URI' FILE SIZE SHA256:HEX`. */
static bool
parse_uri(struct vt_reader line, struct vt_apt_choice *ret)
{
    struct vt_reader word;
    struct vt_reader size;

    return vt_reader_word(&line, ' ', &word) && vt_reader_word(&line, ' ', &word) &&
           parse_file(word, ret) && vt_reader_word(&line, ' ', &size) &&
           vt_reader_decimal(&size, UINT32_MAX, &ret->package.size) &&
           vt_reader_skip(&line, "SHA256:") &&
           vt_digest_from_hex((const char *)line.p, line.left, &ret->package.digest);
}

static int
choice_cmp(const void *a, const void *b)
{
    const struct vt_apt_choice *x = a;
    const struct vt_apt_choice *y = b;

    return strcmp(x->package.name, y->package.name);
}

static enum vt_err
parse_uris(
    const struct vt_buf *out, struct vt_apt_choice *list, size_t *ret_count, struct vt_why *why)
{
    struct vt_reader r = VT_READER(out->data, out->len);
    struct vt_reader line;
    size_t n = 0;

    while (vt_reader_line(&r, &line)) {
        if (line.left == 0 || line.p[0] != '\'')
            continue;
        if (n == VT_STATEMENT_PACKAGES_MAX)
            return vt_fail(why, VT_E_LIMIT, "the environment needs more than %u packages",
                VT_STATEMENT_PACKAGES_MAX);
        if (!parse_uri(line, &list[n++]))
            return vt_fail(why, VT_E_CONFIG, "apt names a package that cannot be used: %.*s",
                (int)(line.left < 300 ? line.left : 300), (const char *)line.p);
    }
    if (n > 0)
        qsort(list, n, sizeof *list, choice_cmp);
    *ret_count = n;
    return VT_OK;
}

/* Every package that was asked for must be among the chosen: apt would also
 * take a name for a pattern, or another package that provides it. */
static enum vt_err
check_choice(const struct vt_apt_choice *list, size_t n, const char *const *names, size_t count,
    struct vt_why *why)
{
    size_t i;

    for (i = 0; i < count; i++) {
        struct vt_apt_choice key = {0};

        memcpy(key.package.name, names[i], strlen(names[i]) + 1);
        if (n == 0 || bsearch(&key, list, n, sizeof *list, choice_cmp) == NULL)
            return vt_fail(why, VT_E_CONFIG,
                "there is no package %s in Debian's lists here: name a real one, not a virtual "
                "one",
                names[i]);
    }
    for (i = 1; i < n; i++) {
        if (strcmp(list[i - 1].package.name, list[i].package.name) == 0)
            return vt_fail(why, VT_E_CONFIG, "apt chose %s twice", list[i].package.name);
    }
    return VT_OK;
}

enum vt_err
vt_apt_choose(struct vt_apt *a, const char *const *names, size_t count,
    struct vt_apt_choice **ret, size_t *ret_count, struct vt_why *why)
{
    static const char *const options[] = {"--print-uris", NULL};
    struct vt_apt_choice *list = calloc(VT_STATEMENT_PACKAGES_MAX, sizeof *list);
    struct vt_buf out = VT_BUF(URIS_MAX);
    size_t n = 0;
    enum vt_err err;

    if (list == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a list of packages");
    err = run_install(a, options, names, count, &out, NULL, NULL, why);
    if (err == VT_E_CHILD)
        err = vt_fail_in(why, VT_E_CONFIG, "apt cannot find a way to install these packages");
    if (err == VT_OK && (err = parse_uris(&out, list, &n, why)) == VT_OK)
        err = check_choice(list, n, names, count, why);
    vt_buf_release(&out);
    if (err != VT_OK) {
        free(list);
        return err;
    }
    *ret = list;
    *ret_count = n;
    return VT_OK;
}

struct watch {
    const char *dir; /* where files grow */
    struct vt_progress *progress;
    uint64_t before;
};

static uint64_t
bytes_in(const char *dir)
{
    uint64_t total = 0;
    struct stat st;
    const struct dirent *e;
    DIR *d = opendir(dir);

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL) {
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            total += (uint64_t)st.st_size;
    }
    (void)closedir(d);
    return total;
}

static uint64_t
bytes_so_far(const struct watch *w)
{
    char partial[VT_PATH_MAX];
    uint64_t total = bytes_in(w->dir);

    if (vt_path(partial, NULL, "%s/partial", w->dir) == VT_OK)
        total += bytes_in(partial);
    return total;
}

static enum vt_err
watch_tick(void *ctx, struct vt_why *why)
{
    struct watch *w = ctx;
    uint64_t now;

    (void)why;
    if (w->progress != NULL) {
        now = bytes_so_far(w);
        vt_progress_set(w->progress, now > w->before ? now - w->before : 0);
    }
    return VT_OK;
}

enum vt_err
vt_apt_download(struct vt_apt *a, const char *const *names, size_t count,
    const char *archives_dir, struct vt_progress *progress, struct vt_why *why)
{
    char real[PATH_MAX];
    char archives[VT_PATH_MAX];
    const char *options[] = {"--download-only", "-o", archives, NULL};
    struct watch w = {.dir = real, .progress = progress};
    enum vt_err err;

    if (realpath(archives_dir, real) == NULL)
        return vt_fail_errno(why, "cannot find %s", archives_dir);
    if ((err = vt_path(archives, why, "Dir::Cache::archives=%s/", real)) != VT_OK)
        return err;
    w.before = bytes_so_far(&w);
    err = run_install(a, options, names, count, NULL, watch_tick, &w, why);
    if (err == VT_E_CHILD)
        err = vt_fail_in(why, VT_E_NET, "apt cannot download the packages");
    return err;
}

/* Sources lists of our own, with deb-src for each archive and nothing else. */
static enum vt_err
update_sources(
    struct vt_apt *a, const char *lists, struct vt_progress *progress, struct vt_why *why)
{
    const char *argv[] = {
        NULL, NULL, NULL, "apt-get", "-c", a->conf, "-q", "-o", lists, "update", NULL};
    struct watch w = {.progress = progress};
    char dir[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_apt_path(a, dir, "lists", why)) != VT_OK ||
        (err = vt_apt_write_sources(a, "sources.d/debian.sources", "deb-src", why)) != VT_OK)
        return err;
    w.dir = dir;
    err = vt_apt_run(a, argv, NULL, watch_tick, &w, why);
    if (err == VT_E_CHILD)
        err = vt_fail_in(why, VT_E_NET, "apt cannot fetch Debian's list of source packages");
    return err;
}

/* Sources named so come before those that make a binary package named so. */
static enum vt_err
download_source(struct vt_apt *a, const char *lists, const char *name, struct vt_why *why)
{
    const char *option[] = {"--only-source", "--no-only-source"};
    char dir[VT_PATH_MAX];
    size_t i;
    enum vt_err err;

    if ((err = vt_apt_path(a, dir, "download", why)) != VT_OK ||
        (err = vt_dir_make(dir, 0755, why)) != VT_OK)
        return err;
    for (i = 0; i < sizeof option / sizeof option[0]; i++) {
        const char *argv[] = {NULL, NULL, NULL, "env", "-C", "download", "apt-get", "-c",
            a->conf, "-q", "-o", lists, "source", option[i], "--download-only", name, NULL};

        err = vt_apt_run(a, argv, NULL, NULL, NULL, why);
        if (err != VT_E_CHILD)
            return err;
    }
    return vt_fail_in(why, VT_E_NOENT, "Debian offers no source of %s", name);
}

static enum vt_err
find_dsc(void *ctx, const char *name, struct vt_why *why)
{
    char *ret = ctx;
    size_t len = strlen(name);

    if (len < 4 || len > 255 || strcmp(name + len - 4, ".dsc") != 0)
        return VT_OK;
    if (ret[0] != '\0')
        return vt_fail(why, VT_E_CHILD, "apt gave two source packages: %s and %s", ret, name);
    memcpy(ret, name, len + 1);
    return VT_OK;
}

/* The value of a field that comes once in a .dsc, which apt checked already. */
static bool
dsc_field(const struct vt_buf *dsc, const char *key, char ret[128])
{
    struct vt_reader r = VT_READER(dsc->data, dsc->len);
    struct vt_reader line;

    while (vt_reader_line(&r, &line)) {
        if (vt_reader_skip(&line, key) && vt_reader_skip(&line, ": "))
            return vt_reader_cstr(&line, ret, 128);
    }
    return false;
}

static enum vt_err
read_dsc(const char *path, char ret_name[128], char ret_version[128], struct vt_why *why)
{
    struct vt_buf b = VT_BUF(DSC_MAX);
    char name[128];
    char version[128];
    enum vt_err err = vt_file_read(path, &b, why);

    if (err == VT_OK && dsc_field(&b, "Source", name) && dsc_field(&b, "Version", version) &&
        vt_package_name_valid(name) && vt_package_version_valid(version)) {
        memcpy(ret_name, name, sizeof name);
        memcpy(ret_version, version, sizeof version);
    } else if (err == VT_OK) {
        err = vt_fail(why, VT_E_SYNTAX, "%s names no source package and version", path);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
unpack_source(struct vt_apt *a, const char *dir, char ret_name[128], char ret_version[128],
    struct vt_why *why)
{
    char download[VT_PATH_MAX];
    char dsc[VT_PATH_MAX];
    char file[VT_STATEMENT_NAME_SIZE] = "";
    const char *argv[] = {
        NULL, NULL, NULL, "dpkg-source", "--no-check", "--no-copy", "-x", dsc, dir, NULL};
    char patches[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_apt_path(a, download, "download", why)) != VT_OK ||
        (err = vt_dir_each(download, find_dsc, file, why)) != VT_OK)
        return err;
    if (file[0] == '\0')
        return vt_fail(why, VT_E_CHILD, "apt gave no source package");
    if ((err = vt_path(dsc, why, "%s/%s", download, file)) != VT_OK ||
        (err = vt_apt_run(a, argv, NULL, NULL, NULL, why)) != VT_OK ||
        (err = vt_path(patches, why, "%s/.pc", dir)) != VT_OK ||
        /* what dpkg-source keeps of its patching */
        (err = vt_tree_remove(patches, why)) != VT_OK)
        return err;
    return read_dsc(dsc, ret_name, ret_version, why);
}

enum vt_err
vt_apt_source_unpack(struct vt_apt *a, const char *name, const char *dir,
    struct vt_progress *progress, char ret_name[128], char ret_version[128], struct vt_why *why)
{
    char lists[VT_PATH_MAX];
    enum vt_err err;

    if (!vt_package_name_valid(name))
        return vt_fail(why, VT_E_USAGE, "\"%s\" cannot be the name of a Debian package", name);
    if ((err = vt_path(lists, why, "Dir::State::lists=%s/lists/", a->dir)) != VT_OK ||
        (err = update_sources(a, lists, progress, why)) != VT_OK ||
        (err = download_source(a, lists, name, why)) != VT_OK)
        return err;
    return unpack_source(a, dir, ret_name, ret_version, why);
}
