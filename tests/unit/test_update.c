/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUF client: the specification's workflow, and each attack on it that
 * section 5 and docs/guides/threats.md name, over a repository in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tuf_world.h"

#include <sys/stat.h>

static int
setup(void **state)
{
    struct world *w = world_new();
    world_begin(w);
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* One update by the root version 1 that is stored; the message goes to why. */
static enum vt_err
update_at(struct world *w, int64_t now, uint64_t *ret_version, struct vt_why *why)
{
    struct vt_trust *t = NULL;
    struct vt_tuf_names names = {world_name, w};
    char dir[VT_PATH_MAX];
    const struct world_file *root = world_file(w, "tuf/metadata/1.root.json");
    assert_int_equal(vt_path(dir, NULL, "%s/metadata", w->dir), VT_OK);
    struct vt_tuf_client_opts o = {&w->mirror, dir, root->data, root->len, now, &names};
    vt_why_clear(why);
    enum vt_err err = vt_tuf_client_update(&o, "products", &t, why);
    if (err == VT_OK && ret_version != NULL)
        *ret_version = vt_tuf_version(vt_trust_channel_role(t));
    vt_trust_free(t);
    return err;
}

static void
accept(struct world *w, uint64_t channel_version)
{
    struct vt_why why;
    uint64_t version = 0;
    enum vt_err err = update_at(w, NOW, &version, &why);
    if (err != VT_OK)
        fail_msg("refused: %s", why.text);
    assert_int_equal(version, channel_version);
}

/* Refused with that error, the message having `says`; what was trusted stays. */
static void
refuse(struct world *w, enum vt_err want, const char *says)
{
    struct vt_why why;
    enum vt_err err = update_at(w, NOW, NULL, &why);
    if (err != want || strstr(why.text, says) == NULL)
        fail_msg(
            "%s (wanted %s, \"%s\"): %s", vt_err_name(err), vt_err_name(want), says, why.text);
}

static bool
has_state(struct world *w, const char *name)
{
    char path[VT_PATH_MAX];
    assert_int_equal(vt_path(path, NULL, "%s/metadata/%s", w->dir, name), VT_OK);
    return vt_file_exists(path);
}

/* A newer everything, correctly signed: channel 2 has lantern 1.0.1. */
static void
go_on(struct world *w, uint64_t version)
{
    WORLD_BY(w, ASSEMBLER, ALPHA, BETA);
    world_channel(w, version, "1.0.1", "other bytes", 11, "lantern.bin");
    world_publish(w, version, 1, version);
}

static void
test_accepts_and_keeps(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    assert_true(has_state(w, "root.json"));
    assert_true(has_state(w, "root_history/1.root.json"));
    assert_true(has_state(w, "timestamp.json"));
    assert_true(has_state(w, "snapshot.json"));
    assert_true(has_state(w, "targets.json"));
    assert_true(has_state(w, "products.json"));
    unsigned before = w->gets;
    accept(w, 1);
    assert_int_equal(w->gets - before, 2); /* 2.root.json and the timestamp */
    go_on(w, 2);
    accept(w, 2);
}

static void
test_channel_that_is_not_there(void **state)
{
    struct world *w = *state;
    struct vt_trust *t = NULL;
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX];
    const struct world_file *root = world_file(w, "tuf/metadata/1.root.json");
    assert_int_equal(vt_path(dir, NULL, "%s/metadata", w->dir), VT_OK);
    struct vt_tuf_client_opts o = {&w->mirror, dir, root->data, root->len, NOW, NULL};
    assert_int_equal(vt_tuf_client_update(&o, "databases", &t, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "no channel databases"));
    assert_int_equal(vt_tuf_client_update(&o, "../products", &t, &why), VT_E_USAGE);
    assert_int_equal(vt_tuf_client_update(&o, "timestamp", &t, &why), VT_E_USAGE);
    world_publish(w, 2, 1, 0);
    assert_int_equal(vt_path(dir, NULL, "%s/another", w->dir), VT_OK);
    assert_int_equal(vt_tuf_client_update(&o, "products", &t, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "no release yet"));
    assert_null(t);
}

/*
 * Root.
 */

static void
test_root_of_another_line(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    WORLD_BY(w, ROOT2);
    world_root(w, 1, ROOT2, RELEASE);
    refuse(w, VT_E_CONFIG, "another than the one");
}

static void
test_no_root(void **state)
{
    struct world *w = *state;
    struct vt_trust *t = NULL;
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX];
    assert_int_equal(vt_path(dir, NULL, "%s/metadata", w->dir), VT_OK);
    struct vt_tuf_client_opts o = {&w->mirror, dir, NULL, 0, NOW, NULL};
    assert_int_equal(vt_tuf_client_update(&o, "products", &t, &why), VT_E_CONFIG);
    accept(w, 1);
    assert_int_equal(vt_tuf_client_update(&o, "products", &t, &why), VT_OK);
    vt_trust_free(t);
}

/* 5.3.4: by the keys of version N and of version N+1. */
static void
test_root_rotation(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    WORLD_BY(w, ROOT);
    world_root(w, 2, ROOT2, RELEASE);
    refuse(w, VT_E_QUORUM, "by its own keys: root version 2: 0 of the 1 signatures");
    WORLD_BY(w, ROOT2);
    world_root(w, 2, ROOT2, RELEASE);
    refuse(w, VT_E_QUORUM, "by the keys of root version 1");
    assert_false(has_state(w, "root_history/2.root.json"));
    WORLD_BY(w, ROOT, ROOT2);
    world_root(w, 2, ROOT2, RELEASE);
    WORLD_BY(w, ROOT2);
    world_targets(w, 2);
    go_on(w, 2);
    world_publish(w, 2, 2, 2);
    accept(w, 2);
    assert_true(has_state(w, "root_history/2.root.json"));
    accept(w, 2); /* though the root given is still version 1 */
}

/* Old targets keys no longer count once the root has gone on. */
static void
test_revoked_key(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    WORLD_BY(w, ROOT, ROOT2);
    world_root(w, 2, ROOT2, RELEASE);
    WORLD_BY(w, ROOT);
    world_targets(w, 2);
    world_publish(w, 2, 2, 1);
    refuse(w, VT_E_QUORUM, "targets version 2: 0 of the 1 signatures needed: missing");
}

static void
test_root_versions(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ROOT);
    world_sign(w, "tuf/metadata/2.root.json", world_root_document(w, 1, ROOT, RELEASE));
    refuse(w, VT_E_ROLLBACK, "root version 1 is offered where 2 has to follow: a rollback");
    world_sign(w, "tuf/metadata/2.root.json", world_root_document(w, 3, ROOT, RELEASE));
    refuse(w, VT_E_REFUSED, "none may be skipped");
    world_sign(w, "tuf/metadata/2.root.json", world_root_document(w, 2, ROOT, RELEASE));
    accept(w, 1);
}

/* 5.3.6 and 5.3.10: only the last root's expiry counts. */
static void
test_root_expiry(void **state)
{
    struct world *w = *state;
    w->expires = NOW;
    WORLD_BY(w, ROOT);
    world_root(w, 2, ROOT, RELEASE);
    refuse(w, VT_E_EXPIRED, "root version 2 expired at 2030-01-01T00:00:00Z");
    w->expires = NOW + 1;
    world_root(w, 3, ROOT, RELEASE);
    accept(w, 1);
}

static void
test_many_roots(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ROOT);
    for (uint64_t n = 2; n < 40; n++)
        world_root(w, n, ROOT, RELEASE);
    accept(w, 1);
    assert_true(has_state(w, "root_history/39.root.json"));
}

/* 5.3.11: who had thrown the versions far ahead is forgotten with the key. */
static void
test_fast_forward_recovery(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, RELEASE);
    world_snapshot(w, 1000000, 1, 1);
    world_timestamp(w, 1000000, 1000000);
    accept(w, 1);
    WORLD_BY(w, RELEASE);
    world_timestamp(w, 2, 1);
    refuse(w, VT_E_ROLLBACK, "timestamp version 2 is older than the trusted 1000000");
    WORLD_BY(w, ROOT);
    world_root(w, 2, ROOT, RELEASE2);
    WORLD_BY(w, RELEASE2);
    world_snapshot(w, 2, 1, 1);
    world_timestamp(w, 2, 2);
    accept(w, 1);
}

/*
 * Timestamp.
 */

static void
test_timestamp_rollback(void **state)
{
    struct world *w = *state;
    go_on(w, 5);
    accept(w, 5);
    world_timestamp(w, 3, 1);
    refuse(w, VT_E_ROLLBACK, "timestamp version 3 is older than the trusted 5: a rollback");
    world_timestamp(w, 6, 1);
    refuse(w, VT_E_ROLLBACK, "lists snapshot version 1, older than the trusted 5");
}

/* 5.4.3.1: the same version changes nothing, whatever it says. */
static void
test_timestamp_again(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    go_on(w, 2);
    WORLD_BY(w, RELEASE);
    world_timestamp(w, 1, 2);
    accept(w, 1);
}

static void
test_timestamp_expiry(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    w->expires = NOW;
    WORLD_BY(w, RELEASE);
    world_timestamp(w, 2, 1);
    refuse(w, VT_E_EXPIRED, "timestamp version 2 expired");
    refuse(w, VT_E_EXPIRED, "a freeze");
}

/* The timestamp that was good yesterday is held up for ever. */
static void
test_freeze(void **state)
{
    struct world *w = *state;
    struct vt_why why;
    accept(w, 1);
    assert_int_equal(update_at(w, NOW + 999, NULL, &why), VT_OK);
    w->expires = NOW + 100000;
    WORLD_BY(w, ROOT);
    world_root(w, 2, ROOT, RELEASE);
    assert_int_equal(update_at(w, NOW + 1000, NULL, &why), VT_E_EXPIRED);
    assert_non_null(strstr(why.text, "timestamp version 1 expired"));
}

static void
test_timestamp_signature(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, MALLORY);
    world_timestamp(w, 2, 1);
    refuse(w, VT_E_QUORUM,
        "timestamp version 2: 0 of the 1 signatures needed: missing zurich.example/release");
    WORLD_BY(w, RELEASE);
    world_timestamp(w, 2, 1);
    struct world_file *f = world_file(w, "tuf/metadata/timestamp.json");
    char *at = strstr((char *)f->data, "\"version\":2}");
    assert_non_null(at);
    at[10] = '3';
    refuse(w, VT_E_QUORUM, "its signature is there, but wrong");
}

static void
test_endless_data(void **state)
{
    struct world *w = *state;
    static char much[VT_TUF_METADATA_MAX + 2];
    memset(much, ' ', sizeof much);
    world_store(w, "tuf/metadata/timestamp.json", much, VT_TUF_TIMESTAMP_MAX + 1);
    refuse(w, VT_E_LIMIT, "timestamp.json is longer than the 16384 bytes it may have: endless");
    world_timestamp(w, 1, 1);
    world_store(w, "tuf/metadata/1.snapshot.json", much, sizeof much);
    refuse(w, VT_E_LIMIT, "1.snapshot.json is longer than the");
    world_store(w, "tuf/metadata/2.root.json", much, sizeof much);
    refuse(w, VT_E_LIMIT, "2.root.json is longer than the 524288 bytes");
}

/* A file of the very length that is listed, or any without one. */
static void
test_endless_without_length(void **state)
{
    struct world *w = *state;
    static char much[VT_TUF_METADATA_MAX + 2];
    memset(much, ' ', sizeof much);
    WORLD_BY(w, RELEASE);
    json_t *doc = world_document(w, VT_TUF_TIMESTAMP, 2);
    (void)json_object_set_new(
        doc, "meta", json_pack("{s:{s:i}}", "snapshot.json", "version", 7));
    world_sign(w, "tuf/metadata/timestamp.json", doc);
    world_store(w, "tuf/metadata/7.snapshot.json", much, sizeof much);
    refuse(w, VT_E_LIMIT, "7.snapshot.json is longer than the 5242880 bytes");
    doc = world_document(w, VT_TUF_TIMESTAMP, 3);
    (void)json_object_set_new(doc, "meta",
        json_pack("{s:{s:i, s:i}}", "snapshot.json", "version", 7, "length", 100000000));
    world_sign(w, "tuf/metadata/timestamp.json", doc);
    refuse(w, VT_E_LIMIT, "is said to have 100000000 bytes");
}

/*
 * Snapshot.
 */

/* The same check for each listed file: other bytes of the same length, other
 * length, another version, another signer, expired. */
static void
test_snapshot_bytes(void **state)
{
    struct world *w = *state;
    go_on(w, 2);
    struct world_file *f = world_file(w, "tuf/metadata/2.snapshot.json");
    f->data[f->len - 1] ^= 1;
    refuse(w, VT_E_DIGEST, "snapshot.json is not the file that timestamp lists");
    f->len--;
    refuse(w, VT_E_DIGEST, "files of different states are mixed");
}

static void
test_snapshot_version(void **state)
{
    struct world *w = *state;
    json_t *doc = world_snapshot_document(w, 3, 1, 1);
    WORLD_BY(w, RELEASE);
    world_sign(w, "tuf/metadata/2.snapshot.json", doc);
    world_timestamp(w, 2, 2);
    refuse(w, VT_E_REFUSED, "snapshot.json has version 3 where timestamp lists 2");
}

static void
test_snapshot_signature(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ROOT, MALLORY);
    world_snapshot(w, 2, 1, 1);
    WORLD_BY(w, RELEASE);
    world_timestamp(w, 2, 2);
    refuse(w, VT_E_QUORUM, "snapshot version 2: 0 of the 1 signatures");
}

static void
test_snapshot_expiry(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, RELEASE);
    w->expires = NOW - 5;
    world_snapshot(w, 2, 1, 1);
    w->expires = NOW + 5;
    world_timestamp(w, 2, 2);
    refuse(w, VT_E_EXPIRED, "snapshot version 2 expired");
}

/* 5.5.5: by whom snapshot and timestamp keys were stolen. */
static void
test_snapshot_rollback(void **state)
{
    struct world *w = *state;
    go_on(w, 2);
    accept(w, 2);
    world_publish(w, 3, 1, 1);
    refuse(w, VT_E_ROLLBACK, "lists products.json version 1, older than the trusted 2");
    world_publish(w, 4, 1, 0);
    refuse(w, VT_E_ROLLBACK, "no longer lists products.json");
    WORLD_BY(w, ROOT);
    world_targets(w, 2);
    world_publish(w, 5, 2, 2);
    accept(w, 2);
    world_publish(w, 6, 1, 2);
    refuse(w, VT_E_ROLLBACK, "lists targets.json version 1, older than the trusted 2");
}

/*
 * Targets and the channel.
 */

static void
test_targets(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, RELEASE, ALPHA);
    world_targets(w, 2);
    world_publish(w, 2, 2, 1);
    refuse(w, VT_E_QUORUM,
        "targets version 2: 0 of the 1 signatures needed: missing "
        "zurich.example/root");
    WORLD_BY(w, ROOT);
    w->expires = NOW - 1;
    world_targets(w, 3);
    w->expires = NOW + 1000;
    world_publish(w, 3, 3, 1);
    refuse(w, VT_E_EXPIRED, "targets version 3 expired");
    world_file(w, "tuf/metadata/3.targets.json")->data[3] ^= 1;
    refuse(w, VT_E_DIGEST, "targets.json is not the file that snapshot lists");
    world_remove(w, "tuf/metadata/3.targets.json");
    refuse(w, VT_E_NOENT, "3.targets.json");
}

/* Threat 1 and 8: fewer than the threshold, whoever they are. */
static void
test_channel_threshold(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ASSEMBLER);
    world_channel(w, 2, "1.0.1", "x", 1, "lantern.bin");
    world_publish(w, 2, 1, 2);
    refuse(w, VT_E_QUORUM,
        "products version 2: 1 of the 3 signatures needed: missing alpha.example/rebuilder, "
        "beta.example/rebuilder");
    WORLD_BY(w, ASSEMBLER, ALPHA, RELEASE, ROOT, MALLORY);
    world_channel(w, 2, "1.0.1", "x", 1, "lantern.bin");
    world_publish(w, 3, 1, 2);
    refuse(w, VT_E_QUORUM, "2 of the 3 signatures needed: missing beta.example/rebuilder");
}

/* One key may not sign twice: not under one keyid ... */
static void
test_channel_same_keyid_twice(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ASSEMBLER, ALPHA, ALPHA);
    world_channel(w, 2, "1.0.1", "x", 1, "lantern.bin");
    world_publish(w, 2, 1, 2);
    refuse(w, VT_E_SYNTAX, "two signatures have the keyid");
}

/* Changes a delegation key object and puts it under its right keyid. */
static void
rekey(json_t *delegations, const char *old, json_t *obj, char ret[VT_DIGEST_HEX_SIZE])
{
    struct vt_buf b = VT_BUF(4096);
    struct vt_digest d;
    json_t *keys = json_object_get(delegations, "keys");
    json_t *role = json_array_get(json_object_get(delegations, "roles"), 0);
    assert_int_equal(vt_json_canonical(obj, &b, NULL), VT_OK);
    vt_digest_of(b.data, b.len, &d);
    vt_digest_hex(&d, ret);
    vt_buf_release(&b);
    (void)json_object_set_new(keys, ret, obj);
    json_t *ids = json_object_get(role, "keyids");
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (strcmp(json_string_value(json_array_get(ids, i)), old) == 0)
            (void)json_array_set_new(ids, i, json_string(ret));
}

/* ... nor under two, which an unknown member in the key object makes. */
static void
test_channel_same_key_two_keyids(void **state)
{
    struct world *w = *state;
    char alpha[VT_DIGEST_HEX_SIZE], beta[VT_DIGEST_HEX_SIZE], twin[VT_DIGEST_HEX_SIZE];
    struct vt_tuf *m = NULL;
    struct world_file *f = world_file(w, "tuf/metadata/1.targets.json");
    assert_int_equal(vt_tuf_parse(f->data, f->len, VT_TUF_TARGETS, "t", &m, NULL), VT_OK);
    json_t *doc = json_deep_copy(json_object_get(vt_tuf_document(m), "signed"));
    vt_tuf_free(m);
    assert_int_equal(vt_tuf_key_id(&w->key[ALPHA], alpha, NULL), VT_OK);
    assert_int_equal(vt_tuf_key_id(&w->key[BETA], beta, NULL), VT_OK);
    json_t *obj = vt_tuf_key_object(&w->key[ALPHA]);
    (void)json_object_set_new(obj, "note", json_string("another"));
    rekey(json_object_get(doc, "delegations"), beta, obj, twin);
    (void)json_object_set_new(doc, "version", json_integer(2));
    WORLD_BY(w, ROOT);
    world_sign(w, "tuf/metadata/2.targets.json", doc);
    WORLD_BY(w, ASSEMBLER, ALPHA);
    world_channel(w, 2, "1.0.1", "x", 1, "lantern.bin");
    f = world_file(w, "tuf/metadata/2.products.json");
    json_t *file = json_loadb((const char *)f->data, f->len, 0, NULL);
    json_t *sigs = json_object_get(file, "signatures");
    json_t *again = json_deep_copy(json_array_get(sigs, 1));
    (void)json_object_set_new(again, "keyid", json_string(twin));
    (void)json_array_append_new(sigs, again);
    char *text = json_dumps(file, JSON_COMPACT | JSON_SORT_KEYS);
    world_store(w, "tuf/metadata/2.products.json", text, strlen(text));
    free(text);
    json_decref(file);
    world_publish(w, 2, 2, 2);
    refuse(w, VT_E_QUORUM, "products version 2: 2 of the 3 signatures");
}

static void
test_wrong_keyid(void **state)
{
    struct world *w = *state;
    struct world_file *f = world_file(w, "tuf/metadata/1.targets.json");
    char alpha[VT_DIGEST_HEX_SIZE];
    assert_int_equal(vt_tuf_key_id(&w->key[ALPHA], alpha, NULL), VT_OK);
    json_t *file = json_loadb((const char *)f->data, f->len, 0, NULL);
    json_t *doc = json_incref(json_object_get(file, "signed"));
    json_decref(file);
    (void)json_object_set_new(doc, "version", json_integer(2));
    (void)json_object_set_new(json_object_get(json_object_get(doc, "delegations"), "keys"),
        alpha, vt_tuf_key_object(&w->key[MALLORY]));
    WORLD_BY(w, ROOT);
    world_sign(w, "tuf/metadata/2.targets.json", doc);
    world_publish(w, 2, 2, 1);
    refuse(w, VT_E_DIGEST, "is not that of its key");
}

static void
test_channel_checks(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ASSEMBLER, ALPHA, BETA);
    w->expires = NOW;
    world_channel(w, 2, "1.0.1", "x", 1, "lantern.bin");
    w->expires = NOW + 1000;
    world_publish(w, 2, 1, 2);
    refuse(w, VT_E_EXPIRED, "products version 2 expired");
    world_file(w, "tuf/metadata/2.products.json")->data[7] ^= 1;
    refuse(w, VT_E_DIGEST, "products.json is not the file that snapshot lists");
}

/* A mirror that keeps the new channel back beside a new snapshot. */
static void
test_mix_and_match(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    go_on(w, 2);
    const struct world_file *old = world_file(w, "tuf/metadata/1.products.json");
    world_store(w, "tuf/metadata/2.products.json", old->data, old->len);
    refuse(w, VT_E_DIGEST, "mixed");
}

/* After any refusal the next good state is taken. */
static void
test_goes_on_after_refusal(void **state)
{
    struct world *w = *state;
    accept(w, 1);
    WORLD_BY(w, MALLORY);
    world_timestamp(w, 9, 1);
    refuse(w, VT_E_QUORUM, "timestamp");
    go_on(w, 2);
    struct world_file *f = world_file(w, "tuf/metadata/2.products.json");
    f->data[0] ^= 1;
    refuse(w, VT_E_DIGEST, "products.json");
    f->data[0] ^= 1;
    accept(w, 2);
}

/* Files that are damaged on the customer's disk are fetched again, and a kept
 * timestamp that does not parse is passed over. */
static void
test_damaged_state(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {
        "timestamp.json", "snapshot.json", "targets.json", "products.json"};
    char path[VT_PATH_MAX];
    for (size_t i = 0; i < 4; i++) {
        accept(w, 1);
        assert_int_equal(vt_path(path, NULL, "%s/metadata/%s", w->dir, names[i]), VT_OK);
        assert_int_equal(vt_file_replace(path, 0644, "{}", 2, NULL), VT_OK);
        accept(w, 1);
        assert_int_equal(truncate(path, 0), 0);
        accept(w, 1);
    }
}

/* Without consistent snapshots the names have no versions. */
static void
test_plain_names(void **state)
{
    struct world *w = *state;
    WORLD_BY(w, ROOT);
    json_t *doc = world_root_document(w, 1, ROOT, RELEASE);
    (void)json_object_set_new(doc, "consistent_snapshot", json_false());
    world_sign(w, "tuf/metadata/1.root.json", doc);
    static const char *const names[] = {"snapshot", "targets", "products"};
    for (size_t i = 0; i < 3; i++) {
        char from[300], to[300];
        numbered(from, 1, names[i]);
        (void)snprintf(to, sizeof to, "tuf/metadata/%s.json", names[i]);
        const struct world_file *f = world_file(w, from);
        world_store(w, to, f->data, f->len);
        world_remove(w, from);
    }
    accept(w, 1);
}

/* The trust alone: no step out of its turn. */
static void
test_order_of_steps(void **state)
{
    struct world *w = *state;
    struct vt_trust *t = NULL;
    bool flag = false;
    const struct world_file *root = world_file(w, "tuf/metadata/1.root.json");
    const struct world_file *ts = world_file(w, "tuf/metadata/timestamp.json");
    const struct world_file *snap = world_file(w, "tuf/metadata/1.snapshot.json");
    const struct world_file *targets = world_file(w, "tuf/metadata/1.targets.json");
    assert_int_equal(vt_trust_new(root->data, root->len, NOW, NULL, &t, NULL), VT_OK);
    assert_int_equal(vt_trust_timestamp(t, ts->data, ts->len, &flag, NULL), VT_E_STATE);
    assert_false(vt_trust_recall_timestamp(t, ts->data, ts->len));
    assert_int_equal(vt_trust_seal_root(t, NULL), VT_OK);
    assert_int_equal(vt_trust_next_root(t, root->data, root->len, &flag, NULL), VT_E_STATE);
    assert_int_equal(vt_trust_snapshot(t, snap->data, snap->len, NULL), VT_E_STATE);
    assert_int_equal(vt_trust_timestamp(t, ts->data, ts->len, &flag, NULL), VT_OK);
    assert_true(flag);
    assert_int_equal(vt_trust_timestamp(t, ts->data, ts->len, &flag, NULL), VT_E_STATE);
    assert_int_equal(vt_trust_targets(t, targets->data, targets->len, NULL), VT_E_STATE);
    assert_int_equal(vt_trust_snapshot(t, snap->data, snap->len, NULL), VT_OK);
    assert_int_equal(vt_trust_channel(t, "products", "", 0, NULL), VT_E_STATE);
    assert_int_equal(vt_trust_targets(t, targets->data, targets->len, NULL), VT_OK);
    assert_int_equal(vt_trust_check_time(t, NOW + 999, NULL), VT_OK);
    assert_int_equal(vt_trust_check_time(t, NOW + 1000, NULL), VT_E_EXPIRED);
    vt_trust_free(t);
}

/* Each byte of each file, changed: never taken for the good one. */
static void
test_every_byte_counts(void **state)
{
    struct world *w = *state;
    struct vt_why why;
    static const char *const names[] = {
        "timestamp.json", "1.snapshot.json", "1.targets.json", "1.products.json"};
    for (size_t i = 0; i < 4; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "tuf/metadata/%s", names[i]);
        struct world_file *f = world_file(w, path);
        for (size_t at = 0; at < f->len; at += 7) {
            uint8_t was = f->data[at];
            char dir[VT_PATH_MAX];
            f->data[at] = (uint8_t)(was ^ (1U << (at % 8)));
            if (update_at(w, NOW, NULL, &why) == VT_OK)
                fail_msg("%s: byte %zu changed from %02x to %02x and taken", names[i], at, was,
                    f->data[at]);
            f->data[at] = was;
            assert_int_equal(vt_path(dir, NULL, "%s/metadata", w->dir), VT_OK);
            assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
        }
    }
    accept(w, 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_accepts_and_keeps),
        T(test_channel_that_is_not_there),
        T(test_root_of_another_line),
        T(test_no_root),
        T(test_root_rotation),
        T(test_revoked_key),
        T(test_root_versions),
        T(test_root_expiry),
        T(test_many_roots),
        T(test_fast_forward_recovery),
        T(test_timestamp_rollback),
        T(test_timestamp_again),
        T(test_timestamp_expiry),
        T(test_freeze),
        T(test_timestamp_signature),
        T(test_endless_data),
        T(test_endless_without_length),
        T(test_snapshot_bytes),
        T(test_snapshot_version),
        T(test_snapshot_signature),
        T(test_snapshot_expiry),
        T(test_snapshot_rollback),
        T(test_targets),
        T(test_channel_threshold),
        T(test_channel_same_keyid_twice),
        T(test_channel_same_key_two_keyids),
        T(test_wrong_keyid),
        T(test_channel_checks),
        T(test_mix_and_match),
        T(test_goes_on_after_refusal),
        T(test_damaged_state),
        T(test_plain_names),
        T(test_order_of_steps),
        T(test_every_byte_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
