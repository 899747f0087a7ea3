# shellcheck shell=bash
# shellcheck disable=SC2034 # its users use these
# SPDX-License-Identifier: Apache-2.0
# What the scripts share: speaking, failing, timing. To be sourced.

bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

# say TEXT...: a line of what is going on.
say() {
    printf '%s\n' "$*"
}

# die TEXT...: a line of what is wrong and what to do about it, then the end.
die() {
    printf '%s%s: %s%s\n' "$red" "${0##*/}" "$*" "$plain" >&2
    exit 3
}

# now_ms: a clock for durations.
now_ms() {
    local t=$EPOCHREALTIME
    echo $((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))
}

# seconds MS: milliseconds as a person reads them, such as "12.3 s".
seconds() {
    printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
}

# quietly COMMAND...: what it says is shown only when it fails.
quietly() {
    local said
    said=$("$@" 2>&1) && return
    printf '%s\n' "$said" | tail -n 40 >&2
    return 1
}
