/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that come from files and from people: files that only their owner
 * may read, and passphrases.
 */
#ifndef VT_CRYPTO_SECRET_H
#define VT_CRYPTO_SECRET_H

#include "base/buf.h"

#define VT_PASSPHRASE_MAX 1024 /* bytes */

/* Appends a file that must be a regular file (no symbolic link) of this user
 * or of root with no permission for group and others; VT_E_CONFIG otherwise,
 * with the command that mends it. Marks b as secret. VT_E_LIMIT, VT_E_NOENT,
 * VT_E_IO. */
VT_MUST enum vt_err vt_secret_read(const char *path, struct vt_buf *b, struct vt_why *why);

/* Appends the first line of such a file, which may not be empty. */
VT_MUST enum vt_err vt_passphrase_from_file(
    const char *path, struct vt_buf *b, struct vt_why *why);

/* Appends what the user types at the terminal (/dev/tty) after `prompt`, not
 * shown. VT_E_CONFIG when there is no terminal, or nothing was typed. */
VT_MUST enum vt_err vt_passphrase_ask(const char *prompt, struct vt_buf *b, struct vt_why *why);

/* The passphrase for `what`: from the file that the environment variable
 * VITRINE_PASSPHRASE_FILE names, else asked for. */
VT_MUST enum vt_err vt_passphrase_get(const char *what, struct vt_buf *b, struct vt_why *why);

#endif
