/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: durable before acknowledged, one writer, never two roots for one
 * size, published with a quorum only, and readers that take nothing unproven.
 */
#include "attest/dsse.h"
#include "base/file.h"
#include "base/proc.h"
#include "crypto/signer.h"
#include "http/client.h"
#include "http/server.h"
#include "ledger/doc.h"
#include "log/audit.h"
#include "log/gate.h"
#include "log/publisher.h"
#include "log/reader.h"
#include "log/service.h"
#include "log/writer.h"
#include "store/store.h"
#include "witness/service.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"
enum { WITNESSES = 3 };

/* A witness in a thread of this process. */
struct wit {
    char dir[VT_PATH_MAX];
    char key[VT_PATH_MAX];
    char url[128];
    char vkey[VT_VKEY_TEXT_MAX];
    struct vt_witness *w;
    int listen_fd;
    int stop[2];
    pthread_t thread;
    bool up;
};

struct fixture {
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char pub[VT_PATH_MAX];
    struct vt_signer *signer;
    char log_vkey[VT_VKEY_TEXT_MAX];
    struct wit wit[WITNESSES];
    struct vt_policy *policy;
};

static void
vkey_text(const char *name, enum vt_note_alg alg, const struct vt_pubkey *pub,
    char ret[VT_VKEY_TEXT_MAX])
{
    struct vt_vkey v;

    assert_int_equal(vt_vkey_make(name, alg, pub, &v, NULL), VT_OK);
    vt_vkey_format(&v, ret);
}

/* A signer in this process from a fixed seed. */
static struct vt_signer *
signer_of(const char *name, uint8_t seed_byte)
{
    uint8_t seed[32] = {seed_byte};
    struct vt_key *k = NULL;
    struct vt_signer *s = NULL;

    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    return s;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-log", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->dir, NULL, "%s/log", f->root), VT_OK);
    assert_int_equal(vt_path(f->pub, NULL, "%s/public", f->root), VT_OK);
    f->signer = signer_of(ORIGIN, 1);
    vkey_text(ORIGIN, VT_NOTE_ED25519, vt_signer_public(f->signer), f->log_vkey);
    *state = f;
    return 0;
}

static void *
witness_main(void *arg)
{
    struct wit *w = arg;
    struct vt_why why = {0};

    return vt_witness_serve(w->w, w->listen_fd, w->stop[0], &why) == VT_OK ? w : NULL;
}

static void
witness_stop(struct wit *w)
{
    if (!w->up)
        return;
    close(w->stop[1]);
    pthread_join(w->thread, NULL);
    close(w->stop[0]);
    close(w->listen_fd);
    vt_witness_free(w->w);
    w->up = false;
}

/* Starts it, on the port it had before if it had one. */
static void
witness_start(struct fixture *f, struct wit *w)
{
    struct vt_vkey log;
    char url[128];

    assert_int_equal(vt_vkey_parse(f->log_vkey, strlen(f->log_vkey), &log, NULL), VT_OK);
    assert_int_equal(
        vt_witness_new(w->dir, w->key, &log, 1, &vt_clock_system, &w->w, NULL), VT_OK);
    assert_int_equal(vt_http_listen(w->url[0] != '\0' ? w->url + 7 : "127.0.0.1:0",
                         &w->listen_fd, url, NULL),
        VT_OK);
    memcpy(w->url, url, sizeof(url));
    assert_int_equal(pipe2(w->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&w->thread, NULL, witness_main, w), 0);
    w->up = true;
}

/* Three witnesses, two of which make the quorum. */
static int
set_up_witnesses(void **state)
{
    struct fixture *f;
    struct vt_buf b = VT_BUF(65536);

    (void)set_up(state);
    f = *state;
    vt_buf_putf(&b, "log %s\n", f->log_vkey);
    for (int i = 0; i < WITNESSES; i++) {
        struct wit *w = &f->wit[i];
        struct vt_key *k = NULL;
        struct vt_pubkey pub;
        char name[64];

        (void)snprintf(name, sizeof(name), "witness-%d.example", i);
        assert_int_equal(vt_path(w->dir, NULL, "%s/w%d", f->root, i), VT_OK);
        assert_int_equal(vt_witness_records_make(w->dir, NULL), VT_OK);
        assert_int_equal(vt_path(w->key, NULL, "%s/w%d.key", f->root, i), VT_OK);
        assert_int_equal(vt_key_new(name, &k, NULL), VT_OK);
        assert_int_equal(vt_key_save(k, w->key, NULL, NULL), VT_OK);
        vt_key_public(k, &pub);
        vt_key_free(k);
        vkey_text(name, VT_NOTE_COSIG_ED25519, &pub, w->vkey);
        witness_start(f, w);
        vt_buf_putf(&b, "witness w%d %s %s\n", i, w->vkey, w->url);
    }
    vt_buf_puts(&b, "group g 2 w0 w1 w2\nquorum g\n");
    assert_int_equal(vt_policy_parse(b.data, b.len, &f->policy, NULL), VT_OK);
    vt_buf_release(&b);
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < WITNESSES; i++)
        witness_stop(&f->wit[i]);
    vt_policy_free(f->policy);
    vt_signer_free(f->signer);
    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    free(f);
    return 0;
}

/* A policy that trusts the log without witnesses. */
static void
policy_without_witnesses(struct fixture *f)
{
    char text[2048];

    (void)snprintf(text, sizeof(text), "log %s\nquorum none\n", f->log_vkey);
    assert_int_equal(vt_policy_parse(text, strlen(text), &f->policy, NULL), VT_OK);
}

static struct vt_log_writer *
open_log(struct fixture *f)
{
    struct vt_log_writer *w = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why);

    if (err != VT_OK)
        fail_msg("%s", why.text);
    return w;
}

/* Adds "entry FROM" to "entry TO-1" in batches of 100. */
static void
add_entries(struct vt_log_writer *w, uint64_t from, uint64_t to, const char *tag)
{
    for (uint64_t i = from; i < to; i++) {
        struct vt_digest name;
        uint64_t index = 0;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu%s\n", (unsigned long long)i, tag);

        vt_digest_of(text, (size_t)n, &name);
        assert_int_equal(vt_log_writer_add(w, text, (size_t)n, &name, &index, NULL), VT_OK);
        assert_int_equal(index, i);
        if (i % 100 == 99)
            assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    }
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(w), to);
}

static void
expected_root(uint64_t size, struct vt_digest *ret)
{
    struct vt_frontier fr;

    vt_frontier_init(&fr);
    for (uint64_t i = 0; i < size; i++) {
        struct vt_digest leaf;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        vt_merkle_leaf(text, (size_t)n, &leaf);
        vt_frontier_append(&fr, &leaf);
    }
    vt_frontier_root(&fr, ret);
}

/* Signs and publishes with no witnesses asked. */
static void
publish_plain(struct fixture *f, struct vt_log_writer *w)
{
    size_t len;
    const void *note;

    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    note = vt_log_writer_signed_note(w, &len);
    assert_int_equal(vt_log_writer_publish(w, note, len, NULL), VT_OK);
}

static off_t
size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Flips one bit of a file. */
static void
flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 1);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void
assert_readable(struct fixture *f, const char *where, uint64_t size)
{
    struct vt_log_reader *r = NULL;
    struct vt_buf b = VT_BUF(65535);
    struct vt_proof proof;
    struct vt_why why = {0};
    const struct vt_checkpoint *cp;

    if (vt_log_reader_open(where, f->policy, &r, &why) != VT_OK)
        fail_msg("%s", why.text);
    cp = vt_log_reader_checkpoint(r);
    assert_int_equal(cp->size, size);
    for (uint64_t i = 0; i < size; i += size < 600 ? 1 : 17) {
        struct vt_digest leaf;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        if (vt_log_reader_entry(r, i, &b, &why) != VT_OK)
            fail_msg("entry %d: %s", (int)i, why.text);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, text, b.len);
        assert_int_equal(vt_log_reader_inclusion(r, i, &proof, NULL), VT_OK);
        vt_merkle_leaf(text, (size_t)n, &leaf);
        assert_int_equal(
            vt_merkle_check_inclusion(i, size, &leaf, &proof, &cp->root, NULL), VT_OK);
    }
    for (uint64_t old = 0; old <= size; old += size / 13 + 1) {
        struct vt_digest root;

        expected_root(old, &root);
        assert_int_equal(vt_log_reader_consistency(r, old, &proof, NULL), VT_OK);
        assert_int_equal(
            vt_merkle_check_consistency(old, size, &root, &cp->root, &proof, NULL), VT_OK);
    }
    assert_int_equal(vt_log_reader_entry(r, size, &b, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_inclusion(r, size, &proof, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_consistency(r, size + 1, &proof, &why), VT_E_NOENT);
    vt_log_reader_free(r);
    vt_buf_release(&b);
}

static void
test_tiles_are_read_back(void **state)
{
    static const uint64_t sizes[] = {0, 1, 2, 255, 256, 257, 511, 512, 600, 1025};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    uint64_t done = 0;

    policy_without_witnesses(f);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        add_entries(w, done, sizes[i], "");
        done = sizes[i];
        publish_plain(f, w);
        assert_readable(f, f->pub, done);
    }
    vt_log_writer_free(w);
}

/* Two levels of full tiles, and the third one begun. */
static void
test_a_larger_tree(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);

    policy_without_witnesses(f);
    add_entries(w, 0, 66000, "");
    publish_plain(f, w);
    vt_log_writer_free(w);
    assert_readable(f, f->pub, 66000);
}

/* A partial tile that is gone because its tile filled up. */
static void
test_reader_of_an_older_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_log_reader *r = NULL;
    struct vt_buf b = VT_BUF(65535);
    char path[VT_PATH_MAX];

    policy_without_witnesses(f);
    add_entries(w, 0, 100, "");
    publish_plain(f, w);
    assert_int_equal(vt_log_reader_open(f->pub, f->policy, &r, NULL), VT_OK);
    add_entries(w, 100, 700, "");
    publish_plain(f, w);
    assert_int_equal(vt_path(path, NULL, "%s/tile/0/000.p", f->pub), VT_OK);
    assert_false(vt_file_exists(path));
    assert_int_equal(vt_log_reader_entry(r, 99, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "entry 99\n");
    assert_int_equal(vt_log_reader_entry(r, 100, &b, NULL), VT_E_NOENT);
    vt_log_reader_free(r);
    vt_log_writer_free(w);
    vt_buf_release(&b);
}

static enum vt_err
read_all(struct fixture *f, struct vt_why *why)
{
    struct vt_log_audit sum;

    return vt_log_audit(f->pub, f->policy, NULL, &sum, why);
}

/* Any changed byte of any public file of the log is noticed. */
static void
test_tampered_files_are_refused(void **state)
{
    static const char *const files[] = {"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1",
        "tile/entries/000", "tile/entries/001.p/44"};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    policy_without_witnesses(f);
    add_entries(w, 0, 300, "");
    publish_plain(f, w);
    vt_log_writer_free(w);
    assert_int_equal(read_all(f, &why), VT_OK);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        off_t size;

        assert_int_equal(vt_path(path, NULL, "%s/%s", f->pub, files[i]), VT_OK);
        size = size_of(path);
        for (off_t at = 0; at < size; at += size / 9 + 1) {
            flip(path, at);
            assert_int_equal(read_all(f, &why), VT_E_PROOF);
            flip(path, at);
        }
        assert_int_equal(truncate(path, size - 1), 0);
        assert_int_equal(read_all(f, &why), VT_E_PROOF);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(read_all(f, &why), VT_E_NOENT);
        w = open_log(f); /* makes it again */
        vt_log_writer_free(w);
        assert_int_equal(read_all(f, &why), VT_OK);
    }
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->pub), VT_OK);
    for (off_t at = 0; at < size_of(path); at += 5) {
        flip(path, at);
        assert_int_not_equal(read_all(f, &why), VT_OK);
        flip(path, at);
    }
}

/* Steps the publisher until it is idle or the time is over. */
static bool
step_until_idle(struct vt_publisher *p, int64_t ms)
{
    int64_t end = vt_clock_monotonic_ms() + ms;

    while (!vt_publisher_is_idle(p) && vt_clock_monotonic_ms() < end)
        assert_int_equal(vt_publisher_step(p, -1, 50, NULL), VT_OK);
    return vt_publisher_is_idle(p);
}

static size_t
published_cosignatures(struct fixture *f, uint64_t *ret_size)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    const struct vt_policy_party *w = NULL;
    size_t n = vt_policy_witnesses(f->policy, &w);
    struct vt_checkpoint c;
    struct vt_note note;
    char path[VT_PATH_MAX];
    size_t count = 0;
    uint64_t time;

    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->pub), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_int_equal(
        vt_policy_check_checkpoint(f->policy, b.data, b.len, &c, &time, NULL), VT_OK);
    assert_int_equal(vt_note_parse(b.data, b.len, &note, NULL), VT_OK);
    for (size_t i = 0; i < n; i++)
        count += vt_cosig_verify(&note, &w[i].key, &time, NULL) == VT_OK;
    *ret_size = c.size;
    vt_buf_release(&b);
    return count;
}

static void
test_published_with_a_quorum_only(void **state)
{
    static const struct vt_publisher_opts opts = {.interval_ms = 10, .witness_ms = 2000};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_publisher *p = NULL;
    char path[VT_PATH_MAX];
    uint64_t size = 0;

    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->pub), VT_OK);
    /* Nobody but one: nothing is published. */
    witness_stop(&f->wit[1]);
    witness_stop(&f->wit[2]);
    add_entries(w, 0, 3, "");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    assert_false(step_until_idle(p, 300));
    assert_false(vt_file_exists(path));
    /* Two: published, with both. */
    witness_start(f, &f->wit[1]);
    assert_true(step_until_idle(p, 8000));
    assert_int_equal(published_cosignatures(f, &size), 2);
    assert_int_equal(size, 3);
    /* All three, the third from nothing to here. */
    witness_start(f, &f->wit[2]);
    add_entries(w, 3, 40, "");
    assert_true(step_until_idle(p, 8000));
    assert_int_equal(published_cosignatures(f, &size), 3);
    assert_int_equal(size, 40);
    /* The quorum is lost: what is published stays as it was. */
    witness_stop(&f->wit[0]);
    witness_stop(&f->wit[1]);
    add_entries(w, 40, 41, "");
    assert_false(step_until_idle(p, 300));
    assert_int_equal(published_cosignatures(f, &size), 3);
    assert_int_equal(size, 40);
    vt_publisher_free(p);
    vt_log_writer_free(w);
    /* After a restart of all it goes on from what was signed. */
    witness_start(f, &f->wit[0]);
    w = open_log(f);
    assert_int_equal(vt_log_writer_signed(w)->size, 41);
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    assert_int_equal(vt_publisher_size(p), 40);
    assert_true(step_until_idle(p, 8000));
    assert_int_equal(published_cosignatures(f, &size), 2);
    assert_int_equal(size, 41);
    vt_publisher_free(p);
    vt_log_writer_free(w);
}

/* A silent witness neither blocks a quorum of others nor the thread. */
static void
test_hanging_witness(void **state)
{
    static const struct vt_publisher_opts opts = {.interval_ms = 10, .witness_ms = 3000};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_publisher *p = NULL;
    char url[128];
    uint64_t size = 0;
    int64_t began;
    int fd = -1;

    witness_stop(&f->wit[2]);
    /* It takes connections and never answers. */
    assert_int_equal(vt_http_listen(f->wit[2].url + 7, &fd, url, NULL), VT_OK);
    add_entries(w, 0, 3, "");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    began = vt_clock_monotonic_ms();
    assert_true(step_until_idle(p, 2000));
    assert_true(vt_clock_monotonic_ms() - began < 1500);
    assert_int_equal(published_cosignatures(f, &size), 2);
    add_entries(w, 3, 4, "");
    assert_true(step_until_idle(p, 2500));
    assert_int_equal(published_cosignatures(f, &size), 2);
    assert_int_equal(size, 4);
    vt_publisher_free(p);
    vt_log_writer_free(w);
    close(fd);
}

/* The operator shows the witnesses one tree and others another (threats 6, 7). */
static void
test_split_view_is_not_published(void **state)
{
    static const struct vt_publisher_opts opts = {.interval_ms = 10};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_publisher *p = NULL;
    char path[VT_PATH_MAX];

    add_entries(w, 0, 10, "");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    assert_true(step_until_idle(p, 8000));
    vt_publisher_free(p);
    vt_log_writer_free(w);
    /* The same key, another history: of the same length, and longer. */
    assert_int_equal(vt_path(f->dir, NULL, "%s/log2", f->root), VT_OK);
    assert_int_equal(vt_path(f->pub, NULL, "%s/public2", f->root), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->pub), VT_OK);
    w = open_log(f);
    add_entries(w, 0, 10, " other");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    assert_false(step_until_idle(p, 300));
    add_entries(w, 10, 12, " other");
    assert_false(step_until_idle(p, 900));
    assert_false(vt_file_exists(path));
    vt_publisher_free(p);
    vt_log_writer_free(w);
    /* And shorter than what they know. */
    assert_int_equal(vt_path(f->dir, NULL, "%s/log3", f->root), VT_OK);
    w = open_log(f);
    add_entries(w, 0, 4, "");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    assert_false(step_until_idle(p, 300));
    assert_false(vt_file_exists(path));
    vt_publisher_free(p);
    vt_log_writer_free(w);
}

/* Standard error goes to a file below the fixture's folder; the descriptor it had. */
static int
hear(struct fixture *f, char ret_path[VT_PATH_MAX])
{
    int own = dup(STDERR_FILENO);
    int fd;

    assert_int_equal(vt_path(ret_path, NULL, "%s/said", f->root), VT_OK);
    fd = open(ret_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(own >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
    return own;
}

/* How often the words were said; standard error is what it was. */
static unsigned
heard(int own, const char *path, const char *words)
{
    struct vt_buf b = VT_BUF(1U << 24);
    unsigned n = 0;

    assert_int_equal(dup2(own, STDERR_FILENO), STDERR_FILENO);
    close(own);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    for (const char *at = vt_buf_str(&b); (at = strstr(at, words)) != NULL; at++)
        n++;
    vt_buf_release(&b);
    return n;
}

/* One witness has cosigned 5 entries of another tree. */
static void
mislead(struct fixture *f, struct wit *wit, const struct vt_publisher_opts *opts)
{
    struct vt_publisher *p = NULL;
    struct fixture other = *f;
    struct vt_log_writer *w;

    for (int i = 0; i < WITNESSES; i++)
        if (&f->wit[i] != wit)
            witness_stop(&f->wit[i]);
    assert_int_equal(vt_path(other.dir, NULL, "%s/log2", f->root), VT_OK);
    assert_int_equal(vt_path(other.pub, NULL, "%s/public2", f->root), VT_OK);
    w = open_log(&other);
    add_entries(w, 0, 5, " other");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, opts, &p, NULL), VT_OK);
    for (int64_t end = vt_clock_monotonic_ms() + 20000; vt_clock_monotonic_ms() < end;) {
        struct vt_publisher_numbers n;

        assert_int_equal(vt_publisher_step(p, -1, 50, NULL), VT_OK);
        vt_publisher_numbers(p, &n);
        if (n.witness[wit - f->wit].answers[VT_ANSWER_COSIGNED] > 0)
            break;
    }
    vt_publisher_free(p);
    vt_log_writer_free(w);
    for (int i = 0; i < WITNESSES; i++)
        if (&f->wit[i] != wit)
            witness_start(f, &f->wit[i]);
}

/* One that refuses is asked now and then, and it is said once; it is asked at once when it is
 * needed, and is one of them again when it cosigns. */
static void
test_refusing_witness(void **state)
{
    static const struct vt_publisher_opts opts = {.interval_ms = 10};
    struct fixture *f = *state;
    struct wit *wit = &f->wit[2];
    struct vt_publisher_numbers n;
    struct vt_publisher *p = NULL;
    struct vt_log_writer *w;
    char path[VT_PATH_MAX];
    uint64_t size = 0;
    int64_t began;
    unsigned said;
    int own;

    mislead(f, wit, &opts);
    w = open_log(f);
    add_entries(w, 0, 10, "");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, &opts, &p, NULL), VT_OK);
    own = hear(f, path);
    began = vt_clock_monotonic_ms();
    for (uint64_t i = 10; i < 40; i++) {
        assert_true(step_until_idle(p, 20000));
        add_entries(w, i, i + 1, "");
    }
    vt_publisher_numbers(p, &n);
    said = heard(own, path, "witness w2 did not cosign: status 422");
    assert_in_range(said, 1, 1 + n.witness[2].answers[VT_ANSWER_NONE]);
    assert_true(n.rounds >= 30);
    assert_true(n.witness[2].answers[VT_ANSWER_422] >= 1);
    if (n.missed == 0)
        assert_true((int64_t)n.witness[2].answers[VT_ANSWER_422] <=
                    1 + (vt_clock_monotonic_ms() - began) / 1000);
    /* Without another one there is no quorum; then it is a new one, and needed. */
    witness_stop(&f->wit[0]);
    assert_false(step_until_idle(p, 300));
    witness_stop(wit);
    assert_int_equal(vt_tree_remove(wit->dir, NULL), VT_OK);
    assert_int_equal(vt_witness_records_make(wit->dir, NULL), VT_OK);
    witness_start(f, wit);
    assert_true(step_until_idle(p, 20000));
    assert_int_equal(published_cosignatures(f, &size), 2);
    assert_int_equal(size, 40);
    add_entries(w, 40, 41, "");
    assert_true(step_until_idle(p, 20000));
    vt_publisher_numbers(p, &n);
    assert_true(n.witness[2].answers[VT_ANSWER_COSIGNED] >= 2);
    vt_publisher_free(p);
    vt_log_writer_free(w);
}

static void
test_publisher_refuses(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_publisher *p = NULL;
    struct vt_signer *other = signer_of("other.example/log", 1);
    struct vt_signer *same_name = signer_of(ORIGIN, 2);
    struct vt_why why = {0};

    policy_without_witnesses(f);
    assert_int_equal(vt_publisher_new(w, f->policy, other, NULL, &p, &why), VT_E_CONFIG);
    assert_int_equal(vt_publisher_new(w, f->policy, same_name, NULL, &p, &why), VT_E_CONFIG);
    assert_int_equal(vt_log_writer_sign(w, other, &why), VT_E_CONFIG);
    /* What is published is more than the log holds. */
    add_entries(w, 0, 5, "");
    publish_plain(f, w);
    vt_log_writer_free(w);
    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    w = open_log(f);
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, NULL, &p, &why), VT_E_ROLLBACK);
    add_entries(w, 0, 5, " other");
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, NULL, &p, &why), VT_E_DIGEST);
    vt_log_writer_free(w);
    vt_signer_free(other);
    vt_signer_free(same_name);
}

/* A policy with signers of all kinds, and entries as they would make them. */
struct chain {
    struct vt_signer *dev;
    struct vt_signer *assembler;
    struct vt_signer *release;
    struct vt_signer *alpha;
    struct vt_signer *stranger;
    struct vt_store *store;
    struct vt_digest statement;
    struct vt_policy *policy;
};

static void
put_signer(struct vt_buf *b, const char *name, const struct vt_signer *s)
{
    char vkey[VT_VKEY_TEXT_MAX];

    vkey_text(vt_signer_name(s), VT_NOTE_ED25519, vt_signer_public(s), vkey);
    vt_buf_putf(b, "signer %s %s\n", name, vkey);
}

static void
chain_init(struct chain *c, const struct fixture *f)
{
    struct vt_buf b = VT_BUF(65536);
    char path[VT_PATH_MAX];

    c->dev = signer_of("developer.example", 11);
    c->assembler = signer_of("zurich.example/assembler", 12);
    c->release = signer_of("zurich.example/release", 13);
    c->alpha = signer_of("alpha.example/rebuilder", 14);
    c->stranger = signer_of("developer.example", 15);
    vt_buf_putf(&b, "log %s\nquorum none\n", f->log_vkey);
    put_signer(&b, "developer", c->dev);
    put_signer(&b, "assembler", c->assembler);
    put_signer(&b, "release", c->release);
    put_signer(&b, "alpha", c->alpha);
    vt_buf_puts(&b, "require source developer\nrequire environment assembler\n"
                    "require assembly assembler\nrequire rebuild alpha\n"
                    "require release release\n");
    assert_int_equal(vt_policy_parse(b.data, b.len, &c->policy, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/objects", f->pub), VT_OK);
    assert_int_equal(vt_store_open_dir(path, &c->store, NULL), VT_OK);
    assert_int_equal(vt_store_put(c->store, "statement", 9, &c->statement, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
chain_release(struct chain *c)
{
    vt_signer_free(c->dev);
    vt_signer_free(c->assembler);
    vt_signer_free(c->release);
    vt_signer_free(c->alpha);
    vt_signer_free(c->stranger);
    vt_store_free(c->store);
    vt_policy_free(c->policy);
}

static struct vt_digest
digest_of(const char *s)
{
    struct vt_digest d;

    vt_digest_of(s, strlen(s), &d);
    return d;
}

static void
subject(struct vt_entry *e, enum vt_subject_role role, const char *what)
{
    struct vt_digest d = digest_of(what);

    assert_int_equal(vt_entry_add(e, role, &d, NULL), VT_OK);
}

static void
make_entry(struct vt_buf *b, const struct chain *c, enum vt_entry_kind kind,
    struct vt_signer *s, const char *artifact)
{
    struct vt_entry e = {.kind = kind, .statement = c->statement};

    if (kind != VT_ENTRY_ENVIRONMENT && kind != VT_ENTRY_RELEASE)
        subject(&e, VT_SUBJECT_SOURCE, "source");
    if (kind != VT_ENTRY_SOURCE && kind != VT_ENTRY_RELEASE)
        subject(&e, VT_SUBJECT_ENVIRONMENT, "environment");
    if (kind != VT_ENTRY_SOURCE && kind != VT_ENTRY_ENVIRONMENT)
        subject(&e, VT_SUBJECT_ARTIFACT, artifact);
    if (kind == VT_ENTRY_ASSEMBLY || kind == VT_ENTRY_REBUILD || kind == VT_ENTRY_MISMATCH)
        subject(&e, VT_SUBJECT_RECIPE, "recipe");
    if (kind == VT_ENTRY_MISMATCH)
        subject(&e, VT_SUBJECT_REBUILT, "other bytes");
    if (kind == VT_ENTRY_RELEASE)
        subject(&e, VT_SUBJECT_METADATA, "metadata");
    vt_buf_clear(b);
    assert_int_equal(vt_entry_sign(b, &e, s, NULL), VT_OK);
}

static void
log_entry(struct vt_log_writer *w, const struct chain *c, enum vt_entry_kind kind,
    struct vt_signer *s, const char *artifact)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest name;
    uint64_t index;

    make_entry(&b, c, kind, s, artifact);
    vt_digest_of(b.data, b.len, &name);
    assert_int_equal(vt_log_writer_add(w, b.data, b.len, &name, &index, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
test_gate_for_entries(void **state)
{
    struct fixture *f = *state;
    struct chain c;
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest name;
    struct vt_digest other;
    struct vt_why why = {0};

    chain_init(&c, f);
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.dev, "");
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_OK);
    /* The same text by another party is another entry. */
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.alpha, "");
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &other, &why), VT_OK);
    assert_false(vt_digest_eq(&name, &other));
    /* A stranger, also one with a known name. */
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.stranger, "");
    assert_int_equal(
        vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_UNKNOWN);
    make_entry(&b, &c, VT_ENTRY_SOURCE, f->signer, "");
    assert_int_equal(
        vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_UNKNOWN);
    /* A changed text under a known key. */
    make_entry(&b, &c, VT_ENTRY_ASSEMBLY, c.assembler, "artifact");
    b.data[60] = b.data[60] == 'a' ? 'b' : 'a';
    assert_int_not_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_OK);
    /* A statement that nobody sent. */
    c.statement = digest_of("not there");
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.dev, "");
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "/objects"));
    assert_int_equal(vt_gate_entry(c.policy, c.store, "junk", 4, &name, &why), VT_E_SYNTAX);
    vt_buf_release(&b);
    chain_release(&c);
}

static void
test_gate_for_envelopes(void **state)
{
    static const char body[] = "{\"_type\":\"https://in-toto.io/Statement/v1\"}";
    struct fixture *f = *state;
    struct chain c;
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    struct vt_why why = {0};
    char *p;

    chain_init(&c, f);
    assert_int_equal(vt_dsse_sign(&b, body, sizeof(body) - 1, c.dev, NULL), VT_OK);
    assert_int_equal(vt_gate_envelope(c.policy, b.data, b.len, &why), VT_OK);
    p = strstr((char *)b.data, "\"sig\":\"");
    assert_non_null(p);
    p[10] = p[10] == 'A' ? 'B' : 'A';
    assert_int_equal(vt_gate_envelope(c.policy, b.data, b.len, &why), VT_E_SIG);
    vt_buf_clear(&b);
    assert_int_equal(vt_dsse_sign(&b, body, sizeof(body) - 1, c.stranger, NULL), VT_OK);
    assert_int_equal(vt_gate_envelope(c.policy, b.data, b.len, &why), VT_E_UNKNOWN);
    assert_int_equal(vt_gate_envelope(c.policy, "{}", 2, &why), VT_E_UNKNOWN);
    vt_buf_release(&b);
    chain_release(&c);
}

/* A signature over staged metadata, as a rebuilder posts it. */
static void
sign_staged(struct vt_buf *b, struct vt_signer *s, const char *signed_part, int version)
{
    char keyid[VT_DIGEST_HEX_SIZE];
    char hex[2 * VT_SIG_SIZE + 1];
    struct vt_sig sig;

    assert_int_equal(vt_gate_tuf_keyid(vt_signer_public(s), keyid, NULL), VT_OK);
    assert_int_equal(
        vt_signer_sign(s, VT_SIGN_TUF, signed_part, strlen(signed_part), &sig, NULL), VT_OK);
    vt_hex_encode(sig.b, sizeof(sig.b), hex);
    vt_buf_clear(b);
    vt_buf_putf(
        b, "{\"version\": %d, \"keyid\": \"%s\", \"sig\": \"%s\"}", version, keyid, hex);
}

#define STAGED_SIGNED                                                                          \
    "{\"_type\":\"targets\",\"spec_version\":\"1.0.31\",\"targets\":{},\"version\":7}"
#define STAGED "{\"signatures\": [], \"signed\": " STAGED_SIGNED "}"

/* Signs text as a ledger document, in place of what is in b. */
static void
sign_document(struct vt_buf *b, struct vt_signer *s, const char *text)
{
    struct vt_vkey v;
    struct vt_sig sig;

    assert_int_equal(
        vt_vkey_make(vt_signer_name(s), VT_NOTE_ED25519, vt_signer_public(s), &v, NULL), VT_OK);
    assert_int_equal(vt_signer_sign(s, VT_SIGN_VAULT, text, strlen(text), &sig, NULL), VT_OK);
    if (b->len == 0) {
        vt_buf_puts(b, text);
        vt_buf_puts(b, "\n");
    }
    vt_note_put_sig(b, v.name, v.id, sig.b, sizeof(sig.b));
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define REFUSAL                                                                                \
    "vitrine/vault/refusal/v1\nrequest sha256:" ZEROS                                          \
    "\nsite zurich.example\ncode expired\nmade 2026-11-22T10:00:00Z\n"

static void
test_gate_for_documents(void **state)
{
    static const char huge[VT_DOC_MAX + 1] = "vitrine/vault/";
    struct fixture *f = *state;
    struct chain c;
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {0};

    chain_init(&c, f);
    sign_document(&b, c.stranger, REFUSAL);
    assert_int_equal(vt_gate_object(c.policy, b.data, b.len, &why), VT_E_UNKNOWN);
    assert_non_null(strstr(why.text, "no signer"));
    /* A stranger's line beside that of a signer does no harm. */
    sign_document(&b, c.dev, REFUSAL);
    assert_int_equal(vt_gate_object(c.policy, b.data, b.len, &why), VT_OK);
    sign_document(&b, c.alpha, REFUSAL);
    assert_int_equal(vt_gate_object(c.policy, b.data, b.len, &why), VT_OK);
    /* Changed: each signer's signature must hold. */
    b.data[strlen(REFUSAL) - 3] = '1';
    assert_int_equal(vt_gate_object(c.policy, b.data, b.len, &why), VT_E_SIG);
    /* Free text has no place, whoever signs it. */
    vt_buf_clear(&b);
    sign_document(&b, c.dev, "vitrine/vault/refusal/v1\nnote that was carol's laptop\n");
    assert_int_equal(vt_gate_object(c.policy, b.data, b.len, &why), VT_E_SYNTAX);
    assert_int_equal(vt_gate_object(c.policy, "vitrine/vault/x", 15, &why), VT_E_SYNTAX);
    assert_int_equal(vt_gate_object(c.policy, huge, sizeof(huge), &why), VT_E_LIMIT);
    assert_int_equal(vt_gate_object(c.policy, "{}", 2, &why), VT_E_UNKNOWN);
    vt_buf_release(&b);
    chain_release(&c);
}

/* Signs an entry of that kind about the request whose digest begins with `byte`. */
static void
make_ledger_entry(struct vt_buf *b, const struct chain *c, enum vt_entry_kind kind,
    struct vt_signer *s, uint8_t byte)
{
    struct vt_entry e = {.kind = kind, .statement = c->statement};
    struct vt_digest request = {{byte}};

    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_REQUEST, &request, NULL), VT_OK);
    vt_buf_clear(b);
    assert_int_equal(vt_entry_sign(b, &e, s, NULL), VT_OK);
}

/* A ledger entry is let in only with its document, and when both say the same. */
static void
test_gate_for_ledger_entries(void **state)
{
    struct fixture *f = *state;
    struct chain c;
    struct vt_buf doc = VT_BUF(65536);
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest name;
    struct vt_why why = {0};

    chain_init(&c, f);
    make_ledger_entry(&b, &c, VT_ENTRY_REFUSAL, c.dev, 0);
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_SYNTAX);
    sign_document(&doc, c.dev, REFUSAL);
    assert_int_equal(vt_store_put(c.store, doc.data, doc.len, &c.statement, NULL), VT_OK);
    make_ledger_entry(&b, &c, VT_ENTRY_REFUSAL, c.dev, 0);
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_OK);
    make_ledger_entry(&b, &c, VT_ENTRY_REFUSAL, c.dev, 1);
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_DIGEST);
    make_ledger_entry(&b, &c, VT_ENTRY_REFUSAL, c.alpha, 0);
    assert_int_equal(
        vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_UNKNOWN);
    make_ledger_entry(&b, &c, VT_ENTRY_APPROVAL, c.dev, 0);
    assert_int_equal(vt_gate_entry(c.policy, c.store, b.data, b.len, &name, &why), VT_E_SYNTAX);
    vt_buf_release(&b);
    vt_buf_release(&doc);
    chain_release(&c);
}

static void
test_gate_for_staged_signatures(void **state)
{
    struct fixture *f = *state;
    struct chain c;
    struct vt_buf b = VT_BUF(4096);
    struct vt_staged_sig sig;
    struct vt_why why = {0};

    chain_init(&c, f);
    sign_staged(&b, c.alpha, STAGED_SIGNED, 7);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), b.data, b.len, &sig, &why), VT_OK);
    assert_int_equal(sig.version, 7);
    sign_staged(&b, c.assembler, STAGED_SIGNED, 7);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), b.data, b.len, &sig, &why), VT_OK);
    sign_staged(&b, c.alpha, STAGED_SIGNED, 6);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), b.data, b.len, &sig, &why),
        VT_E_STATE);
    /* Signers who neither assemble nor rebuild, and strangers. */
    sign_staged(&b, c.release, STAGED_SIGNED, 7);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), b.data, b.len, &sig, &why),
        VT_E_UNKNOWN);
    sign_staged(&b, c.stranger, STAGED_SIGNED, 7);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), b.data, b.len, &sig, &why),
        VT_E_UNKNOWN);
    sign_staged(&b, c.alpha,
        "{\"_type\":\"targets\",\"spec_version\":\"1.0.31\",\"targets\":{},\"version\":8}", 7);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), b.data, b.len, &sig, &why), VT_E_SIG);
    assert_int_equal(
        vt_gate_staged(c.policy, STAGED, strlen(STAGED), "{}", 2, &sig, &why), VT_E_SYNTAX);
    assert_true(vt_gate_role_valid("products"));
    assert_false(vt_gate_role_valid(""));
    assert_false(vt_gate_role_valid("../x"));
    assert_false(vt_gate_role_valid("Products"));
    vt_buf_release(&b);
    chain_release(&c);
}

static void
test_passport_is_collected(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_log_reader *r = NULL;
    struct vt_passport *p = NULL;
    struct vt_passport_report report;
    struct vt_digest artifact = digest_of("artifact");
    struct vt_digest unknown = digest_of("unknown");
    struct vt_entry assembly;
    struct vt_why why = {0};
    uint64_t index = 0;
    struct chain c;

    chain_init(&c, f);
    log_entry(w, &c, VT_ENTRY_SOURCE, c.dev, "");
    log_entry(w, &c, VT_ENTRY_ENVIRONMENT, c.assembler, "");
    log_entry(w, &c, VT_ENTRY_ASSEMBLY, c.assembler, "artifact");
    log_entry(w, &c, VT_ENTRY_ASSEMBLY, c.assembler, "another");
    log_entry(w, &c, VT_ENTRY_ASSEMBLY, c.stranger, "artifact");
    log_entry(w, &c, VT_ENTRY_REBUILD, c.alpha, "another");
    log_entry(w, &c, VT_ENTRY_REBUILD, c.alpha, "artifact");
    log_entry(w, &c, VT_ENTRY_RELEASE, c.release, "artifact");
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    publish_plain(f, w);
    assert_int_equal(vt_log_reader_open(f->pub, c.policy, &r, &why), VT_OK);
    assert_int_equal(vt_log_reader_find_assembly(r, &artifact, &index, &assembly, &why), VT_OK);
    assert_int_equal(index, 2);
    assert_int_equal(
        vt_log_reader_find_assembly(r, &unknown, &index, &assembly, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_passport(r, &artifact, &p, &why), VT_OK);
    assert_int_equal(vt_passport_count(p), 5);
    if (vt_passport_check(p, &artifact, c.policy, &report, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_passport_free(p);
    vt_log_reader_free(r);
    /* A mismatch that the rebuilder publishes later is in the next passport. */
    log_entry(w, &c, VT_ENTRY_MISMATCH, c.alpha, "artifact");
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    publish_plain(f, w);
    assert_int_equal(vt_log_reader_open(f->pub, c.policy, &r, &why), VT_OK);
    assert_int_equal(vt_log_reader_passport(r, &artifact, &p, &why), VT_OK);
    assert_int_equal(vt_passport_count(p), 6);
    assert_int_not_equal(vt_passport_check(p, &artifact, c.policy, &report, &why), VT_OK);
    vt_passport_free(p);
    vt_log_reader_free(r);
    vt_log_writer_free(w);
    chain_release(&c);
}

/* The log process, as a thread, spoken to as the http process does. */
struct service_thread {
    struct vt_service_opts opts;
    int fd;
    enum vt_err result;
};

static void *
service_main(void *arg)
{
    struct service_thread *s = arg;
    struct vt_why why = {0};

    s->result = vt_service_run(s->fd, &s->opts, &why);
    close(s->fd);
    return NULL;
}

static int
ask_service(int fd, enum vt_service_msg type, uint64_t number, const char *role,
    const void *body, size_t len, struct vt_buf *answer)
{
    static const struct vt_msg_rule rules[] = {{VT_SERVICE_DONE, 4096}, {0, 0}};
    struct vt_buf b = VT_BUF(VT_SERVICE_BODY_MAX);
    struct vt_reader r;
    uint64_t echoed = 0;
    uint16_t status = 0;
    uint16_t retry = 0;
    uint16_t got;

    vt_buf_put_u64(&b, number);
    if (role != NULL) {
        vt_buf_put_u8(&b, (uint8_t)strlen(role));
        vt_buf_puts(&b, role);
    }
    vt_buf_put(&b, body, len);
    assert_int_equal(vt_msg_send(fd, (uint16_t)type, b.data, b.len, NULL), VT_OK);
    assert_int_equal(vt_msg_recv(fd, rules, 10000, &got, answer, NULL), VT_OK);
    r = VT_READER(answer->data, answer->len);
    assert_true(
        vt_reader_u64(&r, &echoed) && vt_reader_u16(&r, &status) && vt_reader_u16(&r, &retry));
    assert_int_equal(echoed, number);
    memmove(answer->data, r.p, r.left);
    answer->len = r.left;
    answer->data[r.left] = 0;
    vt_buf_release(&b);
    return status;
}

static void
test_service(void **state)
{
    struct fixture *f = *state;
    struct service_thread s = {.opts = {.log_dir = f->dir, .public_dir = f->pub}};
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    struct vt_buf answer = VT_BUF(8192);
    char staged_dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    char keyid[VT_DIGEST_HEX_SIZE];
    pthread_t thread;
    struct chain c;
    int fds[2];

    chain_init(&c, f);
    assert_int_equal(vt_path(staged_dir, NULL, "%s/staged", f->root), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/staged", f->pub), VT_OK);
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/staged/products.json", f->pub), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, STAGED, strlen(STAGED), NULL), VT_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    s.fd = fds[1];
    s.opts.staged_dir = staged_dir;
    s.opts.policy = c.policy;
    s.opts.signer = f->signer;
    assert_int_equal(pthread_create(&thread, NULL, service_main, &s), 0);

    /* A statement, then its entry, then the same again. */
    assert_int_equal(vt_dsse_sign(&b, "{}", 2, c.dev, NULL), VT_OK);
    assert_int_equal(
        ask_service(fds[0], VT_SERVICE_OBJECT, 1, NULL, b.data, b.len, &answer), 200);
    vt_digest_of(b.data, b.len, &c.statement);
    assert_true(vt_store_has(c.store, &c.statement));
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.dev, "");
    assert_int_equal(ask_service(fds[0], VT_SERVICE_ADD, 2, NULL, b.data, b.len, &answer), 200);
    assert_string_equal(vt_buf_str(&answer), "0\n");
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.alpha, "");
    assert_int_equal(ask_service(fds[0], VT_SERVICE_ADD, 3, NULL, b.data, b.len, &answer), 200);
    assert_string_equal(vt_buf_str(&answer), "1\n");
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.dev, "");
    assert_int_equal(ask_service(fds[0], VT_SERVICE_ADD, 4, NULL, b.data, b.len, &answer), 200);
    assert_string_equal(vt_buf_str(&answer), "0\n");
    /* Each refusal has its status. */
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.stranger, "");
    assert_int_equal(ask_service(fds[0], VT_SERVICE_ADD, 5, NULL, b.data, b.len, &answer), 403);
    assert_int_equal(ask_service(fds[0], VT_SERVICE_ADD, 6, NULL, "x", 1, &answer), 400);
    c.statement = digest_of("not there");
    make_entry(&b, &c, VT_ENTRY_SOURCE, c.dev, "");
    assert_int_equal(ask_service(fds[0], VT_SERVICE_ADD, 7, NULL, b.data, b.len, &answer), 409);
    assert_int_equal(ask_service(fds[0], VT_SERVICE_OBJECT, 8, NULL, "{}", 2, &answer), 403);
    /* Staged signatures. */
    sign_staged(&b, c.alpha, STAGED_SIGNED, 7);
    assert_int_equal(
        ask_service(fds[0], VT_SERVICE_STAGED, 9, "products", b.data, b.len, &answer), 200);
    assert_int_equal(vt_gate_tuf_keyid(vt_signer_public(c.alpha), keyid, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/products/7/%s.sig", staged_dir, keyid), VT_OK);
    assert_true(vt_file_exists(path));
    assert_int_equal(
        ask_service(fds[0], VT_SERVICE_STAGED, 10, "databases", b.data, b.len, &answer), 409);
    assert_int_equal(
        ask_service(fds[0], VT_SERVICE_STAGED, 11, "../../x", b.data, b.len, &answer), 400);
    /* It publishes soon by itself. */
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->pub), VT_OK);
    for (int i = 0; i < 100; i++) {
        struct vt_log_reader *r = NULL;
        bool there = vt_log_reader_open(f->pub, c.policy, &r, NULL) == VT_OK &&
                     vt_log_reader_checkpoint(r)->size == 2;

        vt_log_reader_free(r);
        if (there)
            break;
        usleep(20000);
        assert_true(i < 99);
    }
    close(fds[0]);
    pthread_join(thread, NULL);
    assert_int_equal(s.result, VT_OK);
    vt_buf_release(&b);
    vt_buf_release(&answer);
    chain_release(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tiles_are_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_larger_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_of_an_older_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tampered_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_published_with_a_quorum_only, set_up_witnesses, tear_down),
        cmocka_unit_test_setup_teardown(test_hanging_witness, set_up_witnesses, tear_down),
        cmocka_unit_test_setup_teardown(
            test_split_view_is_not_published, set_up_witnesses, tear_down),
        cmocka_unit_test_setup_teardown(test_refusing_witness, set_up_witnesses, tear_down),
        cmocka_unit_test_setup_teardown(test_publisher_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gate_for_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gate_for_envelopes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gate_for_documents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gate_for_ledger_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gate_for_staged_signatures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_passport_is_collected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_service, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
