/** Values as JSON or YAML: the API's own shapes, for programs. Both are safe to look at. */
import { printableQuoted } from "../printable.js";

export const outputFormats = ["table", "json", "yaml"] as const;
export type OutputFormat = (typeof outputFormats)[number];

export function json(value: unknown): string {
  return printableQuoted(JSON.stringify(value, undefined, 2));
}

export async function yaml(value: unknown): Promise<string> {
  const { stringify } = await import("yaml");
  // Readers of YAML 1.1 take yes, no and dates for something else than text: as 1.1 they are in quotes.
  const options = { version: "1.1", lineWidth: 0 } as const;
  const plain = stringify(value, options);
  if (printableQuoted(plain) === plain) return plain;
  const quoted = { ...options, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "QUOTE_DOUBLE" } as const;
  return printableQuoted(stringify(value, quoted));
}
