/** Values by header, in lower case. It inherits nothing: peers name headers as they like, also `constructor` and `__proto__`. */
export function groupedHeaders(headers: Iterable<readonly [name: string, value: string]>): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null);
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    values[key] = [...(values[key] ?? []), value];
  }
  return values;
}

/** Of a request. Node before 20.20.2 throws at its own `headersDistinct` where a peer sends `__proto__` (CVE-2026-21710). */
export function headersOf({ rawHeaders }: { readonly rawHeaders: readonly string[] }): Record<string, string[]> {
  return groupedHeaders(pairs(rawHeaders));
}

export function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) found.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  return found;
}
