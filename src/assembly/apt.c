/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt.conf of our own is given by -c, which apt reads after the machine's
 * configuration: so the machine's proxies, pins and keys hold, while all that
 * apt would write lies in our folder, and none of the machine's hooks run.
 */
#include "assembly/apt_state.h"

#include "base/proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX (1024U * 1024U)
#define APT_TIMEOUT_MS (1800 * 1000)

enum vt_err
vt_apt_path(const struct vt_apt *a, char ret[VT_PATH_MAX], const char *rest, struct vt_why *why)
{
    return vt_path(ret, why, "%s/%s", a->dir, rest);
}

/* Three words before each of apt's programs: `env LC_ALL=C.UTF-8` because its
 * messages and the order of its output must not depend on who runs it. */
enum vt_err
vt_apt_run(struct vt_apt *a, const char **argv, struct vt_buf *out,
    enum vt_err (*tick)(void *ctx, struct vt_why *why), void *ctx, struct vt_why *why)
{
    struct vt_proc_opts opts = {.output = out,
        .timeout_ms = APT_TIMEOUT_MS,
        .tick = tick,
        .tick_ctx = ctx,
        .cwd = a->dir};

    argv[0] = "env";
    argv[1] = "LC_ALL=C.UTF-8";
    argv[2] = "DEBIAN_FRONTEND=noninteractive";
    return vt_proc_run(argv, &opts, why);
}

/* Takes NAME='VALUE' from the output of `apt-config shell`. */
static bool
take_setting(const char *text, const char *name, char *ret, size_t size)
{
    struct vt_reader r = VT_READER(text, strlen(text));
    struct vt_reader line;
    struct vt_reader value;

    while (vt_reader_line(&r, &line)) {
        if (vt_reader_skip(&line, name) && vt_reader_skip(&line, "='") &&
            vt_reader_word(&line, '\'', &value))
            return vt_reader_cstr(&value, ret, size);
    }
    return false;
}

static enum vt_err
read_settings(struct vt_apt *a, struct vt_why *why)
{
    const char *argv[] = {NULL, NULL, NULL, "apt-config", "shell", "ARCH", "APT::Architecture",
        "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d", NULL};
    struct vt_buf out = VT_BUF(CONFIG_MAX);
    enum vt_err err = vt_apt_run(a, argv, &out, NULL, NULL, why);

    if (err != VT_OK) {
        err = vt_fail_in(why, VT_E_CONFIG, "this machine has no working apt");
    } else if (!take_setting(vt_buf_str(&out), "ARCH", a->arch, sizeof a->arch) ||
               !take_setting(
                   vt_buf_str(&out), "LIST", a->sources_list, sizeof a->sources_list) ||
               !take_setting(
                   vt_buf_str(&out), "PARTS", a->sources_parts, sizeof a->sources_parts) ||
               !vt_package_arch_valid(a->arch)) {
        err = vt_fail(
            why, VT_E_CONFIG, "apt-config does not tell apt's architecture and folders");
    }
    vt_buf_release(&out);
    return err;
}

typedef enum vt_err add_fn(
    struct vt_apt_sources *s, const void *data, size_t len, struct vt_why *why);

static enum vt_err
add_file(struct vt_apt *a, const char *path, add_fn *add, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_APT_SOURCES_FILE_MAX);
    enum vt_err err;

    if (!vt_file_exists(path))
        return VT_OK;
    err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = add(&a->sources, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static bool
ends_with(const char *s, const char *end)
{
    size_t len = strlen(s);

    return len >= strlen(end) && strcmp(s + len - strlen(end), end) == 0;
}

static enum vt_err
add_part(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_apt *a = ctx;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/%s", a->sources_parts, name);

    if (err != VT_OK)
        return err;
    if (ends_with(name, ".list"))
        return add_file(a, path, vt_apt_sources_add_lines, why);
    if (ends_with(name, ".sources"))
        return add_file(a, path, vt_apt_sources_add_stanzas, why);
    return VT_OK;
}

static enum vt_err
read_sources(struct vt_apt *a, struct vt_why *why)
{
    enum vt_err err = add_file(a, a->sources_list, vt_apt_sources_add_lines, why);

    if (err == VT_OK && vt_file_exists(a->sources_parts))
        err = vt_dir_each(a->sources_parts, add_part, a, why);
    return err;
}

/* Whether an entry's URI is the one apt tells, which always ends in a slash. */
static bool
uri_is(const char *uri, struct vt_reader told)
{
    size_t len = strlen(uri);

    while (len > 0 && uri[len - 1] == '/')
        len--;
    while (told.left > 0 && told.p[told.left - 1] == '/')
        told.left--;
    return len == told.left && memcmp(uri, told.p, len) == 0;
}

static void
mark_debian(struct vt_apt *a, struct vt_reader uri, struct vt_reader suite)
{
    size_t i;

    for (i = 0; i < a->sources.count; i++) {
        struct vt_apt_source *s = &a->sources.item[i];

        if (uri_is(s->uri, uri) && uri_is(s->suite, suite))
            s->debian = true;
    }
}

/* One line ORIGIN|LABEL|CODENAME|RELEASE|REPO-URI of a list that apt fetched and
 * whose signature it checked. The main archive's code name is the distribution's. */
static void
take_target(struct vt_apt *a, struct vt_reader line)
{
    struct vt_reader origin;
    struct vt_reader label;
    struct vt_reader codename;
    struct vt_reader release;
    char text[VT_STATEMENT_WORD_SIZE];

    if (!vt_reader_word(&line, '|', &origin) || !vt_reader_word(&line, '|', &label) ||
        !vt_reader_word(&line, '|', &codename) || !vt_reader_word(&line, '|', &release) ||
        !vt_reader_is(&origin, "Debian"))
        return;
    mark_debian(a, line, release);
    if (!vt_reader_is(&label, "Debian") || !vt_reader_cstr(&codename, text, sizeof text))
        return;
    text[strcspn(text, "-")] = '\0';
    if (a->distribution[0] == '\0')
        memcpy(a->distribution, text, sizeof text);
}

static enum vt_err
find_debian(struct vt_apt *a, struct vt_why *why)
{
    const char *argv[] = {NULL, NULL, NULL, "apt-get", "indextargets", "--format",
        "$(ORIGIN)|$(LABEL)|$(CODENAME)|$(RELEASE)|$(REPO_URI)", "Created-By: Packages",
        "Trusted: yes", NULL};
    struct vt_buf out = VT_BUF(CONFIG_MAX);
    struct vt_reader line;
    struct vt_reader r;
    size_t i;
    enum vt_err err = vt_apt_run(a, argv, &out, NULL, NULL, why);

    if (err == VT_OK) {
        r = VT_READER(out.data, out.len);
        while (vt_reader_line(&r, &line))
            take_target(a, line);
    }
    vt_buf_release(&out);
    if (err != VT_OK)
        return err;
    for (i = 0; i < a->sources.count; i++) {
        if (a->sources.item[i].debian && a->distribution[0] != '\0')
            return VT_OK;
    }
    return vt_fail(why, VT_E_CONFIG,
        "apt has no package lists of Debian: add Debian's archive to %s and run `apt-get "
        "update`",
        a->sources_parts);
}

enum vt_err
vt_apt_write_sources(struct vt_apt *a, const char *rest, const char *type, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(CONFIG_MAX);
    char path[VT_PATH_MAX];
    size_t i;
    enum vt_err err;

    for (i = 0; i < a->sources.count; i++) {
        if (a->sources.item[i].debian)
            vt_apt_source_put(&b, &a->sources.item[i], type);
    }
    if ((err = vt_buf_check(&b, "apt's sources", why)) == VT_OK &&
        (err = vt_apt_path(a, path, rest, why)) == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
write_conf(struct vt_apt *a, struct vt_why *why)
{
    static const char text[] = "#clear APT::Architectures;\n"
                               "#clear APT::Update;\n"
                               "#clear DPkg::Pre-Invoke;\n"
                               "#clear DPkg::Post-Invoke;\n"
                               "#clear DPkg::Pre-Install-Pkgs;\n"
                               "APT::Architectures { \"%s\"; };\n"
                               "APT::Install-Recommends \"false\";\n"
                               "APT::Install-Suggests \"false\";\n"
                               "APT::Sandbox::User \"root\";\n"
                               "Acquire::ForceHash \"SHA256\";\n"
                               "Acquire::Languages \"none\";\n"
                               "Acquire::Retries \"3\";\n"
                               "Debug::NoLocking \"true\";\n"
                               "pkgCacheGen::ForceEssential \",\";\n"
                               "Dir::State::status \"%s/status\";\n"
                               "Dir::State::extended_states \"%s/extended_states\";\n"
                               "Dir::Cache \"%s/cache\";\n"
                               "Dir::Log \"%s/log\";\n"
                               "Dir::Etc::sourcelist \"/dev/null\";\n"
                               "Dir::Etc::sourceparts \"%s/sources.d\";\n";
    struct vt_buf b = VT_BUF(CONFIG_MAX);
    enum vt_err err;

    vt_buf_putf(&b, text, a->arch, a->dir, a->dir, a->dir, a->dir, a->dir);
    err = vt_buf_check(&b, "apt.conf", why);
    if (err == VT_OK)
        err = vt_file_replace(a->conf, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
make_state(struct vt_apt *a, struct vt_why *why)
{
    static const char *const folders[] = {
        "sources.d", "lists/partial", "cache/archives/partial", "log"};
    char path[VT_PATH_MAX];
    size_t i;
    enum vt_err err;

    for (i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if ((err = vt_apt_path(a, path, folders[i], why)) != VT_OK ||
            (err = vt_dir_make(path, 0755, why)) != VT_OK)
            return err;
    }
    if ((err = vt_apt_path(a, path, "status", why)) != VT_OK ||
        (err = vt_file_replace(path, 0644, "", 0, why)) != VT_OK ||
        (err = vt_apt_write_sources(a, "sources.d/debian.sources", "deb", why)) != VT_OK)
        return err;
    return write_conf(a, why);
}

/* apt takes paths within quotes, and has no way to escape one there. */
static enum vt_err
make_dir(struct vt_apt *a, const char *parent, struct vt_why *why)
{
    char real[PATH_MAX];
    enum vt_err err = vt_dir_make(parent, 0755, why);

    if (err != VT_OK)
        return err;
    if (realpath(parent, real) == NULL)
        return vt_fail_errno(why, "cannot find %s", parent);
    if (strpbrk(real, "\"\n;{}#$") != NULL)
        return vt_fail(
            why, VT_E_USAGE, "apt cannot work below a folder with such a name: \"%s\"", real);
    if ((err = vt_dir_temp(real, "apt", a->dir, why)) != VT_OK)
        return err;
    return vt_path(a->conf, why, "%s/apt.conf", a->dir);
}

enum vt_err
vt_apt_open(const char *parent, struct vt_apt **ret, struct vt_why *why)
{
    struct vt_apt *a = calloc(1, sizeof *a);
    enum vt_err err;

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to use apt");
    if ((err = make_dir(a, parent, why)) != VT_OK || (err = read_settings(a, why)) != VT_OK ||
        (err = read_sources(a, why)) != VT_OK || (err = find_debian(a, why)) != VT_OK ||
        (err = make_state(a, why)) != VT_OK) {
        vt_apt_close(a);
        return err;
    }
    *ret = a;
    return VT_OK;
}

void
vt_apt_close(struct vt_apt *a)
{
    if (a == NULL)
        return;
    vt_apt_sources_release(&a->sources);
    if (a->dir[0] != '\0' && vt_tree_remove(a->dir, NULL) != VT_OK)
        a->dir[0] = '\0'; /* left behind: a temporary folder in a cache */
    free(a);
}

const char *
vt_apt_arch(const struct vt_apt *a)
{
    return a->arch;
}

const char *
vt_apt_distribution(const struct vt_apt *a)
{
    return a->distribution;
}
