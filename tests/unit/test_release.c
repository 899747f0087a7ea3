/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's repository on disk: made, staged to, signed by others, published and
 * renewed, and read back by the update client; interrupted at each system call
 * that writes, it goes on with the same versions and the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proof_world.h"

#include "release/claim.h"
#include "release/publish.h"
#include "release/stage.h"

#include <sys/stat.h>
#include <sys/wait.h>

static int die_at = -1;

static void
maybe_die(void)
{
    if (die_at > 0 && --die_at == 0)
        _exit(77);
}

#define WRAP(type, name, params, args)                                                         \
    type __real_##name params;                                                                 \
    type __wrap_##name params;                                                                 \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        maybe_die();                                                                           \
        return __real_##name args;                                                             \
    }

WRAP(int, fsync, (int fd), (fd))
WRAP(int, rename, (const char *a, const char *b), (a, b))
WRAP(int, renameat2, (int a, const char *b, int c, const char *d, unsigned e), (a, b, c, d, e))
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(int, mkdir, (const char *a, mode_t m), (a, m))

#define ONE "one: the bytes of lantern 1.0.0"
#define TWO "two: the bytes of lantern 1.0.1"

struct fixture {
    struct world *w; /* keys and a folder; its files are not used */
    struct vt_policy *policy;
    struct vt_home home;
    struct vt_repository *r;
    int64_t now;
};

static struct vt_repository_plan
plan(struct fixture *f)
{
    static const char *const channels[] = {"products", "databases"};
    return (struct vt_repository_plan){
        .channels = channels,
        .channel_count = 2,
        .policy = f->policy,
        .root = f->w->signer[ROOT],
        .release = f->w->signer[RELEASE],
        .now = f->now,
    };
}

static void
open_again(struct fixture *f)
{
    struct vt_why why = {{0}};
    vt_repository_free(f->r);
    f->r = NULL;
    if (vt_repository_open(&f->home, &f->r, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char dir[VT_PATH_MAX];
    if (f == NULL)
        return -1;
    f->w = world_new();
    f->policy = world_policy();
    f->now = NOW;
    assert_int_equal(vt_path(dir, NULL, "%s/site", f->w->dir), VT_OK);
    assert_int_equal(
        vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &f->home, NULL), VT_OK);
    struct vt_repository_plan p = plan(f);
    assert_int_equal(vt_repository_init(&f->home, &p, NULL), VT_OK);
    open_again(f);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    vt_repository_free(f->r);
    vt_policy_free(f->policy);
    world_free(f->w);
    free(f);
    return 0;
}

static struct vt_stage_item
item(struct fixture *f, const char *product, const char *version, const char *data)
{
    struct vt_stage_item it = {0};
    (void)snprintf(it.offer.product, sizeof it.offer.product, "%s", product);
    (void)snprintf(it.offer.version, sizeof it.offer.version, "%s", version);
    (void)snprintf(it.offer.file, sizeof it.offer.file, "%s.bin", product);
    it.offer.length = strlen(data);
    vt_digest_of(data, strlen(data), &it.offer.digest);
    assert_int_equal(
        vt_path(it.path, NULL, "%s/object-%s-%s", f->w->dir, product, version), VT_OK);
    assert_int_equal(vt_file_replace(it.path, 0644, data, strlen(data), NULL), VT_OK);
    return it;
}

static enum vt_err
try_stage(struct fixture *f, const char *channel, const struct vt_stage_item *items, size_t n,
    uint64_t *ret_version, bool *ret_new, struct vt_why *why)
{
    struct vt_stage_opts o = {
        .channel = channel,
        .item = items,
        .count = n,
        .assembler = f->w->signer[ASSEMBLER],
        .now = f->now,
    };
    return vt_stage_run(f->r, &o, ret_version, ret_new, why);
}

static uint64_t
stage(struct fixture *f, const char *product, const char *version, const char *data)
{
    struct vt_stage_item it = item(f, product, version, data);
    struct vt_why why = {{0}};
    uint64_t n = 0;
    bool fresh = false;
    if (try_stage(f, "products", &it, 1, &n, &fresh, &why) != VT_OK)
        fail_msg("%s", why.text);
    return n;
}

static void
refuse_stage(struct fixture *f, const char *channel, const struct vt_stage_item *items,
    size_t n, enum vt_err want, const char *says)
{
    struct vt_why why = {{0}};
    uint64_t version = 0;
    bool fresh = false;
    enum vt_err err = try_stage(f, channel, items, n, &version, &fresh, &why);
    if (err != want || strstr(why.text, says) == NULL)
        fail_msg(
            "%s (wanted %s, \"%s\"): %s", vt_err_name(err), vt_err_name(want), says, why.text);
}

static json_t *
read_json(struct fixture *f, const char *rest)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(1U << 20);
    json_t *v = NULL;
    assert_int_equal(vt_home_path(&f->home, path, NULL, "%s", rest), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_int_equal(vt_json_parse(b.data, b.len, rest, &v, NULL), VT_OK);
    vt_buf_release(&b);
    return v;
}

static bool
is_there(struct fixture *f, const char *rest)
{
    char path[VT_PATH_MAX];
    assert_int_equal(vt_home_path(&f->home, path, NULL, "%s", rest), VT_OK);
    return vt_file_exists(path);
}

/* A signature over what is staged, as the log process keeps those that come. */
static void
sign_staged(struct fixture *f, enum party by, bool right)
{
    char id[VT_DIGEST_HEX_SIZE], hex[2 * VT_SIG_SIZE + 1], path[VT_PATH_MAX], text[512];
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_sig sig;
    json_t *doc = read_json(f, "public/staged/products.json");
    const json_t *body = json_object_get(doc, "signed");
    assert_int_equal(vt_json_canonical(body, &b, NULL), VT_OK);
    assert_int_equal(
        vt_signer_sign(f->w->signer[by], VT_SIGN_TUF, b.data, b.len, &sig, NULL), VT_OK);
    sig.b[3] ^= right ? 0 : 1;
    vt_hex_encode(sig.b, sizeof sig.b, hex);
    assert_int_equal(vt_tuf_key_id(&f->w->key[by], id, NULL), VT_OK);
    assert_int_equal(vt_home_path(&f->home, path, NULL, "staged/products/%lld",
                         (long long)json_integer_value(json_object_get(body, "version"))),
        VT_OK);
    assert_int_equal(vt_dir_make(path, 0700, NULL), VT_OK);
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), "/%s.sig", id);
    int n = snprintf(text, sizeof text, "{\"keyid\":\"%s\",\"sig\":\"%s\"}\n", id, hex);
    assert_int_equal(vt_file_replace(path, 0600, text, (size_t)n, NULL), VT_OK);
    vt_buf_release(&b);
    json_decref(doc);
}

static struct vt_publish_opts
publish_opts(struct fixture *f)
{
    return (struct vt_publish_opts){
        .channel = "products",
        .policy = f->policy,
        .release = f->w->signer[RELEASE],
        .now = f->now,
    };
}

/* Collects and publishes without the log, whose part is tried end to end. */
static enum vt_err
try_put_out(struct fixture *f, uint64_t *ret_version, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    struct vt_publish_opts o = publish_opts(f);
    uint64_t version = 0;
    enum vt_err err = vt_publish_collect(f->r, &o, &b, &version, why);
    struct vt_repository_news news = {
        .channel = "products",
        .version = version,
        .data = b.data,
        .len = b.len,
        .release = f->w->signer[RELEASE],
        .now = f->now,
    };
    if (err == VT_OK)
        err = vt_repository_publish(f->r, &news, why);
    if (err == VT_OK)
        *ret_version = version;
    vt_buf_release(&b);
    return err;
}

static uint64_t
put_out(struct fixture *f)
{
    struct vt_why why = {{0}};
    uint64_t version = 0;
    if (try_put_out(f, &version, &why) != VT_OK)
        fail_msg("%s", why.text);
    return version;
}

static void
refuse_put_out(struct fixture *f, enum vt_err want, const char *says)
{
    struct vt_why why = {{0}};
    uint64_t version = 0;
    enum vt_err err = try_put_out(f, &version, &why);
    if (err != want || strstr(why.text, says) == NULL)
        fail_msg(
            "%s (wanted %s, \"%s\"): %s", vt_err_name(err), vt_err_name(want), says, why.text);
}

static uint64_t
release(struct fixture *f, const char *product, const char *version, const char *data)
{
    (void)stage(f, product, version, data);
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, true);
    return put_out(f);
}

/* What a client with nothing but root version 1 sees in the folder. */
static enum vt_err
client(struct fixture *f, const char *customer, struct vt_trust **ret, struct vt_why *why)
{
    char public[VT_PATH_MAX], dir[VT_PATH_MAX];
    struct vt_mirror m = {0};
    struct vt_buf root = VT_BUF(VT_TUF_ROOT_MAX);
    assert_int_equal(vt_home_path(&f->home, public, NULL, "public"), VT_OK);
    assert_int_equal(vt_path(dir, NULL, "%s/%s", f->w->dir, customer), VT_OK);
    assert_int_equal(vt_mirror_open(public, &m, NULL), VT_OK);
    assert_int_equal(m.get(m.ctx, "tuf/metadata/1.root.json", &root, NULL), VT_OK);
    struct vt_tuf_client_opts o = {&m, dir, root.data, root.len, f->now, NULL};
    enum vt_err err = vt_tuf_client_update(&o, "products", ret, why);
    vt_buf_release(&root);
    vt_mirror_close(&m);
    return err;
}

static void
expect_client(struct fixture *f, uint64_t channel_version, const char *path)
{
    struct vt_trust *t = NULL;
    struct vt_why why = {{0}};
    if (client(f, "customer", &t, &why) != VT_OK)
        fail_msg("the client refuses: %s", why.text);
    assert_int_equal(vt_tuf_version(vt_trust_channel_role(t)), channel_version);
    assert_non_null(vt_tuf_target(vt_trust_channel_role(t), path));
    vt_trust_free(t);
}

/*
 * init
 */

static void
test_init(void **state)
{
    struct fixture *f = *state;
    struct vt_repository_plan p = plan(f);
    const struct vt_tuf_role *role = NULL;
    json_t *root = read_json(f, "public/tuf/metadata/1.root.json");
    vt_repository_free(f->r);
    f->r = NULL;
    assert_int_equal(vt_repository_init(&f->home, &p, NULL), VT_E_EXIST);
    json_t *same = read_json(f, "public/tuf/metadata/1.root.json");
    assert_true(json_equal(root, same));
    json_decref(root);
    json_decref(same);
    open_again(f);
    assert_int_equal(vt_repository_channel(f->r, "products", &role, NULL), VT_OK);
    assert_int_equal(role->threshold, 3);
    assert_int_equal(role->key_count, 3);
    assert_false(role->terminating);
    assert_int_equal(vt_repository_channel(f->r, "databases", &role, NULL), VT_OK);
    assert_int_equal(vt_repository_channel(f->r, "other", &role, NULL), VT_E_NOENT);
    assert_int_equal(vt_repository_version(f->r, "products"), 0);
    /* no newline at the end: no byte of the file is without meaning */
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(1U << 20);
    assert_int_equal(
        vt_home_path(&f->home, path, NULL, "public/tuf/metadata/timestamp.json"), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_int_equal(b.data[b.len - 1], '}');
    vt_buf_release(&b);
}

static void
refuse_init(
    struct fixture *f, const struct vt_repository_plan *p, enum vt_err want, const char *says)
{
    struct vt_home home;
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX];
    assert_int_equal(vt_path(dir, NULL, "%s/other", f->w->dir), VT_OK);
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
    assert_int_equal(
        vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &home, NULL), VT_OK);
    enum vt_err err = vt_repository_init(&home, p, &why);
    if (err != want || strstr(why.text, says) == NULL)
        fail_msg(
            "%s (wanted %s, \"%s\"): %s", vt_err_name(err), vt_err_name(want), says, why.text);
    struct vt_repository *r = NULL;
    assert_int_equal(vt_repository_open(&home, &r, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "release init"));
}

static void
test_init_refuses(void **state)
{
    struct fixture *f = *state;
    static const char *const twice[] = {"a", "a"};
    static const char *const bad[] = {"../a"};
    static const char *const role[] = {"snapshot"};
    struct vt_policy *nobody = NULL;
    struct vt_repository_plan p = plan(f);
    p.channels = twice;
    refuse_init(f, &p, VT_E_USAGE, "given twice");
    p.channel_count = 1;
    p.channels = bad;
    refuse_init(f, &p, VT_E_USAGE, "cannot be a channel's name");
    p.channels = role;
    refuse_init(f, &p, VT_E_USAGE, "cannot be a channel's name");
    p.channel_count = 0;
    refuse_init(f, &p, VT_E_USAGE, "0 channels");
    p = plan(f);
    p.threshold = 4;
    refuse_init(f, &p, VT_E_CONFIG, "a threshold of 4 cannot be");
    assert_int_equal(vt_policy_parse("quorum none\n", 12, &nobody, NULL), VT_OK);
    p = plan(f);
    p.policy = nobody;
    refuse_init(f, &p, VT_E_CONFIG, "require assembly");
    vt_policy_free(nobody);
}

static void
test_lock(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vt_repository *r = NULL;
        _exit(vt_repository_open(&f->home, &r, NULL) == VT_E_BUSY ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/*
 * stage
 */

static void
test_stage(void **state)
{
    struct fixture *f = *state;
    struct vt_stage_item it = item(f, "lantern", "1.0.0", ONE);
    uint64_t n = 0;
    bool fresh = false;
    char hex[VT_DIGEST_HEX_SIZE], path[512];
    assert_int_equal(try_stage(f, "products", &it, 1, &n, &fresh, NULL), VT_OK);
    assert_int_equal(n, 1);
    assert_true(fresh);
    vt_digest_hex(&it.offer.digest, hex);
    (void)snprintf(path, sizeof path, "public/tuf/targets/lantern/1.0.0/%s.lantern.bin", hex);
    assert_true(is_there(f, path));
    assert_int_equal(try_stage(f, "products", &it, 1, &n, &fresh, NULL), VT_OK);
    assert_int_equal(n, 1);
    assert_false(fresh);
    json_t *doc = read_json(f, "public/staged/products.json");
    assert_int_equal(json_array_size(json_object_get(doc, "signatures")), 1);
    json_decref(doc);
    /* another version of it: never the same number with other content */
    assert_int_equal(stage(f, "lantern", "1.0.1", TWO), 2);
    /* another product stands beside what is staged */
    assert_int_equal(stage(f, "wick", "0.1", "wick"), 3);
    doc = read_json(f, "public/staged/products.json");
    json_t *targets = json_object_get(json_object_get(doc, "signed"), "targets");
    assert_int_equal(json_object_size(targets), 2);
    assert_non_null(json_object_get(targets, "lantern/1.0.1/lantern.bin"));
    assert_non_null(json_object_get(targets, "wick/0.1/wick.bin"));
    json_decref(doc);
}

static void
test_stage_refuses(void **state)
{
    struct fixture *f = *state;
    struct vt_stage_item two[2] = {
        item(f, "lantern", "1.0.0", ONE), item(f, "lantern", "1.0.1", TWO)};
    refuse_stage(f, "other", two, 1, VT_E_NOENT, "no channel other");
    refuse_stage(f, "products", two, 2, VT_E_USAGE, "two artifacts are of lantern");
    refuse_stage(f, "products", NULL, 0, VT_E_NOENT, "would be empty");
    two[0].offer.digest.b[0] ^= 1;
    refuse_stage(f, "products", two, 1, VT_E_DIGEST, "does not have the digest");
    two[0] = item(f, "lantern", "current", ONE);
    refuse_stage(f, "products", two, 1, VT_E_SYNTAX, "PRODUCT/VERSION/FILE");
    struct vt_stage_opts o = {.channel = "products",
        .item = &two[1],
        .count = 1,
        .assembler = f->w->signer[MALLORY],
        .now = f->now};
    uint64_t n = 0;
    bool fresh = false;
    struct vt_why why = {{0}};
    assert_int_equal(vt_stage_run(f->r, &o, &n, &fresh, &why), VT_E_UNKNOWN);
    assert_non_null(strstr(why.text, "mallory.example is none of those"));
    assert_false(is_there(f, "public/staged/products.json"));
}

static void
test_product_of_another_channel(void **state)
{
    struct fixture *f = *state;
    struct vt_stage_item it = item(f, "lantern", "1.0.1", TWO);
    (void)release(f, "lantern", "1.0.0", ONE);
    refuse_stage(f, "databases", &it, 1, VT_E_REFUSED, "is a product of channel products");
}

/*
 * collect and publish
 */

static void
test_publish(void **state)
{
    struct fixture *f = *state;
    refuse_put_out(f, VT_E_NOENT, "nothing is staged for channel products");
    (void)stage(f, "lantern", "1.0.0", ONE);
    refuse_put_out(f, VT_E_QUORUM,
        "1 of the 3 signatures needed: missing alpha.example/rebuilder, "
        "beta.example/rebuilder");
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, false);
    refuse_put_out(f, VT_E_QUORUM, "missing beta.example/rebuilder (its signature is there");
    sign_staged(f, MALLORY, true);
    refuse_put_out(f, VT_E_QUORUM, "2 of the 3 signatures");
    sign_staged(f, BETA, true);
    assert_int_equal(put_out(f), 1);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
    json_t *doc = read_json(f, "public/tuf/metadata/1.products.json");
    assert_int_equal(json_array_size(json_object_get(doc, "signatures")), 3);
    json_decref(doc);
    /* once more: the same, and nothing new */
    uint64_t timestamp = vt_repository_timestamp_version(f->r);
    assert_int_equal(put_out(f), 1);
    assert_int_equal(vt_repository_timestamp_version(f->r), timestamp);
    open_again(f);
    assert_int_equal(vt_repository_version(f->r, "products"), 1);
}

static void
test_next_release(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(release(f, "lantern", "1.0.0", ONE), 1);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
    assert_int_equal(release(f, "lantern", "1.0.1", TWO), 2);
    expect_client(f, 2, "lantern/1.0.1/lantern.bin");
    assert_int_equal(release(f, "wick", "0.1", "wick"), 3);
    expect_client(f, 3, "wick/0.1/wick.bin");
    expect_client(f, 3, "lantern/1.0.1/lantern.bin");
    assert_true(is_there(f, "public/tuf/metadata/1.products.json"));
}

static void
test_same_version_other_bytes(void **state)
{
    struct fixture *f = *state;
    (void)release(f, "lantern", "1.0.0", ONE);
    struct vt_stage_item it = item(f, "lantern", "1.0.0", TWO);
    refuse_stage(f, "products", &it, 1, VT_E_REFUSED,
        "lantern 1.0.0 was released before with other bytes");
    (void)release(f, "lantern", "1.0.1", TWO);
    it = item(f, "lantern", "1.0.0", "three");
    refuse_stage(f, "products", &it, 1, VT_E_REFUSED, "released before with other bytes");
    assert_int_equal(stage(f, "lantern", "1.0.0", ONE), 3); /* the same bytes may come back */
}

/* A claim outlives a later release of the same bytes that was never begun. */
static void
test_claims(void **state)
{
    struct fixture *f = *state;
    struct vt_stage_item one = item(f, "lantern", "1.0.0", ONE);
    struct vt_stage_item two = item(f, "lantern", "1.0.0", TWO);
    assert_int_equal(vt_claim_check(&f->home, &one.offer, NULL), VT_OK);
    assert_int_equal(vt_claim_take(&f->home, &two.offer, "products", 1, NULL), VT_OK);
    assert_int_equal(vt_claim_check(&f->home, &one.offer, NULL), VT_OK); /* not begun */
    (void)release(f, "lantern", "1.0.0", ONE);
    assert_int_equal(vt_claim_check(&f->home, &one.offer, NULL), VT_OK);
    assert_int_equal(vt_claim_check(&f->home, &two.offer, NULL), VT_E_REFUSED);
    assert_int_equal(vt_claim_take(&f->home, &one.offer, "products", 7, NULL), VT_OK);
    assert_int_equal(vt_claim_check(&f->home, &two.offer, NULL), VT_E_REFUSED);
    assert_int_equal(vt_claim_take(&f->home, &two.offer, "products", 7, NULL), VT_E_REFUSED);
}

/* What was only staged, and never had its signatures, may be made anew. */
static void
test_staged_only_is_no_release(void **state)
{
    struct fixture *f = *state;
    (void)stage(f, "lantern", "1.0.0", ONE);
    assert_int_equal(stage(f, "lantern", "1.0.0", TWO), 2);
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, true);
    assert_int_equal(put_out(f), 2);
    expect_client(f, 2, "lantern/1.0.0/lantern.bin");
}

/* Between the fixing of its bytes and its publication nothing else is staged. */
static void
test_half_published(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX), again = VT_BUF(VT_TUF_METADATA_MAX);
    struct vt_publish_opts o = publish_opts(f);
    uint64_t version = 0;
    (void)stage(f, "lantern", "1.0.0", ONE);
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, true);
    assert_int_equal(vt_publish_collect(f->r, &o, &b, &version, NULL), VT_OK);
    struct vt_stage_item it = item(f, "lantern", "1.0.1", TWO);
    refuse_stage(f, "products", &it, 1, VT_E_STATE, "is half published");
    /* a signature that changes now does not change the bytes */
    sign_staged(f, BETA, false);
    f->now += 100 * 86400;
    o.now = f->now;
    assert_int_equal(vt_publish_collect(f->r, &o, &again, &version, NULL), VT_OK);
    assert_int_equal(b.len, again.len);
    assert_memory_equal(b.data, again.data, b.len);
    vt_buf_release(&b);
    vt_buf_release(&again);
}

static void
test_expired_staging(void **state)
{
    struct fixture *f = *state;
    (void)stage(f, "lantern", "1.0.0", ONE);
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, true);
    f->now += INT64_C(91) * 86400;
    refuse_put_out(f, VT_E_EXPIRED, "stage it again");
    assert_int_equal(stage(f, "lantern", "1.0.0", ONE), 2);
}

/* The metadata of what was released is renewed without artifacts. */
static void
test_renew_channel(void **state)
{
    struct fixture *f = *state;
    struct vt_why why = {{0}};
    uint64_t n = 0;
    bool fresh = false;
    (void)release(f, "lantern", "1.0.0", ONE);
    assert_int_equal(try_stage(f, "products", NULL, 0, &n, &fresh, &why), VT_OK);
    assert_true(fresh);
    assert_int_equal(n, 2);
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, true);
    assert_int_equal(put_out(f), 2);
    expect_client(f, 2, "lantern/1.0.0/lantern.bin");
}

/*
 * refresh
 */

static void
test_refresh(void **state)
{
    struct fixture *f = *state;
    struct vt_trust *t = NULL;
    struct vt_why why = {{0}};
    struct vt_repository_news news = {.release = f->w->signer[RELEASE]};
    (void)release(f, "lantern", "1.0.0", ONE);
    uint64_t timestamp = vt_repository_timestamp_version(f->r);
    uint64_t snapshot = vt_tuf_version(vt_repository_snapshot(f->r));
    f->now += 3 * 86400;
    assert_int_equal(client(f, "customer", &t, &why), VT_E_EXPIRED);
    news.now = f->now;
    assert_int_equal(vt_repository_publish(f->r, &news, NULL), VT_OK);
    assert_int_equal(vt_repository_timestamp_version(f->r), timestamp + 1);
    assert_int_equal(vt_tuf_version(vt_repository_snapshot(f->r)), snapshot);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
    f->now += 5 * 86400; /* past half of the snapshot's life */
    news.now = f->now;
    assert_int_equal(vt_repository_publish(f->r, &news, NULL), VT_OK);
    assert_int_equal(vt_tuf_version(vt_repository_snapshot(f->r)), snapshot + 1);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
}

/* Root and targets anew, the keys of timestamp and snapshot replaced. */
static void
test_renew_root(void **state)
{
    struct fixture *f = *state;
    struct vt_repository_plan p = plan(f);
    (void)release(f, "lantern", "1.0.0", ONE);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
    p.channels = NULL;
    p.channel_count = 0;
    assert_int_equal(vt_repository_renew(f->r, &p, NULL), VT_OK);
    assert_int_equal(vt_tuf_version(vt_repository_root(f->r)), 2);
    assert_int_equal(vt_tuf_version(vt_repository_targets(f->r)), 2);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
    p.release = f->w->signer[RELEASE2];
    assert_int_equal(vt_repository_renew(f->r, &p, NULL), VT_OK);
    assert_int_equal(vt_tuf_version(vt_repository_root(f->r)), 3);
    expect_client(f, 1, "lantern/1.0.0/lantern.bin");
    open_again(f);
}

/*
 * Dying.
 */

/* Signatures are made before, then stage, collect and publish run in a child
 * that dies before its n-th write; the parent then does the same to the end. */
static void
do_all(struct fixture *f, const struct vt_stage_item *it)
{
    uint64_t n = 0;
    bool fresh = false;
    struct vt_why why = {{0}};
    if (try_stage(f, "products", it, 1, &n, &fresh, &why) != VT_OK)
        fail_msg("%s", why.text);
    sign_staged(f, ALPHA, true);
    sign_staged(f, BETA, true);
    (void)put_out(f);
}

/* What collect and publish do: staging may not be begun anew after them. */
static bool
died_at(struct fixture *f, const struct vt_stage_item *it, int n)
{
    int status = 0;
    vt_repository_free(f->r);
    f->r = NULL;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        die_at = n;
        open_again(f);
        do_all(f, it);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77)
        assert_int_equal(WEXITSTATUS(status), 0);
    open_again(f);
    return WEXITSTATUS(status) == 77;
}

static void
finish(struct fixture *f, const struct vt_stage_item *it)
{
    struct vt_why why = {{0}};
    uint64_t n = 0;
    bool fresh = false;
    enum vt_err err = try_stage(f, "products", it, 1, &n, &fresh, &why);
    if (err != VT_OK && err != VT_E_STATE) /* half published: go on with that */
        fail_msg("%s", why.text);
    if (err == VT_OK && vt_repository_version(f->r, "products") < n) {
        sign_staged(f, ALPHA, true);
        sign_staged(f, BETA, true);
    }
    (void)put_out(f);
}

static void
test_dies_anywhere(void **state)
{
    struct fixture *f = *state;
    char version[32];
    uint64_t channel = release(f, "lantern", "0.1", ONE);
    for (int n = 1;; n++) {
        (void)snprintf(version, sizeof version, "1.%d", n);
        struct vt_stage_item it = item(f, "lantern", version, version);
        bool died = died_at(f, &it, n);
        struct vt_trust *t = NULL;
        struct vt_why why = {{0}};
        if (client(f, "customer", &t, &why) != VT_OK)
            fail_msg("death %d: clients are refused: %s", n, why.text);
        vt_trust_free(t);
        uint64_t timestamp = vt_repository_timestamp_version(f->r);
        finish(f, &it);
        /* one version more, and no timestamp skipped */
        assert_int_equal(vt_repository_version(f->r, "products"), channel + 1);
        assert_in_range(vt_repository_timestamp_version(f->r), timestamp, timestamp + 1);
        channel++;
        char path[64];
        (void)snprintf(path, sizeof path, "lantern/%s/lantern.bin", version);
        expect_client(f, channel, path);
        if (!died) {
            assert_true(n > 15);
            break;
        }
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_init),
        T(test_init_refuses),
        T(test_lock),
        T(test_stage),
        T(test_stage_refuses),
        T(test_product_of_another_channel),
        T(test_publish),
        T(test_next_release),
        T(test_same_version_other_bytes),
        T(test_claims),
        T(test_staged_only_is_no_release),
        T(test_half_published),
        T(test_expired_staging),
        T(test_renew_channel),
        T(test_refresh),
        T(test_renew_root),
        T(test_dies_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
