import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlobs, hostGlobs, hostSyntax, pathGlobs, pathSyntax } from "./glob.js";
import { readPath } from "./path.js";
import { indexRules } from "./rule-index.js";

const labels = fc.constantFrom("a", "b", "ab");
const wild = fc.constantFrom("*", "a*", "?", "**");
const joined = (parts: fc.Arbitrary<string>, separator: string, minLength: number) =>
  fc.array(parts, { minLength, maxLength: 4 }).map((each) => each.join(separator));
const host = joined(labels, ".", 1);
const path = joined(fc.oneof({ weight: 3, arbitrary: labels }, fc.constantFrom("..", ".", "a;x")), "/", 0).map(
  (each) => `/${each}`,
);
const rules = fc.array(
  fc.record({
    host: joined(fc.oneof(labels, wild), ".", 1).map((pattern) => pattern.replace(/\*+/g, "*")),
    path: fc.option(
      joined(fc.oneof({ weight: 3, arbitrary: labels }, wild), "/", 0).map((each) => `/${each}`),
      { nil: undefined },
    ),
  }),
  { minLength: 1, maxLength: 40, size: "max" },
);

test("every rule that can match is visited, in order, and nothing after an answer", () => {
  let skipped = 0;
  fc.assert(
    fc.property(rules, host, path, fc.boolean(), (patterns, asked, askedPath, isKnown) => {
      const readings = readPath(askedPath);
      if (readings === undefined) throw new Error(`${askedPath} has no reading`);
      const all = readings.possible;
      const visited: number[] = [];
      const segments = () => (isKnown ? all.flatMap((reading) => reading.split("/")) : undefined);
      const index = indexRules(patterns);
      index.find(asked, segments, (position) => void visited.push(position));
      const matching = [...patterns.entries()].filter(([, rule]) => {
        const hasPath = rule.path === undefined ? () => true : compileGlobs(pathGlobs(rule.path), pathSyntax);
        return compileGlobs(hostGlobs(rule.host), hostSyntax)(asked) && (!isKnown || all.some(hasPath));
      });
      expect(visited).toEqual([...new Set(visited)].sort((one, other) => one - other));
      expect(visited).toEqual(expect.arrayContaining(matching.map(([position]) => position)));
      skipped += patterns.length - visited.length;
      const [, second] = visited;
      if (second !== undefined)
        expect(index.find(asked, segments, (at) => (at < second ? undefined : `at ${at}`))).toBe(`at ${second}`);
    }),
    { numRuns: 1_000 },
  );
  expect(skipped).toBeGreaterThan(3_000);
});

test("of a thousand rules for one host those are visited whose segment the path has", () => {
  const thousand = Array.from({ length: 1_000 }, (_, at) => ({ host: "a.test", path: `/repos/*/project-${at}/**` }));
  const visited: number[] = [];
  indexRules(thousand).find(
    "a.test",
    () => ["repos", "me", "project-7"],
    (position) => void visited.push(position),
  );
  expect(visited).toEqual([7]);
});
