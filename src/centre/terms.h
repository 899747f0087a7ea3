/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the Centre, each in one sentence for people who have never heard of a Merkle
 * tree.
 */
#ifndef VT_CENTRE_TERMS_H
#define VT_CENTRE_TERMS_H

struct vt_term {
    const char *term;
    const char *is;
};

/* In order of the alphabet; ended by a NULL term. */
extern const struct vt_term vt_terms[];

#endif
