/** Where in a YAML document something stands. */
import { type Document, isMap, isScalar, type LineCounter } from "yaml";

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Of what stands there, or of the nearest that holds it; undefined where there is none. */
export function placeOf(
  document: Document.Parsed,
  path: readonly PropertyKey[],
  counter: LineCounter,
): Place | undefined {
  for (let length = path.length; length >= 0; length--) {
    const offset = offsetOf(document, path.slice(0, length));
    if (offset === undefined) continue;
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  }
  return undefined;
}

/** Of a map's entry its key: that is where somebody looks for it. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  if (path.length === 0) return rangeOf(document.contents)?.[0];
  const holder = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (!isMap(holder)) return rangeOf(document.getIn(path, true))?.[0];
  const pair = holder.items.find(({ key }) => isScalar(key) && key.value === last);
  return rangeOf(pair?.key)?.[0];
}

function rangeOf(node: unknown): readonly number[] | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) ? range : undefined;
}
