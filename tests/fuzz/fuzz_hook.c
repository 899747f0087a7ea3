/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of web hooks: what is read from it is read again from what is written of it, and no
 * more of a URL is shown than its host.
 */
#include "centre/hook.h"

#include "must.h"

static void
write_hooks(const struct vt_hooks *h, struct vt_buf *b)
{
    for (size_t i = 0; i < h->count; i++) {
        vt_buf_putf(b, "%s ", h->hook[i].url);
        vt_hook_put_events(b, h->hook[i].events);
        vt_buf_puts(b, "\n");
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vt_hooks one, again;
    struct vt_buf a = VT_BUF(65536), b = VT_BUF(65536);
    struct vt_why why = {0};
    char shown[VT_HOOK_SHOWN_SIZE];
    enum vt_err err = vt_hooks_parse(data, size, &one, &why);

    must_say(err, &why);
    if (err != VT_OK)
        return 0;
    write_hooks(&one, &a);
    must(vt_hooks_parse(a.data, a.len, &again, &why) == VT_OK);
    write_hooks(&again, &b);
    must_be(&a, b.data, b.len);
    for (size_t i = 0; i < one.count; i++) {
        must(vt_hook_check_url(one.hook[i].url, NULL) == VT_OK);
        vt_hook_shown(one.hook[i].url, shown);
        must(strchr(strstr(shown, "://") + 3, '/') == NULL && strchr(shown, '?') == NULL);
    }
    vt_buf_release(&a);
    vt_buf_release(&b);
    return 0;
}
