/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's vault in a folder: the world of ledger_world.h with the vault of zurich.example, its
 * policy in force and the keys of EU and CA, and batches for it. Include after cmocka.h.
 */
#ifndef VT_TEST_VAULT_HOME_H
#define VT_TEST_VAULT_HOME_H

#include "ledger_world.h"
#include "vault_batch.h"

#include "vault/place.h"
#include "vault/service.h"

struct vault_home {
    char root[VT_PATH_MAX];
    struct vt_home home;
    struct ledger_world world;
    struct vt_box *eu; /* the regions' private halves */
    struct vt_box *ca;
};

static inline void
vh_write(const struct vault_home *v, const char *name, const void *data, size_t len)
{
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    lw_must(vt_vault_path(&v->home, path, &why, "%s", name), &why);
    lw_must(vt_file_replace(path, 0644, data, len, &why), &why);
}

/* Puts the world's document `index` in force, and its evidence. */
static inline void
vh_put_policy(struct vault_home *v, size_t index)
{
    struct vt_buf e = lw_evidence(&v->world, &index, 1, 0);

    vh_write(v, "policy.evidence", e.data, e.len);
    vh_write(v, "policy", v->world.item[index].doc.data, v->world.item[index].doc.len);
    vt_buf_release(&e);
}

/* The ceremony of a region, as its outcome. */
static inline void
vh_put_key(struct vault_home *v, const char *region, const struct vt_box *box)
{
    struct vt_region_key k = {.site = "zurich.example",
        .policy = *vt_vault_policy_digest(v->world.policy),
        .created = LW_ASKED,
        .share_count = 1,
        .share = {{.mode = VT_MODE_ACCESS, .group = "legal", .need = 1, .of = 2}},
        .ceremony = {9}};
    struct vt_doc *doc = NULL;
    struct vt_why why = {{0}};
    struct vt_buf e;
    char name[64];
    size_t index;

    (void)snprintf(k.region, sizeof k.region, "%s", region);
    vt_box_public(box, &k.public);
    lw_must(vt_region_key_doc(&k, &doc, &why), &why);
    index = lw_say(&v->world, doc, LW_ZURICH);
    e = lw_evidence(&v->world, &index, 1, 0);
    (void)snprintf(name, sizeof name, "keys/%s.evidence", region);
    vh_write(v, name, e.data, e.len);
    vt_buf_release(&e);
}

/* A vault with folders and nothing else. */
static inline void
vh_init_bare(struct vault_home *v)
{
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX];

    memset(v, 0, sizeof *v);
    lw_init(&v->world);
    lw_must(vt_dir_temp("/tmp", "vt-vault", v->root, &why), &why);
    lw_must(vt_path(dir, &why, "%s/zurich", v->root), &why);
    lw_must(vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &v->home, &why), &why);
    lw_must(vt_vault_service_folders(&v->home, &why), &why);
    lw_must(vt_box_new(&v->eu, &why), &why);
    lw_must(vt_box_new(&v->ca, &why), &why);
}

static inline void
vh_init(struct vault_home *v)
{
    vh_init_bare(v);
    vh_put_policy(v, 0);
    vh_put_key(v, "EU", v->eu);
    vh_put_key(v, "CA", v->ca);
}

static inline void
vh_release(struct vault_home *v)
{
    vt_box_free(v->eu);
    vt_box_free(v->ca);
    lw_release(&v->world);
    assert_int_equal(vt_tree_remove(v->root, NULL), VT_OK);
}

/* Options for batches of that region and class under the policy in force. */
static inline struct vt_batch_opts
vh_opts(const struct vault_home *v, const char *region, const char *class_name)
{
    struct vt_batch_opts o =
        batch_opts(strcmp(region, "CA") == 0 ? v->ca : v->eu, region, class_name);

    o.policy = *vt_vault_policy_digest(v->world.policy);
    return o;
}

#endif
