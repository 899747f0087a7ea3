/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer seam: something that signs with one private key, which the caller
 * need not have in its memory.
 *
 * Implementations: a key file in this process (for the signer process itself,
 * and tests), and the signer process, reached over a socket pair with the
 * private key in an address space of its own that reads neither network nor
 * store. Every request names what kind of message it signs; the signer process
 * checks that the message has that kind's form and that its key may sign that
 * kind, so that a subverted caller cannot get a signature of another kind.
 */
#ifndef VT_CRYPTO_SIGNER_H
#define VT_CRYPTO_SIGNER_H

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/mldsa.h"

/* What is signed. The forms are disjoint by their first bytes. */
enum vt_sign_kind {
    VT_SIGN_CHECKPOINT = 1,  /* C2SP checkpoint: first line is the key's own name */
    VT_SIGN_COSIGNATURE = 2, /* begins "cosignature/v1\n" */
    VT_SIGN_ENTRY = 3,       /* begins "vitrine/entry/v1\n" */
    VT_SIGN_DSSE = 4,        /* begins "DSSEv1 " */
    VT_SIGN_TUF = 5,         /* canonical JSON object with "_type" */
    VT_SIGN_VAULT = 6,       /* begins "vitrine/vault/": a ledger document */
    VT_SIGN_SUBTREE = 7,     /* begins "subtree/v1\n\0": an ML-DSA-44 cosignature */
    VT_SIGN_LOG_FROZEN = 8,  /* "vitrine/log-frozen/v1\n", then the key's own name as a line */
    VT_SIGN_LOG_INDEX = 9,   /* "vitrine/log-index/v1\n", then the key's own name as a line */
};
#define VT_SIGN_BIT(kind) (1U << (unsigned)(kind))

struct vt_signer; /* one key, somewhere */

/* Several messages of one kind to sign in their order. As soon as ret[i] is there, good(ctx, i)
 * says whether it is a signature of message i; when not, the whole fails with VT_E_CRYPTO. */
struct vt_sign_batch {
    enum vt_sign_kind kind;
    const struct vt_slice *msg;
    size_t n;
    struct vt_sig *ret;
    bool (*good)(void *ctx, size_t i);
    void *ctx;
};

struct vt_signer_ops {
    enum vt_err (*sign)(void *impl, enum vt_sign_kind kind, const void *msg, size_t len,
        struct vt_sig *ret, struct vt_why *why);
    void (*free)(void *impl);
    /* May be NULL: then sign is called for each. On failure what ret holds is not used. */
    enum vt_err (*sign_all)(void *impl, const struct vt_sign_batch *batch, struct vt_why *why);
    /* Appends a signature of an ML-DSA key; NULL where there is none. */
    enum vt_err (*sign_long)(void *impl, enum vt_sign_kind kind, const void *msg, size_t len,
        struct vt_buf *b, struct vt_why *why);
};

/* For implementations of the seam. Takes ownership of impl. */
VT_MUST enum vt_err vt_signer_make(const struct vt_signer_ops *ops, void *impl,
    const char *name, const struct vt_pubkey *pub, struct vt_signer **ret, struct vt_why *why);

/* The same for an ML-DSA-44 key, held by vt_mldsa_hold; ops has sign_long. */
VT_MUST enum vt_err vt_signer_make_mldsa(const struct vt_signer_ops *ops, void *impl,
    const char *name, const struct vt_mldsa_public *pub, struct vt_signer **ret,
    struct vt_why *why);

/* In this process, from a loaded key; takes ownership of k. */
VT_MUST enum vt_err vt_signer_from_key(
    struct vt_key *k, struct vt_signer **ret, struct vt_why *why);

/* Starts a signer process that loads the key file (asking for a passphrase on
 * the terminal when it is encrypted, or taking VITRINE_PASSPHRASE_FILE's first
 * line) and signs only the kinds in `kinds` (VT_SIGN_BIT joined by or). The
 * private key never enters this address space. VT_E_* of vt_key_load. */
VT_MUST enum vt_err vt_signer_spawn(
    const char *key_path, unsigned kinds, struct vt_signer **ret, struct vt_why *why);

/* Over an open channel to a signer process that serves `name` (for a process
 * whose parent started the signer). Takes ownership of fd. */
VT_MUST enum vt_err vt_signer_attach(int fd, struct vt_signer **ret, struct vt_why *why);

/* The body of a signer process: serves requests on fd until it closes. The
 * result is an exit code. */
int vt_signer_serve(int fd, const char *key_path, unsigned kinds);

/* Ends the signer process if it is one; takes NULL. */
void vt_signer_free(struct vt_signer *s);

const char *vt_signer_name(const struct vt_signer *s);
const struct vt_pubkey *vt_signer_public(const struct vt_signer *s); /* as vt_key_public */
/* The public key when it is an ML-DSA-44 key; else NULL. */
const struct vt_mldsa_public *vt_signer_mldsa(const struct vt_signer *s);
/* VT_E_REFUSED when the form or the kind is not permitted. msg: at most 8 MiB. */
VT_MUST enum vt_err vt_signer_sign(struct vt_signer *s, enum vt_sign_kind kind, const void *msg,
    size_t len, struct vt_sig *ret, struct vt_why *why);

/* The same of several messages of one kind, in order: one after the other for a key in this
 * process; without a round trip each for a signer process, which signs while this one checks
 * what it signed. All or, on failure, none: ret is not to be read then. */
VT_MUST enum vt_err vt_signer_sign_all(struct vt_signer *s, enum vt_sign_kind kind,
    const struct vt_slice *msg, size_t n, struct vt_sig *ret, struct vt_why *why);

/* A signature of the key's own type, appended to b: 64 bytes of Ed25519, 2,420 of ML-DSA-44.
 * An ML-DSA key signs VT_SIGN_SUBTREE alone, and no other key does. */
VT_MUST enum vt_err vt_signer_sign_long(struct vt_signer *s, enum vt_sign_kind kind,
    const void *msg, size_t len, struct vt_buf *b, struct vt_why *why);

/* Whether msg has the form of kind for a key of that name. Pure. */
bool vt_sign_form_ok(enum vt_sign_kind kind, const char *key_name, const void *msg, size_t len);

#endif
