/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recipe is made of, for its parser; private to recipe.c and
 * recipe_parse.c.
 */
#ifndef VT_ASSEMBLY_RECIPE_PARTS_H
#define VT_ASSEMBLY_RECIPE_PARTS_H

#include "assembly/recipe.h"

struct vt_recipe {
    char *name;
    char *version;
    char *subdir;
    struct vt_recipe_limits limits;
    size_t package_count;
    char *package[VT_RECIPE_PACKAGES_MAX];
    size_t step_count;
    char *step[VT_RECIPE_STEPS_MAX];
    size_t output_count;
    struct vt_recipe_output output[VT_RECIPE_OUTPUTS_MAX];
    size_t env_count;
    struct vt_recipe_env env[VT_RECIPE_ENV_MAX];
};

/* An empty recipe with the default limits, or NULL. */
struct vt_recipe *vt_recipe_new(void);
/* Whether s can name an environment variable. */
bool vt_recipe_env_valid(const char *s);

#endif
