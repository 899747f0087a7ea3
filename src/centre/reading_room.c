/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/reading_room.h"

#include "base/confine.h"
#include "base/log.h"
#include "centre/api_cover.h"
#include "centre/api_kept.h"
#include "centre/api_parts.h"
#include "centre/api_routes.h"
#include "ledger/policy.h"

#include <sys/stat.h>

/* The facts may be made anew in a file of the same name: which one is it now? 0: none. */
static uint64_t
file_number(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static void
close_facts(struct vt_api *a)
{
    vt_sql_close(a->facts);
    a->facts = NULL;
    a->facts_file = 0;
    vt_api_covers_clear(a->covers);
}

/* Opens the facts that are there now; not to have any yet is no error. */
static enum vt_err
take_facts(struct vt_api *a, struct vt_why *why)
{
    uint64_t file = file_number(a->facts_path);
    enum vt_err err;

    if (a->facts != NULL && file == a->facts_file)
        return VT_OK;
    close_facts(a);
    if (file == 0)
        return VT_OK;
    err = vt_sql_open(
        a->facts_path, VT_SQL_READ, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &a->facts, why);
    if (err == VT_OK)
        a->facts_file = file;
    return err == VT_E_NOENT ? VT_OK : err;
}

static enum vt_err
answer(void *ctx, bool admit, const struct vt_ask *ask, struct vt_answer *ret,
    struct vt_buf *body, struct vt_why *why)
{
    struct vt_api *a = ctx;
    struct vt_why problem = {0};

    (void)why;
    if (admit || ask->post) {
        vt_answer_error(ret, body, 405, "nothing takes a POST here");
        return VT_OK;
    }
    if (take_facts(a, &problem) != VT_OK) {
        vt_log(VT_LOG_ERROR, "the facts cannot be read: %s", problem.text);
        vt_answer_error(ret, body, 503, "the facts are being made again: try again");
        return VT_OK;
    }
    vt_api_answer(a, ask, ret, body);
    return VT_OK;
}

static enum vt_err
init(struct vt_api *a, const struct vt_reading_room_opts *opts, struct vt_why *why)
{
    enum vt_err err = vt_home_path(opts->home, a->public_dir, why, "public");

    a->opts = opts;
    a->policy = opts->policy;
    if (err == VT_OK)
        err = vt_home_path(opts->home, a->facts_path, why, "%s", VT_FACTS_FILE);
    if (err == VT_OK)
        err = vt_home_path(opts->home, a->library_dir, why, "centre/source");
    if (err == VT_OK)
        err = vt_api_covers_new(&a->covers, why);
    if (err == VT_OK)
        err = vt_api_kept_new(&a->kept, why);
    return err;
}

static void
release(struct vt_api *a)
{
    vt_log_reader_free(a->log);
    vt_library_close(a->library);
    vt_sql_close(a->facts);
    vt_api_covers_free(a->covers);
    vt_api_kept_free(a->kept);
    vt_vault_policy_free(a->vault);
}

/* From now on this process reads what is public and what the indexer made, and no more. */
static void
confine(const struct vt_api *a)
{
    char centre[VT_PATH_MAX];
    const struct vt_confine_folder folders[] = {
        {a->public_dir, VT_CONFINE_READ}, {centre, VT_CONFINE_READ}};
    struct vt_why why = {0};
    enum vt_err err = vt_home_path(a->opts->home, centre, &why, "centre");

    if (err == VT_OK) /* the indexer may not have made it yet */
        err = vt_dir_make(centre, 0700, &why);
    if (err == VT_OK)
        err = vt_confine(folders, 2, &why);
    if (err != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read more than the site's public files: %s",
            why.text);
}

enum vt_err
vt_reading_room_run(int fd, const struct vt_reading_room_opts *opts, struct vt_why *why)
{
    struct vt_api a = {0};
    const struct vt_room_opts room = {.answer = answer, .ctx = &a};
    enum vt_err err = init(&a, opts, why);

    if (err == VT_OK) {
        confine(&a);
        err = vt_room_run(fd, &room, why);
    }
    release(&a);
    return err;
}
