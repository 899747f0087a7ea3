/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/assembly.h"

#include "assembly/assembler.h"
#include "base/msg.h"
#include "base/proc.h"
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 5000
#define RUN_PREFIX "run-"

/* The folder of one run, locked while it lasts: what has no lock was left by a
 * process that was killed. */
struct folder {
    char path[VT_PATH_MAX];
    struct vt_lock lock;
};

static enum vt_err
sweep_one(void *ctx, const char *name, struct vt_why *why)
{
    const char *dir = ctx;
    char path[VT_PATH_MAX];
    char lock_path[VT_PATH_MAX];
    struct vt_lock lock;
    if (strncmp(name, RUN_PREFIX, strlen(RUN_PREFIX)) != 0)
        return VT_OK;
    enum vt_err err = vt_path(path, why, "%s/%s", dir, name);
    if (err == VT_OK)
        err = vt_path(lock_path, why, "%s/lock", path);
    if (err != VT_OK)
        return err;
    err = vt_lock_take(&lock, lock_path, "an assembly", why);
    if (err == VT_E_BUSY)
        return VT_OK;
    if (err != VT_OK)
        return err;
    err = vt_tree_remove(path, why);
    vt_lock_release(&lock);
    return err;
}

static enum vt_err
open_folder(const char *work_dir, struct folder *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    struct vt_lock all;
    enum vt_err err = vt_path(dir, why, "%s", work_dir);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", dir);
    if (err == VT_OK)
        err = vt_lock_take(&all, path, "the folder of assemblies", why);
    if (err != VT_OK)
        return err;
    err = vt_dir_each(dir, sweep_one, dir, why);
    if (err == VT_OK)
        err = vt_dir_temp(dir, "run", ret->path, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", ret->path);
    if (err == VT_OK)
        err = vt_lock_take(&ret->lock, path, "this assembly", why);
    vt_lock_release(&all);
    return err;
}

/* Keeps the log of a run that failed for whoever has to find out why. */
static void
keep_log(const struct folder *f, const char *work_dir, enum vt_err err, struct vt_why *why)
{
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    if (vt_path(from, NULL, "%s/log", f->path) != VT_OK ||
        vt_path(to, NULL, "%s/failed.log", work_dir) != VT_OK || rename(from, to) != 0)
        return;
    if (why != NULL && (err == VT_E_CHILD || err == VT_E_LIMIT)) {
        struct vt_why had = *why;
        (void)vt_fail(why, err, "%.*s (log: %s)", (int)(sizeof had.text - 200), had.text, to);
    }
}

static void
set_label(struct vt_progress *p, const char *text)
{
    vt_text_clean(p->label, sizeof p->label, text, strlen(text));
}

static enum vt_err
take_tick(const struct vt_assembly_job *job, struct vt_reader *r, struct vt_why *why)
{
    uint16_t step = 0;
    uint16_t steps = 0;
    uint64_t len = 0;
    if (!vt_reader_u16(r, &step) || !vt_reader_u16(r, &steps) || !vt_reader_u64(r, &len))
        return vt_fail(why, VT_E_SYNTAX, "assembler: malformed tick");
    if (job->progress != NULL) {
        char label[128];
        (void)snprintf(label, sizeof label, "%s, step %u of %u", vt_recipe_name(job->recipe),
            (unsigned)step, (unsigned)steps);
        set_label(job->progress, label);
        vt_progress_set(job->progress, len);
    }
    return VT_OK;
}

static enum vt_err
take_output(struct vt_assembly_result *res, struct vt_reader *r, struct vt_why *why)
{
    struct vt_assembly_output o = {0};
    const uint8_t *name = NULL;
    const uint8_t *digest = NULL;
    uint16_t len = 0;
    if (res->output_count == VT_RECIPE_OUTPUTS_MAX || !vt_reader_u16(r, &len) ||
        len >= sizeof o.name || !vt_reader_take(r, len, &name) ||
        !vt_reader_take(r, VT_DIGEST_SIZE, &digest) || !vt_reader_u64(r, &o.size))
        return vt_fail(why, VT_E_SYNTAX, "assembler: malformed output");
    memcpy(o.name, name, len);
    memcpy(o.digest.b, digest, VT_DIGEST_SIZE);
    if (!vt_recipe_name_valid(o.name))
        return vt_fail(why, VT_E_SYNTAX, "assembler: malformed name of an output");
    res->output[res->output_count++] = o;
    return VT_OK;
}

static enum vt_err
take_varied(struct vt_assembly_result *res, const struct vt_reader *r, struct vt_why *why)
{
    struct vt_statement_varied *v = &res->varied;
    if (v->count == VT_STATEMENT_VARIED_MAX ||
        !vt_reader_cstr(r, v->word[v->count], sizeof v->word[0]))
        return vt_fail(why, VT_E_SYNTAX, "assembler: malformed variation");
    v->count++;
    return VT_OK;
}

static enum vt_err
take_done(struct vt_assembly_result *res, struct vt_reader *r, struct vt_why *why)
{
    const uint8_t *digest = NULL;
    uint64_t started = 0;
    uint64_t finished = 0;
    if (!vt_reader_take(r, VT_DIGEST_SIZE, &digest) || !vt_reader_u64(r, &started) ||
        !vt_reader_u64(r, &finished) ||
        !vt_reader_cstr(r, res->isolation, sizeof res->isolation))
        return vt_fail(why, VT_E_SYNTAX, "assembler: malformed end");
    memcpy(res->log.b, digest, VT_DIGEST_SIZE);
    res->started = (int64_t)started;
    res->finished = (int64_t)finished;
    return VT_OK;
}

static enum vt_err
take_failure(struct vt_reader *r, struct vt_why *why)
{
    struct vt_why text;
    uint32_t code = 0;
    if (!vt_reader_u32(r, &code) || code == 0 || code > 99 ||
        !vt_reader_cstr(r, text.text, sizeof text.text))
        return vt_fail(why, VT_E_SYNTAX, "assembler: malformed failure");
    return vt_fail(why, (enum vt_err)(-(int)code), "%s", text.text);
}

/* Whether the outputs are just those of the recipe. */
static enum vt_err
check_outputs(
    const struct vt_assembly_job *job, const struct vt_assembly_result *res, struct vt_why *why)
{
    size_t count = 0;
    const struct vt_recipe_output *o = vt_recipe_outputs(job->recipe, &count);
    bool same = count == res->output_count;
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(o[i].name, res->output[i].name) == 0;
    return same ? VT_OK
                : vt_fail(why, VT_E_SYNTAX, "assembler: its outputs are not the recipe's");
}

static enum vt_err
listen_to(int fd, const struct vt_assembly_job *job, struct vt_assembly_result *res,
    struct vt_why *why)
{
    static const struct vt_msg_rule rules[] = {{VT_ASSEMBLER_TICK, 12},
        {VT_ASSEMBLER_OUTPUT, 2 + VT_RECIPE_NAME_MAX + VT_DIGEST_SIZE + 8},
        {VT_ASSEMBLER_VARIED, VT_STATEMENT_WORD_SIZE},
        {VT_ASSEMBLER_DONE, VT_DIGEST_SIZE + 16 + sizeof res->isolation},
        {VT_ASSEMBLER_FAILED, 4 + sizeof why->text}, {0, 0}};
    struct vt_buf b = VT_BUF(4096);
    enum vt_err err = VT_OK;
    bool done = false;
    while (err == VT_OK && !done) {
        uint16_t type = 0;
        err = vt_msg_recv(fd, rules, -1, &type, &b, why);
        if (err == VT_E_NOENT)
            err = vt_fail(
                why, VT_E_CHILD, "the assembler process was killed: give the command again");
        if (err != VT_OK)
            break;
        struct vt_reader r = VT_READER(b.data, b.len);
        if (type == VT_ASSEMBLER_TICK)
            err = take_tick(job, &r, why);
        else if (type == VT_ASSEMBLER_OUTPUT)
            err = take_output(res, &r, why);
        else if (type == VT_ASSEMBLER_VARIED)
            err = take_varied(res, &r, why);
        else if (type == VT_ASSEMBLER_FAILED)
            err = take_failure(&r, why);
        else
            err = take_done(res, &r, why);
        done = type == VT_ASSEMBLER_DONE;
    }
    vt_buf_release(&b);
    return err == VT_OK ? check_outputs(job, res, why) : err;
}

enum vt_err
vt_assembly_run(
    const struct vt_assembly_job *job, struct vt_assembly_result *ret, struct vt_why *why)
{
    struct folder folder = {.lock = {.fd = -1}};
    struct vt_assembler given = {.job = job, .work = folder.path};
    struct vt_assembly_result res = {0};
    pid_t pid = 0;
    int fd = -1;
    enum vt_err err = open_folder(job->work_dir, &folder, why);
    if (err != VT_OK)
        return err;
    char label[VT_RECIPE_NAME_MAX * 2 + 32];
    (void)snprintf(label, sizeof label, "%s %s %s",
        job->vary == VT_VARY_NONE ? "assembling" : "rebuilding", vt_recipe_name(job->recipe),
        vt_recipe_version(job->recipe));
    if (job->progress != NULL)
        vt_progress_begin(job->progress, label, 0);
    err = vt_proc_fork("assembler", vt_assembler_main, &given, NULL, &pid, &fd, why);
    if (err == VT_OK) {
        err = listen_to(fd, job, &res, why);
        vt_proc_stop(pid, fd, GRACE_MS);
    }
    if (job->progress != NULL) {
        set_label(job->progress, label);
        vt_progress_end(job->progress);
    }
    if (err != VT_OK)
        keep_log(&folder, job->work_dir, err, why);
    enum vt_err swept = vt_tree_remove(folder.path, err == VT_OK ? why : NULL);
    vt_lock_release(&folder.lock);
    if (err == VT_OK)
        err = swept;
    if (err == VT_OK)
        *ret = res;
    return err;
}
