/* SPDX-License-Identifier: Apache-2.0 */
/* Traits of executables that legitimate software seldom has. */

import "elf"
import "math"
import "pe"

rule elf_packed_upx
{
    meta:
        author = "Vitrine"
        description = "ELF program packed with UPX"
        severity = "low"
    strings:
        $magic = "UPX!"
        $info = "$Info: This file is packed with the UPX executable packer"
    condition:
        uint32(0) == 0x464C457F and $magic and $info
}

rule elf_without_sections_high_entropy
{
    meta:
        author = "Vitrine"
        description = "ELF program without section headers whose bytes look encrypted"
        severity = "medium"
    condition:
        uint32(0) == 0x464C457F and filesize > 4KB and elf.number_of_sections == 0 and
        math.entropy(0, filesize) > 7.2
}

rule elf_writable_executable_segment
{
    meta:
        author = "Vitrine"
        description = "ELF program with a loaded segment that is both writable and executable"
        severity = "medium"
    condition:
        uint32(0) == 0x464C457F and
        for any i in (0 .. elf.number_of_segments - 1) : (
            elf.segments[i].type == elf.PT_LOAD and
            elf.segments[i].flags & elf.PF_W != 0 and
            elf.segments[i].flags & elf.PF_X != 0
        )
}

rule elf_preload_hook
{
    meta:
        author = "Vitrine"
        description = "Shared object that hides files and installs itself through ld.so.preload"
        severity = "high"
    strings:
        $preload = "/etc/ld.so.preload"
        $hook1 = "readdir64"
        $hook2 = "getdents64"
        $next = "dlsym"
    condition:
        uint32(0) == 0x464C457F and elf.type == elf.ET_DYN and $preload and $next and any of ($hook*)
}

rule elf_memfd_loader
{
    meta:
        author = "Vitrine"
        description = "Small program that runs another one from memory"
        severity = "medium"
    strings:
        $create = "memfd_create"
        $run = "fexecve"
        $fd = "/proc/self/fd/"
    condition:
        uint32(0) == 0x464C457F and filesize < 256KB and $create and ($run or $fd)
}

rule pe_packed_upx
{
    meta:
        author = "Vitrine"
        description = "Windows program packed with UPX"
        severity = "low"
    condition:
        pe.is_pe and
        for any i in (0 .. pe.number_of_sections - 1) : (pe.sections[i].name == "UPX0") and
        for any i in (0 .. pe.number_of_sections - 1) : (pe.sections[i].name == "UPX1")
}

rule pe_writable_executable_section
{
    meta:
        author = "Vitrine"
        description = "Windows program with a section that is both writable and executable"
        severity = "low"
    condition:
        pe.is_pe and
        for any i in (0 .. pe.number_of_sections - 1) : (
            pe.sections[i].characteristics & pe.SECTION_MEM_WRITE != 0 and
            pe.sections[i].characteristics & pe.SECTION_MEM_EXECUTE != 0
        )
}

rule pe_process_injection_imports
{
    meta:
        author = "Vitrine"
        description = "Windows program that imports all it takes to run code in another process"
        severity = "medium"
    condition:
        pe.is_pe and pe.imports("kernel32.dll", "VirtualAllocEx") and
        pe.imports("kernel32.dll", "WriteProcessMemory") and
        pe.imports("kernel32.dll", "CreateRemoteThread")
}

rule pe_base64_encoded
{
    meta:
        author = "Vitrine"
        description = "A Windows program encoded in base64 inside another file"
        severity = "medium"
    strings:
        $stub = "This program cannot be run in DOS mode" base64
    condition:
        $stub
}

rule pe_inside_document
{
    meta:
        author = "Vitrine"
        description = "An office document or PDF that carries a Windows program"
        severity = "high"
    strings:
        $stub = "This program cannot be run in DOS mode"
    condition:
        (uint32be(0) == 0xD0CF11E0 or uint32be(0) == 0x25504446 or uint32be(0) == 0x7B5C7274) and $stub
}

rule executable_with_document_name
{
    meta:
        author = "Vitrine"
        description = "Windows program whose version resource pretends that it is a document"
        severity = "medium"
    strings:
        $name = /[A-Za-z0-9_ -]{1,40}\.(pdf|docx|xlsx|jpg)\.exe/ wide
    condition:
        pe.is_pe and $name
}
