/* SPDX-License-Identifier: Apache-2.0 */
/* What ransomware, miners and thieves leave in their files. */

rule ransom_note
{
    meta:
        author = "Vitrine"
        description = "A text that demands payment for encrypted files"
        severity = "high"
    strings:
        $lost1 = /your (personal )?(files|documents|data|network) (have|has|are|were) (been )?encrypted/ nocase ascii wide
        $lost2 = "all your important files are encrypted" nocase ascii wide
        $pay1 = "bitcoin" nocase ascii wide
        $pay2 = "monero" nocase ascii wide
        $way1 = ".onion" nocase ascii wide
        $way2 = "tor browser" nocase ascii wide
        $way3 = "decryption key" nocase ascii wide
    condition:
        filesize < 2MB and any of ($lost*) and any of ($pay*) and any of ($way*)
}

rule ransom_shadow_copies_deleted
{
    meta:
        author = "Vitrine"
        description = "Commands that take away a Windows machine's ways to recover files"
        severity = "high"
    strings:
        $a = /vssadmin(\.exe)?\s{1,4}delete\s{1,4}shadows/ nocase ascii wide
        $b = /wbadmin(\.exe)?\s{1,4}delete\s{1,4}catalog/ nocase ascii wide
        $c = /bcdedit(\.exe)?[^\n]{1,60}recoveryenabled\s{1,4}no/ nocase ascii wide
        $d = /wmic(\.exe)?\s{1,4}shadowcopy\s{1,4}delete/ nocase ascii wide
    condition:
        2 of them
}

rule miner_configuration
{
    meta:
        author = "Vitrine"
        description = "Configuration of a cryptocurrency miner"
        severity = "medium"
    strings:
        $pools = "\"pools\""
        $algo = /"(algo|coin)"\s{0,4}:\s{0,4}"(rx\/0|cn\/r|monero|randomx)/
        $level = "\"donate-level\""
        $url = /stratum\+(tcp|ssl):\/\//
    condition:
        filesize < 1MB and 2 of them
}

rule miner_program
{
    meta:
        author = "Vitrine"
        description = "Program with the strings of a cryptocurrency miner"
        severity = "medium"
    strings:
        $a = /stratum\+(tcp|ssl):\/\//
        $b = "mining.subscribe"
        $c = "mining.authorize"
        $d = "cryptonight" nocase
        $e = "randomx" nocase
        $f = "hashrate" nocase
    condition:
        (uint32(0) == 0x464C457F or uint16(0) == 0x5A4D) and 4 of them
}

rule credential_store_paths
{
    meta:
        author = "Vitrine"
        description = "Program that names the places where several browsers and wallets keep secrets"
        severity = "medium"
    strings:
        $a = "\\Google\\Chrome\\User Data\\Default\\Login Data" nocase ascii wide
        $b = "\\Mozilla\\Firefox\\Profiles" nocase ascii wide
        $c = "\\Microsoft\\Edge\\User Data" nocase ascii wide
        $d = "\\Electrum\\wallets" nocase ascii wide
        $e = "\\Exodus\\exodus.wallet" nocase ascii wide
        $f = "\\FileZilla\\recentservers.xml" nocase ascii wide
    condition:
        4 of them
}

rule keylogger_log
{
    meta:
        author = "Vitrine"
        description = "Log of a key logger, by the names it gives to keys"
        severity = "medium"
    strings:
        $a = "[BACKSPACE]" nocase
        $b = "[CTRL]" nocase
        $c = "[CAPSLOCK]" nocase
        $d = "[ENTER]" nocase
        $e = /\[?(active )?window\]?\s{0,2}:/ nocase
    condition:
        filesize < 8MB and $e and 3 of ($a, $b, $c, $d)
}

rule lsass_dump_command
{
    meta:
        author = "Vitrine"
        description = "Command that writes out the memory of the Windows login process"
        severity = "high"
    strings:
        $a = /comsvcs(\.dll)?,?\s{0,4}(#24|MiniDump)/ nocase ascii wide
        $b = /procdump(64)?(\.exe)?\s[^\n]{0,60}lsass/ nocase ascii wide
    condition:
        any of them
}

rule authorized_keys_planted
{
    meta:
        author = "Vitrine"
        description = "Script that adds its own key to root's authorized keys"
        severity = "high"
    strings:
        $a = /echo\s{1,4}["']?(ssh-rsa|ssh-ed25519)\s[^\n]{20,800}>>\s{0,4}(~root|\/root|~)\/\.ssh\/authorized_keys/
    condition:
        filesize < 1MB and $a
}
