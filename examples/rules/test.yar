/* SPDX-License-Identifier: Apache-2.0 */
/* Files that exist to try a scanner out. */

rule eicar_test_file
{
    meta:
        author = "Vitrine"
        description = "The EICAR test file, harmless, which every scanner reports"
        severity = "test"
    strings:
        // In hex and in two parts, so that no scanner reports this rule itself.
        $head = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D }
        $tail = { 24 45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53 54 2D 46 49 4C 45 21 }
    condition:
        $head at 0 and $tail in (27..64) and filesize < 129
}

rule vitrine_test_file
{
    meta:
        author = "Vitrine"
        description = "Vitrine's own harmless test file"
        severity = "test"
    strings:
        $a = "VITRINE-LANTERN-HARMLESS-TEST-FILE-1"
    condition:
        $a at 0 and filesize < 256
}
