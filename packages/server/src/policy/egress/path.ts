/** Paths of requests as policies compare them. */

/**
 * How servers may read a path: not every one merges slashes, resolves dot segments or leaves parameters (`;x`) out, and some end it at a `?` or
 * `#` that was escaped. One text for nearly all paths.
 */
export interface PathReadings {
  /** What allows has to match all of them. */
  readonly certain: readonly string[];
  /** What denies has to match one of them. */
  readonly possible: readonly string[];
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
  const decoded = decodePath(withoutQuery(path));
  return decoded === undefined ? undefined : encodePath(resolveDots(mergeSlashes(decoded)));
}

/** Undefined also where dot segments or parameters are hidden by escapes, so that readings are too many to be told. */
export function readPath(path: string): PathReadings | undefined {
  const plain = withoutQuery(path);
  const decoded = decodePath(plain);
  if (decoded === undefined) return undefined;
  const whole = readingsOf(decoded, plain);
  const before = /^[^?#]*/.exec(decoded)?.[0] ?? "";
  if (before.length === decoded.length || whole === undefined) return whole;
  const cut = readingsOf(before, plain);
  return (
    cut && {
      certain: [...new Set([...whole.certain, ...cut.certain])],
      possible: [...new Set([...whole.possible, ...cut.possible])],
    }
  );
}

function readingsOf(decoded: string, plain: string): PathReadings | undefined {
  const merged = mergeSlashes(decoded);
  const hasDots = dotSegment.test(merged);
  if (!hasDots && !merged.includes(";")) {
    const only = [encodePath(merged)];
    return { certain: only, possible: only };
  }
  if (hidden.test(plain) || /\/\.{1,2};/.test(merged)) return undefined;
  const bare = withoutParameters(decoded);
  const readings = [merged, resolveDots(merged), resolveDots(decoded)];
  const bareReadings = [bare, resolveDots(mergeSlashes(bare)), resolveDots(bare)];
  const possible = [...new Set([...readings, ...bareReadings].map(mergeSlashes).map(encodePath))];
  return { certain: hasDots ? possible : [encodePath(merged)], possible };
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

const dotSegment = /\/\.{1,2}(?:;[^/]*)?(?:\/|$)/;

/** Escapes of what gives a path its shape: `.`, `/`, `\\`, `;` and `%` itself. */
const hidden = /%(?:2[ef5]|5c|3b)|\\/i;

/** With slashes alone; undefined where it cannot be trusted. */
function decodePath(plain: string): string | undefined {
  if (plain.length > longestPath || !/^[/\\][!-~]*$/.test(plain) || plain.includes("#")) return undefined;
  return decodeFully(plain)?.replaceAll("\\", "/");
}

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

function withoutParameters(path: string): string {
  return path.replace(/;[^/]*/g, "");
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
