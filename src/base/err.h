/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: what every fallible function of Vitrine returns, and the one line
 * of text that tells a person what happened.
 *
 * A fallible function returns enum vt_err under VT_MUST, so that the compiler
 * complains when a result is dropped. Unless its header says otherwise it
 * leaves its ret_ arguments untouched when it fails. Most take a struct vt_why
 * as their last argument (it may be NULL): on failure it holds one line saying
 * what is wrong, where (file, line, address) and what to do about it.
 *
 * Libraries never print, exit or abort; asserts are for our own bugs only.
 */
#ifndef VT_BASE_ERR_H
#define VT_BASE_ERR_H

#include <stddef.h>

#define VT_MUST __attribute__((warn_unused_result))

/* Zero is success; negative codes come in groups of ten by who is to blame. */
enum vt_err {
    VT_OK = 0,

    /* The caller, operator or user: exit code 2. */
    VT_E_USAGE = -1,  /* an argument that cannot be */
    VT_E_CONFIG = -2, /* a configuration, policy or recipe file is wrong */
    VT_E_STATE = -3,  /* right call, wrong time: not initialised, frozen, already there */

    /* Bytes from outside: exit code 1. Nothing was changed. */
    VT_E_SYNTAX = -10, /* they do not parse */
    VT_E_LIMIT = -11,  /* over a limit on size, count or depth */

    /* The world: exit code 3. What was half done is left as its header says. */
    VT_E_IO = -20,      /* a system call failed */
    VT_E_NOENT = -21,   /* there is no such file, object or entry */
    VT_E_EXIST = -22,   /* there is one already */
    VT_E_NOSPC = -23,   /* no space left, or over quota */
    VT_E_NET = -24,     /* no connection, or an answer that HTTP calls an error */
    VT_E_TIMEOUT = -25, /* it took too long */
    VT_E_BUSY = -26,    /* somebody else holds the lock, or the queue is full */
    VT_E_CHILD = -27,   /* a program that we ran failed */
    VT_E_NOMEM = -28,
    VT_E_CRYPTO = -29, /* libcrypto failed for a reason of its own */

    /* Refused by verification or policy: exit code 1. */
    VT_E_REFUSED = -40,  /* the policy says no */
    VT_E_SIG = -41,      /* a signature of a known key does not verify */
    VT_E_PROOF = -42,    /* a Merkle proof does not lead to the root */
    VT_E_QUORUM = -43,   /* too few of those who must sign did */
    VT_E_DIGEST = -44,   /* bytes are not those that were named */
    VT_E_ROLLBACK = -45, /* older than what is already trusted */
    VT_E_EXPIRED = -46,  /* past its expiry */
    VT_E_UNKNOWN = -47,  /* signed by nobody that we know */
};

/* One line of text for a person. Initialise with {0} or vt_why_clear. */
struct vt_why {
    char text[1024];
};

void vt_why_clear(struct vt_why *why);

/* Writes the line, cut to fit and with control characters made harmless (so
 * that hostile bytes cannot drive a terminal), and returns err: for
 * `return vt_fail(why, VT_E_SYNTAX, "...", ...)`. */
enum vt_err vt_fail(struct vt_why *why, enum vt_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same after a failed system call: appends strerror(errno) and picks the
 * code from errno (ENOENT, EEXIST, ENOSPC/EDQUOT, ENOMEM, ETIMEDOUT,
 * EWOULDBLOCK on a lock; otherwise VT_E_IO). */
enum vt_err vt_fail_errno(struct vt_why *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "CONTEXT: " before what the line already says; returns err. For a
 * caller that knows the file or address which its callee did not. */
enum vt_err vt_fail_in(struct vt_why *why, enum vt_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* An analyser that sees one file at a time must be told that the three above
 * never return VT_OK, or it follows paths that cannot be. */
#if defined(__clang_analyzer__) && !defined(VT_BASE_ERR_C)
static inline enum vt_err
vt_fail_known(enum vt_err unknown, enum vt_err known)
{
    (void)unknown;
    return known;
}
#define vt_fail(why_, err_, ...) vt_fail_known(vt_fail(why_, err_, __VA_ARGS__), err_)
#define vt_fail_in(why_, err_, ...) vt_fail_known(vt_fail_in(why_, err_, __VA_ARGS__), err_)
#define vt_fail_errno(why_, ...) vt_fail_known(vt_fail_errno(why_, __VA_ARGS__), VT_E_IO)
#endif

/* A short fixed name such as "quorum", for --json and logs. Never NULL. */
const char *vt_err_name(enum vt_err err);

/* The program's exit code: 0 done, 1 refused, 2 usage or configuration,
 * 3 the world failed. */
int vt_err_exit_code(enum vt_err err);

#endif
