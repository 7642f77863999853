/** Text that a sandbox, a server or another person wrote, made fit for a terminal: it cannot move the cursor, colour or reorder. */

/** One line: every control and formatting character is shown as its escape, newlines too. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped);
}

/** Several lines: newlines and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped);
}

/** JSON, or YAML whose strings are all in double quotes, with what would reach the terminal written as the format's escape. */
export function printableQuoted(text: string): string {
  return text.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (characters) =>
    [...Array(characters.length).keys()].map((at) => `\\u${hex(characters.charCodeAt(at)).padStart(4, "0")}`).join(""),
  );
}

function escaped(character: string): string {
  return `\\u{${hex(character.codePointAt(0) ?? 0)}}`;
}

function hex(code: number): string {
  return code.toString(16);
}
