/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the facts: a file of tables that is of this version and of this policy.
 */
#include "centre/facts.h"
#include "centre/facts_held.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A log of a hundred thousand entries has indexes larger than SQLite's own 2 MiB. */
#define CACHE "PRAGMA cache_size=-65536"

enum vt_err
vt_facts_theirs(enum vt_err err, const struct vt_why *problem, struct vt_why *why)
{
    return err == VT_E_NOMEM ? vt_fail(why, err, "%s", problem->text) : VT_OK;
}

enum vt_err
vt_facts_object_path(const struct vt_facts *f, const char *where, const struct vt_digest *d,
    char ret[VT_PATH_MAX], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return vt_home_path(f->home, ret, why, "%s/objects/sha256/%.2s/%s", where, hex, hex);
}

bool
vt_facts_object_size(const struct vt_facts *f, const struct vt_digest *d, int64_t *ret)
{
    char path[VT_PATH_MAX];
    struct stat st;

    if (vt_facts_object_path(f, "public", d, path, NULL) != VT_OK || stat(path, &st) != 0 ||
        !S_ISREG(st.st_mode))
        return false;
    *ret = st.st_size;
    return true;
}

const char *
vt_facts_organisation(const struct vt_facts *f, const struct vt_policy_party *signer)
{
    const char *group = vt_policy_group_of(f->policy, signer);

    return group != NULL ? group : signer->name;
}

/* What the tables say of themselves. */
struct found {
    bool any;
    bool same_policy;
    bool known_log; /* no log yet, or one of the policy */
    int64_t taken;
    int64_t told;
};

static enum vt_err
read_state(struct vt_facts *f, struct found *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_digest d;
    enum vt_err err =
        vt_sql_query(f->db, &r, why, "SELECT policy, log, taken, told FROM state", "");

    if (err == VT_OK)
        err = vt_sql_step(r, &ret->any, why);
    if (err == VT_OK && ret->any) {
        ret->same_policy =
            vt_sql_digest(r, 0, &d) && vt_digest_eq(&d, vt_policy_digest(f->policy));
        ret->known_log =
            vt_sql_is_null(r, 1) || vt_policy_log(f->policy, vt_sql_text(r, 1)) != NULL;
        ret->taken = vt_sql_int(r, 2);
        ret->told = vt_sql_is_null(r, 3) ? -1 : vt_sql_int(r, 3);
    }
    vt_sql_end(r);
    return err;
}

static enum vt_err
make_state(struct vt_facts *f, struct vt_why *why)
{
    uint8_t made[16];
    enum vt_err err = vt_random(made, sizeof made, why);

    if (err != VT_OK)
        return err;
    return vt_sql_do(f->db, why,
        "INSERT INTO state(one, generation, size, taken, policy, made) VALUES(1, 1, 0, 0, ?, "
        "?)",
        "db", vt_policy_digest(f->policy), made, sizeof made);
}

/* Empties the tables of what the former policy let in. What was seen of checkpoints stays when
 * they are of a log that the policy still names: no policy changes when that was. */
static enum vt_err
make_anew(struct vt_facts *f, bool keep_times, struct vt_why *why)
{
    static const char *const facts[] = {"DELETE FROM entry", "DELETE FROM subject",
        "DELETE FROM source", "DELETE FROM environment", "DELETE FROM package",
        "DELETE FROM run", "DELETE FROM output", "DELETE FROM release", "DELETE FROM document",
        "DELETE FROM about", "DELETE FROM review", "DELETE FROM reading", "DELETE FROM visits",
        "DELETE FROM waiting"};
    static const char *const times[] = {"DELETE FROM checkpoint", "DELETE FROM cosignature",
        "DELETE FROM event", "UPDATE state SET log=NULL, told=NULL"};
    enum vt_err err = vt_sql_begin(f->db, why);

    for (size_t i = 0; i < sizeof facts / sizeof facts[0] && err == VT_OK; i++)
        err = vt_sql_do(f->db, why, facts[i], "");
    for (size_t i = 0; i < sizeof times / sizeof times[0] && err == VT_OK && !keep_times; i++)
        err = vt_sql_do(f->db, why, times[i], "");
    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "UPDATE state SET generation=generation+1, size=0, root=NULL, note=NULL, time=NULL,"
            " taken=0, policy=?, problem='the facts are being made anew'",
            "d", vt_policy_digest(f->policy));
    if (err == VT_OK)
        return vt_sql_commit(f->db, why);
    vt_sql_rollback(f->db);
    return err;
}

static enum vt_err
take_state(struct vt_facts *f, struct vt_why *why)
{
    struct found found = {.told = -1};
    enum vt_err err = read_state(f, &found, why);

    if (err == VT_OK && !found.any)
        err = make_state(f, why);
    else if (err == VT_OK && !(found.same_policy && found.known_log)) {
        err = make_anew(f, found.known_log, why);
        found.taken = 0;
        found.told = found.known_log ? found.told : -1;
    }
    f->taken = (uint64_t)found.taken;
    f->told = found.told;
    return err;
}

static void
remove_tables(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char file[VT_PATH_MAX];

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (vt_path(file, NULL, "%s%s", path, suffixes[i]) == VT_OK)
            (void)unlink(file);
}

static enum vt_err
open_tables(struct vt_facts *f, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(f->home, path, why, "%s", VT_FACTS_FILE);

    if (err != VT_OK)
        return err;
    err = vt_sql_open(path, VT_SQL_WRITE, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &f->db, why);
    if (err == VT_E_STATE || err == VT_E_SYNTAX) { /* of another version, or damaged */
        remove_tables(path);
        err = vt_sql_open(path, VT_SQL_WRITE, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &f->db, why);
    }
    if (err == VT_OK)
        err = vt_sql_do(f->db, why, CACHE, "");
    return err == VT_OK ? take_state(f, why) : err;
}

static enum vt_err
open_home(struct vt_facts *f, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(f->home, f->public_dir, why, "public");

    if (err == VT_OK)
        err = vt_home_path(f->home, path, why, "centre");
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_home_path(f->home, path, why, "centre/lock");
    if (err == VT_OK)
        err = vt_lock_take(&f->lock, path, "the Centre's index", why);
    f->locked = err == VT_OK;
    return err;
}

enum vt_err
vt_facts_open(const struct vt_home *home, const struct vt_policy *policy, struct vt_facts **ret,
    struct vt_why *why)
{
    struct vt_facts *f = calloc(1, sizeof *f);
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "the facts: out of memory");
    f->home = home;
    f->policy = policy;
    f->signer_count = vt_policy_signers(policy, &f->signer);
    err = open_home(f, why);
    if (err == VT_OK)
        err = open_tables(f, why);
    if (err != VT_OK) {
        vt_facts_close(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_facts_close(struct vt_facts *f)
{
    if (f == NULL)
        return;
    vt_log_reader_free(f->reader);
    vt_sql_close(f->db);
    if (f->locked)
        vt_lock_release(&f->lock);
    free(f->artifacts.d);
    free(f->sources.d);
    free(f->environments.d);
    free(f);
}
