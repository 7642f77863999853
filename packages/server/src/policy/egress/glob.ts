/** Globs over hosts and paths, as a policy's rules have them. How they are matched: glob-states.ts. */
import { compileStates, type GlobSyntax } from "./glob-states.js";

/** `*` and `?` match dots too. */
export const hostSyntax: GlobSyntax = { separator: ".", isStarBounded: false };

/** `*` and `?` match no slash, `**` does. */
export const pathSyntax: GlobSyntax = { separator: "/", isStarBounded: true };

export type Matches = (candidate: string) => boolean;

/** `*.example.com` is example.com too. */
export function hostGlobs(pattern: string): readonly string[] {
  return pattern.startsWith("*.") ? [pattern, pattern.slice(2)] : [pattern];
}

/** `/repos/**` is /repos too. */
export function pathGlobs(pattern: string): readonly string[] {
  return pattern.endsWith("/**") && pattern.length > 3 ? [pattern, pattern.slice(0, -3)] : [pattern];
}

/** Whether any of the globs matches. */
export function compileGlobs(globs: readonly string[], syntax: GlobSyntax): Matches {
  const [first = () => false, ...others] = globs.map((glob) => compileGlob(glob, syntax));
  return others.length === 0 ? first : (candidate) => first(candidate) || others.some((matches) => matches(candidate));
}

/** Whether the first globs match whatever the others do: surely so when true, perhaps all the same when false. */
export function coverGlobs(globs: readonly string[], others: readonly string[], syntax: GlobSyntax): boolean {
  const states = globs.map((glob) => compileStates(glob, syntax));
  return others.every((other) => states.some(({ covers }) => covers(other)));
}

/** What stands before the first wildcard and after the last is compared first, since nearly everything differs there already. */
function compileGlob(glob: string, syntax: GlobSyntax): Matches {
  const firstWildcard = glob.search(/[*?]/);
  if (firstWildcard < 0) return (candidate) => candidate === glob;
  const end = Math.max(glob.lastIndexOf("*"), glob.lastIndexOf("?")) + 1;
  const prefix = glob.slice(0, firstWildcard);
  const suffix = glob.slice(end);
  const matchesMiddle = compileMiddle(glob.slice(firstWildcard, end), syntax);
  return (candidate) =>
    candidate.length >= prefix.length + suffix.length &&
    candidate.startsWith(prefix) &&
    candidate.endsWith(suffix) &&
    matchesMiddle(candidate.slice(prefix.length, candidate.length - suffix.length));
}

function compileMiddle(glob: string, syntax: GlobSyntax): Matches {
  if (/^\*+$/.test(glob)) {
    if (glob !== "*" || !syntax.isStarBounded) return () => true;
    return (candidate) => !candidate.includes(syntax.separator);
  }
  const literal = glob.split(/[*?]/).reduce((longest, part) => (part.length > longest.length ? part : longest));
  const { matches } = compileStates(glob, syntax);
  return (candidate) => candidate.includes(literal) && matches(candidate);
}
