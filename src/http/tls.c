/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tls_held.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 2000 };

struct vt_tls {
    struct vt_tls_signer *signer;
    struct vt_tls_cert *cert;
    int64_t look_ms;
    bool lost; /* the signer does not answer, and that has been said */
};

static void
cert_unref(struct vt_tls_cert *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    for (unsigned i = 0; i < c->chain_len; i++)
        gnutls_pcert_deinit(&c->chain[i]);
    if (c->clients != NULL)
        gnutls_x509_trust_list_deinit(c->clients, 1);
    free(c);
}

static enum vt_err
fail_gnutls(struct vt_why *why, const char *what, int rc)
{
    return vt_fail(why, rc == GNUTLS_E_MEMORY_ERROR ? VT_E_NOMEM : VT_E_CONFIG, "TLS: %s: %s",
        what, gnutls_strerror(rc));
}

static gnutls_datum_t
datum_of(const struct vt_buf *b)
{
    return (gnutls_datum_t){.data = b->data, .size = (unsigned)b->len};
}

static enum vt_err
take_chain(struct vt_tls_cert *c, const struct vt_buf *text, struct vt_why *why)
{
    gnutls_datum_t pem = datum_of(text);
    unsigned n = VT_TLS_CHAIN_LENGTH;
    int rc = gnutls_pcert_list_import_x509_raw(c->chain, &n, &pem, GNUTLS_X509_FMT_PEM, 0);

    if (rc < 0)
        return fail_gnutls(why, "the certificate chain", rc);
    c->chain_len = n;
    rc = gnutls_pubkey_get_pk_algorithm(c->chain[0].pubkey, &c->bits);
    if (rc < 0)
        return fail_gnutls(why, "the certificate's key", rc);
    c->algorithm = rc;
    return VT_OK;
}

static enum vt_err
take_clients(struct vt_tls_cert *c, const struct vt_buf *text, struct vt_why *why)
{
    gnutls_datum_t pem = datum_of(text);
    int rc;

    if (text->len == 0)
        return VT_OK;
    rc = gnutls_x509_trust_list_init(&c->clients, 0);
    if (rc >= 0)
        rc = gnutls_x509_trust_list_add_trust_mem(
            c->clients, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
    return rc < 0 ? fail_gnutls(why, "the CA of clients", rc) : VT_OK;
}

static enum vt_err
make_cert(struct vt_tls *t, uint64_t serial, const struct vt_buf *chain,
    const struct vt_buf *clients, struct vt_why *why)
{
    struct vt_tls_cert *c = calloc(1, sizeof(*c));
    enum vt_err err;

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "TLS: out of memory");
    c->refs = 1;
    c->serial = serial;
    c->signer = t->signer;
    err = take_chain(c, chain, why);
    if (err == VT_OK)
        err = take_clients(c, clients, why);
    if (err != VT_OK) {
        cert_unref(c);
        return err;
    }
    cert_unref(t->cert);
    t->cert = c;
    return VT_OK;
}

/* Asks the signer for the certificate, and takes it when it is another one. */
static enum vt_err
look(struct vt_tls *t, struct vt_why *why)
{
    struct vt_buf chain = VT_BUF(VT_TLS_CHAIN_MAX);
    struct vt_buf clients = VT_BUF(VT_TLS_CLIENTS_MAX);
    uint64_t known = t->cert == NULL ? 0 : t->cert->serial;
    uint64_t serial = known;
    enum vt_err err = vt_tls_signer_chain(t->signer, known, &serial, &chain, &clients, why);

    if (err == VT_OK && serial != known)
        err = make_cert(t, serial, &chain, &clients, why);
    vt_buf_release(&chain);
    vt_buf_release(&clients);
    return err;
}

enum vt_err
vt_tls_new(struct vt_tls_signer *signer, struct vt_tls **ret, struct vt_why *why)
{
    struct vt_tls *t = calloc(1, sizeof(*t));
    enum vt_err err;

    if (t == NULL) {
        vt_tls_signer_free(signer);
        return vt_fail(why, VT_E_NOMEM, "TLS: out of memory");
    }
    t->signer = signer;
    err = look(t, why);
    if (err != VT_OK) {
        vt_tls_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

void
vt_tls_free(struct vt_tls *t)
{
    if (t == NULL)
        return;
    cert_unref(t->cert);
    vt_tls_signer_free(t->signer);
    free(t);
}

enum vt_err
vt_tls_tick(struct vt_tls *t, int64_t now_ms, struct vt_why *why)
{
    struct vt_why local = {0};
    enum vt_err err;

    if (now_ms < t->look_ms)
        return VT_OK;
    t->look_ms = now_ms + LOOK_MS;
    err = look(t, &local);
    if (err == VT_E_IO)
        return vt_fail(why, err, "%s", local.text);
    if (err != VT_OK && !t->lost)
        vt_log(VT_LOG_ERROR, "the certificate stays as it is: %s", local.text);
    t->lost = err != VT_OK;
    return VT_OK;
}

void
vt_tls_begin(struct vt_tls *t, struct vt_tls_conn *c, gnutls_session_t session)
{
    static unsigned char name[] = "http/1.1";
    const gnutls_datum_t http = {.data = name, .size = sizeof(name) - 1};

    c->tls = t;
    gnutls_session_set_ptr(session, c);
    vt_tls_listen_in(c, session);
    (void)gnutls_alpn_set_protocols(session, &http, 1, 0);
    if (vt_tls_asks_clients(t))
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
}

void
vt_tls_end(struct vt_tls_conn *c)
{
    vt_tls_drop_key(c);
    cert_unref(c->cert);
    c->cert = NULL;
}

int
vt_tls_on_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
    const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length, gnutls_pcert_st **pcert,
    unsigned *pcert_length, gnutls_privkey_t *privkey)
{
    struct vt_tls_conn *c = gnutls_session_get_ptr(session);

    (void)req_ca_rdn;
    (void)nreqs;
    (void)pk_algos;
    (void)pk_algos_length;
    if (c == NULL || c->tls == NULL)
        return -1;
    if (c->cert == NULL) {
        c->cert = c->tls->cert;
        c->cert->refs++;
    }
    if (c->key == NULL && !vt_tls_make_key(c))
        return -1;
    *pcert = c->cert->chain;
    *pcert_length = c->cert->chain_len;
    *privkey = c->key;
    return 0;
}

bool
vt_tls_asks_clients(const struct vt_tls *t)
{
    return t != NULL && t->cert->clients != NULL;
}

/* The first alternative name of a kind that names somebody, or the common name. */
static void
name_of(gnutls_x509_crt_t crt, char ret[VT_TLS_CLIENT_NAME_SIZE])
{
    char raw[VT_TLS_CLIENT_NAME_SIZE];
    size_t size = sizeof(raw);
    int kind;

    for (unsigned i = 0; i < 16; i++) {
        size = sizeof(raw);
        kind = gnutls_x509_crt_get_subject_alt_name(crt, i, raw, &size, NULL);
        if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (kind == GNUTLS_SAN_DNSNAME || kind == GNUTLS_SAN_RFC822NAME ||
            kind == GNUTLS_SAN_URI) {
            vt_text_clean(ret, VT_TLS_CLIENT_NAME_SIZE, raw, strnlen(raw, size));
            return;
        }
    }
    size = sizeof(raw);
    if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, raw, &size) == 0)
        vt_text_clean(ret, VT_TLS_CLIENT_NAME_SIZE, raw, strnlen(raw, size));
}

/* Whether the certificates that a client has shown lead to the CA. */
static bool
verify(struct vt_tls_conn *c, gnutls_x509_crt_t *crt, unsigned n)
{
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)purpose,
        .size = sizeof(purpose) - 1};
    unsigned status = 0;
    int rc = gnutls_x509_trust_list_verify_crt2(c->tls->cert->clients, crt, n, &wanted, 1,
        GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status, NULL);

    if (rc < 0 || status != 0)
        return false;
    name_of(crt[0], c->client);
    return true;
}

static bool
check_client(struct vt_tls_conn *c)
{
    gnutls_x509_crt_t crt[VT_TLS_CHAIN_LENGTH];
    const gnutls_datum_t *shown;
    unsigned n = 0;
    unsigned have = 0;
    bool ok = true;

    c->client[0] = '\0';
    shown = gnutls_certificate_get_peers(c->session, &n);
    if (shown == NULL || n == 0 || n > VT_TLS_CHAIN_LENGTH)
        return false;
    while (ok && have < n && gnutls_x509_crt_init(&crt[have]) == 0) {
        ok = gnutls_x509_crt_import(crt[have], &shown[have], GNUTLS_X509_FMT_DER) == 0;
        have++;
    }
    ok = ok && have == n && verify(c, crt, n);
    while (have > 0)
        gnutls_x509_crt_deinit(crt[--have]);
    return ok;
}

bool
vt_tls_has_client(struct vt_tls_conn *c)
{
    if (c->tls == NULL || !vt_tls_asks_clients(c->tls))
        return false;
    if (c->checked != c->tls->cert->serial) {
        c->has_client = check_client(c);
        c->checked = c->tls->cert->serial;
    }
    return c->has_client;
}
