/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_endpoint.h"

#include "report/field.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MB_MAX 1048576U

static enum vt_err
check(const struct vt_vault_endpoint *e, struct vt_why *why)
{
    const struct {
        const char *name;
        const char *value;
    } needed[] = {{"spool", e->spool}, {"policy", e->policy}, {"region", e->region},
        {"class", e->class_name}, {"customer", e->customer}, {"secret", e->secret}};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (needed[i].value == NULL)
            return vt_fail(why, VT_E_USAGE, "--%s is missing", needed[i].name);
    if (e->from.count == 0)
        return vt_fail(why, VT_E_USAGE, "--from is missing: which vault?");
    if (e->subject == NULL && e->subject_field == NULL)
        return vt_fail(
            why, VT_E_USAGE, "whose data is it? Give --subject-field FIELD, or --subject NAME");
    if (e->subject_field != NULL && strlen(e->subject_field) > VT_FIELD_PATH_MAX)
        return vt_fail(
            why, VT_E_USAGE, "--subject-field is longer than %u characters", VT_FIELD_PATH_MAX);
    if (e->spool_max_mb > MB_MAX)
        return vt_fail(why, VT_E_USAGE, "--spool-max is at most %u", MB_MAX);
    return VT_OK;
}

static enum vt_err
stop_signals(int *ret_fd, struct vt_why *why)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *ret_fd < 0 ? vt_fail_errno(why, "cannot wait for signals") : VT_OK;
}

enum vt_err
vt_vault_endpoint_open(const struct vt_vault_endpoint *e, int64_t linger_ms,
    struct vt_reporter **ret, int *ret_stop, struct vt_why *why)
{
    uint8_t secret[VT_CUSTOMER_SECRET_SIZE];
    struct vt_reporter_opts o = {.spool = e->spool,
        .spool_max = e->spool_max_mb * 1024 * 1024,
        .policy = e->policy,
        .url = e->from.item,
        .url_count = e->from.count,
        .region = e->region,
        .class_name = e->class_name,
        .customer = e->customer,
        .secret = secret,
        .linger_ms = linger_ms};
    int stop = -1;
    enum vt_err err = check(e, why);

    if (err == VT_OK)
        err = vt_customer_secret_load(e->secret, secret, why);
    if (err == VT_OK)
        err = stop_signals(&stop, why);
    if (err == VT_OK)
        err = vt_reporter_new(&o, ret, why);
    vt_wipe(secret, sizeof secret);
    if (err == VT_OK)
        *ret_stop = stop;
    else if (stop >= 0)
        close(stop);
    return err;
}
