/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine review: source that was read, signed off and objected to. Each verb is in a file of
 * its own.
 */
#include "review.h"

int
vt_cmd_review(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"sources", "list the snapshots that a log has", vt_cmd_review_sources},
        {"coverage", "say what of a snapshot was read, and by whom", vt_cmd_review_coverage},
        {"read", "sign that files or lines were read", vt_cmd_review_read},
        {"sign", "sign a whole snapshot off", vt_cmd_review_sign},
        {"object", "object to releases from a snapshot", vt_cmd_review_object},
        {"check", "find out whether what reviewers signed is so", vt_cmd_review_check},
        {"visits", "check one's own visits against the published record", vt_cmd_review_visits},
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs(
        "review", "read source, sign it off, and check who did", verbs, argc, argv);
}
