/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/statement_rules.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const char *const origin_names[] = {
    [VT_ORIGIN_DIRECTORY] = "directory",
    [VT_ORIGIN_GIT] = "git",
    [VT_ORIGIN_DEBIAN] = "debian",
};

const char *
vt_origin_name(enum vt_origin origin)
{
    size_t n = sizeof origin_names / sizeof origin_names[0];

    return (size_t)origin < n ? origin_names[origin] : NULL;
}

/* 1 to max characters, all of them in set. */
static bool
all_in(const char *s, size_t max, const char *set)
{
    size_t len = strnlen(s, max + 1);

    return len >= 1 && len <= max && strspn(s, set) == len;
}

bool
vt_package_name_valid(const char *s)
{
    return all_in(s, sizeof((struct vt_package *)0)->name - 1, LOWER DIGIT "+-.") &&
           strchr("+-.", s[0]) == NULL;
}

bool
vt_package_version_valid(const char *s)
{
    return all_in(s, sizeof((struct vt_package *)0)->version - 1, UPPER LOWER DIGIT ".+-:~") &&
           s[0] != '-';
}

bool
vt_package_arch_valid(const char *s)
{
    return all_in(s, sizeof((struct vt_package *)0)->arch - 1, LOWER DIGIT "-") && s[0] != '-';
}

bool
vt_statement_name_valid(const char *s)
{
    return all_in(s, VT_STATEMENT_NAME_SIZE - 1, UPPER LOWER DIGIT "._+~-") && s[0] != '.' &&
           s[0] != '-';
}

static bool
word_valid(const char *s)
{
    return all_in(s, VT_STATEMENT_WORD_SIZE - 1, UPPER LOWER DIGIT "-") && s[0] != '-';
}

void
vt_package_put_purl(struct vt_buf *b, const struct vt_package *p)
{
    const char *c;

    vt_buf_putf(b, "pkg:deb/debian/%s@", p->name);
    for (c = p->version; *c != '\0'; c++) {
        if (*c == ':' || *c == '+')
            vt_buf_putf(b, "%%%02X", (unsigned)(unsigned char)*c);
        else
            vt_buf_put(b, c, 1);
    }
    vt_buf_putf(b, "?arch=%s", p->arch);
}

static bool
git_id_valid(const char *s)
{
    size_t len = strnlen(s, VT_GIT_ID_SIZE);

    return (len == 40 || len == 64) && strspn(s, "0123456789abcdef") == len;
}

static enum vt_err
check_count(uint64_t n, const char *what, struct vt_why *why)
{
    if (n > VT_STATEMENT_COUNT_MAX)
        return vt_fail(why, VT_E_SYNTAX, "the statement's %s is too large", what);
    return VT_OK;
}

enum vt_err
vt_statement_check_source(const struct vt_statement_source *s, struct vt_why *why)
{
    bool debian = s->origin == VT_ORIGIN_DEBIAN;
    enum vt_err err;

    if (vt_origin_name(s->origin) == NULL)
        return vt_fail(why, VT_E_SYNTAX, "the source's origin is unknown");
    if (!git_id_valid(s->git_tree))
        return vt_fail(why, VT_E_SYNTAX, "the source's gitTree is not a git object name");
    if (s->git_commit[0] != '\0' && !git_id_valid(s->git_commit))
        return vt_fail(why, VT_E_SYNTAX, "the source's gitCommit is not a git object name");
    if (debian && (!vt_package_name_valid(s->debian.name) ||
                      !vt_package_version_valid(s->debian.version)))
        return vt_fail(
            why, VT_E_SYNTAX, "the source's Debian package has a bad name or version");
    if (!debian && (s->debian.name[0] != '\0' || s->debian.version[0] != '\0'))
        return vt_fail(why, VT_E_SYNTAX, "a source of that origin has no Debian package");
    if ((err = check_count(s->archive_size, "archiveSize", why)) != VT_OK)
        return err;
    return check_count(s->file_count, "fileCount", why);
}

enum vt_err
vt_statement_check_environment(const struct vt_statement_environment *s, struct vt_why *why)
{
    if (!word_valid(s->distribution))
        return vt_fail(why, VT_E_SYNTAX, "the environment's distribution is not a word");
    if (!vt_package_arch_valid(s->arch))
        return vt_fail(why, VT_E_SYNTAX, "the environment's architecture is not a word");
    if (s->package_count < 1 || s->package_count > VT_STATEMENT_PACKAGES_MAX)
        return vt_fail(
            why, VT_E_SYNTAX, "an environment has 1 to %u packages", VT_STATEMENT_PACKAGES_MAX);
    return VT_OK;
}

static bool
jurisdiction_valid(const char *s)
{
    return s[0] == '\0' || (strnlen(s, 3) == 2 && strspn(s, UPPER) == 2);
}

static enum vt_err
check_run(const struct vt_statement_run *run, struct vt_why *why)
{
    if (!vt_key_name_valid(run->site))
        return vt_fail(why, VT_E_SYNTAX, "the statement's site has a bad name");
    if (!jurisdiction_valid(run->jurisdiction))
        return vt_fail(why, VT_E_SYNTAX, "the statement's jurisdiction is not two letters");
    if (run->finished < run->started)
        return vt_fail(why, VT_E_SYNTAX, "the statement's run finished before it started");
    return VT_OK;
}

static enum vt_err
check_outputs(const struct vt_statement_output *out, size_t n, size_t least, struct vt_why *why)
{
    size_t i;
    size_t j;

    if (n < least || n > VT_STATEMENT_OUTPUTS_MAX)
        return vt_fail(why, VT_E_SYNTAX, "the statement has %zu outputs, not %zu to %u", n,
            least, VT_STATEMENT_OUTPUTS_MAX);
    for (i = 0; i < n; i++) {
        if (!vt_statement_name_valid(out[i].name))
            return vt_fail(why, VT_E_SYNTAX, "the statement's output %zu has a bad name", i);
        for (j = 0; j < i; j++) {
            if (strcmp(out[i].name, out[j].name) == 0)
                return vt_fail(
                    why, VT_E_SYNTAX, "the statement has two outputs named %s", out[i].name);
        }
    }
    return VT_OK;
}

static enum vt_err
check_varied(const struct vt_statement_varied *v, struct vt_why *why)
{
    size_t i;

    if (v->count > VT_STATEMENT_VARIED_MAX)
        return vt_fail(why, VT_E_SYNTAX, "the statement varied more than %u things",
            VT_STATEMENT_VARIED_MAX);
    for (i = 0; i < v->count; i++) {
        if (!word_valid(v->word[i]))
            return vt_fail(why, VT_E_SYNTAX, "what the statement varied is not a word");
    }
    return VT_OK;
}

enum vt_err
vt_statement_check_assembly(const struct vt_statement_assembly *s, struct vt_why *why)
{
    enum vt_err err;

    if (!vt_statement_name_valid(s->product))
        return vt_fail(why, VT_E_SYNTAX, "the assembly's product has a bad name");
    if (!vt_statement_name_valid(s->version))
        return vt_fail(why, VT_E_SYNTAX, "the assembly's version has a bad form");
    if (s->package_count > VT_STATEMENT_PACKAGES_MAX)
        return vt_fail(why, VT_E_SYNTAX, "the assembly has more than %u packages",
            VT_STATEMENT_PACKAGES_MAX);
    if ((err = check_run(&s->run, why)) != VT_OK)
        return err;
    return check_outputs(s->output, s->output_count, 1, why);
}

enum vt_err
vt_statement_check_rebuild(const struct vt_statement_rebuild *s, struct vt_why *why)
{
    enum vt_err err;

    if ((err = check_run(&s->run, why)) != VT_OK ||
        (err = check_varied(&s->varied, why)) != VT_OK)
        return err;
    return check_outputs(s->output, s->output_count, 1, why);
}

enum vt_err
vt_statement_check_mismatch(const struct vt_statement_mismatch *s, struct vt_why *why)
{
    enum vt_err err;

    if (vt_digest_eq(&s->output.digest, &s->rebuilt))
        return vt_fail(why, VT_E_SYNTAX, "a mismatch names two equal digests");
    if ((err = check_run(&s->run, why)) != VT_OK ||
        (err = check_varied(&s->varied, why)) != VT_OK ||
        (err = check_count(s->first_offset, "firstOffset", why)) != VT_OK)
        return err;
    return check_outputs(&s->output, 1, 1, why);
}

enum vt_err
vt_statement_check_release(const struct vt_statement_release *s, struct vt_why *why)
{
    enum vt_err err;

    if (!vt_statement_name_valid(s->channel))
        return vt_fail(why, VT_E_SYNTAX, "the release's channel has a bad name");
    if (s->version < 1)
        return vt_fail(why, VT_E_SYNTAX, "the release's version is 0");
    if ((err = check_count(s->version, "version", why)) != VT_OK)
        return err;
    return check_outputs(s->output, s->output_count, 0, why);
}
