/** From what was sent to what the contract promises; what does not fit becomes InvalidRequest with field, value and hint. */
import { AlcoveError, faultWords } from "@alcove/contract";
import { z } from "zod";

type Place = "path" | "query" | "body" | "message";

/** The parsed value; the first fault found is the one that is told. */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown, place: Place): z.output<Schema> {
  const parsed = schema.safeParse(input, { error: faultWords });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw issue === undefined ? new AlcoveError("InvalidRequest") : invalid(issue, input, schema, place);
}

/** A query as an object; a parameter that is repeated is refused, since readers differ on which one counts. */
export function queryObject(query: URLSearchParams): Record<string, string> {
  const entries = new Map<string, string>();
  for (const [name, value] of query) {
    if (entries.has(name)) {
      throw new AlcoveError("InvalidRequest", `The query parameter ${shortened(name)} is given more than once.`, {
        field: shortened(name),
        hint: "Give it once.",
      });
    }
    entries.set(name, value);
  }
  return Object.fromEntries(entries);
}

function invalid(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType, place: Place): AlcoveError {
  if (issue.code === "unrecognized_keys") return unknownField(issue, input, schema, place);
  if (issue.code === "invalid_union" && issue.errors?.[0]?.[0] !== undefined) {
    const inner = issue.errors[0][0];
    return invalid({ ...inner, path: [...issue.path, ...inner.path] }, input, schema, place);
  }
  const field = fieldPath(issue.path);
  const seen = valueAt(input, issue.path);
  const subject = field === "" ? `The ${place}` : field;
  const isMissing = issue.code === "invalid_type" && seen === undefined;
  const sentence = isMissing ? `${subject} is required.` : told(subject, issue, seen);
  return new AlcoveError("InvalidRequest", sentence, {
    ...(field === "" ? {} : { field }),
    ...(seen === undefined ? {} : { value: seenAt(issue.path, seen) }),
    ...hintOf(issue),
  });
}

/** What the contract's own checks say beside what is wrong. */
function hintOf(issue: z.core.$ZodIssue): { readonly hint?: string } {
  const hint: unknown = issue.code === "custom" ? issue.params?.hint : undefined;
  return typeof hint === "string" ? { hint } : {};
}

function unknownField(
  issue: z.core.$ZodIssueUnrecognizedKeys,
  input: unknown,
  schema: z.ZodType,
  place: Place,
): AlcoveError {
  const path = [...issue.path, issue.keys[0] ?? ""];
  const field = fieldPath(path);
  const known = issue.path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const what = place === "query" ? "query parameter" : "field";
  return new AlcoveError("InvalidRequest", `There is no ${what} ${field} here.`, {
    field,
    // In a body it may be anything, such as a secret's value a level too high.
    value: place === "query" ? seenAt(path, valueAt(input, path)) : "…",
    ...(known.length === 0 ? {} : { hint: `Known are ${known.join(", ")}.` }),
  });
}

function told(subject: string, issue: z.core.$ZodIssue, seen: unknown): string {
  const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const saw = seen === undefined ? "" : `; got ${seenAt(issue.path, seen)}`;
  return /^(must|is|has) /.test(message) ? `${subject} ${message}${saw}.` : `${subject}: ${message}${saw}.`;
}

function fieldPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) text += typeof part === "number" ? `[${part}]` : `${text === "" ? "" : "."}${String(part)}`;
  return shortened(text);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** What may hold something given in confidence is not said again: what stands there, and what is more than one value. */
function seenAt(path: readonly PropertyKey[], value: unknown): string {
  if (path.some((part) => confidential.has(part)) || isHeaderValue(path)) return "…";
  // A text in place of a body.
  if (path.length === 0 && typeof value === "string") return "…";
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "[…]";
  return typeof value === "object" && value !== null ? "{…}" : shown(value);
}

/** Egress policies set headers, credentials among them. */
function isHeaderValue(path: readonly PropertyKey[]): boolean {
  return path.at(-1) === "value" && (path.includes("headers") || path.includes("authHeaders"));
}

const confidential: ReadonlySet<PropertyKey> = new Set([
  ...["environment", "secretEnvironment", "stdin"],
  // Of a secret.
  "values",
  // Files: a wrong one may be the key.
  ...["certificates", "upstreamCertificates"],
]);

function shown(value: unknown): string {
  return shortened(typeof value === "string" ? JSON.stringify(value.slice(0, 200)) : (JSON.stringify(value) ?? ""));
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
