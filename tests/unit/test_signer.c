/* SPDX-License-Identifier: Apache-2.0 */
/* Many signatures from a signer process in one go, and processes that answer wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/msg.h"
#include "base/proc.h"
#include "crypto/signer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "me/log"
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define MANY 1000U
#define LARGE (3U << 20)

static char dir[64];
static char key_path[VT_PATH_MAX];

static int
set_up(void **state)
{
    struct vt_key *k = NULL;
    (void)state;

    strcpy(dir, "/tmp/vt-signer-XXXXXX");
    if (mkdtemp(dir) == NULL || vt_path(key_path, NULL, "%s/k.key", dir) != VT_OK ||
        vt_key_new(NAME, &k, NULL) != VT_OK || vt_key_save(k, key_path, NULL, NULL) != VT_OK)
        return 1;
    vt_key_free(k);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(dir, NULL) != VT_OK;
}

/* Checkpoints of sizes from `first`, or messages of another form where `bad` is. */
struct batch {
    size_t n;
    char text[MANY][96];
    struct vt_slice msg[MANY];
    struct vt_sig sig[MANY];
};

static struct batch *
batch(size_t n, size_t bad)
{
    struct batch *b = calloc(1, sizeof *b);

    assert_non_null(b);
    b->n = n;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(b->text[i], sizeof b->text[i], "%s\n%zu\n" ROOT "\n",
            i == bad ? "another" : NAME, i);
        b->msg[i] = (struct vt_slice){b->text[i], strlen(b->text[i])};
    }
    return b;
}

static void
assert_all_good(const struct vt_signer *s, const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        assert_true(
            vt_pubkey_verify(vt_signer_public(s), b->msg[i].data, b->msg[i].len, &b->sig[i]));
}

static void
assert_signs(struct vt_signer *s, size_t n)
{
    struct batch *b = batch(n, MANY);
    struct vt_why why = {0};

    if (vt_signer_sign_all(s, VT_SIGN_CHECKPOINT, b->msg, n, b->sig, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_all_good(s, b);
    free(b);
}

static struct vt_signer *
spawn(void)
{
    struct vt_signer *s = NULL;
    struct vt_why why = {0};

    if (vt_signer_spawn(key_path, ~0U, &s, &why) != VT_OK)
        fail_msg("%s", why.text);
    return s;
}

static void
test_all(void **state)
{
    static const size_t counts[] = {0, 1, 2, 31, 32, 33, 255, 256, 257, MANY};
    struct vt_signer *s = spawn();
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_signs(s, counts[i]);
    vt_signer_free(s);
}

static void
test_all_in_this_process(void **state)
{
    struct vt_signer *s = NULL;
    struct vt_key *k = NULL;
    struct batch *b = batch(3, 1);
    (void)state;

    assert_int_equal(vt_key_new(NAME, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    assert_signs(s, 5);
    assert_int_equal(
        vt_signer_sign_all(s, VT_SIGN_CHECKPOINT, b->msg, 3, b->sig, NULL), VT_E_REFUSED);
    vt_signer_free(s);
    free(b);
}

/* One that is refused fails all, wherever it stands, and the channel is fit for use after. */
static void
test_one_is_refused(void **state)
{
    static const size_t bad[] = {0, 1, 30, 256, 500, MANY - 1};
    struct vt_signer *s = spawn();
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct batch *b = batch(MANY, bad[i]);
        struct vt_why why = {0};
        assert_int_equal(vt_signer_sign_all(s, VT_SIGN_CHECKPOINT, b->msg, MANY, b->sig, &why),
            VT_E_REFUSED);
        assert_non_null(strstr(why.text, "has not the form of its kind"));
        free(b);
        assert_signs(s, 3);
    }
    vt_signer_free(s);
}

/* Messages that are larger than any buffer between the processes: neither waits for ever. */
static void
test_large(void **state)
{
    static const char head[] = "vitrine/entry/v1\nkind source\n";
    struct vt_signer *s = spawn();
    char *large = malloc(LARGE);
    struct vt_slice msg[6];
    struct vt_sig sig[6];
    struct vt_why why = {0};
    (void)state;

    assert_non_null(large);
    memset(large, 'x', LARGE);
    memcpy(large, head, sizeof head - 1);
    large[LARGE - 1] = '\n';
    for (size_t i = 0; i < 6; i++)
        msg[i] = (struct vt_slice){large, LARGE};
    if (vt_signer_sign_all(s, VT_SIGN_ENTRY, msg, 6, sig, &why) != VT_OK)
        fail_msg("%s", why.text);
    for (size_t i = 0; i < 6; i++)
        assert_true(vt_pubkey_verify(vt_signer_public(s), large, LARGE, &sig[i]));
    msg[3].len = (8U << 20) + 1; /* found before anything is asked */
    assert_int_equal(vt_signer_sign_all(s, VT_SIGN_ENTRY, msg, 6, sig, &why), VT_E_LIMIT);
    assert_signs(s, 40);
    vt_signer_free(s);
    free(large);
}

static void *
sign_in_thread(void *ctx)
{
    struct batch *b = batch(100, MANY);
    bool ok = true;

    for (unsigned i = 0; i < 5 && ok; i++)
        ok = vt_signer_sign_all(ctx, VT_SIGN_CHECKPOINT, b->msg, b->n, b->sig, NULL) == VT_OK;
    free(b);
    return ok ? ctx : NULL;
}

static void
test_in_threads(void **state)
{
    struct vt_signer *s = spawn();
    pthread_t t[3];
    void *ok = NULL;
    (void)state;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, sign_in_thread, s), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_ptr_equal(ok, s);
    }
    vt_signer_free(s);
}

/* ---- signers that are wrong ---- */

/* A process that is to sign, and does so rightly until its plan says otherwise. */
enum plan { SPOIL, SHORT, LONG_ONE, ANOTHER, END, HALF };
struct liar {
    enum plan plan;
    unsigned at; /* the request that is answered wrongly */
    struct vt_key *key;
};

static const struct vt_msg_rule requests[] = {{1, 0}, {2, 1U << 20}, {0, 0}};

static bool
tell_public(int fd, const struct vt_key *k)
{
    uint8_t b[VT_PUBKEY_SIZE + sizeof NAME - 1];
    struct vt_pubkey pub;

    vt_key_public(k, &pub);
    memcpy(b, pub.b, sizeof pub.b);
    memcpy(b + sizeof pub.b, NAME, sizeof NAME - 1);
    return vt_msg_send(fd, 3, b, sizeof b, NULL) == VT_OK;
}

static bool
lie(int fd, enum plan plan, struct vt_sig *sig)
{
    switch (plan) {
    case SPOIL:
        sig->b[40] ^= 1;
        return vt_msg_send(fd, 4, sig->b, sizeof sig->b, NULL) == VT_OK;
    case SHORT:
        return vt_msg_send(fd, 4, sig->b, sizeof sig->b - 1, NULL) == VT_OK;
    case LONG_ONE:
        return vt_msg_send(fd, 7, sig->b, sizeof sig->b, NULL) == VT_OK;
    case ANOTHER:
        return vt_msg_send(fd, 9, sig->b, sizeof sig->b, NULL) == VT_OK;
    case HALF:
        return vt_fd_write(fd, "\0\0\0\102\0\4xx", 8, NULL) != VT_OK;
    case END:
        break;
    }
    return false;
}

static int
liar_body(int fd, void *ctx)
{
    const struct liar *l = ctx;
    struct vt_buf body = VT_BUF(1U << 20);
    uint16_t type = 0;
    struct vt_sig sig;
    bool ok = true;

    for (unsigned i = 0; ok && vt_msg_recv(fd, requests, -1, &type, &body, NULL) == VT_OK;) {
        if (type == 1) {
            ok = tell_public(fd, l->key);
            continue;
        }
        ok = vt_key_sign(l->key, body.data + 2, body.len - 2, &sig, NULL) == VT_OK;
        if (ok && i++ == l->at)
            ok = lie(fd, l->plan, &sig);
        else if (ok)
            ok = vt_msg_send(fd, 4, sig.b, sizeof sig.b, NULL) == VT_OK;
    }
    vt_buf_release(&body);
    return 0;
}

static void
check_liar(enum plan plan, unsigned at, enum vt_err want)
{
    struct liar l = {.plan = plan, .at = at};
    struct vt_signer *s = NULL;
    struct batch *b = batch(300, MANY);
    struct vt_why why = {0};
    pid_t pid = 0;
    int fd = -1;

    assert_int_equal(vt_key_new(NAME, &l.key, NULL), VT_OK);
    assert_int_equal(vt_proc_fork("liar", liar_body, &l, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(vt_signer_attach(fd, &s, &why), VT_OK);
    assert_int_equal(
        vt_signer_sign_all(s, VT_SIGN_CHECKPOINT, b->msg, b->n, b->sig, &why), want);
    assert_true(why.text[0] != '\0');
    vt_signer_free(s);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    vt_key_free(l.key);
    free(b);
}

static void
test_liars(void **state)
{
    static const unsigned at[] = {0, 1, 100, 299};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        check_liar(SPOIL, at[i], VT_E_CRYPTO);
        check_liar(SHORT, at[i], VT_E_SYNTAX);
        check_liar(LONG_ONE, at[i], VT_E_SYNTAX);
        check_liar(ANOTHER, at[i], VT_E_SYNTAX);
        check_liar(END, at[i], VT_E_IO);
    }
    check_liar(HALF, 7, VT_E_SYNTAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_all_in_this_process),
        cmocka_unit_test(test_one_is_refused),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_in_threads),
        cmocka_unit_test(test_liars),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
