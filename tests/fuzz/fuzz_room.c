/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and answers between a site's processes, and query strings. What is taken is written
 * again as it came.
 */
#include "centre/room.h"

#include "must.h"

static void
try_ask(const struct vt_buf *m)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_why why = {0};
    struct vt_ask a;
    enum vt_err err = vt_ask_read(m, &a, &why);

    must_say(err, &why);
    if (err != VT_OK)
        return;
    must(vt_ask_put(&b, &a, NULL) == VT_OK);
    must_be(&b, m->data, m->len);
}

static void
try_answer(const struct vt_buf *m)
{
    struct vt_buf b = VT_BUF(VT_ROOM_MESSAGE_MAX);
    struct vt_why why = {0};
    struct vt_answer a;
    enum vt_err err = vt_answer_read(m, &a, &why);

    must_say(err, &why);
    if (err != VT_OK)
        return;
    must(vt_answer_put(&b, &a, NULL) == VT_OK);
    must_be(&b, m->data, m->len);
}

static void
try_query(const char *query)
{
    static const char *const names[] = {"q", "path", NULL};
    char value[64] = "";
    bool bad = false;

    if (vt_query_get(query, "q", value, sizeof(value), &bad))
        must(!bad && strlen(value) < sizeof(value) && vt_utf8_valid(value, strlen(value)));
    if (vt_query_only(query, names))
        must(query[0] == '\0' || bad || vt_query_get(query, "q", value, sizeof(value), &bad) ||
             vt_query_get(query, "path", value, sizeof(value), &bad) || bad);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf m = VT_BUF(VT_ROOM_MESSAGE_MAX);

    vt_buf_put(&m, data, size);
    if (m.err == VT_OK) {
        try_ask(&m);
        try_answer(&m);
        try_query(vt_buf_str(&m));
    }
    vt_buf_release(&m);
    return 0;
}
