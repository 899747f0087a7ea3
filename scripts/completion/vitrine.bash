# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Completion for vitrine in bash. It asks the program itself (`--help`), so that it
# never knows other commands or options than the program that is installed.

# Prints the commands that `vitrine "$@"` has, or nothing.
_vitrine_commands() {
    "$_vitrine_program" "$@" --help 2>/dev/null |
        sed -n '1{/ COMMAND /!q;}; s/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p'
}

# Prints the long options of the command `vitrine "$@"`.
_vitrine_options() {
    "$_vitrine_program" "$@" --help 2>/dev/null |
        sed -n 's/^  *\(-[a-zA-Z], \)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p'
}

_vitrine() {
    local current=${COMP_WORDS[COMP_CWORD]} _vitrine_program=${COMP_WORDS[0]} words=() word choices
    # The words before the cursor that name the command: at most three, no options.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* || ${#words[@]} -ge 3 ]] && break
        [ ${#words[@]} -eq 0 ] || _vitrine_commands "${words[@]}" | grep -qx -- "$word" || break
        words+=("$word")
    done
    COMPREPLY=()
    if [[ $current == -* ]]; then
        choices=$(_vitrine_options "${words[@]}")
    elif [ ${#words[@]} -eq $((COMP_CWORD - 1)) ]; then
        choices=$(_vitrine_commands "${words[@]}")
    fi
    [ -z "${choices:-}" ] || mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}

# Where nothing is offered, bash completes file names.
complete -o default -F _vitrine vitrine
