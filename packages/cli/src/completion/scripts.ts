/** What each shell needs to ask `alcove completion candidates`; where that has no answer, files are completed. */

export type Shell = "bash" | "zsh" | "fish";

export const scripts: Readonly<Record<Shell, string>> = {
  bash: `_alcove() {
  local IFS=$'\\n'
  COMPREPLY=($(alcove completion candidates -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _alcove alcove`,
  zsh: `#compdef alcove
_alcove() {
  local -a found
  found=("\${(@f)$(alcove completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _files; fi
}
if [ "$funcstack[1]" = "_alcove" ]; then _alcove "$@"; else compdef _alcove alcove; fi`,
  fish: `function __alcove_candidates
  set -l words (commandline -opc) (commandline -ct)
  alcove completion candidates -- $words[2..-1] 2>/dev/null
end
complete -c alcove -a '(__alcove_candidates)'`,
};
