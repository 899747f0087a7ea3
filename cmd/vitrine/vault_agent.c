/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault agent: receives logs on this machine and reports them.
 */
#include "vault.h"
#include "vault_endpoint.h"

#include "base/log.h"
#include "http/server.h"
#include "report/agent.h"

#include <inttypes.h>
#include <unistd.h>

enum { AGENT_LINGER_MS = 1000 };

static enum vt_err
serve(const struct vt_vault_endpoint *e, const char *address, struct vt_reporter_status *ret,
    struct vt_why *why)
{
    struct vt_agent_opts o = {
        .subject = e->subject, .field = e->subject_field, .listen_fd = -1, .stop_fd = -1};
    char url[128];
    enum vt_err err = vt_vault_endpoint_open(e, AGENT_LINGER_MS, &o.reporter, &o.stop_fd, why);

    if (err == VT_OK)
        err = vt_http_listen(address, &o.listen_fd, url, why);
    if (err == VT_OK) {
        vt_log(VT_LOG_INFO, "takes OTLP/HTTP JSON at %s/v1/logs", url);
        err = vt_agent_serve(&o, why);
    }
    if (o.reporter != NULL)
        vt_reporter_status(o.reporter, ret);
    vt_reporter_free(o.reporter);
    if (o.listen_fd >= 0)
        close(o.listen_fd);
    if (o.stop_fd >= 0)
        close(o.stop_fd);
    return err;
}

int
vt_cmd_vault_agent(int argc, char **argv)
{
    struct vt_vault_endpoint e = {0};
    const char *address = NULL;
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen, such as 127.0.0.1:4318",
            &address, true},
        VT_VAULT_ENDPOINT_OPTS(e),
        {0},
    };
    struct vt_cmd c = {.name = "vault agent",
        .args = "--listen HOST:PORT --spool DIR --from URL ...",
        .summary = "Receives logs on this machine and reports them to a region's vault.",
        .details = "Takes OTLP/HTTP JSON at /v1/logs, as OpenTelemetry collectors "
                   "send it, and answers 200 when it is sealed and on disk. FIELD is an "
                   "attribute of a log record, or a path in its body or resource. Runs until "
                   "SIGTERM.",
        .opts = opts};
    struct vt_reporter_status st = {0};
    struct vt_why why = {{0}};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("agent", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = serve(&e, address, &st, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c,
        json_pack("{s:I, s:I, s:I}", "records", (json_int_t)st.records, "batches",
            (json_int_t)st.sender.batches, "waiting", (json_int_t)st.spool.batches),
        "took %" PRIu64 " records; %" PRIu64 " batches wait in the spool", st.records,
        st.spool.batches);
}
