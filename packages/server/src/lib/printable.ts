/** Text of unknown origin made fit for a log or an error: control characters escaped, cut to a length. */
export function printable(text: string, maximum = 300): string {
  const cut = text.length > maximum ? `${text.slice(0, maximum)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
