/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing two artifacts bit for bit: equal, or where and how much they differ.
 */
#ifndef VT_ASSEMBLY_COMPARE_H
#define VT_ASSEMBLY_COMPARE_H

#include "base/json.h"

struct vt_compare {
    bool equal;
    uint64_t size_a; /* bytes */
    uint64_t size_b;
    uint64_t first_offset; /* of the first byte that differs; the shorter one's size when that
                              is a beginning of the other */
    uint64_t differing;    /* bytes that differ, and those that only one has */
    uint64_t ranges;       /* runs of such bytes */
};

/* Compares two files, streamed. VT_E_NOENT, VT_E_IO. */
VT_MUST enum vt_err vt_compare_files(
    const char *a, const char *b, struct vt_compare *ret, struct vt_why *why);

/* The report: a JSON object with the two names ("assembled", "rebuilt") as
 * digests in hex and the numbers above. The caller owns *ret. */
VT_MUST enum vt_err vt_compare_report(const struct vt_compare *c, const char *assembled,
    const char *rebuilt, json_t **ret, struct vt_why *why);

#endif
