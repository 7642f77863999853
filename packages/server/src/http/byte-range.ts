/** One range of bytes, as RFC 9110 has it: from the header Range to a part of a file. */

/** What a client asks for; `last` is the last byte, included. */
export type AskedRange =
  | { readonly kind: "from"; readonly first: number; readonly last: number | undefined }
  | { readonly kind: "suffix"; readonly length: number };

/** Undefined for a unit that is not bytes, which is to be ignored; "invalid" for what is no range, or several. */
export function parseRange(header: string): AskedRange | "invalid" | undefined {
  const [, unit, text] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=(.*)$/.exec(header) ?? [];
  if (unit === undefined || text === undefined) return "invalid";
  if (unit.toLowerCase() !== "bytes") return undefined;
  const [, first = "", last = ""] = /^\s*(\d{0,15})-(\d{0,15})\s*$/.exec(text) ?? [];
  if (first === "") return last === "" ? "invalid" : { kind: "suffix", length: Number(last) };
  if (last !== "" && Number(last) < Number(first)) return "invalid";
  return { kind: "from", first: Number(first), last: last === "" ? undefined : Number(last) };
}

/** How much of the range a file of this size has; undefined for nothing. */
export function partOf(
  { first, last }: { readonly first: number; readonly last: number | undefined },
  sizeBytes: number,
): number | undefined {
  const end = last === undefined ? sizeBytes : Math.min(sizeBytes, last + 1);
  return end > first ? end - first : undefined;
}
