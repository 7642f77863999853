/**
 * Puts values in the place of what a sandbox has instead of them: in the values of a request's headers, also inside Basic credentials, and in
 * its query. What was put in is not looked through again.
 */
import type { HeaderList } from "../message/header-list.js";
import { ValueFailure } from "./value-failure.js";

export interface PlacedValue {
  /** What the program sends. */
  readonly text: string;
  readonly value: string;
  /** As sentences name it. */
  readonly source: string;
}

export interface Placed {
  readonly headers: HeaderList;
  /** With its query. */
  readonly path: string;
}

/** By how much a request may grow. */
const mostBytes = 65_536;

/** @throws ValueFailure where a value cannot stand where it would be put */
export function putIn({ headers, path }: Placed, values: readonly PlacedValue[]): Placed {
  if (values.length === 0) return { headers, path };
  const budget = { left: mostBytes };
  const inHeader = replacer(values, budget, headerForm);
  const inCredentials = replacer(values, budget, ({ value }) => Buffer.from(value).toString("latin1"));
  const inQuery = replacer(values, budget, queryForm);
  const query = path.indexOf("?");
  return {
    headers: headers.map(([name, value]) => [name, inHeader(inBasic(name, value, inCredentials))]),
    path: query < 0 ? path : `${path.slice(0, query)}${inQuery(path.slice(query))}`,
  };
}

type Replace = (text: string) => string;

function replacer(
  values: readonly PlacedValue[],
  budget: { left: number },
  formOf: (value: PlacedValue) => string,
): Replace {
  const { any, byText } = lookedFor(values);
  return (text) =>
    text.replace(any, (found) => {
      const value = byText.get(found);
      if (value === undefined) return found;
      const form = formOf(value);
      budget.left -= form.length;
      if (budget.left < 0)
        throw new ValueFailure(
          `with ${value.source} put in the request's head would be too long`,
          "Let the request name the placeholder less often.",
        );
      return form;
    });
}

interface LookedFor {
  readonly any: RegExp;
  readonly byText: ReadonlyMap<string, PlacedValue>;
}

/** Made once for the same ones: of many it takes a millisecond. */
const known = new WeakMap<readonly PlacedValue[], LookedFor>();

/** All in one pass, the longer before the shorter that it begins with. */
function lookedFor(values: readonly PlacedValue[]): LookedFor {
  const before = known.get(values);
  if (before !== undefined) return before;
  const byText = new Map(values.flatMap((value) => [...writings(value.text)].map((text) => [text, value] as const)));
  const texts = [...byText.keys()].sort((one, other) => other.length - one.length);
  const any = new RegExp(texts.map((text) => text.replace(/[^A-Za-z0-9_]/g, "\\$&")).join("|"), "g");
  known.set(values, { any, byText });
  return { any, byText };
}

/** As it is, and as a URL may have it. */
function writings(text: string): ReadonlySet<string> {
  return new Set([text, encodeURIComponent(text)]);
}

function headerForm({ value, source }: PlacedValue): string {
  if (/^[\t -~]*$/.test(value)) return value;
  throw new ValueFailure(
    `${source} cannot stand in a header: it has a line break, or what is not printable ASCII`,
    "The group's owner has to set it again, as one line of printable ASCII.",
  );
}

function queryForm({ value, source }: PlacedValue): string {
  try {
    return encodeURIComponent(value);
  } catch {
    throw new ValueFailure(
      `${source} cannot stand in a query: it is no Unicode`,
      "The group's owner has to set it to a value that is.",
    );
  }
}

/** RFC 7617: `user:password` in base64. Left as it is where nothing in it is replaced. */
function inBasic(name: string, value: string, replace: Replace): string {
  const [, scheme = "", encoded] = /^(basic +)([A-Za-z0-9+/_-]+={0,2})$/i.exec(value) ?? [];
  if (encoded === undefined || name.toLowerCase() !== "authorization") return value;
  const credentials = Buffer.from(encoded, "base64").toString("latin1");
  const replaced = replace(credentials);
  return replaced === credentials ? value : `${scheme}${Buffer.from(replaced, "latin1").toString("base64")}`;
}
