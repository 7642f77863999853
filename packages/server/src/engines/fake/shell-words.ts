/** Cuts a shell's text into operators and words; a word keeps its parts apart until it is expanded. */

export type WordPart =
  | { readonly kind: "text"; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: "variable"; readonly name: string; readonly isQuoted: boolean }
  | { readonly kind: "command"; readonly script: string; readonly isQuoted: boolean };

export type Word = readonly WordPart[];
export type Token = { readonly operator: string } | { readonly word: Word };

const operator = /(?:2>&1|1>&2|>&2|&&|\|\||>>|2>>|2>|>|<|;|&|\||\(|\)|\n)/y;
const variable = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*|[?$!#0-9]))/y;

export class ShellSyntaxError extends Error {
  override readonly name = "ShellSyntaxError";
}

export function tokenize(script: string): Token[] {
  const tokens: Token[] = [];
  const text = { script, at: 0 };
  while (text.at < script.length) {
    const character = script[text.at] as string;
    const found = match(operator, text);
    if (found !== undefined) tokens.push({ operator: found[0] });
    else if (character === "#") text.at = endOf(script, "\n", text.at) - 1;
    else if (/\s/.test(character)) text.at++;
    else tokens.push({ word: readWord(text) });
  }
  return tokens;
}

interface Cursor {
  readonly script: string;
  at: number;
}

function readWord(text: Cursor): Word {
  const parts: WordPart[] = [];
  while (text.at < text.script.length) {
    const character = text.script[text.at] as string;
    if (/[\s;&|<>()]/.test(character)) break;
    if (character === "'") parts.push(readSingleQuoted(text));
    else if (character === '"') parts.push(...readDoubleQuoted(text));
    else if (character === "$") parts.push(readDollar(text, false));
    else parts.push(readPlain(text));
  }
  return parts;
}

function readSingleQuoted(text: Cursor): WordPart {
  const end = endOf(text.script, "'", text.at + 1, true);
  const quoted = text.script.slice(text.at + 1, end - 1);
  text.at = end;
  return { kind: "text", text: quoted, isQuoted: true };
}

function readDoubleQuoted(text: Cursor): WordPart[] {
  const parts: WordPart[] = [{ kind: "text", text: "", isQuoted: true }];
  text.at++;
  while (text.script[text.at] !== '"') {
    const character = text.script[text.at];
    if (character === undefined) throw new ShellSyntaxError("Unterminated quoted string");
    if (character === "$") parts.push(readDollar(text, true));
    else {
      const isEscape = character === "\\" && /["\\$`]/.test(text.script[text.at + 1] ?? "");
      if (isEscape) text.at++;
      parts.push({ kind: "text", text: text.script[text.at++] as string, isQuoted: true });
    }
  }
  text.at++;
  return parts;
}

function readDollar(text: Cursor, isQuoted: boolean): WordPart {
  if (text.script.startsWith("$(", text.at)) {
    const end = closingParenthesis(text.script, text.at + 2);
    const script = text.script.slice(text.at + 2, end);
    text.at = end + 1;
    return { kind: "command", script, isQuoted };
  }
  const found = match(variable, text);
  if (found !== undefined) return { kind: "variable", name: found[1] ?? found[2] ?? "", isQuoted };
  text.at++;
  return { kind: "text", text: "$", isQuoted };
}

function readPlain(text: Cursor): WordPart {
  const isEscape = text.script[text.at] === "\\";
  if (isEscape) text.at++;
  return { kind: "text", text: text.script[text.at++] ?? "", isQuoted: isEscape };
}

function match(pattern: RegExp, text: Cursor): RegExpExecArray | undefined {
  pattern.lastIndex = text.at;
  const found = pattern.exec(text.script);
  if (found === null) return undefined;
  text.at += found[0].length;
  return found;
}

function endOf(script: string, end: string, from: number, isNeeded = false): number {
  const at = script.indexOf(end, from);
  if (at < 0 && isNeeded) throw new ShellSyntaxError("Unterminated quoted string");
  return at < 0 ? script.length + 1 : at + 1;
}

function closingParenthesis(script: string, from: number): number {
  let depth = 1;
  for (let at = from; at < script.length; at++) {
    if (script[at] === "(") depth++;
    if (script[at] === ")" && --depth === 0) return at;
  }
  throw new ShellSyntaxError("Unterminated command substitution");
}
