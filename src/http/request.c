/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request's headers say.
 */
#include "http/serving.h"

#include "crypto/digest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *
vt_http_header(const struct vt_http_exchange *x, const char *name)
{
    const char *s = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);

    return s == NULL ? "" : s;
}

static enum MHD_Result
count_length(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    unsigned *n = ctx;

    (void)kind;
    (void)value;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
        strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
        (*n)++;
    return MHD_YES;
}

bool
vt_http_length_is_clear(const struct vt_http_exchange *x)
{
    unsigned n = 0;

    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_length, &n);
    return n <= 1;
}

/* Steps over spaces before, and leaves out those after. */
static struct vt_reader
trim(struct vt_reader r)
{
    while (r.left > 0 && (*r.p == ' ' || *r.p == '\t'))
        r = VT_READER(r.p + 1, r.left - 1);
    while (r.left > 0 && (r.p[r.left - 1] == ' ' || r.p[r.left - 1] == '\t'))
        r.left--;
    return r;
}

bool
vt_http_cookie(const char *header, const char *name, char *ret, size_t size)
{
    struct vt_reader r = VT_READER(header, strlen(header));
    struct vt_reader value = {0};
    struct vt_reader pair;
    struct vt_reader key;
    unsigned found = 0;

    while (vt_reader_word(&r, ';', &pair)) {
        pair = trim(pair);
        if (!vt_reader_word(&pair, '=', &key) || !vt_reader_is(&key, name))
            continue;
        value = pair;
        found++;
    }
    return found == 1 && vt_reader_cstr(&value, ret, size);
}

/* Whether a quality says that the coding is not wanted: "q=0", "q=0.0" and so on. */
static bool
is_zero(struct vt_reader q)
{
    q = trim(q);
    if (!vt_reader_skip(&q, "q=0"))
        return false;
    for (size_t i = 0; i < q.left; i++)
        if (q.p[i] != '.' && q.p[i] != '0')
            return false;
    return true;
}

bool
vt_http_accepts(const struct vt_http_exchange *x, const char *coding)
{
    const char *s = vt_http_header(x, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    struct vt_reader r = VT_READER(s, strlen(s));
    struct vt_reader item;
    struct vt_reader name;

    while (vt_reader_word(&r, ',', &item)) {
        if (!vt_reader_word(&item, ';', &name))
            continue;
        name = trim(name);
        if (name.left == strlen(coding) &&
            strncasecmp((const char *)name.p, coding, name.left) == 0)
            return !is_zero(item);
    }
    return false;
}

/* The bytes of an address that tell one client from another: of IPv6 the network's. */
static struct vt_slice
address_bytes(const struct sockaddr *sa)
{
    const struct sockaddr_in6 *v6;
    const struct sockaddr_in *v4;

    if (sa->sa_family == AF_INET) {
        v4 = (const void *)sa;
        return (struct vt_slice){&v4->sin_addr, 4};
    }
    v6 = (const void *)sa;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return (struct vt_slice){v6->sin6_addr.s6_addr + 12, 4};
    return (struct vt_slice){&v6->sin6_addr, 8};
}

static bool
is_this_machine(const struct sockaddr *sa)
{
    struct vt_slice a = address_bytes(sa);

    return a.len == 4 ? *(const uint8_t *)a.data == 127
                      : IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

static void
make_word(const struct vt_http_server *s, struct vt_slice what, char ret[VT_HTTP_CLIENT_SIZE])
{
    const struct vt_slice v[2] = {{s->secret, sizeof(s->secret)}, what};
    struct vt_digest d;

    vt_digest_of_slices(v, 2, &d);
    vt_hex_encode(d.b, (VT_HTTP_CLIENT_SIZE - 1) / 2, ret);
}

void
vt_http_word_of(const struct vt_http_server *s, const struct sockaddr *address,
    char ret[VT_HTTP_CLIENT_SIZE])
{
    make_word(s, address_bytes(address), ret);
}

/* The last word of X-Forwarded-For: the one that the proxy itself wrote. An address of IPv6
 * counts by its network, as elsewhere. */
static bool
make_forwarded_word(struct vt_http_exchange *x)
{
    const char *s = vt_http_header(x, "X-Forwarded-For");
    const char *comma = strrchr(s, ',');
    struct vt_reader r = VT_READER(s, strlen(s));
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    size_t len = 4;

    if (comma != NULL)
        r = VT_READER(comma + 1, strlen(comma + 1));
    r = trim(r);
    if (!vt_reader_cstr(&r, text, sizeof(text)))
        return false;
    if (inet_pton(AF_INET, text, address) != 1) {
        len = 8;
        if (inet_pton(AF_INET6, text, address) != 1)
            return false;
    }
    make_word(x->conn->server, (struct vt_slice){address, len}, x->client);
    return true;
}

const char *
vt_http_client_word(struct vt_http_exchange *x)
{
    const union MHD_ConnectionInfo *info;
    struct vt_http_conn *c = x->conn;

    if (x->client[0] != '\0')
        return x->client;
    info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return "";
    if (c->server->opts->forwarded && is_this_machine(info->client_addr) &&
        make_forwarded_word(x))
        return x->client;
    if (c->address[0] == '\0')
        vt_http_word_of(c->server, info->client_addr, c->address);
    memcpy(x->client, c->address, sizeof(x->client));
    return x->client;
}
