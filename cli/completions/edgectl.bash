# bash completion of edgectl, which answers itself what may come next; shellcheck shell=bash

_edgectl() {
    local IFS=$'\n' candidates
    mapfile -t candidates < <(edgectl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1)
    COMPREPLY=("${candidates[@]}")
    # What has a colon is several words to bash, of which the last is to be completed.
    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "${COMP_WORDS[COMP_CWORD]}"; fi
}
complete -o default -F _edgectl edgectl
