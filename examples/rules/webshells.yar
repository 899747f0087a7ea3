/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts on a web server that run what a request says. */

rule php_runs_request
{
    meta:
        author = "Vitrine"
        description = "PHP that runs a request's parameter as code or command"
        severity = "high"
    strings:
        $a = /\b(eval|assert|system|exec|shell_exec|passthru|popen)\s{0,4}\(\s{0,4}@?\$_(GET|POST|REQUEST|COOKIE|SERVER)\b/ nocase
    condition:
        filesize < 2MB and $a
}

rule php_eval_of_decoded
{
    meta:
        author = "Vitrine"
        description = "PHP that runs text which it first decodes or inflates"
        severity = "medium"
    strings:
        $a = /eval\s{0,4}\(\s{0,4}(gzinflate|gzuncompress|str_rot13|base64_decode|strrev)\s{0,4}\(/ nocase
    condition:
        filesize < 2MB and $a
}

rule php_upload_without_check
{
    meta:
        author = "Vitrine"
        description = "Tiny PHP page that stores an upload under the name it came with"
        severity = "medium"
    strings:
        $a = /move_uploaded_file\s{0,4}\(\s{0,4}\$_FILES\[[^\n]{1,80},\s{0,4}\$_FILES\[[^\n]{1,40}name/ nocase
    condition:
        filesize < 4KB and $a
}

rule php_name_built_of_parts
{
    meta:
        author = "Vitrine"
        description = "PHP that spells the name of a dangerous function in pieces"
        severity = "medium"
    strings:
        $a = /["']ass["']\s{0,2}\.\s{0,2}["']ert["']/
        $b = /["']ev["']\s{0,2}\.\s{0,2}["']al["']/
        $c = /["']sys["']\s{0,2}\.\s{0,2}["']tem["']/
    condition:
        filesize < 2MB and any of them
}

rule jsp_runs_request
{
    meta:
        author = "Vitrine"
        description = "JSP page that runs a request's parameter as a command"
        severity = "high"
    strings:
        $a = /getRuntime\(\)\s{0,4}\.\s{0,4}exec\(\s{0,4}request\s{0,4}\.\s{0,4}getParameter/
    condition:
        filesize < 1MB and $a
}

rule aspx_runs_request
{
    meta:
        author = "Vitrine"
        description = "ASP.NET page that evaluates a request's parameter"
        severity = "high"
    strings:
        $a = /eval\s{0,4}\(\s{0,4}Request\s{0,4}[\.\[(]/ nocase
        $b = "<%@" ascii
    condition:
        filesize < 1MB and all of them
}
