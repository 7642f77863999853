/**
 * JSON from outside, within bounds: what a few bytes of it cost here, deep nesting that overflows the stack and values by the
 * hundred thousand that are looked at one by one, everybody would wait for. A member named `__proto__` is an error: it is no
 * field of anything, and what reads objects by their names would pass it over in silence. What is wrong is said without the
 * piece that the parser quotes, which may have been given in confidence.
 */
export function parseJson(text: string): unknown {
  refuseTooMuch(text);
  try {
    return JSON.parse(text, mayHold.test(text) ? refuse : undefined);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(reason.replace(/, (?:\.\.\.)?".*/s, ""));
  }
}

/** Twice what any request of the contract can need. */
export const maximumValues = 20_000;
const maximumDepth = 64;

/** Counts what opens, closes and separates, outside of strings. */
function refuseTooMuch(text: string): void {
  let [depth, values] = [0, 1];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === "," || character === ":") values += 1;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > maximumDepth) throw new SyntaxError(`it is nested more than ${maximumDepth} deep`);
    if (values > maximumValues) throw new SyntaxError(`it has more than ${maximumValues} names and values`);
  }
}

/** Where the string that begins there ends, or the text where it does not. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text[first - 1] === "\\") first -= 1;
  return (at - first) % 2 === 1;
}

/** Written plainly, or with any of its characters escaped. */
const mayHold = /__proto__|\\u00/i;

function refuse(name: string, value: unknown): unknown {
  if (name === "__proto__") throw new SyntaxError("the name __proto__ is not allowed");
  return value;
}
