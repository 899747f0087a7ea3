/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /releases/D/sbom: what went into a release, as CycloneDX 1.6. The artifact is what the
 * document is about; its source and the packages of the environment it was assembled in are its
 * components, each with its hash.
 */
#include "attest/statement.h"
#include "base/clock.h"
#include "centre/api_parts.h"

#include <stdio.h>
#include <string.h>

#define NO_MEMORY "out of memory for an SBOM"

static json_t *
hashes(const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return json_pack("[{s:s,s:s}]", "alg", "SHA-256", "content", hex);
}

static json_t *
component(const char *type, const char *ref, const char *name, const char *version,
    const struct vt_digest *d)
{
    return json_pack("{s:s,s:o,s:o,s:o,s:o}", "type", type, "bom-ref", vt_api_text(ref), "name",
        vt_api_text(name), "version", vt_api_text(version), "hashes", hashes(d));
}

/* The package as it is told apart from others: also its reference in the document. */
static enum vt_err
take_package(struct vt_sql_rows *r, struct vt_package *ret, struct vt_why *why)
{
    *ret = (struct vt_package){.size = (uint64_t)vt_sql_int(r, 3)};
    if (strlen(vt_sql_text(r, 0)) >= sizeof(ret->name) ||
        strlen(vt_sql_text(r, 1)) >= sizeof(ret->version) ||
        strlen(vt_sql_text(r, 2)) >= sizeof(ret->arch) || !vt_sql_digest(r, 4, &ret->digest))
        return vt_fail(why, VT_E_SYNTAX, "a package of the facts is malformed");
    memcpy(ret->name, vt_sql_text(r, 0), strlen(vt_sql_text(r, 0)));
    memcpy(ret->version, vt_sql_text(r, 1), strlen(vt_sql_text(r, 1)));
    memcpy(ret->arch, vt_sql_text(r, 2), strlen(vt_sql_text(r, 2)));
    return VT_OK;
}

static enum vt_err
put_package(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    struct vt_buf purl = VT_BUF(2048);
    struct vt_package p;
    json_t *o = NULL;
    enum vt_err err = take_package(r, &p, why);

    (void)c;
    if (err == VT_OK) {
        vt_package_put_purl(&purl, &p);
        err = vt_buf_check(&purl, "purl", why);
    }
    if (err == VT_OK) {
        o = component("library", vt_buf_str(&purl), p.name, p.version, &p.digest);
        err = vt_api_set(o, "purl", vt_api_text(vt_buf_str(&purl)), why);
    }
    vt_buf_release(&purl);
    if (err == VT_OK)
        *ret = o;
    else
        json_decref(o);
    return err;
}

static enum vt_err
put_packages(struct vt_api_call *c, const struct vt_digest *environment, json_t *components,
    struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT name,version,arch,size,digest FROM package WHERE environment=?"
        " ORDER BY name,arch",
        "d", environment);

    return err == VT_OK ? vt_api_rows(c, rows, put_package, components, why) : err;
}

/* The artifact depends on all that there is. */
static json_t *
dependencies(const char *ref, const json_t *components)
{
    json_t *on = json_array();
    const json_t *o;
    size_t i;

    json_array_foreach(components, i, o)
    {
        if (vt_api_add(on, json_incref(json_object_get(o, "bom-ref")), NULL) != VT_OK)
            break;
    }
    return json_pack("[{s:o,s:o}]", "ref", vt_api_text(ref), "dependsOn", on);
}

/* A serial number (RFC 4122, version 8 of RFC 9562) made of the artifact's digest: the same
 * release has the same document. */
static json_t *
serial_of(const struct vt_digest *d)
{
    struct vt_digest v = *d;
    char hex[VT_DIGEST_HEX_SIZE];
    char text[64];

    v.b[6] = (uint8_t)((v.b[6] & 0x0f) | 0x80);
    v.b[8] = (uint8_t)((v.b[8] & 0x3f) | 0x80);
    vt_digest_hex(&v, hex);
    (void)snprintf(text, sizeof(text), "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
        hex + 12, hex + 16, hex + 20);
    return json_string(text);
}

/* When it was assembled. */
static enum vt_err
time_of(struct vt_api_call *c, const struct vt_api_release_facts *f, json_t **ret,
    struct vt_why *why)
{
    int64_t finished = 0;
    enum vt_err err = vt_sql_count(
        c->api->facts, 0, &finished, why, "SELECT finished FROM run WHERE idx=?", "i", f->run);
    char text[VT_TIME_SIZE];

    if (err != VT_OK)
        return err;
    vt_time_format(finished, text);
    *ret = json_string(text);
    return VT_OK;
}

static enum vt_err
put_document(struct vt_api_call *c, const struct vt_api_release_facts *f, json_t *components,
    struct vt_why *why)
{
    char ref[VT_DIGEST_HEX_SIZE + 16] = "sha256:";
    json_t *time = NULL;
    json_t *artifact;
    enum vt_err err = time_of(c, f, &time, why);

    if (err != VT_OK)
        return err;
    vt_digest_hex(&f->artifact, ref + strlen(ref));
    artifact = component("application", ref, f->product, f->version, &f->artifact);
    c->out = json_pack("{s:s,s:s,s:o,s:i,s:{s:o,s:o,s:{s:[{s:s,s:s,s:s}]}},s:O,s:o}",
        "bomFormat", "CycloneDX", "specVersion", "1.6", "serialNumber", serial_of(&f->artifact),
        "version", 1, "metadata", "timestamp", time, "component", artifact, "tools",
        "components", "type", "application", "name", "vitrine", "version", VT_VERSION,
        "components", components, "dependencies", dependencies(ref, components));
    return c->out == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

enum vt_err
vt_api_sbom(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_api_release_facts f;
    char ref[VT_DIGEST_HEX_SIZE + 32] = "source:sha256:";
    json_t *components;
    enum vt_err err = vt_api_find_release(c, &c->digest, &f, NULL, why);

    if (err == VT_OK && !f.has_run)
        err = vt_api_fail(c, 404, "the log does not say what this release was made of");
    if (err != VT_OK)
        return err;
    components = json_array();
    vt_digest_hex(&f.source, ref + strlen(ref));
    err = vt_api_add(
        components, component("file", ref, "source.tar.zst", f.version, &f.source), why);
    if (err == VT_OK)
        err = put_packages(c, &f.environment, components, why);
    if (err == VT_OK)
        err = put_document(c, &f, components, why);
    json_decref(components);
    if (err == VT_OK)
        c->answer->content_type = "application/vnd.cyclonedx+json; version=1.6";
    return err;
}
