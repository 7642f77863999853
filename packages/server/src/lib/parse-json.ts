/**
 * JSON from outside. A member named `__proto__` is an error: it is no field of anything, and what reads objects by their names
 * would pass it over in silence.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(text, mayHold.test(text) ? refuse : undefined);
}

/** Written plainly, or with any of its characters escaped. */
const mayHold = /__proto__|\\u00/i;

function refuse(name: string, value: unknown): unknown {
  if (name === "__proto__") throw new SyntaxError("the name __proto__ is not allowed");
  return value;
}
