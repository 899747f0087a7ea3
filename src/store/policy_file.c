/* SPDX-License-Identifier: Apache-2.0 */
#include "store/policy_file.h"

#include "base/file.h"

enum vt_err
vt_policy_load(const char *path, struct vt_policy **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    enum vt_err err = vt_file_read(path, &b, why);

    if (err == VT_E_LIMIT)
        err = VT_E_CONFIG;
    if (err == VT_OK && (err = vt_policy_parse(b.data, b.len, ret, why)) != VT_OK)
        err = vt_fail_in(why, err, "%s", path);
    vt_buf_release(&b);
    return err;
}
