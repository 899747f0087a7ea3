/* SPDX-License-Identifier: Apache-2.0 */
#include "update/offer.h"

#include "attest/statement.h"

#include <string.h>

static bool
take_name(struct vt_reader *r, char ret[VT_OFFER_NAME_SIZE])
{
    struct vt_reader word;
    return vt_reader_word(r, '/', &word) && vt_reader_cstr(&word, ret, VT_OFFER_NAME_SIZE) &&
           vt_statement_name_valid(ret);
}

enum vt_err
vt_offer_parse_path(const char *path, struct vt_offer *ret, struct vt_why *why)
{
    struct vt_offer o = {0};
    struct vt_reader r = VT_READER(path, strlen(path));
    if (!take_name(&r, o.product) || !take_name(&r, o.version) || !take_name(&r, o.file) ||
        r.left > 0 || path[strlen(path) - 1] == '/' || strcmp(o.version, "current") == 0)
        return vt_fail(
            why, VT_E_SYNTAX, "target \"%.300s\": its path is not PRODUCT/VERSION/FILE", path);
    *ret = o;
    return VT_OK;
}

static bool
says(const json_t *custom, const char *key, const char *value)
{
    const char *s = json_string_value(json_object_get(custom, key));
    return s != NULL && strcmp(s, value) == 0;
}

/* Whether target j is another one of that product. */
static bool
same_product(const struct vt_tuf_target *t, const char *product)
{
    size_t len = strlen(product);
    return strncmp(t->path, product, len) == 0 && t->path[len] == '/';
}

enum vt_err
vt_offer_read(const struct vt_tuf *targets, const char *channel, const struct vt_tuf *metadata,
    size_t i, struct vt_offer *ret, struct vt_why *why)
{
    struct vt_offer o;
    const struct vt_tuf_body *b = vt_tuf_body(metadata);
    const struct vt_tuf_target *t = &b->target[i];
    enum vt_err err = vt_offer_parse_path(t->path, &o, why);
    if (err != VT_OK)
        return err;
    if (!says(t->custom, "product", o.product) || !says(t->custom, "version", o.version))
        return vt_fail(why, VT_E_SYNTAX,
            "target %s: its custom member does not say the product and version of its path",
            t->path);
    if (!vt_tuf_may_name(targets, channel, t->path))
        return vt_fail(why, VT_E_REFUSED,
            "target %s: channel %s may not speak for this path, by the repository's "
            "delegations",
            t->path, channel);
    for (size_t j = 0; j < i; j++)
        if (same_product(&b->target[j], o.product))
            return vt_fail(why, VT_E_REFUSED, "channel %s names two targets for %s: %s and %s",
                channel, o.product, b->target[j].path, t->path);
    o.length = t->length;
    o.digest = t->hash;
    *ret = o;
    return VT_OK;
}
