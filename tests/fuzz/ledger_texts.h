/* SPDX-License-Identifier: Apache-2.0 */
/* The world of tests/unit/ledger_world.h for fuzz targets: what is not so aborts. */
#ifndef VT_FUZZ_LEDGER_TEXTS_H
#define VT_FUZZ_LEDGER_TEXTS_H

#include "must.h"

#include <stdio.h>

#define assert_int_equal(a_, b_) must((a_) == (b_))
#define assert_true(a_) must(a_)
#define assert_non_null(a_) must((a_) != NULL)
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), abort())

#include "../unit/ledger_world.h"

#endif
