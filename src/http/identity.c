/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a client trusts and who it is. The files are read once, when the client is made, so that
 * a process that may see no files later can still speak, and one that is being replaced is not
 * read in halves.
 */
#include "http/transfer.h"

#include "base/file.h"
#include "crypto/secret.h"
#include "http/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CA_MAX (1024U * 1024U)
#define CERT_MAX (64U * 1024U)

/* What was asked for, or what the environment names; NULL: neither. */
static const char *
named(const char *asked, const char *variable)
{
    const char *s = asked != NULL ? asked : getenv(variable);

    return s != NULL && s[0] != '\0' ? s : NULL;
}

static enum vt_err
read_pem(const char *variable, const char *path, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_file_read(path, b, why);

    if (err == VT_OK && strstr(vt_buf_str(b), "-----BEGIN CERTIFICATE-----") == NULL)
        err = vt_fail(why, VT_E_CONFIG, "%s: holds no certificate in PEM", path);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", variable);
}

static enum vt_err
read_key(const char *path, struct vt_buf *b, struct vt_why *why)
{
    char *real = realpath(path, NULL);
    enum vt_err err = real != NULL ? vt_secret_read(real, b, why)
                                   : vt_fail_errno(why, "%s: cannot open", path);

    free(real);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "VITRINE_CLIENT_KEY");
}

static enum vt_err
make_pass(struct vt_http *h, struct vt_why *why)
{
    char line[sizeof("Vitrine-Pass: ") + VT_HTTP_PASS_SIZE];

    if (h->limits.pass[0] == '\0')
        return VT_OK;
    (void)snprintf(line, sizeof(line), "Vitrine-Pass: %s", h->limits.pass);
    h->pass = curl_slist_append(NULL, line);
    vt_wipe(line, sizeof(line));
    return h->pass != NULL ? VT_OK : vt_fail(why, VT_E_NOMEM, "HTTP client: out of memory");
}

enum vt_err
vt_identity_load(struct vt_http *h, struct vt_why *why)
{
    const char *ca = named(h->limits.ca_file, "VITRINE_CA_FILE");
    const char *cert = named(h->limits.client_cert, "VITRINE_CLIENT_CERT");
    const char *key = named(h->limits.client_key, "VITRINE_CLIENT_KEY");
    enum vt_err err = VT_OK;

    h->ca = VT_BUF(CA_MAX);
    h->cert = VT_BUF(CERT_MAX);
    h->key = VT_BUF(CERT_MAX);
    h->key.secret = true;
    if (h->limits.pass != NULL)
        return make_pass(h, why);
    if ((cert == NULL) != (key == NULL))
        return vt_fail(why, VT_E_CONFIG,
            "VITRINE_CLIENT_CERT and VITRINE_CLIENT_KEY go together: %s is not said",
            cert == NULL ? "the certificate" : "the key");
    if (ca != NULL)
        err = read_pem("VITRINE_CA_FILE", ca, &h->ca, why);
    if (err == VT_OK && cert != NULL)
        err = read_pem("VITRINE_CLIENT_CERT", cert, &h->cert, why);
    if (err == VT_OK && key != NULL)
        err = read_key(key, &h->key, why);
    return err;
}

void
vt_identity_release(struct vt_http *h)
{
    vt_buf_release(&h->ca);
    vt_buf_release(&h->cert);
    vt_buf_release(&h->key);
    curl_slist_free_all(h->pass);
}

static CURLcode
set_blob(CURL *e, CURLoption option, const struct vt_buf *b)
{
    struct curl_blob blob = {.data = b->data, .len = b->len, .flags = CURL_BLOB_NOCOPY};

    return b->len == 0 ? CURLE_OK : curl_easy_setopt(e, option, &blob);
}

CURLcode
vt_identity_set(const struct vt_http *h, CURL *e)
{
    CURLcode rc = curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

    if (rc == CURLE_OK && h->pass != NULL)
        rc = curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->pass);
    if (rc == CURLE_OK && h->limits.pass != NULL) {
        rc = curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        return rc == CURLE_OK ? curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L) : rc;
    }
    if (rc == CURLE_OK)
        rc = set_blob(e, CURLOPT_CAINFO_BLOB, &h->ca);
    if (rc == CURLE_OK)
        rc = set_blob(e, CURLOPT_SSLCERT_BLOB, &h->cert);
    if (rc == CURLE_OK)
        rc = set_blob(e, CURLOPT_SSLKEY_BLOB, &h->key);
    return rc;
}

const char *
vt_identity_hint(CURLcode rc)
{
    switch (rc) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return "; it is the server's certificate: where an authority of your own signed it, "
               "name that one's file in VITRINE_CA_FILE";
    case CURLE_SSL_CACERT_BADFILE:
        return "; it is the file that VITRINE_CA_FILE names";
    case CURLE_SSL_CERTPROBLEM:
        return "; it is the client's certificate or key: VITRINE_CLIENT_CERT and "
               "VITRINE_CLIENT_KEY";
    default:
        return NULL;
    }
}
