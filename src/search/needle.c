/* SPDX-License-Identifier: Apache-2.0 */
#include "search/needle.h"

#include "search/bytes.h"

#include <assert.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { GROUPS = 8, STEP = 32 };

/* ASCII from the most frequent in source code to the least; what is not here is rarer. */
static const char common[] =
    " etnairosdl\ncu_pfmhg,-.b()01;yv/*E>\"=w2S:ATxkRICNLODP3'4<8MU6&5FB7[]"
    "9z{}G+jqHVW#\\!%|X$K@Y?JQ~Z^`\t";

static size_t
rank(uint8_t c)
{
    const char *at = c == 0 ? NULL : strchr(common, c);

    return at == NULL ? sizeof(common) : (size_t)(at - common);
}

static bool
is_letter(uint8_t c)
{
    return vt_fold(c) >= 'a' && vt_fold(c) <= 'z';
}

/* How often one of the needles' bytes at a place stands anywhere, in no unit. */
static size_t
frequency(const struct vt_needles *n, size_t place)
{
    size_t sum = 0;

    for (size_t i = 0; i < n->count; i++) {
        uint8_t c = n->of[i].b[place];
        size_t often = sizeof(common) - rank(c);

        sum += often * often * often;
        if (n->fold && is_letter(c)) {
            often = sizeof(common) - rank(c ^ 0x20);
            sum += often * often * often;
        }
    }
    return sum;
}

/* The three places with the rarest bytes; of shorter needles one or two of them again. */
static void
choose_places(struct vt_needles *n)
{
    size_t sum[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};

    for (size_t place = 0; place < n->least; place++) {
        size_t here = frequency(n, place);
        size_t k = 3;

        for (; k > 0 && here < sum[k - 1]; k--) {
            if (k < 3) {
                sum[k] = sum[k - 1];
                n->at[k] = n->at[k - 1];
            }
        }
        if (k < 3) {
            sum[k] = here;
            n->at[k] = place;
        }
    }
    for (size_t k = n->least; k < 3; k++)
        n->at[k] = n->at[0];
}

static void
put_byte(struct vt_needles *n, size_t k, uint8_t c, uint8_t group)
{
    n->low[k][c & 15] |= group;
    n->high[k][c >> 4] |= group;
}

void
vt_needles_init(struct vt_needles *n, const struct vt_needle *of, size_t count, bool fold)
{
    assert(count > 0 && count <= VT_NEEDLES_MAX);
    *n = (struct vt_needles){.count = count, .fold = fold, .least = SIZE_MAX};
    for (size_t i = 0; i < count; i++) {
        n->of[i] = of[i];
        n->least = of[i].len < n->least ? of[i].len : n->least;
    }
    choose_places(n);
    for (size_t k = 0; k < 3; k++) {
        uint8_t c = of[0].b[n->at[k]];

        n->either[k] = fold && is_letter(c) ? 'a' - 'A' : 0;
        n->byte[k] = c | n->either[k];
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 3; k++) {
            uint8_t c = of[i].b[n->at[k]];
            uint8_t group = (uint8_t)(1U << (i % GROUPS));

            put_byte(n, k, c, group);
            if (fold && is_letter(c)) /* the cases differ in this bit alone */
                put_byte(n, k, c ^ 0x20, group);
        }
    }
}

static bool
is_same(const struct vt_needles *n, const struct vt_needle *of, const uint8_t *at)
{
    if (!n->fold)
        return memcmp(at, of->b, of->len) == 0;
    for (size_t i = 0; i < of->len; i++)
        if (vt_fold(at[i]) != vt_fold(of->b[i]))
            return false;
    return true;
}

/* Whether a needle stands at a place from which the shortest would reach no further than end.
 */
static bool
stands(const struct vt_needles *n, const uint8_t *at, const uint8_t *end)
{
    unsigned groups = UINT8_MAX;

    for (size_t k = 0; k < 3 && groups != 0; k++) {
        uint8_t c = at[n->at[k]];

        groups &= (unsigned)n->low[k][c & 15] & n->high[k][c >> 4];
    }
    for (size_t i = 0; groups != 0 && i < n->count; i++)
        if ((groups >> (i % GROUPS) & 1) != 0 && n->of[i].len <= (size_t)(end - at) &&
            is_same(n, &n->of[i], at))
            return true;
    return false;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline __m256i
load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* The groups that 32 bytes belong to, by their halves. */
__attribute__((target("avx2"))) static inline __m256i
groups_of(const uint8_t *p, __m256i low, __m256i high)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i v = load(p);
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(v, 4), half);

    return _mm256_and_si256(
        _mm256_shuffle_epi8(low, _mm256_and_si256(v, half)), _mm256_shuffle_epi8(high, upper));
}

__attribute__((target("avx2"))) static inline __m256i
halves(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* The next 32 places among which some have a group, a bit each; or where fewer than 32 are left
 * before `last`. It calls nothing, so that all of its constants stay in registers. */
__attribute__((target("avx2"), noinline)) static const uint8_t *
next_step(const struct vt_needles *n, const uint8_t *p, const uint8_t *last, uint32_t *ret_some)
{
    const __m256i low0 = halves(n->low[0]), high0 = halves(n->high[0]);
    const __m256i low1 = halves(n->low[1]), high1 = halves(n->high[1]);
    const __m256i low2 = halves(n->low[2]), high2 = halves(n->high[2]);
    const __m256i zero = _mm256_setzero_si256();
    const size_t at0 = n->at[0], at1 = n->at[1], at2 = n->at[2];

    *ret_some = 0;
    for (; last - p >= STEP; p += STEP) {
        __m256i groups = _mm256_and_si256(groups_of(p + at0, low0, high0),
            _mm256_and_si256(groups_of(p + at1, low1, high1), groups_of(p + at2, low2, high2)));
        uint32_t none = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, zero));

        if (none != UINT32_MAX) {
            *ret_some = ~none;
            break;
        }
    }
    return p;
}

/* The same for one needle, with less to do: its three bytes themselves are compared. */
__attribute__((target("avx2"), noinline)) static const uint8_t *
next_step_of_one(
    const struct vt_needles *n, const uint8_t *p, const uint8_t *last, uint32_t *ret_some)
{
    const __m256i byte0 = _mm256_set1_epi8((char)n->byte[0]);
    const __m256i byte1 = _mm256_set1_epi8((char)n->byte[1]);
    const __m256i byte2 = _mm256_set1_epi8((char)n->byte[2]);
    const __m256i case0 = _mm256_set1_epi8((char)n->either[0]);
    const __m256i case1 = _mm256_set1_epi8((char)n->either[1]);
    const __m256i case2 = _mm256_set1_epi8((char)n->either[2]);
    const size_t at0 = n->at[0], at1 = n->at[1], at2 = n->at[2];

    *ret_some = 0;
    for (; last - p >= STEP; p += STEP) {
        __m256i is0 = _mm256_cmpeq_epi8(_mm256_or_si256(load(p + at0), case0), byte0);
        __m256i is1 = _mm256_cmpeq_epi8(_mm256_or_si256(load(p + at1), case1), byte1);
        __m256i is2 = _mm256_cmpeq_epi8(_mm256_or_si256(load(p + at2), case2), byte2);
        uint32_t some =
            (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(is0, _mm256_and_si256(is1, is2)));

        if (some != 0) {
            *ret_some = some;
            break;
        }
    }
    return p;
}

/* Looks at 32 places at once, as long as there are so many before `last`. *at is then the first
 * that was not looked at. */
static const uint8_t *
find_by_steps(
    const struct vt_needles *n, const uint8_t **at, const uint8_t *last, const uint8_t *end)
{
    const uint8_t *p = *at;
    uint32_t some;

    for (;; p += STEP) {
        p = n->count == 1 ? next_step_of_one(n, p, last, &some) : next_step(n, p, last, &some);
        if (some == 0)
            break;
        for (; some != 0; some &= some - 1) {
            const uint8_t *place = p + __builtin_ctz(some);

            if (stands(n, place, end))
                return place;
        }
    }
    *at = p;
    return NULL;
}

static bool
has_steps(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#else
static const uint8_t *
find_by_steps(
    const struct vt_needles *n, const uint8_t **at, const uint8_t *last, const uint8_t *end)
{
    (void)n;
    (void)at;
    (void)last;
    (void)end;
    return NULL;
}

static bool
has_steps(void)
{
    return false;
}
#endif

/* One place after the other; the rarest byte of one needle is looked for at once. */
static const uint8_t *
find_by_places(
    const struct vt_needles *n, const uint8_t *at, const uint8_t *last, const uint8_t *end)
{
    bool skip = n->count == 1 && !n->fold;
    size_t rare = n->at[0];

    for (; at < last; at++) {
        if (skip) {
            at = memchr(at + rare, n->of[0].b[rare], (size_t)(last - at));
            if (at == NULL)
                return NULL;
            at -= rare;
        }
        if (stands(n, at, end))
            return at;
    }
    return NULL;
}

const uint8_t *
vt_needles_find(const struct vt_needles *n, const uint8_t *data, size_t len)
{
    const uint8_t *end;
    const uint8_t *at = data;
    const uint8_t *last;
    const uint8_t *found = NULL;

    if (data == NULL || len < n->least)
        return NULL;
    end = data + len;
    last = end - n->least + 1; /* one past where the shortest may begin */
    if (has_steps())
        found = find_by_steps(n, &at, last, end);
    return found != NULL ? found : find_by_places(n, at, last, end);
}
