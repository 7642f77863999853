import { AlcoveError } from "@alcove/contract";

/** Labels as a query writes them; undefined where there are none. What a selector cannot say is refused: it would say something else. */
export function labelSelector(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  const pairs = Object.entries(labels ?? {});
  for (const [key, value] of pairs) {
    if (isPlain(key) && !key.includes("=") && isPlain(value)) continue;
    const detail = `The label ${key}=${value} cannot be asked for: it has a comma, or blanks at an end.`;
    throw new AlcoveError("InvalidRequest", detail, { field: "labels", value: `${key}=${value}` });
  }
  return pairs.length === 0 ? undefined : pairs.map(([key, value]) => `${key}=${value}`).join(",");
}

function isPlain(text: string): boolean {
  return !text.includes(",") && text === text.trim();
}
