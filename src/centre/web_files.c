/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the site serves from folders: the public ones of its home, and the built page.
 */
#include "centre/web_parts.h"

#include "log/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON "application/json"

/* What of public/ is served under which name; files that change come first. */
static const struct vt_served served[] = {
    VT_SERVED_LOG,
    {"/policy", "policy", VT_SERVED_TEXT, true, false},
    {"/tuf/metadata/timestamp.json", "tuf/metadata/timestamp.json", JSON, true, false},
    {"/objects/", "objects", VT_SERVED_BINARY, false, false},
    {"/tuf/metadata/", "tuf/metadata", JSON, false, false},
    {"/tuf/targets/", "tuf/targets", VT_SERVED_BINARY, false, false},
    {"/passports/", "passports", VT_SERVED_TEXT, true, false},
    {"/staged/", "staged", JSON, true, false},
};
#define SERVED (sizeof(served) / sizeof(served[0]))

/* The first parts of the page's addresses: all of them are the one file index.html. */
static const char *const parts[] = {"releases", "release", "verify", "log", "health", "about",
    "sources", "source", "coverage", "compare", "search", "me", "join", "data", "requests",
    "request", "relocations", "accesses"};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

#define PAGE_CSP                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "          \
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "            \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct vt_web_files {
    char dirs[SERVED][VT_PATH_MAX];
    char index[VT_PATH_MAX];
    char assets[VT_PATH_MAX];
    char addresses[2 * PARTS][24];
    struct vt_http_folder folders[SERVED + 2 * PARTS + 3];
    size_t count;
};

static void
add_address(struct vt_web_files *f, const char *prefix)
{
    f->folders[f->count++] = (struct vt_http_folder){.prefix = prefix,
        .dir = f->index,
        .cache = "no-cache",
        .csp = PAGE_CSP,
        .one = true,
        .etag = true,
        .precompressed = true};
}

static enum vt_err
add_page(struct vt_web_files *f, const char *web_dir, struct vt_why *why)
{
    enum vt_err err = vt_path(f->index, why, "%s/index.html", web_dir);

    if (err == VT_OK)
        err = vt_path(f->assets, why, "%s/assets", web_dir);
    if (err != VT_OK)
        return err;
    f->folders[f->count++] = (struct vt_http_folder){.prefix = "/assets/",
        .dir = f->assets,
        .cache = VT_SERVED_ONE_YEAR,
        .csp = PAGE_CSP, /* a worker goes by the policy that its own script came with */
        .precompressed = true,
        .keep = true};
    add_address(f, "/");
    for (size_t i = 0; i < PARTS; i++) {
        (void)snprintf(f->addresses[2 * i], sizeof(f->addresses[0]), "/%s", parts[i]);
        (void)snprintf(f->addresses[2 * i + 1], sizeof(f->addresses[0]), "/%s/", parts[i]);
        add_address(f, f->addresses[2 * i]);
        add_address(f, f->addresses[2 * i + 1]);
    }
    return VT_OK;
}

enum vt_err
vt_web_files_new(const struct vt_web_opts *opts, struct vt_web_files **ret, struct vt_why *why)
{
    struct vt_web_files *f = calloc(1, sizeof(*f));
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    err = vt_served_folders(opts->public_dir, served, SERVED, f->dirs, f->folders, why);
    f->count = SERVED;
    if (err == VT_OK && opts->web_dir != NULL)
        err = add_page(f, opts->web_dir, why);
    if (err != VT_OK) {
        vt_web_files_free(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_web_files_free(struct vt_web_files *f)
{
    free(f);
}

const struct vt_http_folder *
vt_web_files_folders(const struct vt_web_files *f)
{
    return f->folders;
}
