/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: one that is taken has that form only. The same bytes are also tried
 * as apt's sources, in both forms, and as a control paragraph.
 */
#include "assembly/apt_sources.h"
#include "assembly/deb.h"
#include "assembly/environment.h"

#include "must.h"

static void
try_manifest(const uint8_t *data, size_t size)
{
    struct vt_environment *e = NULL;
    struct vt_buf b = VT_BUF(VT_ENVIRONMENT_MAX);
    struct vt_why why = {0};
    enum vt_err err = vt_environment_parse(data, size, &e, &why);

    must_say(err, &why);
    if (err == VT_OK) {
        vt_environment_put(&b, e);
        must_be(&b, data, size);
    } else {
        must(e == NULL);
        vt_buf_release(&b);
    }
    vt_environment_free(e);
}

static void
check_sources(const struct vt_apt_sources *s)
{
    struct vt_buf b = VT_BUF(1 << 22);

    for (size_t i = 0; i < s->count; i++) {
        must(s->item[i].binary || s->item[i].source);
        must(s->item[i].uri[0] != '\0' && s->item[i].suite[0] != '\0');
        must(strpbrk(s->item[i].uri, " \t\n") == NULL);
        must(strpbrk(s->item[i].suite, " \t\n") == NULL);
        must(strpbrk(s->item[i].components, "\t\n") == NULL);
        must(strpbrk(s->item[i].architectures, "\t\n") == NULL);
        must(strstr(s->item[i].signed_by, "\n\n") == NULL);
        vt_apt_source_put(&b, &s->item[i], "deb");
    }
    vt_buf_release(&b);
}

static void
try_sources(const uint8_t *data, size_t size)
{
    static struct vt_apt_sources s;

    (void)!vt_apt_sources_add_lines(&s, data, size, NULL);
    check_sources(&s);
    (void)!vt_apt_sources_add_stanzas(&s, data, size, NULL);
    check_sources(&s);
    vt_apt_sources_release(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[64];

    try_manifest(data, size);
    try_sources(data, size);
    if (vt_deb_field(data, size, "Version", text, sizeof text))
        must(vt_deb_has_field(data, size, "version"));
    return 0;
}
