/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/recipe_parts.h"

#include <stdlib.h>
#include <string.h>

/* What docs/formats/sandbox.md sets in every run, or varies in rebuilds. */
static const char *const env_reserved[] = {"OUT", "HOME", "USER", "LOGNAME", "SHELL", "PATH",
    "PWD", "OLDPWD", "TMPDIR", "TZ", "LANG", "LANGUAGE", "SOURCE_DATE_EPOCH", "MAKEFLAGS",
    "DEB_BUILD_OPTIONS", "PYTHONHASHSEED", "PERL_HASH_SEED", "MALLOC_PERTURB_", "LD_PRELOAD",
    "FAKETIME", "HOSTNAME", "VITRINE_VARIED"};

bool
vt_recipe_env_reserved(const char *name)
{
    if (strncmp(name, "LC_", 3) == 0)
        return true;
    for (size_t i = 0; i < sizeof env_reserved / sizeof env_reserved[0]; i++)
        if (strcmp(name, env_reserved[i]) == 0)
            return true;
    return false;
}

static bool
is_alnum(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

bool
vt_recipe_name_valid(const char *s)
{
    size_t len = strlen(s);
    if (len == 0 || len > VT_RECIPE_NAME_MAX || !is_alnum(s[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(s[i]) && strchr("._+~-", s[i]) == NULL)
            return false;
    return true;
}

struct vt_recipe *
vt_recipe_new(void)
{
    struct vt_recipe *r = calloc(1, sizeof *r);
    if (r != NULL)
        r->limits = (struct vt_recipe_limits){
            .time_s = 1800, .memory_mb = 2048, .processes = 512, .disk_mb = 4096};
    return r;
}

bool
vt_recipe_env_valid(const char *s)
{
    size_t len = strlen(s);
    if (len == 0 || len > VT_RECIPE_NAME_MAX || (s[0] >= '0' && s[0] <= '9'))
        return false;
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* Strings that getters give as const were made by keep. */
static void
drop(const char *s)
{
    union {
        const char *c;
        void *v;
    } u = {.c = s};
    free(u.v);
}

void
vt_recipe_free(struct vt_recipe *r)
{
    if (r == NULL)
        return;
    free(r->name);
    free(r->version);
    free(r->subdir);
    for (size_t i = 0; i < VT_RECIPE_PACKAGES_MAX; i++)
        free(r->package[i]);
    for (size_t i = 0; i < VT_RECIPE_STEPS_MAX; i++)
        free(r->step[i]);
    for (size_t i = 0; i < VT_RECIPE_OUTPUTS_MAX; i++) {
        drop(r->output[i].name);
        drop(r->output[i].from);
    }
    for (size_t i = 0; i < VT_RECIPE_ENV_MAX; i++) {
        drop(r->env[i].name);
        drop(r->env[i].value);
    }
    free(r);
}

const char *
vt_recipe_name(const struct vt_recipe *r)
{
    return r->name;
}

const char *
vt_recipe_version(const struct vt_recipe *r)
{
    return r->version;
}

const char *
vt_recipe_subdir(const struct vt_recipe *r)
{
    return r->subdir != NULL ? r->subdir : "";
}

const struct vt_recipe_limits *
vt_recipe_limits(const struct vt_recipe *r)
{
    return &r->limits;
}

const char *const *
vt_recipe_packages(const struct vt_recipe *r, size_t *ret_count)
{
    *ret_count = r->package_count;
    return (const char *const *)r->package;
}

const char *const *
vt_recipe_steps(const struct vt_recipe *r, size_t *ret_count)
{
    *ret_count = r->step_count;
    return (const char *const *)r->step;
}

const struct vt_recipe_output *
vt_recipe_outputs(const struct vt_recipe *r, size_t *ret_count)
{
    *ret_count = r->output_count;
    return r->output;
}

const struct vt_recipe_env *
vt_recipe_env(const struct vt_recipe *r, size_t *ret_count)
{
    *ret_count = r->env_count;
    return r->env;
}
