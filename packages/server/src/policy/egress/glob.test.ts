import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlobs, coverGlobs, hostGlobs, hostSyntax, pathGlobs, pathSyntax } from "./glob.js";
import type { GlobSyntax } from "./glob-states.js";

const host = (pattern: string, candidate: string) => compileGlobs(hostGlobs(pattern), hostSyntax)(candidate);
const path = (pattern: string, candidate: string) => compileGlobs(pathGlobs(pattern), pathSyntax)(candidate);

test.each([
  ["*.example.com", "example.com", true],
  ["*.example.com", "api.example.com", true],
  ["*.example.com", "v1.api.example.com", true],
  ["*.example.com", "notexample.com", false],
  ["*.example.com", "example.com.evil.test", false],
  ["api-*.example.com", "api-1.example.com", true],
  ["api-*.example.com", "api-1.eu.example.com", true],
  ["api-*.example.com", "example.com", false],
  ["example.*", "example.co.uk", true],
  ["example.*", "example", false],
  ["v?.example.com", "v1.example.com", true],
  ["v?.example.com", "v10.example.com", false],
  ["example.com", "api.example.com", false],
  ["*", "anything.at.all", true],
])("the host %s and %s: %s", (pattern, candidate, isMatch) => {
  expect(host(pattern, candidate)).toBe(isMatch);
});

test.each([
  ["/repos/*", "/repos/one", true],
  ["/repos/*", "/repos/one/two", false],
  ["/repos/*", "/repos/", true],
  ["/repos/*", "/repos", false],
  ["/repos/**", "/repos/one/two", true],
  ["/repos/**", "/repos", true],
  ["/repos/**", "/repositories", false],
  ["/**", "/", true],
  ["/**/git-upload-pack", "/group/project.git/git-upload-pack", true],
  ["/*/issues/?", "/a/issues/1", true],
  ["/*/issues/?", "/a/issues/12", false],
  ["/*/issues/?", "/a/b/issues/1", false],
  ["/a?b", "/a/b", false],
  ["/exact", "/exact", true],
  ["/exact", "/exact/", false],
])("the path %s and %s: %s", (pattern, candidate, isMatch) => {
  expect(path(pattern, candidate)).toBe(isMatch);
});

const syntaxes = [hostSyntax, pathSyntax] as const;
const texts = fc.array(fc.constantFrom("a", "b", ".", "/"), { maxLength: 9 }).map((parts) => parts.join(""));
const globs = fc
  .array(fc.constantFrom("a", "b", ".", "/", "*", "**", "?"), { maxLength: 9 })
  .map((parts) => parts.join(""));

test.each(syntaxes)("a glob matches what a matcher that tries every way says: %j", (syntax) => {
  let matches = 0;
  fc.assert(
    fc.property(globs, texts, (glob, text) => {
      const expected = slowMatch(glob, text, syntax);
      if (expected) matches++;
      expect(compileGlobs([glob], syntax)(text)).toBe(expected);
    }),
    { numRuns: 20_000 },
  );
  expect(matches).toBeGreaterThan(1_000);
});

test.each(syntaxes)("globs of more states than a word has bits are matched the same: %j", (syntax) => {
  const [long, parts] = [
    fc.array(fc.constantFrom("a", "b", "/"), { minLength: 28, maxLength: 70 }).map((each) => each.join("")),
    fc.array(fc.tuple(fc.nat(1_000), fc.nat(4), fc.constantFrom("*", "**", "?")), { minLength: 2, maxLength: 4 }),
  ];
  fc.assert(
    fc.property(long, parts, (text, holes) => {
      const glob = holes.reduce((so, [at, length, hole]) => {
        const from = at % so.length;
        return `${so.slice(0, from)}${hole}${so.slice(from + (hole === "?" ? 1 : length))}`;
      }, text);
      expect(compileGlobs([glob], syntax)(text)).toBe(slowMatch(glob, text, syntax));
    }),
    { numRuns: 3_000 },
  );
});

test.each(syntaxes)("what covers another glob matches whatever that does: %j", (syntax) => {
  let covered = 0;
  fc.assert(
    fc.property(globs, globs, texts, (glob, other, text) => {
      if (!coverGlobs([glob], [other], syntax) || !slowMatch(other, text, syntax)) return;
      covered++;
      expect(slowMatch(glob, text, syntax)).toBe(true);
    }),
    { numRuns: 50_000 },
  );
  expect(covered).toBeGreaterThan(100);
});

test.each([
  ["/**", "/repos/*", true],
  ["/repos/**", "/repos/*/issues", true],
  ["/repos/**", "/repos", true],
  ["/repos/*", "/repos/**", false],
  ["/repos/?", "/repos/*", false],
])("%s covers %s: %s", (glob, other, isCovered) => {
  expect(coverGlobs(pathGlobs(glob), pathGlobs(other), pathSyntax)).toBe(isCovered);
});

test("no pattern makes a long path slow", () => {
  const text = `/${"a".repeat(8_000)}`;
  const matchesIt = compileGlobs([`/${"**a*a?".repeat(150)}**b`], pathSyntax);
  const started = performance.now();
  expect(matchesIt(text)).toBe(false);
  expect(matchesIt(`${text}b`)).toBe(true);
  expect(performance.now() - started).toBeLessThan(1_000);
});

/** Tries every length for every star. */
function slowMatch(glob: string, text: string, syntax: GlobSyntax): boolean {
  if (glob === "") return text === "";
  const isBounded = (part: string) => syntax.isStarBounded && part.includes(syntax.separator);
  if (glob.startsWith("*")) {
    const isFree = glob.startsWith("**");
    const rest = glob.replace(/^\*+/, "");
    for (let length = 0; length <= text.length; length++) {
      if (!isFree && isBounded(text.slice(0, length))) return false;
      if (slowMatch(rest, text.slice(length), syntax)) return true;
    }
    return false;
  }
  if (text === "") return false;
  const isSame = glob.startsWith("?") ? !isBounded(text.charAt(0)) : glob.charAt(0) === text.charAt(0);
  return isSame && slowMatch(glob.slice(1), text.slice(1), syntax);
}
