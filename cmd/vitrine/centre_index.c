/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre index
 */
#include "centre.h"

#include "base/log.h"
#include "centre/facts.h"
#include "centre/indexer.h"
#include "note/policy.h"
#include "sql/sql.h"
#include "store/policy_file.h"

#include <inttypes.h>

/* What is counted: a name for JSON and people, and the query. */
static const struct {
    const char *name;
    const char *sql;
} counts[] = {
    {"size", "SELECT size FROM state"},
    {"entries", "SELECT count(*) FROM entry"},
    {"problems", "SELECT count(*) FROM entry WHERE problem IS NOT NULL"},
    {"waiting", "SELECT count(DISTINCT idx) FROM waiting"},
    {"sources", "SELECT count(*) FROM source"},
    {"in_library", "SELECT count(*) FROM shelf WHERE problem IS NULL"},
    {"releases", "SELECT count(*) FROM release"},
    {"verified", "SELECT count(*) FROM release WHERE state='verified'"},
    {"documents", "SELECT count(*) FROM document"},
    {"reviews", "SELECT count(*) FROM review"},
};
enum { COUNTS = sizeof counts / sizeof counts[0] };

static enum vt_err
make_index(const char *dir, struct vt_home *home, struct vt_why *why)
{
    struct vt_indexer_opts opts = {.home = home};
    struct vt_policy *policy = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, home, why);

    if (err == VT_OK)
        err = vt_home_path(home, path, why, "policy");
    if (err == VT_OK)
        err = vt_policy_load(path, &policy, why);
    opts.policy = policy;
    if (err == VT_OK)
        err = vt_indexer_once(&opts, why);
    vt_policy_free(policy);
    return err;
}

/* Why the facts are not those of the newest checkpoint; "" when they are. */
static enum vt_err
read_problem(struct vt_sql *db, struct vt_why *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why, "SELECT problem FROM state", "");

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row && vt_sql_text(r, 0)[0] != '\0')
        (void)vt_fail(ret, VT_E_REFUSED, "%s", vt_sql_text(r, 0));
    vt_sql_end(r);
    return err;
}

static enum vt_err
count(const struct vt_home *home, int64_t ret[COUNTS], struct vt_why *ret_problem,
    struct vt_why *why)
{
    struct vt_sql *db = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "%s", VT_FACTS_FILE);

    if (err == VT_OK)
        err = vt_sql_open(path, VT_SQL_READ, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &db, why);
    for (size_t i = 0; i < COUNTS && err == VT_OK; i++)
        err = vt_sql_count(db, 0, &ret[i], why, counts[i].sql, "");
    if (err == VT_OK)
        err = read_problem(db, ret_problem, why);
    vt_sql_close(db);
    return err;
}

static int
print_counts(const struct vt_cmd *c, const int64_t n[COUNTS])
{
    struct vt_buf b = VT_BUF(4096);
    json_t *result = json_object();
    int code;

    for (size_t i = 0; i < COUNTS; i++) {
        json_object_set_new(result, counts[i].name, json_integer((json_int_t)n[i]));
        vt_buf_putf(&b, "%s%-10s %" PRId64, i > 0 ? "\n" : "", counts[i].name, n[i]);
    }
    code = vt_cmd_done(c, result, "%s", vt_buf_str(&b));
    vt_buf_release(&b);
    return code;
}

int
vt_cmd_centre_index(int argc, char **argv)
{
    struct vt_cmd c = {.name = "centre index",
        .args = "HOME",
        .summary = "Makes the Centre's facts and library from the public log of a site.",
        .details =
            "Takes in what is new since the last time, or all of it. A site that runs does "
            "this by itself. Says how much there is; fails when the published "
            "checkpoint is not one that HOME/policy accepts.",
        .args_min = 1,
        .args_max = 1};
    int64_t n[COUNTS] = {0};
    struct vt_why why = {0}, problem = {0};
    struct vt_home home;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("index", c.quiet ? VT_LOG_ERROR : VT_LOG_WARN);
    err = make_index(c.argv[0], &home, &why);
    if (err == VT_OK)
        err = count(&home, n, &problem, &why);
    if (err == VT_OK && problem.text[0] != '\0')
        err = vt_fail(&why, VT_E_REFUSED, "%s", problem.text);
    return err == VT_OK ? print_counts(&c, n) : vt_cmd_fail(&c, err, &why);
}
