/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/room.h"

#include "base/json.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *code;
} codes[] = {
    {400, "bad-request"},
    {401, "login"},
    {403, "forbidden"},
    {404, "not-found"},
    {405, "method"},
    {409, "conflict"},
    {413, "too-large"},
    {422, "refused"},
    {429, "slow-down"},
    {503, "unavailable"},
};

static const char *
code_of(int status)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "unavailable";
}

void
vt_answer_error(struct vt_answer *ret, struct vt_buf *body, int status, const char *fmt, ...)
{
    static const char spare[] = "{\"error\":{\"code\":\"unavailable\",\"message\":\"\"}}\n";
    uint16_t retry_after_s = ret->retry_after_s;
    uint64_t number = ret->number;
    char message[1024];
    char raw[1024];
    json_t *error;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    (void)vt_text_clean(message, sizeof(message), raw, n < 0 ? 0 : strlen(raw));
    vt_answer_preset(ret);
    ret->number = number;
    ret->status = (uint16_t)status;
    ret->cache = "no-store";
    if (status == 429 || status == 503)
        ret->retry_after_s = retry_after_s > 0 ? retry_after_s : 1;
    vt_buf_clear(body);
    error = json_pack("{s:{s:s,s:s}}", "error", "code", code_of(status), "message", message);
    if (error == NULL || vt_json_text(error, false, body, NULL) != VT_OK) {
        vt_buf_clear(body);
        vt_buf_put(body, spare, sizeof(spare) - 1);
    }
    json_decref(error);
}
