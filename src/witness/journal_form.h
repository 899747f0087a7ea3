/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a witness's journal. Private to src/witness.
 */
#ifndef VT_WITNESS_JOURNAL_FORM_H
#define VT_WITNESS_JOURNAL_FORM_H

#include "witness/journal.h"

#define VT_WITNESS_JOURNAL_HEAD "vitrine/witness-journal/v1\n"
#define VT_WITNESS_BATCH_MAGIC 0x56574a31U /* "VWJ1" */
#define VT_WITNESS_BATCH_HEAD 20U          /* magic, body length, first record, count */
#define VT_WITNESS_JOURNAL_MAX (4ULL << 30)

#endif
