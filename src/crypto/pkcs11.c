/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS#11 through p11-kit: finding the one token that a URI names, and logging
 * in once.
 */
#include "crypto/pkcs11_priv.h"

#include "crypto/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/uri.h>

#define SLOTS_MAX 64U

enum vt_err
vt_token_fail(const struct vt_token *t, ck_rv_t rv, const char *what, struct vt_why *why)
{
    return vt_fail(
        why, VT_E_IO, "token `%s` cannot %s: %s", t->name, what, p11_kit_strerror(rv));
}

/* The URI. */

/* The label of the one object that is named; "" when none is. */
static enum vt_err
take_object(
    P11KitUri *uri, bool object_may_be, char ret[VT_TOKEN_LABEL_MAX + 1], struct vt_why *why)
{
    char label[VT_TOKEN_LABEL_MAX + 1] = "";
    unsigned long n = 0;
    const struct ck_attribute *all = p11_kit_uri_get_attributes(uri, &n);

    if (n > (object_may_be ? 1 : 0) || (n == 1 && all[0].type != CKA_LABEL))
        return vt_fail(why, VT_E_CONFIG, "a token's URI names a token%s",
            object_may_be
                ? ", and at the most a key in it by object=LABEL: leave out type and id"
                : ", not an object in it: leave out object, type and id");
    if (n == 1 && all[0].value_len <= VT_TOKEN_LABEL_MAX)
        memcpy(label, all[0].value, all[0].value_len);
    if (n == 1 &&
        (strlen(label) != all[0].value_len || vt_token_check_label(label, why) != VT_OK))
        return vt_fail(why, VT_E_CONFIG,
            "the object that a token's URI names is no label: 1 to %u printable characters and "
            "no space",
            VT_TOKEN_LABEL_MAX);
    memcpy(ret, label, sizeof label);
    return VT_OK;
}

/* Says nothing of the URI itself: somebody may have put a PIN into it. */
static enum vt_err
check_uri(P11KitUri *uri, struct vt_why *why)
{

    if (p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL)
        return vt_fail(why, VT_E_CONFIG,
            "a token's URI holds no PIN: name a file with it in VITRINE_PIN_FILE, and change "
            "the PIN");
    if (p11_kit_uri_any_unrecognized(uri))
        return vt_fail(
            why, VT_E_CONFIG, "a token's URI has an attribute that is unknown; see RFC 7512");
    return VT_OK;
}

static enum vt_err
uri_new(const char *text, P11KitUri **ret, struct vt_why *why)
{
    P11KitUri *uri = p11_kit_uri_new();
    enum vt_err err;

    if (uri == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    if (strnlen(text, VT_TOKEN_URI_MAX) == VT_TOKEN_URI_MAX ||
        p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK)
        err = vt_fail(why, VT_E_CONFIG,
            "a token is named by a URI such as pkcs11:token=NAME?module-path=FILE (RFC 7512)");
    else
        err = check_uri(uri, why);
    if (err != VT_OK) {
        p11_kit_uri_free(uri);
        return err;
    }
    *ret = uri;
    return VT_OK;
}

/* The module and the token. */

static enum vt_err
load_own(struct vt_token *t, const char *path, struct vt_why *why)
{
    struct ck_function_list *m = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
    ck_rv_t rv;

    if (m == NULL)
        return vt_fail(why, VT_E_CONFIG, "%s: cannot load this PKCS#11 module: %s", path,
            p11_kit_message());
    rv = p11_kit_module_initialize(m);
    if (rv != CKR_OK) {
        p11_kit_module_release(m);
        return vt_fail(why, VT_E_IO, "%s: cannot start this PKCS#11 module: %s", path,
            p11_kit_strerror(rv));
    }
    t->own = m;
    return VT_OK;
}

static enum vt_err
load_modules(struct vt_token *t, P11KitUri *uri, struct vt_why *why)
{
    const char *path = p11_kit_uri_get_module_path(uri);

    p11_kit_be_quiet();
    if (path != NULL)
        return load_own(t, path, why);
    t->all = p11_kit_modules_load_and_initialize(0);
    if (t->all == NULL)
        return vt_fail(
            why, VT_E_IO, "cannot load this system's PKCS#11 modules: %s", p11_kit_message());
    return VT_OK;
}

/* Copies text that a token pads with spaces. */
static void
name_of(const struct ck_token_info *info, char ret[33])
{
    size_t len = p11_kit_space_strlen(info->label, sizeof info->label);

    memcpy(ret, info->label, len);
    ret[len] = '\0';
}

/* What a URI was found to name. */
struct match {
    unsigned count;
    struct ck_function_list *f;
    ck_slot_id_t slot;
    struct ck_token_info info;
};

static void
match_slot(const P11KitUri *uri, struct ck_function_list *f, ck_slot_id_t slot, struct match *m)
{
    struct ck_slot_info slot_info;
    struct ck_token_info info;
    P11KitUri *named = vt_token_unconst(uri);
    ck_slot_id_t only = p11_kit_uri_get_slot_id(named);

    if ((only != (ck_slot_id_t)-1 && only != slot) ||
        f->C_GetSlotInfo(slot, &slot_info) != CKR_OK ||
        p11_kit_uri_match_slot_info(uri, &slot_info) != 1 ||
        f->C_GetTokenInfo(slot, &info) != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
        p11_kit_uri_match_token_info(uri, &info) != 1)
        return;
    m->count++;
    m->f = f;
    m->slot = slot;
    m->info = info;
}

static void
match_module(const P11KitUri *uri, struct ck_function_list *f, struct match *m)
{
    struct ck_info info;
    ck_slot_id_t slot[SLOTS_MAX];
    unsigned long n = SLOTS_MAX;

    if (f->C_GetInfo(&info) != CKR_OK || p11_kit_uri_match_module_info(uri, &info) != 1 ||
        f->C_GetSlotList(1, slot, &n) != CKR_OK || n > SLOTS_MAX)
        return;
    for (unsigned long i = 0; i < n; i++)
        match_slot(uri, f, slot[i], m);
}

/* The only token that the URI fits. */
static enum vt_err
find_token(struct vt_token *t, const P11KitUri *uri, struct match *m, struct vt_why *why)
{
    if (t->own != NULL)
        match_module(uri, t->own, m);
    for (size_t i = 0; t->all != NULL && t->all[i] != NULL; i++)
        match_module(uri, t->all[i], m);
    if (m->count == 0)
        return vt_fail(why, VT_E_NOENT,
            "no token is there that the URI names; is it plugged in, and initialised?");
    if (m->count > 1)
        return vt_fail(why, VT_E_CONFIG,
            "the URI names %u tokens; add token= or serial= so that it names one", m->count);
    t->f = m->f;
    name_of(&m->info, t->name);
    return VT_OK;
}

/* Logging in. */

static enum vt_err
get_pin(const struct vt_token *t, struct vt_buf *pin, struct vt_why *why)
{
    const char *path = getenv("VITRINE_PIN_FILE");
    char prompt[64];
    int tty;

    if (path != NULL && path[0] != '\0')
        return vt_passphrase_from_file(path, pin, why);
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return vt_fail(why, VT_E_CONFIG,
            "token `%s`: no terminal to ask for its PIN at; name a file in VITRINE_PIN_FILE",
            t->name);
    (void)close(tty);
    (void)snprintf(prompt, sizeof prompt, "PIN of token %s", t->name);
    return vt_passphrase_ask(prompt, pin, why);
}

/* What the token says about tries that are left. */
static const char *
tries_left(ck_flags_t flags)
{
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return "it is locked now; its security officer unlocks it";
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return "one try is left before it locks";
    if ((flags & CKF_USER_PIN_COUNT_LOW) != 0)
        return "it counts wrong PINs and will lock";
    return "it does not say how many tries are left";
}

static enum vt_err
login_failed(const struct vt_token *t, ck_slot_id_t slot, ck_rv_t rv, struct vt_why *why)
{
    struct ck_token_info info = {.flags = 0};

    switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_LOCKED:
        if (t->f->C_GetTokenInfo(slot, &info) != CKR_OK)
            info.flags = 0;
        if (rv == CKR_PIN_LOCKED)
            info.flags |= CKF_USER_PIN_LOCKED;
        return vt_fail(why, VT_E_REFUSED, "token `%s` refuses the PIN; %s", t->name,
            tries_left(info.flags));
    default:
        return vt_token_fail(t, rv, "be logged in to", why);
    }
}

/* Tries once: a second try with the same PIN would only bring the lock nearer. */
static enum vt_err
login(
    struct vt_token *t, ck_slot_id_t slot, const struct ck_token_info *info, struct vt_why *why)
{
    struct vt_buf pin = {.max = VT_PASSPHRASE_MAX, .secret = true};
    bool own_pad = (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    enum vt_err err = VT_OK;
    ck_rv_t rv;

    if ((info->flags & CKF_LOGIN_REQUIRED) == 0)
        return VT_OK;
    if ((info->flags & CKF_USER_PIN_INITIALIZED) == 0)
        return vt_fail(why, VT_E_STATE, "token `%s` has no PIN yet; initialise it", t->name);
    if ((info->flags & CKF_USER_PIN_LOCKED) != 0)
        return login_failed(t, slot, CKR_PIN_LOCKED, why);
    if (!own_pad)
        err = get_pin(t, &pin, why);
    if (err == VT_OK) {
        rv = t->f->C_Login(t->session, CKU_USER, own_pad ? NULL : pin.data, pin.len);
        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
            err = login_failed(t, slot, rv, why);
    }
    vt_buf_release(&pin);
    return err;
}

static enum vt_err
open_session(struct vt_token *t, const P11KitUri *uri, struct vt_why *why)
{
    struct match m = {.count = 0};
    enum vt_err err = find_token(t, uri, &m, why);
    ck_rv_t rv;

    if (err != VT_OK)
        return err;
    rv = t->f->C_OpenSession(
        m.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "be opened", why);
    t->in_session = true;
    t->slot = m.slot;
    return login(t, m.slot, &m.info, why);
}

static enum vt_err
open_token(const char *uri, bool object_may_be, struct vt_token **ret, struct vt_why *why)
{
    struct vt_token *t = calloc(1, sizeof *t);
    P11KitUri *parsed = NULL;
    enum vt_err err;

    if (t == NULL || (t->uri = strndup(uri, VT_TOKEN_URI_MAX)) == NULL) {
        free(t);
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    }
    err = uri_new(uri, &parsed, why);
    if (err == VT_OK)
        err = take_object(parsed, object_may_be, t->object, why);
    if (err == VT_OK)
        err = load_modules(t, parsed, why);
    if (err == VT_OK)
        err = open_session(t, parsed, why);
    p11_kit_uri_free(parsed);
    if (err != VT_OK) {
        vt_token_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

enum vt_err
vt_token_open(const char *uri, struct vt_token **ret, struct vt_why *why)
{
    return open_token(uri, false, ret, why);
}

enum vt_err
vt_token_open_signing(const char *uri, struct vt_token **ret, struct vt_why *why)
{
    struct vt_token *t = NULL;
    enum vt_err err;

    if (uri == NULL) {
        *ret = NULL;
        return VT_OK;
    }
    err = open_token(uri, true, &t, why);
    if (err == VT_OK)
        err = vt_token_has_ed25519(t, why);
    if (err != VT_OK) {
        vt_token_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

const char *
vt_token_object(const struct vt_token *t)
{
    return t->object;
}

/* Closing a process's last session logs it out. */
void
vt_token_free(struct vt_token *t)
{
    if (t == NULL)
        return;
    if (t->in_session)
        (void)t->f->C_CloseSession(t->session);
    if (t->own != NULL) {
        (void)p11_kit_module_finalize(t->own);
        p11_kit_module_release(t->own);
    }
    if (t->all != NULL)
        p11_kit_modules_finalize_and_release(t->all);
    free(t->uri);
    free(t);
}
