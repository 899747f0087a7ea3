/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server over TLS: certificates, their keys in a process of their own, clients that show
 * certificates, and those who only take the server's time.
 */
#include "base/clock.h"
#include "base/proc.h"
#include "http/client.h"
#include "http/server.h"
#include "http/tls_signer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls_world.h"

#define BIG (1024U * 1024U)
enum { PATIENCE_MS = 60000 };

struct site {
    char dir[VT_PATH_MAX];
    char cert[VT_PATH_MAX];
    char key[VT_PATH_MAX];
    char ca_file[VT_PATH_MAX];
    char other_file[VT_PATH_MAX];
    char client_cert[VT_PATH_MAX];
    char client_key[VT_PATH_MAX];
    struct tls_party ca;
    struct tls_party other;
    struct vt_listen_opts how;
    struct vt_http_server_opts opts;
    char url[VT_HTTP_URL_SIZE];
    int listen_fd;
    int stop[2];
    pthread_t thread;
    pid_t signer; /* 0: none of ours */
    bool running;
    enum vt_err result;
    struct vt_why why;
};

static void
on_who(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    vt_buf_putf(&rs->body, "[%s]", rq->client_name);
}

static void
on_echo(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    (void)ctx;
    vt_buf_put(&rs->body, rq->body, rq->body_len);
}

static bool
on_at_once(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    (void)ctx;
    (void)rq;
    (void)rs;
    vt_http_answer(x, 200, NULL, 0, "7\n", 2);
    return true;
}

static const struct vt_http_route routes[] = {
    {"GET", "/who", 0, on_who, NULL},
    {"GET", "/guarded", 0, on_who, NULL},
    {"POST", "/guarded", 100, on_who, NULL},
    {"POST", "/echo", 2 * BIG, on_echo, NULL},
    {"POST", "/add", 1000, NULL, on_at_once},
    {NULL, NULL, 0, NULL, NULL},
};

static const struct vt_http_guard guards[] = {{"POST", "/guarded"}, {NULL, NULL}};

static const struct tls_wish for_loopback = {
    .name = "server.test", .alt = "IP:127.0.0.1", .usage = "serverAuth"};

static void
path_in(const struct site *s, char ret[VT_PATH_MAX], const char *name)
{
    assert_int_equal(vt_path(ret, NULL, "%s/%s", s->dir, name), VT_OK);
}

static int
prepare(void **state)
{
    struct site *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    assert_int_equal(vt_dir_temp("/tmp", "vt-tls", s->dir, NULL), VT_OK);
    path_in(s, s->cert, "cert.pem");
    path_in(s, s->key, "key.pem");
    path_in(s, s->ca_file, "ca.pem");
    path_in(s, s->other_file, "other.pem");
    path_in(s, s->client_cert, "client.pem");
    path_in(s, s->client_key, "client.key");
    s->ca = tls_make(NULL, &(struct tls_wish){.name = "ca.test"});
    s->other = tls_make(NULL, &(struct tls_wish){.name = "other.test"});
    tls_write_cert(&s->ca, s->ca_file);
    tls_write_cert(&s->other, s->other_file);
    s->how = (struct vt_listen_opts){.tls_cert = s->cert, .tls_key = s->key};
    s->opts = (struct vt_http_server_opts){
        .routes = routes, .guards = guards, .ctx = s, .how = &s->how, .timeout_s = 5};
    assert_int_equal(
        vt_listen_open("127.0.0.1:0", &s->how, &s->listen_fd, s->url, NULL), VT_OK);
    assert_int_equal(pipe(s->stop), 0);
    *state = s;
    return 0;
}

static void *
serve(void *arg)
{
    struct site *s = arg;

    s->result = vt_http_serve(s->listen_fd, s->stop[0], &s->opts, &s->why);
    return NULL;
}

static int
signer_body(int fd, void *ctx)
{
    return vt_tls_signer_serve(fd, ctx);
}

/* With a signer that the server is to start. */
static void
start_alone(struct site *s)
{
    s->opts.tls_fd = 0;
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    s->running = true;
}

/* With a signer that was started before there were threads, as a crew's parent does. */
static void
start(struct site *s)
{
    int fd;

    assert_int_equal(
        vt_proc_fork("signer", signer_body, &s->how, NULL, &s->signer, &fd, NULL), VT_OK);
    s->opts.tls_fd = fd;
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    s->running = true;
}

static void
await_end(struct site *s)
{
    pthread_join(s->thread, NULL);
    s->running = false;
    if (s->signer > 0)
        vt_proc_stop(s->signer, -1, 5000);
    s->signer = 0;
}

static int
finish(void **state)
{
    struct site *s = *state;

    if (s->stop[1] >= 0)
        close(s->stop[1]);
    if (s->running)
        await_end(s);
    close(s->stop[0]);
    close(s->listen_fd);
    tls_release(&s->ca);
    tls_release(&s->other);
    assert_int_equal(vt_tree_remove(s->dir, NULL), VT_OK);
    free(s);
    return 0;
}

/* Gives the server a certificate of that authority. */
static void
equip(struct site *s, const struct tls_party *ca, const struct tls_wish *wish)
{
    struct tls_party p = tls_make(ca, wish);

    tls_write_key(&p, s->key, NULL, 0600);
    tls_write_cert(&p, s->cert);
    tls_release(&p);
}

static struct vt_http *
client_with(const struct site *s, const char *ca, bool shows)
{
    struct vt_http_limits limits = {.connect_ms = 10000,
        .total_ms = 20000,
        .ca_file = ca,
        .client_cert = shows ? s->client_cert : NULL,
        .client_key = shows ? s->client_key : NULL};
    struct vt_http *h = NULL;
    struct vt_why why = {0};

    assert_int_equal(vt_http_new(&limits, &h, &why), VT_OK);
    return h;
}

static struct vt_http *
client(const struct site *s)
{
    return client_with(s, s->ca_file, false);
}

/* What a GET of /who by a client of its own gives. */
static enum vt_err
ask_who(const struct site *s, const char *ca, struct vt_why *why)
{
    struct vt_http *h = client_with(s, ca, false);
    struct vt_buf b = VT_BUF(100);
    enum vt_err err = vt_http_get(h, s->url, "who", &b, why);

    if (err == VT_OK)
        assert_string_equal(vt_buf_str(&b), "[]");
    vt_buf_release(&b);
    vt_http_free(h);
    return err;
}

static void
test_kinds_of_keys(void **state)
{
    static const char *const kinds[] = {"P-256", "P-384", "RSA", "ED25519"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct tls_wish wish = for_loopback;
        struct vt_buf b = VT_BUF(2 * BIG);
        struct vt_http *h;
        struct site *s;
        uint8_t *big = malloc(BIG);
        int status = 0;

        (void)state;
        assert_int_equal(prepare((void **)&s), 0);
        wish.kind = kinds[i];
        equip(s, &s->ca, &wish);
        assert_int_equal(strncmp(s->url, "https://127.0.0.1:", 18), 0);
        start(s);
        h = client(s);
        assert_int_equal(vt_http_get(h, s->url, "who", &b, &s->why), VT_OK);
        vt_buf_clear(&b);
        assert_non_null(big);
        memset(big, 'x', BIG);
        assert_int_equal(
            vt_http_post(h, s->url, "echo", NULL, big, BIG, &status, &b, NULL), VT_OK);
        assert_int_equal(status, 200);
        assert_int_equal(b.len, BIG);
        assert_memory_equal(b.data, big, BIG);
        for (int n = 0; n < 3; n++) {
            vt_buf_clear(&b);
            assert_int_equal(
                vt_http_post(h, s->url, "add", NULL, "e", 1, &status, &b, NULL), VT_OK);
            assert_string_equal(vt_buf_str(&b), "7\n");
        }
        vt_http_free(h);
        vt_buf_release(&b);
        free(big);
        finish((void **)&s);
    }
}

static void
test_wrong_authority_and_name(void **state)
{
    struct site *s = *state;
    struct tls_wish elsewhere = for_loopback;
    struct vt_why why = {0};

    equip(s, &s->ca, &for_loopback);
    start(s);
    assert_int_equal(ask_who(s, s->ca_file, &why), VT_OK);
    assert_int_equal(ask_who(s, s->other_file, &why), VT_E_NET);
    assert_non_null(strstr(why.text, "VITRINE_CA_FILE"));
    assert_int_equal(ask_who(s, NULL, &why), VT_E_NET);
    close(s->stop[1]);
    s->stop[1] = -1;
    await_end(s);
    assert_int_equal(s->result, VT_OK);

    elsewhere.alt = "DNS:elsewhere.test";
    equip(s, &s->ca, &elsewhere);
    assert_int_equal(pipe(s->stop), 0);
    start(s);
    assert_int_equal(ask_who(s, s->ca_file, &why), VT_E_NET);
    assert_non_null(strstr(why.text, "certificate"));
}

static void
test_expired(void **state)
{
    struct site *s = *state;
    struct tls_wish old = for_loopback;
    struct vt_why why = {0};

    old.from_s = -7200;
    old.until_s = -3600;
    equip(s, &s->ca, &old);
    start(s); /* with a warning: it would be worse not to answer at all */
    assert_int_equal(ask_who(s, s->ca_file, &why), VT_E_NET);
    assert_non_null(strstr(why.text, "expired"));
}

/* The environment says what a command's client trusts. */
static void
test_environment(void **state)
{
    struct site *s = *state;
    struct vt_http *h = NULL;
    struct vt_why why = {0};

    equip(s, &s->ca, &for_loopback);
    start(s);
    assert_int_equal(setenv("VITRINE_CA_FILE", s->ca_file, 1), 0);
    assert_int_equal(ask_who(s, NULL, &why), VT_OK);
    assert_int_equal(setenv("VITRINE_CA_FILE", s->key, 1), 0);
    assert_int_equal(vt_http_new(NULL, &h, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "VITRINE_CA_FILE"));
    assert_int_equal(setenv("VITRINE_CA_FILE", "/nowhere/at/all", 1), 0);
    assert_int_equal(vt_http_new(NULL, &h, &why), VT_E_NOENT);
    assert_int_equal(setenv("VITRINE_CA_FILE", "", 1), 0);
    assert_int_equal(setenv("VITRINE_CLIENT_CERT", s->cert, 1), 0);
    assert_int_equal(vt_http_new(NULL, &h, &why), VT_E_CONFIG);
    assert_int_equal(setenv("VITRINE_CLIENT_KEY", s->key, 1), 0);
    assert_int_equal(chmod(s->key, 0644), 0);
    assert_int_equal(vt_http_new(NULL, &h, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "VITRINE_CLIENT_KEY"));
    assert_int_equal(chmod(s->key, 0600), 0);
    assert_int_equal(vt_http_new(NULL, &h, &why), VT_OK);
    vt_http_free(h);
    unsetenv("VITRINE_CA_FILE");
    unsetenv("VITRINE_CLIENT_CERT");
    unsetenv("VITRINE_CLIENT_KEY");
}

static size_t
drop_bytes(char *data, size_t size, size_t count, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * count;
}

/* libcurl itself, with a version of TLS, groups and ciphers (NULL: its own). */
static CURLcode
get_with(const struct site *s, long version, const char *groups, const char *ciphers)
{
    char url[VT_HTTP_URL_SIZE + 8];
    CURL *e = curl_easy_init();
    CURLcode rc;

    assert_non_null(e);
    (void)snprintf(url, sizeof(url), "%s/who", s->url);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_CAINFO, s->ca_file);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, version);
    if (groups != NULL)
        curl_easy_setopt(e, CURLOPT_SSL_EC_CURVES, groups);
    if (ciphers != NULL)
        curl_easy_setopt(e, CURLOPT_TLS13_CIPHERS, ciphers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop_bytes);
    rc = curl_easy_perform(e);
    curl_easy_cleanup(e);
    return rc;
}

static void
test_older_versions_are_refused(void **state)
{
    struct site *s = *state;

    equip(s, &s->ca, &for_loopback);
    start(s);
    assert_int_equal(get_with(s, CURL_SSLVERSION_TLSv1_3, NULL, NULL), CURLE_OK);
    assert_int_equal(
        get_with(s, CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_2, NULL, NULL),
        CURLE_SSL_CONNECT_ERROR);
    assert_int_equal(get_with(s, CURL_SSLVERSION_TLSv1_3, NULL, NULL), CURLE_OK);
}

/* A HelloRetryRequest, and either hash of the handshake. */
static void
test_other_hellos(void **state)
{
    static const char *const groups[] = {"X25519", "P-256", "P-521:X25519", "P-521:P-384"};
    static const char *const ciphers[] = {
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"};
    struct site *s = *state;

    s->how.client_ca = s->ca_file;
    equip(s, &s->ca, &for_loopback);
    start(s);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        for (size_t j = 0; j < sizeof(ciphers) / sizeof(ciphers[0]); j++)
            assert_int_equal(
                get_with(s, CURL_SSLVERSION_TLSv1_3, groups[i], ciphers[j]), CURLE_OK);
    assert_int_equal(
        get_with(s, CURL_SSLVERSION_TLSv1_3, "P-521", NULL), CURLE_SSL_CONNECT_ERROR);
}

static void
pause_ms(long ms)
{
    (void)nanosleep(
        &(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000}, NULL);
}

/* Until new connections are as they should be. */
static void
await_who(const struct site *s, const char *ca)
{
    int64_t end = vt_clock_monotonic_ms() + PATIENCE_MS;
    struct vt_why why = {0};

    while (ask_who(s, ca, &why) != VT_OK) {
        assert_true(vt_clock_monotonic_ms() < end);
        pause_ms(100);
    }
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
    assert_int_equal(vt_file_replace(path, mode, text, strlen(text), NULL), VT_OK);
}

static void
test_reload(void **state)
{
    struct site *s = *state;
    struct vt_http *old;
    struct vt_buf b = VT_BUF(100);
    struct tls_wish past = for_loopback;

    equip(s, &s->ca, &for_loopback);
    start(s);
    old = client(s);
    assert_int_equal(vt_http_get(old, s->url, "who", &b, NULL), VT_OK);
    equip(s, &s->other, &for_loopback);
    await_who(s, s->other_file);
    assert_int_equal(ask_who(s, s->ca_file, NULL), VT_E_NET);
    /* The connection that was there goes on: a new one would not be trusted. */
    assert_int_equal(vt_http_get(old, s->url, "who", &b, NULL), VT_OK);
    vt_http_free(old);

    /* What is broken, belongs to another, or has expired does not take its place. */
    write_text(s->cert, "no certificate\n", 0644);
    pause_ms(5000);
    assert_int_equal(ask_who(s, s->other_file, NULL), VT_OK);
    tls_write_cert(&s->ca, s->cert);
    pause_ms(5000);
    assert_int_equal(ask_who(s, s->other_file, NULL), VT_OK);
    past.from_s = -7200;
    past.until_s = -3600;
    equip(s, &s->ca, &past);
    pause_ms(5000);
    assert_int_equal(ask_who(s, s->other_file, NULL), VT_OK);
    equip(s, &s->ca, &for_loopback);
    await_who(s, s->ca_file);
    vt_buf_release(&b);
}

/* Writes the files of a client whose certificate is as wished. */
static void
equip_client(struct site *s, const struct tls_party *ca, const struct tls_wish *wish)
{
    struct tls_party p = tls_make(ca, wish);

    tls_write_key(&p, s->client_key, NULL, 0600);
    tls_write_cert(&p, s->client_cert);
    tls_release(&p);
}

/* The status of a POST to what is guarded; *ret gets the answer. */
static int
post_guarded(const struct site *s, bool shows, struct vt_buf *ret)
{
    struct vt_http *h = client_with(s, s->ca_file, shows);
    struct vt_why why = {0};
    int status = 0;

    vt_buf_clear(ret);
    assert_int_equal(
        vt_http_post(h, s->url, "guarded", NULL, "x", 1, &status, ret, &why), VT_OK);
    vt_http_free(h);
    return status;
}

static void
test_clients(void **state)
{
    static const struct tls_wish good = {.name = "common", .usage = "clientAuth"};
    struct tls_wish wish = good;
    struct site *s = *state;
    struct vt_buf b = VT_BUF(200);

    s->how.client_ca = s->ca_file;
    equip(s, &s->ca, &for_loopback);
    start(s);
    assert_int_equal(post_guarded(s, false, &b), 403);
    assert_int_equal(ask_who(s, s->ca_file, NULL), VT_OK); /* the rest is for all */
    equip_client(s, &s->ca, &good);
    assert_int_equal(post_guarded(s, true, &b), 200);
    assert_string_equal(vt_buf_str(&b), "[common]");
    wish.alt = "IP:192.0.2.7,email:a@b.test,DNS:name.test";
    equip_client(s, &s->ca, &wish);
    assert_int_equal(post_guarded(s, true, &b), 200);
    assert_string_equal(vt_buf_str(&b), "[a@b.test]");
    /* Another authority's; one that has expired; a server's. */
    equip_client(s, &s->other, &good);
    assert_int_equal(post_guarded(s, true, &b), 403);
    wish = good;
    wish.from_s = -7200;
    wish.until_s = -3600;
    equip_client(s, &s->ca, &wish);
    assert_int_equal(post_guarded(s, true, &b), 403);
    wish = good;
    wish.usage = "serverAuth";
    equip_client(s, &s->ca, &wish);
    assert_int_equal(post_guarded(s, true, &b), 403);
    vt_buf_release(&b);
}

/* A part of the service itself is known by its pass, whatever the certificate's name. */
static int
post_with_pass(const struct site *s, const char *pass)
{
    struct vt_http_limits limits = {.connect_ms = 10000, .total_ms = 20000, .pass = pass};
    struct vt_http *h = NULL;
    struct vt_buf b = VT_BUF(200);
    int status = 0;

    assert_int_equal(vt_http_new(&limits, &h, NULL), VT_OK);
    assert_int_equal(
        vt_http_post(h, s->url, "guarded", NULL, "x", 1, &status, &b, NULL), VT_OK);
    vt_http_free(h);
    vt_buf_release(&b);
    return status;
}

static void
test_pass(void **state)
{
    struct site *s = *state;
    struct tls_wish elsewhere = for_loopback;
    char pass[VT_HTTP_PASS_SIZE];
    char other[VT_HTTP_PASS_SIZE];

    elsewhere.alt = "DNS:elsewhere.test";
    equip(s, &s->ca, &elsewhere);
    assert_int_equal(vt_listen_pass(pass, NULL), VT_OK);
    assert_int_equal(vt_listen_pass(other, NULL), VT_OK);
    assert_string_not_equal(pass, other);
    s->how.client_ca = s->ca_file;
    s->how.pass = pass;
    start(s);
    assert_int_equal(post_with_pass(s, pass), 200);
    assert_int_equal(post_with_pass(s, other), 403);
    assert_int_equal(post_with_pass(s, ""), 403);
    pass[63] = '\0';
    assert_int_equal(post_with_pass(s, pass), 403);
    assert_true(vt_listen_answers(s->url, "who", 10000));
    assert_false(vt_listen_answers(s->url, "nowhere", 10000));
}

/* Without a CA of clients nothing is guarded, and who shows a certificate is not named. */
static void
test_clients_are_not_asked(void **state)
{
    struct site *s = *state;
    struct vt_buf b = VT_BUF(200);

    equip(s, &s->ca, &for_loopback);
    equip_client(s, &s->ca, &(struct tls_wish){.name = "x", .usage = "clientAuth"});
    start(s);
    assert_int_equal(post_guarded(s, true, &b), 200);
    assert_string_equal(vt_buf_str(&b), "[]");
    vt_buf_release(&b);
}

/* Names are cleaned and cut. */
static void
test_names_of_clients(void **state)
{
    struct site *s = *state;
    struct vt_buf b = VT_BUF(400);

    s->how.client_ca = s->ca_file;
    equip(s, &s->ca, &for_loopback);
    start(s);
    equip_client(s, &s->ca, &(struct tls_wish){.name = "a\x1b[31m\nb", .usage = "clientAuth"});
    assert_int_equal(post_guarded(s, true, &b), 200);
    assert_null(strchr(vt_buf_str(&b), '\x1b'));
    assert_null(strchr(vt_buf_str(&b), '\n'));
    vt_buf_release(&b);
}

/* The server does not start with files that are wrong, and says which. */
static void
refuses(struct site *s, const char *part)
{
    start(s);
    await_end(s);
    assert_int_equal(s->result, VT_E_CONFIG);
    assert_non_null(strstr(s->why.text, part));
}

static void
test_wrong_files(void **state)
{
    struct site *s = *state;
    struct tls_party p = tls_make(&s->ca, &for_loopback);
    struct tls_party weak = tls_make(&s->ca, &for_loopback);

    equip(s, &s->ca, &for_loopback);
    assert_int_equal(chmod(s->key, 0640), 0);
    refuses(s, "chmod 600");
    tls_write_key(&p, s->key, NULL, 0600);
    refuses(s, "is not the key of");
    tls_write_cert(&p, s->cert);
    tls_write_key(&p, s->key, "secret", 0600);
    refuses(s, "encrypted");
    write_text(s->key, "no key", 0600);
    refuses(s, "no private key");
    tls_write_key(&p, s->key, NULL, 0600);
    write_text(s->cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0644);
    refuses(s, "no certificate");
    tls_write_cert(&p, s->cert);
    s->how.client_ca = s->key;
    refuses(s, "no certificate");
    EVP_PKEY_free(weak.key);
    weak.key = EVP_RSA_gen(1024);
    assert_int_equal(X509_set_pubkey(weak.crt, weak.key), 1);
    assert_true(X509_sign(weak.crt, s->ca.key, EVP_sha256()) > 0);
    tls_write_cert(&weak, s->cert);
    tls_write_key(&weak, s->key, NULL, 0600);
    s->how.client_ca = NULL;
    refuses(s, "2,048");
    assert_int_equal(unlink(s->cert), 0);
    start(s);
    await_end(s);
    assert_int_equal(s->result, VT_E_NOENT);
    tls_release(&p);
    tls_release(&weak);
}

static void
test_options_go_together(void **state)
{
    struct vt_listen_opts how = {.tls_cert = "x"};
    char url[VT_HTTP_URL_SIZE];
    int fd = -1;

    (void)state;
    assert_int_equal(vt_listen_open("127.0.0.1:0", &how, &fd, url, NULL), VT_E_USAGE);
    how = (struct vt_listen_opts){.tls_key = "x"};
    assert_int_equal(vt_listen_open("127.0.0.1:0", &how, &fd, url, NULL), VT_E_USAGE);
    how = (struct vt_listen_opts){.client_ca = "x"};
    assert_int_equal(vt_listen_open("127.0.0.1:0", &how, &fd, url, NULL), VT_E_USAGE);
    assert_int_equal(fd, -1);
    how = (struct vt_listen_opts){0};
    assert_int_equal(vt_listen_open("127.0.0.1:0", &how, &fd, url, NULL), VT_OK);
    assert_int_equal(strncmp(url, "http://", 7), 0);
    close(fd);
}

/* What a server signs in TLS 1.3. */
static size_t
make_content(uint8_t ret[VT_TLS_CONTENT_MAX], size_t hash)
{
    memset(ret, ' ', 64);
    memcpy(ret + 64, "TLS 1.3, server CertificateVerify", 34);
    memset(ret + 98, 0x5a, hash);
    return 98 + hash;
}

static void
test_signer_signs_nothing_else(void **state)
{
    struct site *s = *state;
    struct vt_tls_signer *signer = NULL;
    struct vt_buf chain = VT_BUF(VT_TLS_CHAIN_MAX);
    struct vt_buf clients = VT_BUF(VT_TLS_CLIENTS_MAX);
    struct vt_buf sig = VT_BUF(VT_TLS_SIG_MAX);
    uint8_t content[VT_TLS_CONTENT_MAX];
    size_t len = make_content(content, 32);
    uint64_t serial = 0;
    uint64_t again = 0;

    equip(s, &s->ca, &for_loopback);
    assert_int_equal(vt_tls_signer_spawn(&s->how, &signer, NULL), VT_OK);
    assert_int_equal(vt_tls_signer_chain(signer, 0, &serial, &chain, &clients, NULL), VT_OK);
    assert_true(serial > 0);
    assert_true(chain.len > 0);
    assert_int_equal(clients.len, 0);
    assert_int_equal(
        vt_tls_signer_chain(signer, serial, &again, &chain, &clients, NULL), VT_OK);
    assert_int_equal(again, serial);
#define SIGN(serial_, scheme_, len_)                                                           \
    vt_tls_signer_sign(signer, serial_, scheme_, content, len_, &sig, NULL)
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P256, len), VT_OK);
    assert_true(sig.len > 60);
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P384, len), VT_E_REFUSED);
    assert_int_equal(SIGN(serial, VT_TLS_RSA_PSS_SHA256, len), VT_E_REFUSED);
    assert_int_equal(SIGN(serial, 0, len), VT_E_REFUSED);
    assert_int_equal(SIGN(serial + 1, VT_TLS_ECDSA_P256, len), VT_E_REFUSED);
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P256, len - 1), VT_E_REFUSED);
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P256, 0), VT_E_REFUSED);
    content[5] = 'x';
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P256, len), VT_E_REFUSED);
    content[5] = ' ';
    memcpy(content + 64, "TLS 1.3, client CertificateVerify", 34);
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P256, len), VT_E_REFUSED);
    len = make_content(content, 48);
    assert_int_equal(SIGN(serial, VT_TLS_ECDSA_P256, len), VT_OK); /* it is still there */
    vt_tls_signer_free(signer);
    vt_buf_release(&chain);
    vt_buf_release(&clients);
    vt_buf_release(&sig);
}

/* The id of the child of that name; 0: there is none. */
static pid_t
child_named(const char *name)
{
    DIR *d = opendir("/proc");
    struct dirent *de;
    pid_t found = 0;

    assert_non_null(d);
    while (found == 0 && (de = readdir(d)) != NULL) {
        char path[300];
        char comm[64] = "";
        int pid = 0;
        int parent = 0;
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%s/stat", de->d_name);
        f = fopen(path, "r");
        if (f == NULL)
            continue;
        if (fscanf(f, "%d (%63[^)]) %*c %d", &pid, comm, &parent) == 3 &&
            parent == (int)getpid() && strcmp(comm, name) == 0)
            found = pid;
        fclose(f);
    }
    closedir(d);
    return found;
}

/* Waits for a signer that is another one than `before`. Nothing of libcrypto may be used
 * meanwhile: the server forks. */
static pid_t
await_signer(pid_t before)
{
    int64_t end = vt_clock_monotonic_ms() + PATIENCE_MS;
    pid_t pid;

    while ((pid = child_named("tls-signer")) == 0 || pid == before) {
        assert_true(vt_clock_monotonic_ms() < end);
        pause_ms(20);
    }
    return pid;
}

/* A signer that the server started is started again. */
static void
test_signer_dies(void **state)
{
    struct site *s = *state;
    struct vt_http *old;
    struct vt_buf b = VT_BUF(100);
    pid_t pid;

    equip(s, &s->ca, &for_loopback);
    start_alone(s);
    pid = await_signer(0);
    await_who(s, s->ca_file);
    old = client(s);
    assert_int_equal(vt_http_get(old, s->url, "who", &b, NULL), VT_OK);
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)await_signer(pid);
    /* Who was there needed no signature. */
    assert_int_equal(vt_http_get(old, s->url, "who", &b, NULL), VT_OK);
    await_who(s, s->ca_file);
    vt_http_free(old);
    vt_buf_release(&b);
}

/* Without a signer that somebody else started handshakes fail, and the server ends, so that all
 * are started anew. */
static void
test_attached_signer_dies(void **state)
{
    struct site *s = *state;

    equip(s, &s->ca, &for_loopback);
    start(s);
    await_who(s, s->ca_file);
    vt_proc_stop(s->signer, -1, 0);
    s->signer = 0;
    assert_int_not_equal(ask_who(s, s->ca_file, NULL), VT_OK);
    await_end(s);
    assert_int_equal(s->result, VT_E_IO);
    assert_non_null(strstr(s->why.text, "TLS signer"));
}

static int
connect_raw(const struct site *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(s->url, ':') + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval tv = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

/* Reads to the end; false: none came within 30 seconds. */
static bool
reads_end(int fd)
{
    char buf[512];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        continue;
    return n == 0 || errno == ECONNRESET;
}

/* Those who never end their handshake, or never began one, are sent away. */
static void
test_slow_handshakes_end(void **state)
{
    static const char beginning[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    struct site *s = *state;
    int64_t end;
    int silent;
    int half;
    int dripping;
    int plain;

    s->opts.timeout_s = 1;
    equip(s, &s->ca, &for_loopback);
    start(s);
    silent = connect_raw(s);
    half = connect_raw(s);
    dripping = connect_raw(s);
    plain = connect_raw(s);
    assert_int_equal(send(half, beginning, sizeof(beginning) - 1, MSG_NOSIGNAL), 11);
    assert_int_equal(send(dripping, beginning, sizeof(beginning) - 1, MSG_NOSIGNAL), 11);
    assert_true(send(plain, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
    assert_true(reads_end(plain));
    /* A byte now and then does not buy time. */
    end = vt_clock_monotonic_ms() + PATIENCE_MS;
    while (send(dripping, "\0", 1, MSG_NOSIGNAL) == 1) {
        assert_true(vt_clock_monotonic_ms() < end);
        pause_ms(200);
    }
    assert_true(reads_end(silent));
    assert_true(reads_end(half));
    assert_int_equal(ask_who(s, s->ca_file, NULL), VT_OK);
    close(silent);
    close(half);
    close(dripping);
    close(plain);
}

static void
test_connections_have_a_rate(void **state)
{
    struct site *s = *state;
    unsigned refused = 0;

    s->opts.connections_per_minute = 6; /* three at once */
    equip(s, &s->ca, &for_loopback);
    start(s);
    for (int i = 0; i < 6; i++)
        refused += ask_who(s, s->ca_file, NULL) == VT_OK ? 0 : 1;
    assert_true(refused > 0 && refused < 6);
}

int
main(void)
{
#define WITH(test_) cmocka_unit_test_setup_teardown(test_, prepare, finish)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_keys),
        WITH(test_wrong_authority_and_name),
        WITH(test_expired),
        WITH(test_environment),
        WITH(test_older_versions_are_refused),
        WITH(test_other_hellos),
        WITH(test_reload),
        WITH(test_clients),
        WITH(test_pass),
        WITH(test_clients_are_not_asked),
        WITH(test_names_of_clients),
        WITH(test_wrong_files),
        cmocka_unit_test(test_options_go_together),
        WITH(test_signer_signs_nothing_else),
        WITH(test_signer_dies),
        WITH(test_attached_signer_dies),
        WITH(test_slow_handshakes_end),
        WITH(test_connections_have_a_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
