/** Values by header, in lower case. It inherits nothing: peers name headers as they like, also `constructor` and `__proto__`. */
export function groupedHeaders(headers: Iterable<readonly [name: string, value: string]>): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null);
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    values[key] = [...(values[key] ?? []), value];
  }
  return values;
}
