/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include "crypto/digest.h"
#include "http/server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 512 };

/* Takes "HOST:PORT" or "[HOST]:PORT" apart. */
static bool
split_address(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    const char *from = address;
    struct vt_reader number;
    uint64_t n;
    size_t len;

    if (colon == NULL || colon == address)
        return false;
    len = (size_t)(colon - address);
    if (address[0] == '[') {
        if (len < 3 || colon[-1] != ']')
            return false;
        from++;
        len -= 2;
    }
    if (len >= 64 || strlen(colon + 1) == 0 || strlen(colon + 1) >= 8)
        return false;
    number = VT_READER(colon + 1, strlen(colon + 1));
    if (!vt_reader_decimal(&number, 65535, &n))
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

static enum vt_err
bind_to(const struct addrinfo *ai, const char *address, int *ret_fd, struct vt_why *why)
{
    int one = 1;
    enum vt_err err;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return vt_fail_errno(why, "cannot make a socket for %s", address);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        err = vt_fail_errno(why, "cannot listen on %s", address);
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return VT_OK;
}

static enum vt_err
url_of(int fd, const char *host, char ret_url[128], struct vt_why *why)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa = {0};
    socklen_t len = sizeof(sa);
    unsigned port;

    if (getsockname(fd, &sa.any, &len) != 0)
        return vt_fail_errno(why, "cannot learn the address of the socket");
    port = ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
    (void)snprintf(ret_url, 128, strchr(host, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u",
        host, port);
    return VT_OK;
}

enum vt_err
vt_http_listen(const char *address, int *ret_fd, char ret_url[128], struct vt_why *why)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *ai = NULL;
    char host[64];
    char port[8];
    enum vt_err err;
    int fd = -1;

    if (!split_address(address, host, port))
        return vt_fail(why, VT_E_USAGE, "%s: not of the form HOST:PORT", address);
    if (getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port, &hints, &ai) !=
        0)
        return vt_fail(why, VT_E_USAGE, "%s: not a numeric address and port", address);
    err = bind_to(ai, address, &fd, why);
    freeaddrinfo(ai);
    if (err != VT_OK)
        return err;
    err = url_of(fd, host, ret_url, why);
    if (err != VT_OK) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return VT_OK;
}

bool
vt_listen_has_tls(const struct vt_listen_opts *how)
{
    return how != NULL && how->tls_cert != NULL;
}

static enum vt_err
check_files(const struct vt_listen_opts *how, struct vt_why *why)
{
    if (how == NULL)
        return VT_OK;
    if ((how->tls_cert == NULL) != (how->tls_key == NULL))
        return vt_fail(why, VT_E_USAGE, "--tls-cert and --tls-key go together");
    if (how->client_ca != NULL && how->tls_cert == NULL)
        return vt_fail(
            why, VT_E_USAGE, "--client-ca needs --tls-cert and --tls-key: it is part of TLS");
    return VT_OK;
}

enum vt_err
vt_listen_pass(char ret[VT_HTTP_PASS_SIZE], struct vt_why *why)
{
    uint8_t secret[(VT_HTTP_PASS_SIZE - 1) / 2];
    enum vt_err err = vt_random(secret, sizeof(secret), why);

    if (err == VT_OK)
        vt_hex_encode(secret, sizeof(secret), ret);
    vt_wipe(secret, sizeof(secret));
    return err;
}

enum vt_err
vt_listen_open(const char *address, const struct vt_listen_opts *how, int *ret_fd,
    char ret_url[VT_HTTP_URL_SIZE], struct vt_why *why)
{
    char url[VT_HTTP_URL_SIZE];
    enum vt_err err = check_files(how, why);

    if (err == VT_OK)
        err = vt_http_listen(address, ret_fd, url, why);
    if (err == VT_OK)
        (void)snprintf(ret_url, VT_HTTP_URL_SIZE, "%s%.*s",
            vt_listen_has_tls(how) ? "https" : "http",
            (int)(VT_HTTP_URL_SIZE - 1 - sizeof("https")), url + strlen("http"));
    return err;
}
