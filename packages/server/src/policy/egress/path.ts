/** Paths of requests as policies compare them. */

/**
 * How servers may read a path. All the same but where it has dot segments or parameters, which not every server resolves or leaves out:
 * what allows has to match both of the first, what denies any.
 */
export interface PathReadings {
  readonly resolved: string;
  readonly unresolved: string;
  readonly others: readonly string[];
}

/**
 * A path in one form, however it was written: percent escapes resolved until none is left, backslashes made slashes, slashes merged, dot
 * segments removed (those with parameters, `..;x`, too), and then what is not plain ASCII of a path escaped again, in upper case. A
 * query is cut off. The same for what it answers; never a dot segment in it.
 *
 * Undefined for what cannot be trusted to mean the same to everybody: no slash at its beginning, a fragment, bad escapes, a NUL, bytes
 * that are not UTF-8 (overlong ones among them), and what is not printable ASCII before it is decoded.
 */
export function normalizePath(path: string): string | undefined {
  return readPath(path)?.resolved;
}

export function readPath(path: string): PathReadings | undefined {
  const plain = withoutQuery(path);
  if (plain.length > longestPath || !/^[/\\][!-~]*$/.test(plain) || plain.includes("#")) return undefined;
  const decoded = decodeFully(plain)?.replaceAll("\\", "/");
  if (decoded === undefined) return undefined;
  const merged = mergeSlashes(decoded);
  const unresolved = encodePath(merged);
  if (!/\/\.|;/.test(merged)) return { resolved: unresolved, unresolved, others: [] };
  const resolved = resolveDots(merged);
  const unmerged = mergeSlashes(resolveDots(decoded));
  const bare = resolveDots(mergeSlashes(merged.replace(/;[^/]*/g, "")));
  return { resolved: encodePath(resolved), unresolved, others: [encodePath(unmerged), encodePath(bare)] };
}

/** As it was sent. */
export function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  return at < 0 ? path : path.slice(0, at);
}

/** As it stands in a normalised path; wildcards of patterns stay. */
export function encodePathPattern(pattern: string): string {
  return pattern.replace(/[^*?]+/g, encodePath);
}

/** Servers refuse longer ones, most of them much shorter ones. */
const longestPath = 16_384;

/** Escapes inside escapes; nested deeper than this they are nobody's honest path. */
const mostRounds = 8;

function decodeFully(path: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(path)) return undefined;
  let text: string | undefined = path;
  for (let round = 0; round < mostRounds && text !== undefined; round++) {
    if (!/%[0-9a-f]{2}/i.test(text)) return text.includes("\0") ? undefined : text;
    text = decodeOnce(text);
  }
  return undefined;
}

function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, "%25"));
  } catch {
    return undefined;
  }
}

/** RFC 3986, 3.3: what a path holds as it is stays so. */
function encodePath(path: string): string {
  return path.replace(/[^A-Za-z0-9/\-._~!$&'()*+,;=:@]+/g, encodeURIComponent);
}

function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, "/");
}

/** RFC 3986, 5.2.4. */
function resolveDots(path: string): string {
  const [, ...segments] = path.split("/");
  const kept: string[] = [];
  for (const [at, segment] of segments.entries()) {
    const name = segment.replace(/;.*$/s, "");
    const isDots = name === "." || name === "..";
    if (name === "..") kept.pop();
    if (!isDots) kept.push(segment);
    else if (at === segments.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
