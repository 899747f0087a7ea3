/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts that fetch, hide or persist. */

rule shell_fetch_and_run
{
    meta:
        author = "Vitrine"
        description = "Shell command that pipes a download straight into a shell"
        severity = "medium"
    strings:
        $a = /(curl|wget)[^\n|]{1,200}\|\s{0,4}(sudo\s{1,4})?(ba|da|z)?sh\b/
    condition:
        filesize < 1MB and $a
}

rule shell_drop_in_tmp_and_run
{
    meta:
        author = "Vitrine"
        description = "Shell script that downloads into a world-writable folder, marks executable and runs"
        severity = "high"
    strings:
        $get = /(curl|wget|tftp)\s[^\n]{1,200}(\/tmp|\/var\/tmp|\/dev\/shm)\//
        $mode = /chmod\s{1,4}(777|\+x|755)\s{1,4}(\/tmp|\/var\/tmp|\/dev\/shm)\//
    condition:
        filesize < 1MB and $get and $mode
}

rule shell_base64_and_run
{
    meta:
        author = "Vitrine"
        description = "Shell command that decodes base64 and runs the result"
        severity = "medium"
    strings:
        $a = /base64\s{1,4}(-d|--decode|-D)\s{0,4}\|\s{0,4}(ba|da|z)?sh\b/
    condition:
        filesize < 1MB and $a
}

rule shell_reverse_dev_tcp
{
    meta:
        author = "Vitrine"
        description = "Reverse shell through bash's /dev/tcp"
        severity = "high"
    strings:
        $a = /(ba)?sh\s{1,4}-i\s{0,4}[0-9]?>&\s{0,4}\/dev\/tcp\//
    condition:
        filesize < 1MB and $a
}

rule shell_reverse_named_pipe
{
    meta:
        author = "Vitrine"
        description = "Reverse shell through a named pipe and netcat"
        severity = "high"
    strings:
        $pipe = /mkfifo\s{1,4}\/[^\s;]{1,60}/
        $net = /\b(nc|ncat|netcat)\s[^\n]{0,80}[0-9]{2,5}/
        $sh = /\/bin\/(ba)?sh\s{1,4}-i/
    condition:
        filesize < 1MB and all of them
}

rule shell_cron_persistence_from_network
{
    meta:
        author = "Vitrine"
        description = "A cron line that runs something from the network"
        severity = "high"
    strings:
        $a = /(\*|[0-9]{1,2}|\*\/[0-9]{1,2})(\s{1,4}[\d*\/,-]{1,8}){4}\s[^\n]{0,80}(curl|wget)\s[^\n]{1,160}\|\s{0,4}(ba)?sh/
    condition:
        filesize < 1MB and $a
}

rule shell_history_and_log_wiping
{
    meta:
        author = "Vitrine"
        description = "Script that switches the shell history off and empties the system's logs"
        severity = "medium"
    strings:
        $h1 = "unset HISTFILE"
        $h2 = "HISTSIZE=0"
        $h3 = "history -c"
        $l1 = /(>|rm\s{1,4}-r?f)\s{0,4}\/var\/log\/(auth\.log|secure|wtmp|btmp|lastlog)/
    condition:
        filesize < 1MB and any of ($h*) and $l1
}

rule python_exec_of_decoded
{
    meta:
        author = "Vitrine"
        description = "Python that runs decoded or decompressed text"
        severity = "medium"
    strings:
        $a = /exec\(\s{0,4}(__import__\(.(base64|zlib|marshal).\)|base64|zlib|marshal)\s{0,2}\.\s{0,2}(b64decode|decompress|loads)/
    condition:
        filesize < 4MB and $a
}

rule perl_eval_of_unpacked
{
    meta:
        author = "Vitrine"
        description = "Perl that runs text unpacked from hex or uuencode"
        severity = "medium"
    strings:
        $a = /eval\s{0,4}\(?\s{0,4}unpack\s{0,4}\(?\s{0,4}["'](u|H\*)/
    condition:
        filesize < 4MB and $a
}

rule powershell_encoded_command
{
    meta:
        author = "Vitrine"
        description = "PowerShell started with an encoded command"
        severity = "medium"
    strings:
        $a = /powershell(\.exe)?\s[^\n]{0,120}-e(nc|ncodedcommand|c)?\s{1,4}[A-Za-z0-9+\/=]{40}/ nocase ascii wide
    condition:
        $a
}

rule powershell_hidden_download
{
    meta:
        author = "Vitrine"
        description = "PowerShell that hides its window and runs what it downloads"
        severity = "high"
    strings:
        $hide = /-w(indowstyle)?\s{1,4}h(idden)?/ nocase ascii wide
        $get1 = "DownloadString" nocase ascii wide
        $get2 = "DownloadData" nocase ascii wide
        $run1 = "Invoke-Expression" nocase ascii wide
        $run2 = "IEX" fullword nocase ascii wide
    condition:
        filesize < 4MB and $hide and any of ($get*) and any of ($run*)
}

rule powershell_defender_off
{
    meta:
        author = "Vitrine"
        description = "Command that switches the platform's own protection off"
        severity = "high"
    strings:
        $a = /Set-MpPreference\s{1,4}-DisableRealtimeMonitoring\s{1,4}(\$true|1)/ nocase ascii wide
        $b = /Add-MpPreference\s{1,4}-ExclusionPath\s{1,4}["']?C:\\["']?\s/ nocase ascii wide
    condition:
        filesize < 4MB and any of them
}

rule script_host_dropper
{
    meta:
        author = "Vitrine"
        description = "Windows script that downloads a file and starts it"
        severity = "high"
    strings:
        $http1 = "MSXML2.XMLHTTP" nocase
        $http2 = "WinHttp.WinHttpRequest" nocase
        $save = "ADODB.Stream" nocase
        $run = "WScript.Shell" nocase
    condition:
        filesize < 1MB and any of ($http*) and $save and $run
}
