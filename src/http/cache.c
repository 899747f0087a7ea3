/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses of small files that never change, kept ready with their headers. libmicrohttpd
 * counts references, so one that is being sent outlives its place here.
 */
#include "http/serving.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2048, ENTRIES_MAX = 2048 };
#define BYTES_MAX (32U * 1024U * 1024U)

struct entry {
    struct entry *next;  /* in its row */
    struct entry *newer; /* in the order of use */
    struct entry *older;
    struct MHD_Response *response;
    uint64_t len;
    char key[];
};

struct vt_http_cache {
    struct entry *row[ROWS];
    struct entry *newest;
    struct entry *oldest;
    size_t count;
    uint64_t bytes;
};

enum vt_err
vt_http_cache_new(struct vt_http_cache **ret, struct vt_why *why)
{
    struct vt_http_cache *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    *ret = c;
    return VT_OK;
}

static struct entry **
row_of(struct vt_http_cache *c, const char *key)
{
    uint64_t n = 1469598103934665603ULL; /* FNV-1a: only names of our own files come here */

    for (; *key != '\0'; key++)
        n = (n ^ (uint8_t)*key) * 1099511628211ULL;
    return &c->row[(n ^ (n >> 32)) % ROWS];
}

static void
unlink_use(struct vt_http_cache *c, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
}

static void
link_newest(struct vt_http_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

/* Drops the one that was not asked for longest; there must be one. */
static void
drop_oldest(struct vt_http_cache *c)
{
    struct entry *e = c->oldest;
    struct entry **at = row_of(c, e->key);

    while (*at != NULL && *at != e)
        at = &(*at)->next;
    assert(*at != NULL);
    *at = e->next;
    c->oldest = e->newer;
    *(e->newer != NULL ? &e->newer->older : &c->newest) = NULL;
    c->count--;
    c->bytes -= e->len;
    MHD_destroy_response(e->response);
    free(e);
}

void
vt_http_cache_free(struct vt_http_cache *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        drop_oldest(c);
    free(c);
}

static struct entry *
find(struct vt_http_cache *c, const char *key)
{
    struct entry *e = *row_of(c, key);

    while (e != NULL && strcmp(e->key, key) != 0)
        e = e->next;
    return e;
}

struct MHD_Response *
vt_http_cache_get(struct vt_http_cache *c, const char *key, uint64_t *ret_len)
{
    struct entry *e = find(c, key);

    if (e == NULL)
        return NULL;
    if (c->newest != e) {
        unlink_use(c, e);
        link_newest(c, e);
    }
    *ret_len = e->len;
    return e->response;
}

bool
vt_http_cache_put(
    struct vt_http_cache *c, const char *key, struct MHD_Response *response, uint64_t len)
{
    size_t key_size = strlen(key) + 1;
    struct entry *e;
    struct entry **row;

    if (len > VT_HTTP_CACHE_FILE_MAX || find(c, key) != NULL)
        return false;
    while (c->oldest != NULL && (c->count >= ENTRIES_MAX || c->bytes + len > BYTES_MAX))
        drop_oldest(c);
    e = malloc(sizeof(*e) + key_size);
    if (e == NULL)
        return false;
    memcpy(e->key, key, key_size);
    e->response = response;
    e->len = len;
    row = row_of(c, key);
    e->next = *row;
    *row = e;
    link_newest(c, e);
    c->count++;
    c->bytes += len;
    return true;
}
