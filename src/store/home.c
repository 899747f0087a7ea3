/* SPDX-License-Identifier: Apache-2.0 */
#include "store/home.h"

#include "store/key_pair.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOME_CONF_MAX 1024U
#define HOME_MAGIC "vitrine/home/v1"
/* Of the 64 that a label may have, what is left before a slash and a key's name. */
#define NAME_IN_TOKEN_MAX 54U

static const char *const kind_names[] = {
    [VT_HOME_SITE] = "site",
    [VT_HOME_REBUILDER] = "rebuilder",
    [VT_HOME_WITNESS] = "witness",
    [VT_HOME_DEVELOPER] = "developer",
    [VT_HOME_LOG] = "log",
};
#define KIND_COUNT (sizeof kind_names / sizeof kind_names[0])

static bool
jurisdiction_valid(const char *s)
{
    size_t i;

    if (strlen(s) != 2)
        return s[0] == '\0';
    for (i = 0; i < 2; i++) {
        if (s[i] < 'A' || s[i] > 'Z')
            return false;
    }
    return true;
}

enum vt_err
vt_home_path(
    const struct vt_home *h, char ret[VT_PATH_MAX], struct vt_why *why, const char *fmt, ...)
{
    char rest[VT_PATH_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof rest)
        return vt_fail(why, VT_E_LIMIT, "a path below %s is too long", h->dir);
    return vt_path(ret, why, "%s/%s", h->dir, rest);
}

static enum vt_err
put_conf(const struct vt_home *h, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(HOME_CONF_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err;

    vt_buf_putf(&b, HOME_MAGIC "\nkind %s\nname %s\n", kind_names[h->kind], h->name);
    if (h->jurisdiction[0] != '\0')
        vt_buf_putf(&b, "jurisdiction %s\n", h->jurisdiction);
    if ((err = vt_buf_check(&b, "home.conf", why)) == VT_OK &&
        (err = vt_home_path(h, path, why, "home.conf")) == VT_OK)
        err = vt_file_create(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
fill(struct vt_home *h, const char *dir, const char *name, const char *jurisdiction,
    struct vt_why *why)
{
    if (!vt_key_name_valid(name))
        return vt_fail(why, VT_E_CONFIG,
            "the name \"%s\" may not be: give 1 to %d printable ASCII characters without "
            "space, "
            "'+' and '\"'",
            name, VT_KEY_NAME_MAX);
    if (!jurisdiction_valid(jurisdiction))
        return vt_fail(why, VT_E_CONFIG,
            "the jurisdiction \"%s\" is not two capital letters such as CH", jurisdiction);
    memcpy(h->name, name, strlen(name) + 1);
    memcpy(h->jurisdiction, jurisdiction, strlen(jurisdiction) + 1);
    return vt_path(h->dir, why, "%s", dir);
}

/* home.conf comes last: a folder without it is no home yet and may be made
 * again. */
enum vt_err
vt_home_create(const char *dir, enum vt_home_kind kind, const char *name,
    const char *jurisdiction, struct vt_home *ret, struct vt_why *why)
{
    struct vt_home h = {.kind = kind};
    char path[VT_PATH_MAX];
    enum vt_err err;

    if ((size_t)kind >= KIND_COUNT || kind_names[kind] == NULL)
        return vt_fail(why, VT_E_USAGE, "there is no such kind of home");
    if ((err = fill(&h, dir, name, jurisdiction == NULL ? "" : jurisdiction, why)) != VT_OK ||
        (err = vt_home_path(&h, path, why, "home.conf")) != VT_OK)
        return err;
    if (vt_file_exists(path))
        return vt_fail(why, VT_E_EXIST, "%s is a home already: give another folder", dir);
    if ((err = vt_home_path(&h, path, why, "keys")) != VT_OK ||
        (err = vt_dir_make(dir, 0755, why)) != VT_OK ||
        (err = vt_dir_make(path, 0700, why)) != VT_OK || (err = put_conf(&h, why)) != VT_OK)
        return err;
    *ret = h;
    return VT_OK;
}

/* The next line, which must be `KEY VALUE`; the value as a C string. */
static bool
take_line(struct vt_reader *r, const char *key, char *ret, size_t size)
{
    struct vt_reader save = *r;
    struct vt_reader line;

    if (vt_reader_line(r, &line) && vt_reader_skip(&line, key) && vt_reader_skip(&line, " ") &&
        vt_reader_cstr(&line, ret, size))
        return true;
    *r = save;
    return false;
}

static enum vt_home_kind
kind_of(const char *name)
{
    size_t i;

    for (i = 1; i < KIND_COUNT; i++) {
        if (strcmp(name, kind_names[i]) == 0)
            return (enum vt_home_kind)i;
    }
    return 0;
}

static enum vt_err
parse_conf(const struct vt_buf *b, const char *dir, struct vt_home *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    char kind[32];
    char name[VT_KEY_NAME_MAX + 1];
    char jurisdiction[3] = "";

    if (!vt_reader_skip(&r, HOME_MAGIC "\n") || !take_line(&r, "kind", kind, sizeof kind) ||
        !take_line(&r, "name", name, sizeof name) ||
        (r.left > 0 && !take_line(&r, "jurisdiction", jurisdiction, sizeof jurisdiction)) ||
        r.left > 0 || kind_of(kind) == 0)
        return vt_fail(why, VT_E_CONFIG,
            "%s/home.conf is damaged or of another version: it must have the lines " HOME_MAGIC
            ", kind, name and perhaps jurisdiction",
            dir);
    ret->kind = kind_of(kind);
    return fill(ret, dir, name, jurisdiction, why);
}

enum vt_err
vt_home_open(const char *dir, enum vt_home_kind kind, struct vt_home *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(HOME_CONF_MAX);
    struct vt_home h = {0};
    char path[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_path(path, why, "%s/home.conf", dir)) != VT_OK)
        return err;
    err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_CONFIG,
            "%s is no home: it has no home.conf; make one with `vitrine %s init`", dir,
            kind == VT_HOME_REBUILDER ? "rebuild"
            : kind == VT_HOME_WITNESS ? "witness"
            : kind == VT_HOME_LOG     ? "log"
                                      : "site");
    if (err == VT_OK)
        err = parse_conf(&b, dir, &h, why);
    vt_buf_release(&b);
    if (err != VT_OK)
        return err;
    if (kind != 0 && h.kind != kind)
        return vt_fail(why, VT_E_CONFIG, "%s is the home of a %s, not of a %s", dir,
            kind_names[h.kind], kind_names[kind]);
    *ret = h;
    return VT_OK;
}

enum vt_err
vt_home_key_path(
    const struct vt_home *h, const char *key, char ret[VT_PATH_MAX], struct vt_why *why)
{
    if (!vt_path_is_safe(key) || strchr(key, '/') != NULL)
        return vt_fail(why, VT_E_USAGE, "\"%s\" cannot be a key's file name", key);
    return vt_home_path(h, ret, why, "keys/%s.key", key);
}

enum vt_err
vt_home_token_open(const char *uri, const char *name, struct vt_token **ret, struct vt_why *why)
{
    struct vt_token *t = NULL;
    enum vt_err err;

    if (uri != NULL && strlen(name) > NAME_IN_TOKEN_MAX)
        return vt_fail(why, VT_E_USAGE,
            "the name \"%s\" is too long for keys in a token: their labels begin with it, so "
            "it "
            "may have %u characters",
            name, NAME_IN_TOKEN_MAX);
    err = vt_token_open_signing(uri, &t, why);
    if (err == VT_OK && t != NULL && vt_token_object(t)[0] != '\0')
        err = vt_fail(why, VT_E_USAGE,
            "the token's URI names an object: leave it out, the keys' names are their labels");
    if (err != VT_OK) {
        vt_token_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

static enum vt_err
make_key(const char *name, enum vt_note_alg alg, struct vt_token *token, struct vt_key **ret,
    struct vt_why *why)
{
    if (token == NULL)
        return alg == VT_NOTE_COSIG_MLDSA44 ? vt_key_new_mldsa(name, ret, why)
                                            : vt_key_new(name, ret, why);
    if (alg == VT_NOTE_COSIG_MLDSA44)
        return vt_fail(why, VT_E_USAGE, "tokens have no ML-DSA-44 keys: make it in a file");
    return vt_key_new_in_token(name, token, ret, why);
}

enum vt_err
vt_home_key_new(const struct vt_home *h, const char *key, const char *full_name,
    enum vt_note_alg alg, struct vt_token *token, struct vt_vkey *ret, struct vt_why *why)
{
    char name[2 * VT_KEY_NAME_MAX + 2];
    struct vt_key *k = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err;

    (void)snprintf(name, sizeof name, "%s/%.*s", h->name, VT_KEY_NAME_MAX, key);
    if (full_name == NULL)
        full_name = name;
    err = vt_home_key_path(h, key, path, why);
    if (err == VT_OK && vt_file_exists(path))
        err = vt_fail(why, VT_E_EXIST, "there is a key %s already: name another", path);
    if (err == VT_OK)
        err = make_key(full_name, alg, token, &k, why);
    if (err != VT_OK)
        return err;
    err = vt_key_pair_save(path, k, alg, NULL, ret, why);
    if (err == VT_OK)
        vt_key_free(k);
    else
        vt_key_discard(k);
    return err;
}

enum vt_err
vt_home_vkey(const struct vt_home *h, const char *key, struct vt_vkey *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char vkey_path[VT_PATH_MAX];
    enum vt_err err = vt_home_key_path(h, key, path, why);

    if (err == VT_OK)
        err = vt_key_pair_vkey_path(path, vkey_path, why);
    if (err == VT_OK)
        err = vt_key_pair_load_vkey(vkey_path, ret, why);
    return err;
}

enum vt_err
vt_home_announce(const struct vt_home *h, const char *run, const char *url, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(1024);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(h, path, why, "%s", run);

    vt_buf_putf(&b, "%s\n", url);
    if (err == VT_OK)
        err = vt_buf_check(&b, "the address of a service", why);
    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = vt_home_path(h, path, why, "%s/url", run);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

void
vt_home_withdraw(const struct vt_home *h, const char *run)
{
    char path[VT_PATH_MAX];

    if (vt_home_path(h, path, NULL, "%s/url", run) == VT_OK)
        (void)unlink(path);
}
