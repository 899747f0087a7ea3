/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading, writing and opening batches share. Private to src/report.
 */
#ifndef VT_REPORT_BATCH_PARTS_H
#define VT_REPORT_BATCH_PARTS_H

#include "report/batch.h"

#define VT_BATCH_MAGIC "VTB1"

/* Associated data of a block: SHA-256(header) ‖ u32 number. */
#define VT_BATCH_AAD_SIZE (VT_DIGEST_SIZE + 4U)
void vt_batch_aad(const struct vt_digest *header, uint32_t i, uint8_t ret[VT_BATCH_AAD_SIZE]);

/* The two words of a header: A-Z, 0-9, '-' (2 to 16); a-z, 0-9, '-' (1 to 64). */
bool vt_batch_region_valid(const char *s);
bool vt_batch_class_valid(const char *s);

/* A record: 1 byte to VT_RECORD_MAX, no newline. */
bool vt_batch_record_valid(const void *record, size_t len);

#endif
