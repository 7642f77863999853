/**
 * Keeps one shell for several snippets. Each comes as a file, so that nothing of it is ever between quotes; its result is an
 * exit code. What a shell does not go on after, such as `exit` or a line that makes no sense, ends it.
 */
export const shellDriver = String.raw`
exec 3<&0 4>&1 5>&2 </dev/null
while IFS=' ' read -r alcove_snippet alcove_result alcove_mark <&3; do
  . "$alcove_snippet"
  printf '{"kind":"none","exit":%d}' "$?" > "$alcove_result"
  printf '\0%s\0' "$alcove_mark" >&4
  printf '\0%s\0' "$alcove_mark" >&5
done
`;
