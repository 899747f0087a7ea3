/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OTLP request of arbitrary bytes is refused with a reason, or every record that comes out
 * of it is one line of JSON; and so is what gzip makes of it. The finder of subjects is held
 * against the JSON parser.
 */
#include "must.h"

#include "base/json.h"
#include "report/otlp.h"

static enum vt_err
take(void *ctx, const char *subject, const void *record, size_t len, struct vt_why *why)
{
    json_t *v = NULL;

    (void)ctx;
    (void)why;
    must(subject[0] != '\0' && len > 0 && memchr(record, '\n', len) == NULL);
    must(vt_json_parse(record, len, "a record", &v, NULL) == VT_OK);
    json_decref(v);
    return VT_OK;
}

static void
parse(const void *data, size_t size)
{
    static const struct vt_otlp_opts opts = {
        .subject = "somebody", .field = "user.name", .take = take};
    struct vt_otlp_report report;
    struct vt_why why = {{0}};

    must_say(vt_otlp_parse(data, size, &opts, &report, &why), &why);
    must(report.refused == 0);
}

/* In what is JSON, the plain member `user` is found if and only if it is a name. */
static void
find(const uint8_t *data, size_t size)
{
    char name[VT_SUBJECT_NAME_MAX + 1];
    bool found = vt_field_of_json(data, size, "user", name);
    json_t *v = NULL;
    json_t *user;

    if (found)
        must(name[0] != '\0' && vt_utf8_valid(name, strlen(name)));
    if (vt_json_parse(data, size, "an event", &v, NULL) != VT_OK)
        return;
    user = json_object_get(v, "user");
    if (found && json_is_string(user))
        must(strcmp(name, json_string_value(user)) == 0);
    else if (found)
        must(json_is_integer(user));
    json_decref(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf plain = VT_BUF(65536);
    struct vt_why why = {{0}};

    parse(data, size);
    find(data, size);
    must_say(vt_otlp_gunzip(data, size, &plain, &why), &why);
    vt_buf_release(&plain);
    return 0;
}
