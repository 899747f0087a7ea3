/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: whatever is taken holds the promises of recipe.h. */
#include "assembly/recipe.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
    if (!ok)
        abort();
}

static void
check(const struct vt_recipe *r)
{
    size_t n = 0;
    must(vt_recipe_name_valid(vt_recipe_name(r)));
    must(vt_recipe_name_valid(vt_recipe_version(r)));
    must(*vt_recipe_subdir(r) == '\0' || vt_path_is_safe(vt_recipe_subdir(r)));
    const char *const *step = vt_recipe_steps(r, &n);
    must(n >= 1 && n <= VT_RECIPE_STEPS_MAX);
    for (size_t i = 0; i < n; i++)
        must(strlen(step[i]) >= 1 && strlen(step[i]) <= VT_RECIPE_STEP_MAX);
    const struct vt_recipe_output *o = vt_recipe_outputs(r, &n);
    must(n >= 1 && n <= VT_RECIPE_OUTPUTS_MAX);
    for (size_t i = 0; i < n; i++)
        must(vt_recipe_name_valid(o[i].name) &&
             (strcmp(o[i].from, ".") == 0 || vt_path_is_safe(o[i].from)));
    const struct vt_recipe_env *e = vt_recipe_env(r, &n);
    for (size_t i = 0; i < n; i++)
        must(!vt_recipe_env_reserved(e[i].name) && strchr(e[i].name, '=') == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_recipe *r = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_recipe_parse(data, size, &r, &why);
    must((err == VT_OK) == (r != NULL));
    if (err == VT_OK)
        check(r);
    else
        must(why.text[0] != '\0');
    vt_recipe_free(r);
    return 0;
}
