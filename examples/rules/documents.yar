/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and archives that do more than be read. */

rule pdf_starts_program
{
    meta:
        author = "Vitrine"
        description = "PDF that starts a program when it is opened"
        severity = "high"
    strings:
        $open = "/OpenAction"
        $launch = /\/S\s{0,4}\/Launch/
    condition:
        uint32be(0) == 0x25504446 and $open and $launch
}

rule pdf_script_on_open
{
    meta:
        author = "Vitrine"
        description = "PDF that runs a script with known ways of hiding when it is opened"
        severity = "medium"
    strings:
        $open = "/OpenAction"
        $js = "/JavaScript"
        $hide1 = "unescape("
        $hide2 = "String.fromCharCode"
        $hide3 = "eval("
    condition:
        uint32be(0) == 0x25504446 and $open and $js and any of ($hide*)
}

rule rtf_embedded_object_update
{
    meta:
        author = "Vitrine"
        description = "RTF that loads an embedded object without being asked"
        severity = "medium"
    strings:
        $update = "\\objupdate"
        $data = "\\objdata"
    condition:
        uint32be(0) == 0x7B5C7274 and all of them
}

rule office_macro_starts_program
{
    meta:
        author = "Vitrine"
        description = "Office macro that starts a program as soon as the document opens"
        severity = "high"
    strings:
        $auto1 = "AutoOpen" nocase ascii wide
        $auto2 = "Document_Open" nocase ascii wide
        $auto3 = "Workbook_Open" nocase ascii wide
        $run1 = "WScript.Shell" nocase ascii wide
        $run2 = "Shell.Application" nocase ascii wide
        $run3 = "powershell" nocase ascii wide
    condition:
        uint32be(0) == 0xD0CF11E0 and any of ($auto*) and any of ($run*)
}

rule shortcut_starts_interpreter
{
    meta:
        author = "Vitrine"
        description = "Windows shortcut that starts a command interpreter with a long command"
        severity = "high"
    strings:
        $a = "powershell" nocase wide
        $b = "cmd.exe" nocase wide
        $c = "mshta" nocase wide
        $arg1 = "http" nocase wide
        $arg2 = "-enc" nocase wide
    condition:
        uint32(0) == 0x0000004C and uint32(4) == 0x00021401 and any of ($a, $b, $c) and any of ($arg*)
}

rule html_smuggling
{
    meta:
        author = "Vitrine"
        description = "Web page that assembles a file from its own text and offers it for download"
        severity = "medium"
    strings:
        $decode = "atob("
        $blob = "new Blob("
        $link = "URL.createObjectURL"
        $click = ".click()"
    condition:
        filesize > 4KB and filesize < 32MB and all of them
}
