/** Whether what is there is what is wanted, part by part. */

/** All that is wanted is there; there may be more. */
export function isWithin(wanted: unknown, present: unknown): boolean {
  if (!isObject(wanted) || !isObject(present)) return isSame(wanted, present);
  return Object.entries(wanted).every(([name, value]) => value === undefined || isWithin(value, present[name]));
}

export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, at) => isSame(item, other[at]));
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isSame(one[name], other[name]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
