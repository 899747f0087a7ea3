/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipes: what an assembly runs, in a small strict subset of YAML.
 * docs/formats/recipe.md is the page. No I/O.
 *
 * A recipe is one mapping whose keys are all known, none twice. Anchors,
 * aliases, tags and further documents are refused, so that a recipe means the
 * same to every reader. What is refused is named with its line and column,
 * both counted from 1.
 */
#ifndef VT_ASSEMBLY_RECIPE_H
#define VT_ASSEMBLY_RECIPE_H

#include "base/buf.h"

#define VT_RECIPE_MAX (256U * 1024U) /* bytes of a recipe */
#define VT_RECIPE_NAME_MAX 128U      /* of name, version and output names */
#define VT_RECIPE_PACKAGES_MAX 512U
#define VT_RECIPE_STEPS_MAX 64U
#define VT_RECIPE_STEP_MAX 16384U /* bytes of one step */
#define VT_RECIPE_OUTPUTS_MAX 32U /* an entry of the log names them all */
#define VT_RECIPE_ENV_MAX 64U

/* Limits of the whole run. What a recipe does not name has the default. */
struct vt_recipe_limits {
    uint32_t time_s;    /* 1 to 86,400; default 1,800: by the wall clock, all steps together */
    uint32_t memory_mb; /* 16 to 1,048,576; default 2,048 */
    uint32_t processes; /* 8 to 32,768; default 512: processes and threads */
    uint32_t disk_mb; /* 16 to 1,048,576; default 4,096: source, outputs and temporary files */
};

struct vt_recipe_output {
    const char *name; /* valid as a file name; the outputs' names differ */
    const char *from; /* below OUT: a safe relative path, or "." */
    bool archive;     /* name ends in ".tar.zst": the files below `from`, packed */
};

struct vt_recipe_env {
    const char *name;
    const char *value;
};

struct vt_recipe; /* owns all strings that its getters give */

/* VT_E_CONFIG with line and column; VT_E_NOMEM. */
VT_MUST enum vt_err vt_recipe_parse(
    const void *data, size_t len, struct vt_recipe **ret, struct vt_why *why);
/* Takes NULL. */
void vt_recipe_free(struct vt_recipe *r);

const char *vt_recipe_name(const struct vt_recipe *r);
const char *vt_recipe_version(const struct vt_recipe *r);
/* "" for the top of the source; otherwise a safe relative path. */
const char *vt_recipe_subdir(const struct vt_recipe *r);
const struct vt_recipe_limits *vt_recipe_limits(const struct vt_recipe *r);
/* The Debian packages in the recipe's order; their number may be 0. */
const char *const *vt_recipe_packages(const struct vt_recipe *r, size_t *ret_count);
/* At least one. */
const char *const *vt_recipe_steps(const struct vt_recipe *r, size_t *ret_count);
/* At least one. */
const struct vt_recipe_output *vt_recipe_outputs(const struct vt_recipe *r, size_t *ret_count);
/* Extra environment variables; never one that Vitrine sets itself. */
const struct vt_recipe_env *vt_recipe_env(const struct vt_recipe *r, size_t *ret_count);

/* Whether s is 1 to VT_RECIPE_NAME_MAX letters, digits and "._+~-", and begins
 * with a letter or digit: so it is safe as a file name. */
bool vt_recipe_name_valid(const char *s);
/* Whether Vitrine sets this environment variable itself, or for rebuilds. */
bool vt_recipe_env_reserved(const char *name);

#endif
