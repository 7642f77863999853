/** What the contract's shapes say of a value that does not fit, where they have no words of their own: half a sentence behind the field. */
import type * as z from "zod";

/** For `safeParse(value, { error: faultWords })`. */
export const faultWords = (issue: z.core.$ZodRawIssue): string => {
  if (issue.code === "invalid_type")
    return issue.input === undefined ? "is required" : `must be ${kindOf(issue.expected)}`;
  if (issue.code === "invalid_value") return `must be ${choiceOf(issue.values)}`;
  if (issue.code === "too_small") return boundOf(issue, { bound: issue.minimum, than: "more than", least: "at least" });
  if (issue.code === "too_big") return boundOf(issue, { bound: issue.maximum, than: "less than", least: "at most" });
  if (issue.code === "not_multiple_of") return `must be a multiple of ${issue.divisor}`;
  if (issue.code === "invalid_format") return formatOf(issue);
  if (issue.code === "unrecognized_keys")
    return `has no field ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
  if (issue.code === "invalid_key") return "has a name that it may not have";
  if (issue.code === "invalid_element") return "has an entry that it may not have";
  if (issue.code === "invalid_union" && issue.input === undefined) return "is required";
  return "must be of one of the forms that the documentation has for it";
};

const kinds: Readonly<Record<string, string>> = {
  ...{ string: "text", number: "a number", int: "a whole number", boolean: "true or false", null: "null" },
  ...{ object: "an object", record: "an object", map: "an object", array: "a list", tuple: "a list", nan: "a number" },
  ...{ undefined: "left out", never: "left out", date: "a time" },
};

function kindOf(expected: string): string {
  return kinds[expected] ?? `of the kind ${expected}`;
}

function choiceOf(values: readonly unknown[]): string {
  const shown = values.map((value) => (typeof value === "bigint" ? `${value}` : JSON.stringify(value)));
  const last = shown.pop() ?? "left out";
  return shown.length === 0 ? last : `${shown.join(", ")} or ${last}`;
}

interface Bound {
  readonly bound: number | bigint;
  readonly than: string;
  readonly least: string;
}

const counted: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ["character", "characters"],
  ...{ array: ["entry", "entries"], set: ["entry", "entries"], map: ["entry", "entries"], object: ["field", "fields"] },
};

function boundOf(
  { origin, inclusive = true }: { readonly origin: string; readonly inclusive?: boolean },
  { bound, than, least }: Bound,
): string {
  const amount = `${inclusive ? least : than} ${bound}`;
  const units = counted[origin];
  if (units === undefined) return `must be ${amount}`;
  return least === "at least" && inclusive && Number(bound) === 1
    ? "must not be empty"
    : `must have ${amount} ${units[Number(bound) === 1 ? 0 : 1]}`;
}

const formats: Readonly<Record<string, string>> = {
  ...{ url: "a URL", uuid: "a UUID", email: "an address of mail", json_string: "JSON", base64: "base64" },
  ...{ datetime: "a time such as 2026-01-31T12:00:00Z", date: "a date such as 2026-01-31" },
  ...{ ipv4: "an IPv4 address", ipv6: "an IPv6 address", cidrv4: "a range of IPv4", cidrv6: "a range of IPv6" },
};

function formatOf({
  format,
  pattern,
  prefix,
  suffix,
  includes,
}: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidStringFormat>) {
  if (prefix !== undefined) return `must begin with ${JSON.stringify(prefix)}`;
  if (suffix !== undefined) return `must end with ${JSON.stringify(suffix)}`;
  if (includes !== undefined) return `must have ${JSON.stringify(includes)} in it`;
  return format === "regex" ? `must fit ${pattern}` : `must be ${formats[format] ?? `of the form ${format}`}`;
}
