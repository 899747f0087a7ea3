/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home: the folder of one party (a site, a rebuilder, a witness) with its
 * name, its keys and its files. Layout in docs/formats/home.md:
 *
 *     home.conf           "vitrine/home/v1", then `kind`, `name`, `jurisdiction`
 *     keys/NAME.key       private keys, mode 0600, folder 0700
 *     keys/NAME.vkey      their public halves, one vkey a line
 *     public/             all that HTTP may serve, and nothing else (a site)
 *     public/objects/     the object store
 *     policy              the trust policy in force
 *     lock, work/, ...    private state of the modules
 */
#ifndef VT_STORE_HOME_H
#define VT_STORE_HOME_H

#include "base/file.h"
#include "crypto/key.h"
#include "crypto/pkcs11.h"
#include "note/note.h"

enum vt_home_kind {
    VT_HOME_SITE = 1,
    VT_HOME_REBUILDER,
    VT_HOME_WITNESS,
    VT_HOME_DEVELOPER,
    VT_HOME_LOG
};

struct vt_home {
    enum vt_home_kind kind;
    char dir[VT_PATH_MAX];
    char name[VT_KEY_NAME_MAX + 1]; /* such as "zurich.example" */
    char jurisdiction[3];           /* ISO 3166-1 alpha-2, or "" */
};

/* Makes the folder with home.conf and keys/. VT_E_EXIST when it is a home
 * already; VT_E_CONFIG for a bad name or jurisdiction. */
VT_MUST enum vt_err vt_home_create(const char *dir, enum vt_home_kind kind, const char *name,
    const char *jurisdiction, struct vt_home *ret, struct vt_why *why);
/* VT_E_CONFIG when the folder is no home, or (kind not 0) one of another kind. */
VT_MUST enum vt_err vt_home_open(
    const char *dir, enum vt_home_kind kind, struct vt_home *ret, struct vt_why *why);
/* dir/REST. */
VT_MUST enum vt_err vt_home_path(const struct vt_home *h, char ret[VT_PATH_MAX],
    struct vt_why *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Makes keys/KEY.key (named HOME-NAME/KEY unless full_name is given) and
 * keys/KEY.vkey of type alg. The private key is in the file, or in the token where one is
 * given; VT_E_USAGE: type 06 in a token. VT_E_EXIST: there is such a file, or such a key in
 * the token. */
VT_MUST enum vt_err vt_home_key_new(const struct vt_home *h, const char *key,
    const char *full_name, enum vt_note_alg alg, struct vt_token *token, struct vt_vkey *ret,
    struct vt_why *why);
/* Opens the token in which the keys of a home of that name are to be made, under their names as
 * labels, so that what is wrong with it is found before anything is made. A uri of NULL is no
 * error: *ret is then NULL. VT_E_USAGE: the URI names an object, or the name is too long for
 * labels; errors of vt_token_open_signing. */
VT_MUST enum vt_err vt_home_token_open(
    const char *uri, const char *name, struct vt_token **ret, struct vt_why *why);
VT_MUST enum vt_err vt_home_key_path(
    const struct vt_home *h, const char *key, char ret[VT_PATH_MAX], struct vt_why *why);
VT_MUST enum vt_err vt_home_vkey(
    const struct vt_home *h, const char *key, struct vt_vkey *ret, struct vt_why *why);

/* Says where a service of this home answers: writes `url` and a newline to RUN/url, where
 * `run` is a folder below the home ("run", "vault/run") that is made when missing. */
VT_MUST enum vt_err vt_home_announce(
    const struct vt_home *h, const char *run, const char *url, struct vt_why *why);
/* Takes that file away: nobody answers there any more. */
void vt_home_withdraw(const struct vt_home *h, const char *run);

#endif
