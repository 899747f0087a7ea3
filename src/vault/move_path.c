/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/move_take.h"

#include <string.h>

static const struct {
    const char *name;
    enum vt_move_step step;
    unsigned numbers;
} steps[] = {
    {"begin", VT_MOVE_STEP_BEGIN, 0},
    {"rows", VT_MOVE_STEP_ROWS, 1},
    {"retired", VT_MOVE_STEP_RETIRED, 2},
    {"missing", VT_MOVE_STEP_MISSING, 1},
    {"segment", VT_MOVE_STEP_SEGMENT, 2},
    {"keys", VT_MOVE_STEP_KEYS, 2},
    {"take", VT_MOVE_STEP_TAKE, 0},
    {"end", VT_MOVE_STEP_END, 0},
};

static bool
take_number(struct vt_reader *r, uint64_t *ret)
{
    struct vt_reader word;

    return vt_reader_word(r, '/', &word) && vt_reader_decimal(&word, INT64_MAX, ret);
}

bool
vt_move_path_parse(const char *path, struct vt_move_path *ret)
{
    struct vt_reader r = VT_READER(path, strlen(path));
    struct vt_move_path p = {0};
    struct vt_reader word;
    unsigned numbers = 0;

    /* A word that ends in '/' has something after it. */
    if (r.left == 0 || r.p[r.left - 1] == '/' || !vt_reader_word(&r, '/', &word) ||
        !vt_reader_cstr(&word, p.region, sizeof p.region) || !vt_move_region_valid(p.region) ||
        !vt_reader_word(&r, '/', &word))
        return false;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (vt_reader_is(&word, steps[i].name)) {
            p.step = steps[i].step;
            numbers = steps[i].numbers;
        }
    }
    if (p.step == 0 || (numbers == 2 && !take_number(&r, &p.number)) ||
        (numbers >= 1 && !take_number(&r, &p.offset)) || r.left > 0)
        return false;
    *ret = p;
    return true;
}
