/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line for each request, where they are asked for. The query is left out, since people put
 * there what they look for; so is the address, unless it is asked for: the client's word tells
 * one from another for as long as the process runs, and no longer.
 */
#include "http/serving.h"

#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static void
address_of(const struct vt_http_exchange *x, char ret[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *sa = info == NULL ? NULL : info->client_addr;
    const void *address;

    ret[0] = '\0';
    if (sa == NULL)
        return;
    address = sa->sa_family == AF_INET
                  ? (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr
                  : &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    if (inet_ntop(sa->sa_family, address, ret, INET6_ADDRSTRLEN) == NULL)
        ret[0] = '\0';
}

void
vt_http_log_request(struct vt_http_exchange *x)
{
    const struct vt_listen_opts *how = x->conn->server->opts->how;
    char address[INET6_ADDRSTRLEN] = "";
    struct vt_log_field v[10];
    size_t n = 0;

    v[n++] = (struct vt_log_field){"method", x->method, 0};
    v[n++] = (struct vt_log_field){"path", x->path, 0};
    v[n++] = (struct vt_log_field){"status", NULL, x->status};
    v[n++] = (struct vt_log_field){"bytes", NULL, x->response_len};
    v[n++] = (struct vt_log_field){"took_us", NULL, vt_clock_monotonic_us() - x->began_us};
    v[n++] = (struct vt_log_field){"client", vt_http_client_word(x), 0};
    v[n++] = (struct vt_log_field){"tls", x->conn->tls.tls != NULL ? "yes" : "no", 0};
    if (x->conn->tls.client[0] != '\0')
        v[n++] = (struct vt_log_field){"client_name", x->conn->tls.client, 0};
    if (how->log_addresses)
        address_of(x, address);
    if (address[0] != '\0')
        v[n++] = (struct vt_log_field){"address", address, 0};
    vt_log_fields(VT_LOG_INFO, "request", v, n);
}
