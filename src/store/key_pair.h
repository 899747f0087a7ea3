/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private key's file and the file of its public half beside it: FILE.key and
 * FILE.vkey (FILE and FILE.vkey when the name ends otherwise). A .vkey file holds one
 * vkey on one line. docs/formats/key.md.
 */
#ifndef VT_STORE_KEY_PAIR_H
#define VT_STORE_KEY_PAIR_H

#include "base/file.h"
#include "note/note.h"

/* Where the public half of the private key at `path` is. */
VT_MUST enum vt_err vt_key_pair_vkey_path(
    const char *path, char ret[VT_PATH_MAX], struct vt_why *why);

/* The public half as a vkey of type alg, which must be one of the key's: 01 or 04 of Ed25519,
 * 06 of ML-DSA-44; else VT_E_USAGE. */
VT_MUST enum vt_err vt_key_pair_vkey(
    const struct vt_key *k, enum vt_note_alg alg, struct vt_vkey *ret, struct vt_why *why);

/* Writes both files, the public one first: where there is a private key, there is
 * its vkey, whatever ended the process in between. VT_E_EXIST when the private key's file is
 * there; a .vkey file without one is replaced. On failure there is no private key and
 * no vkey. passphrase may be NULL. */
VT_MUST enum vt_err vt_key_pair_save(const char *path, const struct vt_key *k,
    enum vt_note_alg alg, const char *passphrase, struct vt_vkey *ret, struct vt_why *why);

/* Reads a .vkey file. VT_E_NOENT, VT_E_CONFIG (not one vkey on one line). */
VT_MUST enum vt_err vt_key_pair_load_vkey(
    const char *path, struct vt_vkey *ret, struct vt_why *why);

#endif
