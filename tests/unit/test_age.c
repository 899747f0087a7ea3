/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted files: ours and age's, and those that somebody made wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "crypto/age.h"
#include "crypto/age_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CHUNK VT_AGE_CHUNK

static char dir[64];
static struct vt_box *key, *other;
static struct vt_box_public pub, other_pub;

static int
set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/vt-age-XXXXXX");
    if (mkdtemp(dir) == NULL || vt_box_new(&key, NULL) != VT_OK ||
        vt_box_new(&other, NULL) != VT_OK)
        return 1;
    vt_box_public(key, &pub);
    vt_box_public(other, &other_pub);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vt_box_free(key);
    vt_box_free(other);
    return vt_tree_remove(dir, NULL) != VT_OK;
}

static const char *
in_dir(const char *name)
{
    static char paths[4][VT_PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 4];

    assert_int_equal(vt_path(p, NULL, "%s/%s", dir, name), VT_OK);
    return p;
}

/* ---- files ---- */

static void
put_file(const char *name, const void *data, size_t len)
{
    assert_int_equal(vt_file_replace(in_dir(name), 0600, data, len, NULL), VT_OK);
}

static void
get_file(const char *name, struct vt_buf *b)
{
    vt_buf_clear(b);
    assert_int_equal(vt_file_read(in_dir(name), b, NULL), VT_OK);
}

static int
open_new(const char *name)
{
    int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

/* Opens the file `sealed` with a key; what comes out is in the file `plain`. */
static enum vt_err
open_with(const struct vt_box *k, struct vt_why *why)
{
    int from = open(in_dir("sealed"), O_RDONLY | O_CLOEXEC);
    int to = open_new("plain");
    enum vt_err err = vt_age_open(from, k, to, why);

    assert_int_equal(close(from), 0);
    assert_int_equal(close(to), 0);
    return err;
}

static void
seal(const struct vt_box_public *to, size_t n, const uint8_t *data, size_t len, size_t step)
{
    int fd = open_new("sealed");
    struct vt_age *a = NULL;

    assert_int_equal(vt_age_new(fd, to, n, &a, NULL), VT_OK);
    for (size_t at = 0; at < len; at += step)
        assert_int_equal(
            vt_age_put(a, data + at, len - at < step ? len - at : step, NULL), VT_OK);
    assert_int_equal(vt_age_end(a, NULL), VT_OK);
    vt_age_free(a);
    assert_int_equal(close(fd), 0);
}

static uint8_t *
bytes(size_t len)
{
    uint8_t *p = malloc(len + 1);

    assert_non_null(p);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 7 + i / 251);
    return p;
}

static void
assert_plain(const uint8_t *want, size_t len)
{
    struct vt_buf b = VT_BUF(16U << 20);

    get_file("plain", &b);
    assert_int_equal(b.len, len);
    if (len > 0)
        assert_memory_equal(b.data, want, len);
    vt_buf_release(&b);
}

static const size_t sizes[] = {0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK,
    2 * CHUNK + 1, 5 * CHUNK + 77};

static void
test_round_trip(void **state)
{
    static const size_t steps[] = {1U << 30, 4099, CHUNK, CHUNK + 1};
    uint8_t *data = bytes(6 * CHUNK);
    (void)state;

    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t k = 0; k < COUNT(steps); k++) {
            struct vt_why why = {0};
            seal(&pub, 1, data, sizes[i], steps[k]);
            if (open_with(key, &why) != VT_OK)
                fail_msg("%zu bytes: %s", sizes[i], why.text);
            assert_plain(data, sizes[i]);
        }
        assert_int_equal(open_with(other, NULL), VT_E_REFUSED);
        assert_plain(NULL, 0);
    }
    free(data);
}

static void
test_recipients(void **state)
{
    struct vt_box_public to[17];
    struct vt_box *k[17];
    struct vt_age *a = NULL;
    struct vt_why why = {0};
    int fd;
    (void)state;

    for (size_t i = 0; i < 17; i++) {
        assert_int_equal(vt_box_new(&k[i], NULL), VT_OK);
        vt_box_public(k[i], &to[i]);
    }
    seal(to, 16, (const uint8_t *)"for many", 8, 8);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(open_with(k[i], NULL), VT_OK);
        assert_plain((const uint8_t *)"for many", 8);
    }
    assert_int_equal(open_with(k[16], &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "not encrypted to this key"));
    fd = open_new("sealed");
    assert_int_equal(vt_age_new(fd, to, 17, &a, NULL), VT_E_USAGE);
    assert_int_equal(vt_age_new(fd, to, 0, &a, NULL), VT_E_USAGE);
    memset(&to[1], 0, sizeof to[1]);
    assert_int_equal(vt_age_new(fd, to, 2, &a, &why), VT_E_SYNTAX);
    assert_null(a);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0); /* nothing was written */
    assert_int_equal(close(fd), 0);
    for (size_t i = 0; i < 17; i++)
        vt_box_free(k[i]);
}

static void
test_states(void **state)
{
    int fd = open_new("sealed");
    struct vt_age *a = NULL;
    uint8_t *data = bytes(3 * CHUNK);
    (void)state;

    assert_int_equal(vt_age_new(fd, &pub, 1, &a, NULL), VT_OK);
    assert_int_equal(vt_age_put(a, NULL, 0, NULL), VT_OK);
    assert_int_equal(vt_age_end(a, NULL), VT_OK);
    assert_int_equal(vt_age_end(a, NULL), VT_E_STATE);
    assert_int_equal(vt_age_put(a, "x", 1, NULL), VT_E_STATE);
    vt_age_free(a);
    vt_age_free(NULL);
    assert_int_equal(close(fd), 0);
    assert_int_equal(open_with(key, NULL), VT_OK);
    /* nothing to write to: the error comes and stays */
    fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    a = NULL;
    assert_int_equal(vt_age_new(fd, &pub, 1, &a, NULL), VT_E_NOSPC);
    assert_null(a);
    assert_int_equal(close(fd), 0);
    fd = open_new("sealed");
    assert_int_equal(vt_age_new(fd, &pub, 1, &a, NULL), VT_OK);
    assert_int_equal(close(fd), 0);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(full, fd); /* the same number */
    assert_int_equal(vt_age_put(a, data, 3 * CHUNK, NULL), VT_E_NOSPC);
    assert_int_equal(vt_age_put(a, data, 1, NULL), VT_E_STATE);
    assert_int_equal(vt_age_end(a, NULL), VT_E_STATE);
    vt_age_free(a);
    assert_int_equal(close(full), 0);
    free(data);
}

/* Cut anywhere, changed anywhere: never taken as whole. */
static void
test_cut_and_changed(void **state)
{
    static const size_t lens[] = {0, 10, CHUNK, CHUNK + 10, 2 * CHUNK};
    uint8_t *data = bytes(2 * CHUNK);
    struct vt_buf b = VT_BUF(1U << 20);
    (void)state;

    for (size_t i = 0; i < COUNT(lens); i++) {
        seal(&pub, 1, data, lens[i], 1U << 30);
        get_file("sealed", &b);
        size_t head = b.len - lens[i] - 16 * (lens[i] == 0 ? 1 : (lens[i] + CHUNK - 1) / CHUNK);
        for (size_t cut = 0; cut < b.len; cut += cut < head + 40 ? 1 : 4321) {
            put_file("sealed", b.data, cut);
            enum vt_err err = open_with(key, NULL);
            assert_int_equal(err, cut < head - VT_AGE_NONCE ? VT_E_SYNTAX : VT_E_SIG);
        }
        for (size_t at = 0; at < b.len; at += at < head + 40 ? 1 : 4321) {
            b.data[at] ^= 0x04;
            put_file("sealed", b.data, b.len);
            enum vt_err err = open_with(key, NULL);
            b.data[at] ^= 0x04;
            if (at >= head - VT_AGE_NONCE)
                assert_int_equal(err, VT_E_SIG);
            else if (err != VT_E_SIG && err != VT_E_SYNTAX && err != VT_E_REFUSED)
                fail_msg("byte %zu of %zu changed: %s", at, b.len, vt_err_name(err));
        }
        vt_buf_put_u8(&b, 0); /* a byte too many */
        put_file("sealed", b.data, b.len);
        assert_int_equal(open_with(key, NULL), VT_E_SIG);
    }
    vt_buf_release(&b);
    free(data);
}

/* ---- files made by hand ---- */

static const uint8_t file_key[VT_AGE_FILE_KEY] = "a key of a file";

static void
put_unpadded(struct vt_buf *b, const uint8_t *data, size_t len)
{
    vt_buf_put_b64(b, data, len);
    while (b->data[b->len - 1] == '=')
        b->len--;
}

/* Share and wrapped file key, a line each (with an argument more, where wanted). */
static void
put_stanza(
    struct vt_buf *b, const char *type, const char *more, const uint8_t *plain, size_t len)
{
    uint8_t nonce[12] = {0}, wrap[32], wrapped[64];
    struct vt_box *ephemeral = NULL;
    struct vt_box_public share;

    assert_int_equal(vt_box_new(&ephemeral, NULL), VT_OK);
    vt_box_public(ephemeral, &share);
    assert_int_equal(vt_age_wrap_key(ephemeral, &pub, &share, &pub, wrap, NULL), VT_OK);
    assert_int_equal(vt_chacha_seal(wrap, nonce, plain, len, wrapped, NULL), VT_OK);
    vt_buf_putf(b, "-> %s ", type);
    put_unpadded(b, share.b, 32);
    vt_buf_putf(b, "%s\n", more);
    put_unpadded(b, wrapped, len + 16);
    vt_buf_puts(b, "\n");
    vt_box_free(ephemeral);
}

static void
put_stanza_case(struct vt_buf *b, char what)
{
    static const uint8_t long_key[20] = "a key of a file and";

    if (what == 'S')
        put_stanza(b, "X25519", "", file_key, sizeof file_key);
    else if (what == 'x') /* another type, for all we know */
        put_stanza(b, "x25519", "", file_key, sizeof file_key);
    else if (what == 'E')
        put_stanza(b, "X25519", " 1", file_key, sizeof file_key);
    else if (what == 'L')
        put_stanza(b, "X25519", "", long_key, sizeof long_key);
    else
        fail_msg("no case @%c", what);
}

/* Writes a head from a pattern: @S and so on are stanzas, @M the right MAC. */
static void
put_head(struct vt_buf *b, const char *pattern)
{
    struct vt_digest mac;

    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '@') {
            vt_buf_put_u8(b, (uint8_t)*p);
        } else if (*++p == 'M') {
            size_t len = b->len;
            while (b->data[len - 1] == ' ')
                len--;
            vt_age_mac(file_key, b->data, len, &mac);
            put_unpadded(b, mac.b, sizeof mac.b);
        } else {
            put_stanza_case(b, *p);
        }
    }
}

static void
put_chunk(struct vt_buf *b, const uint8_t *nonce, uint64_t number, bool last, size_t len)
{
    uint8_t k[32], n[12], *p = bytes(len + 16);

    vt_age_payload_key(file_key, nonce, k);
    vt_age_chunk_nonce(number, last, n);
    assert_int_equal(vt_chacha_seal(k, n, p, len, p, NULL), VT_OK);
    vt_buf_put(b, p, len + 16);
    free(p);
}

#define V "age-encryption.org/v1\n"
#define B64_64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B64_43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
    const char *head;
    enum vt_err err;
} heads[] = {
    {V "@S--- @M\n", VT_OK},
    {V "@S@S@S--- @M\n", VT_OK},
    {V "-> joint oil\n\n@S--- @M\n", VT_OK},
    {V "@S-> a ! ~ {}\nAAAA\n--- @M\n", VT_OK},
    {V "-> a\n" B64_64 "\nAA\n@S--- @M\n", VT_OK},
    {V "-> a\n" B64_64 "\n\n@S--- @M\n", VT_OK},
    {V "@S@x--- @M\n", VT_OK},
    /* for nobody here */
    {V "-> a\n\n--- @M\n", VT_E_REFUSED},
    {V "@x--- @M\n", VT_E_REFUSED},
    {V "-> X25519 CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" B64_43 "\n--- @M\n",
        VT_E_REFUSED},
    {V "-> scrypt AAAA 10\n" B64_43 "\n--- @M\n", VT_E_REFUSED},
    /* the head's MAC */
    {V "@S--- " B64_43 "\n", VT_E_SIG},
    {V "@S---  @M\n", VT_E_SYNTAX},
    {V "@S---@M\n", VT_E_SYNTAX},
    {V "@S--- @M \n", VT_E_SYNTAX},
    {V "@S--- @M=\n", VT_E_SYNTAX},
    {V "@S--- @MA\n", VT_E_SYNTAX},
    {V "@S---\n", VT_E_SYNTAX},
    {V "@S--- \n", VT_E_SYNTAX},
    {V "@S--- AAAA\n", VT_E_SYNTAX},
    {V "@S--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n", VT_E_SYNTAX}, /* stray bits */
    {V "@S--- @M\r\n", VT_E_SYNTAX},
    {V "@S--- @M", VT_E_SYNTAX},
    {V "@S", VT_E_SYNTAX},
    {V "@S\n--- @M\n", VT_E_SYNTAX},
    {V "--- @M\n", VT_E_SYNTAX},
    /* the first line */
    {"", VT_E_SYNTAX},
    {"age-encryption.org/v1", VT_E_SYNTAX},
    {"age-encryption.org/v1\r\n@S--- @M\n", VT_E_SYNTAX},
    {"age-encryption.org/v2\n@S--- @M\n", VT_E_SYNTAX},
    {"\n" V "@S--- @M\n", VT_E_SYNTAX},
    {"-----BEGIN AGE ENCRYPTED FILE-----\n", VT_E_SYNTAX},
    /* stanzas */
    {V "->\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> \n\n@S--- @M\n", VT_E_SYNTAX},
    {V "->a\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-- a\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a  b\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a b \n\n@S--- @M\n", VT_E_SYNTAX},
    {V "->  a\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\tb\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a \x7f\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> \xc3\xa8\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\n--- @M\n", VT_E_SYNTAX},
    {V "-> a\nAAAA=\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\nAAA=\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\nAAB\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\nA\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\nA A\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\nAA\r\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\n" B64_64 "\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\n" B64_64 "A\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> a\nAA\nAA\n@S--- @M\n", VT_E_SYNTAX},
    {V "@S-> scrypt AAAA 10\n" B64_43 "\n--- @M\n", VT_E_SYNTAX},
    /* X25519 */
    {V "@E--- @M\n", VT_E_SYNTAX},
    {V "@L--- @M\n", VT_E_SYNTAX},
    {V "@S@E--- @M\n", VT_E_SYNTAX},
    {V "-> X25519\n" B64_43 "\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> X25519 " B64_43 "A\n" B64_43 "\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> X25519 AAAA\n" B64_43 "\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> X25519 CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n" B64_43 "\n@S--- @M\n",
        VT_E_SYNTAX},
    {V "-> X25519 CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n@S--- @M\n", VT_E_SYNTAX},
    {V "-> X25519 CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" B64_64 "\nAA\n@S--- @M\n",
        VT_E_SYNTAX},
    /* a share of low order */
    {V "-> X25519 " B64_43 "\n" B64_43 "\n@S--- @M\n", VT_E_SYNTAX},
};

static void
test_heads(void **state)
{
    uint8_t nonce[VT_AGE_NONCE] = {7};
    (void)state;

    for (size_t i = 0; i < COUNT(heads); i++) {
        struct vt_buf b = VT_BUF(1U << 18);
        struct vt_why why = {0};
        put_head(&b, heads[i].head);
        vt_buf_put(&b, nonce, sizeof nonce);
        put_chunk(&b, nonce, 0, true, 1000);
        put_file("sealed", b.data, b.len);
        enum vt_err err = open_with(key, &why);
        if (err != heads[i].err)
            fail_msg("head %zu (%s): %s %s", i, heads[i].head, vt_err_name(err), why.text);
        assert_int_equal(why.text[0] == '\0', err == VT_OK);
        uint8_t *want = bytes(1000);
        assert_plain(want, err == VT_OK ? 1000 : 0);
        free(want);
        vt_buf_release(&b);
    }
}

static void
test_head_limits(void **state)
{
    struct vt_buf b = VT_BUF(1U << 20);
    uint8_t nonce[VT_AGE_NONCE] = {7};
    (void)state;

    /* many, and room for ours: read as long as all is within 64 KiB */
    vt_buf_puts(&b, V);
    while (b.len < 60000)
        vt_buf_puts(&b, "-> someone else\n" B64_43 "\n");
    put_head(&b, "@S--- @M\n");
    vt_buf_put(&b, nonce, sizeof nonce);
    put_chunk(&b, nonce, 0, true, 1000);
    put_file("sealed", b.data, b.len);
    assert_int_equal(open_with(key, NULL), VT_OK);
    vt_buf_clear(&b);
    vt_buf_puts(&b, V);
    while (b.len < 66000)
        vt_buf_puts(&b, "-> someone else\n" B64_43 "\n");
    put_head(&b, "@S--- @M\n");
    put_file("sealed", b.data, b.len);
    assert_int_equal(open_with(key, NULL), VT_E_LIMIT);
    /* one line without an end */
    vt_buf_clear(&b);
    vt_buf_puts(&b, V "-> ");
    while (b.len < 300000)
        vt_buf_puts(&b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    put_file("sealed", b.data, b.len);
    assert_int_equal(open_with(key, NULL), VT_E_LIMIT);
    vt_buf_release(&b);
}

/* Chunks: length, number, whether it says that it is the last. */
struct chunk {
    size_t len;
    uint64_t number;
    bool last;
};

static const struct {
    struct chunk chunk[4];
    size_t count;
    size_t plain; /* what may come out, at the most */
    enum vt_err err;
} streams[] = {
    {{{0, 0, true}}, 1, 0, VT_OK},
    {{{5, 0, true}}, 1, 5, VT_OK},
    {{{CHUNK, 0, true}}, 1, CHUNK, VT_OK},
    {{{CHUNK, 0, false}, {5, 1, true}}, 2, CHUNK + 5, VT_OK},
    {{{CHUNK, 0, false}, {CHUNK, 1, true}}, 2, 2 * CHUNK, VT_OK},
    {{{0}}, 0, 0, VT_E_SIG},
    {{{5, 0, false}}, 1, 0, VT_E_SIG},
    {{{CHUNK, 0, false}}, 1, 0, VT_E_SIG},
    {{{CHUNK, 0, false}, {5, 1, false}}, 2, CHUNK, VT_E_SIG},
    {{{CHUNK, 0, false}, {CHUNK, 1, false}}, 2, CHUNK, VT_E_SIG},
    {{{CHUNK, 0, false}, {0, 1, true}}, 2, CHUNK, VT_E_SYNTAX}, /* should be one chunk */
    {{{5, 0, true}, {5, 1, true}}, 2, 0, VT_E_SIG},
    {{{CHUNK, 0, true}, {5, 1, true}}, 2, 0, VT_E_SIG},
    {{{5, 0, false}, {5, 1, true}}, 2, 0, VT_E_SIG},
    {{{CHUNK, 1, false}, {5, 1, true}}, 2, 0, VT_E_SIG},
    {{{CHUNK, 0, false}, {5, 0, true}}, 2, CHUNK, VT_E_SIG},
    {{{CHUNK, 0, false}, {5, 2, true}}, 2, CHUNK, VT_E_SIG},
    {{{CHUNK, 0, false}, {CHUNK, 1, false}, {5, 2, true}}, 3, 2 * CHUNK + 5, VT_OK},
    {{{CHUNK, 1, false}, {CHUNK, 0, false}, {5, 2, true}}, 3, 0, VT_E_SIG},
};

static void
test_streams(void **state)
{
    const uint8_t nonce[VT_AGE_NONCE] = {9};
    (void)state;

    for (size_t i = 0; i < COUNT(streams); i++) {
        struct vt_buf b = VT_BUF(1U << 20);
        struct vt_why why = {0};
        struct vt_buf got = VT_BUF(1U << 20);
        put_head(&b, V "@S--- @M\n");
        vt_buf_put(&b, nonce, sizeof nonce);
        for (size_t k = 0; k < streams[i].count; k++) {
            const struct chunk *c = &streams[i].chunk[k];
            put_chunk(&b, nonce, c->number, c->last, c->len);
        }
        put_file("sealed", b.data, b.len);
        if (open_with(key, &why) != streams[i].err)
            fail_msg("stream %zu: %s", i, why.text);
        get_file("plain", &got);
        assert_int_equal(got.len, streams[i].plain);
        vt_buf_release(&b);
        vt_buf_release(&got);
    }
}

/* Through pipes, where reads and writes are short. */
static void
test_pipes(void **state)
{
    uint8_t *data = bytes(300000);
    struct vt_why why = {0};
    int fds[2], status, to;
    pid_t pid;
    (void)state;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    (void)fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vt_age *a = NULL;
        (void)close(fds[0]);
        bool ok = vt_age_new(fds[1], &pub, 1, &a, NULL) == VT_OK;
        for (size_t at = 0; ok && at < 300000; at += 1000)
            ok = vt_age_put(a, data + at, 1000, NULL) == VT_OK;
        _exit(ok && vt_age_end(a, NULL) == VT_OK ? 0 : 1);
    }
    (void)close(fds[1]);
    to = open_new("plain");
    if (vt_age_open(fds[0], key, to, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_int_equal(close(to), 0);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_plain(data, 300000);
    free(data);
}

static void
test_io_errors(void **state)
{
    uint8_t *data = bytes(200000);
    int from, to;
    (void)state;

    seal(&pub, 1, data, 200000, 1U << 30);
    from = open(in_dir("sealed"), O_RDONLY | O_CLOEXEC);
    to = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(vt_age_open(from, key, to, NULL), VT_E_NOSPC);
    assert_int_equal(close(from), 0);
    assert_int_equal(close(to), 0);
    from = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    assert_int_equal(vt_age_open(from, key, 1, NULL), VT_E_IO);
    assert_int_equal(close(from), 0);
    free(data);
}

/* ---- the age program ---- */

static bool
have_age(void)
{
    const char *const argv[] = {"age", "--version", NULL};

    if (vt_proc_run(argv, NULL, NULL) == VT_OK)
        return true;
    print_message("skipped: age is not installed (scripts/setup test installs it)\n");
    return false;
}

/* What a command line needs for longer than in_dir keeps it. */
struct paths {
    char key[VT_PATH_MAX], data[VT_PATH_MAX], sealed[VT_PATH_MAX], plain[VT_PATH_MAX];
};

static struct paths
all_paths(void)
{
    struct paths p;

    strcpy(p.key, in_dir("key"));
    strcpy(p.data, in_dir("data"));
    strcpy(p.sealed, in_dir("sealed"));
    strcpy(p.plain, in_dir("plain"));
    return p;
}

static void
run(const char *const *argv)
{
    struct vt_why why = {0};

    if (vt_proc_run(argv, NULL, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
test_age_opens_ours(void **state)
{
    const struct vt_box_public both[] = {other_pub, pub, other_pub};
    const struct paths p = all_paths();
    uint8_t *data = bytes(6 * CHUNK);
    (void)state;

    if (!have_age())
        return;
    (void)unlink(in_dir("key"));
    assert_int_equal(vt_box_save(key, in_dir("key"), NULL), VT_OK);
    const char *const argv[] = {"age", "-d", "-i", p.key, "-o", p.plain, p.sealed, NULL};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        seal(both + i % 2, 2, data, sizes[i], 1U << 30);
        put_file("plain", NULL, 0); /* age touches it for no bytes not at all */
        run(argv);
        assert_plain(data, sizes[i]);
    }
    free(data);
}

static void
test_we_open_ages(void **state)
{
    uint8_t *data = bytes(6 * CHUNK);
    const struct paths p = all_paths();
    char one[VT_BOX_TEXT_MAX], two[VT_BOX_TEXT_MAX];
    struct vt_why why = {0};
    (void)state;

    if (!have_age())
        return;
    vt_box_public_format(&other_pub, one);
    vt_box_public_format(&pub, two);
    const char *const argv[] = {"age", "-r", one, "-r", two, "-o", p.sealed, p.data, NULL};
    const char *const armored[] = {"age", "-a", "-r", two, "-o", p.sealed, p.data, NULL};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        put_file("data", data, sizes[i]);
        run(argv);
        assert_int_equal(open_with(key, NULL), VT_OK);
        assert_plain(data, sizes[i]);
        assert_int_equal(open_with(other, NULL), VT_OK);
        assert_plain(data, sizes[i]);
    }
    run(armored);
    assert_int_equal(open_with(key, &why), VT_E_SYNTAX);
    free(data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_cut_and_changed),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_io_errors),
        cmocka_unit_test(test_age_opens_ours),
        cmocka_unit_test(test_we_open_ages),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
