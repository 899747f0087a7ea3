/* SPDX-License-Identifier: Apache-2.0 */
/* Days as epochs count them. */
#include "base/clock.h"
#include "ledger/doc.h"

#include <stdio.h>
#include <string.h>

#define DAY_SECONDS 86400

bool
vt_day_parse(const char *s, uint32_t *ret)
{
    char text[VT_TIME_SIZE];
    int64_t t;

    if (strnlen(s, 11) != 10)
        return false;
    (void)snprintf(text, sizeof text, "%.10sT00:00:00Z", s);
    if (!vt_time_parse(text, &t) || t < 0)
        return false;
    *ret = (uint32_t)(t / DAY_SECONDS);
    return true;
}

void
vt_day_format(uint32_t day, char ret[11])
{
    char text[VT_TIME_SIZE];

    vt_time_format((int64_t)day * DAY_SECONDS, text);
    memcpy(ret, text, 10);
    ret[10] = '\0';
}
