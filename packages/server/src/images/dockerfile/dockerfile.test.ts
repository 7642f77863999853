/** Dockerfiles as people write them, and as nobody should. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variables
import { expect, test } from "vitest";
import { hostArchitecture } from "../oci/platform.js";
import { maximumDockerfileBytes, readDockerfile } from "./dockerfile.js";

function references(text: string, buildArgs: Record<string, string> = {}) {
  return readDockerfile(text, buildArgs).bases.map(({ reference }) => reference);
}

test.each([
  [
    "a base and a copy from a stage",
    "FROM a.example.com/x:1 AS one\nFROM one\nCOPY --from=one /a /b",
    ["a.example.com/x:1"],
  ],
  ["stages by number, and whatever their case", "FROM x AS One\nFROM ONE\nCOPY --from=0 /a /b", ["x"]],
  ["nothing", "FROM scratch\nCOPY a /", []],
  ["an image that files are copied from", "FROM x\nCOPY --from=y:1 /a /b", ["x", "y:1"]],
  ["one image twice", "FROM x\nFROM x", ["x"]],
  ["a variable", "ARG TAG=1\nFROM x:$TAG\nFROM y:${TAG}", ["x:1", "y:1"]],
  ["a variable in a variable", "ARG A=x\nARG B=${A}:2\nFROM $B", ["x:2"]],
  ["what there is instead", "FROM ${NONE:-x}:${ALSO-1}${NONE:+no}", ["x:1"]],
  ["this machine's architecture", "FROM x:${TARGETARCH}", [`x:${hostArchitecture}`]],
  ["a platform before it", "FROM --platform=$BUILDPLATFORM x AS y\nFROM y", ["x"]],
  [
    "comments, and lines that go on",
    "# syntax=docker/dockerfile:1\n# FROM no\nFROM \\\n  x \\\n  AS y\nRUN echo FROM z",
    ["x"],
  ],
  ["FROM in a heredoc", "FROM x\nRUN <<EOF\nFROM y\nEOF", ["x"]],
  ["windows' line ends", "ARG A=x\r\nFROM $A\r\nRUN true\r\n", ["x"]],
])("%s", (_name, text, expected) => {
  expect(references(text)).toEqual(expected);
});

test("a build argument goes before the ARG's own value, and is nothing without an ARG", () => {
  expect(references("ARG BASE=x\nFROM $BASE", { BASE: "y" })).toEqual(["y"]);
  expect(() => references("FROM $BASE", { BASE: "y" })).toThrow("no image's name");
});

test("in the text that is built every base has its own name, and all else stays as it was", () => {
  const text =
    "ARG V=1\r\nFROM --platform=linux/amd64 reg.example.com/a:$V AS one # no comment\nRUN a\nFROM b\nCOPY --from=b /x /y\n";
  expect(readDockerfile(text, {}).text).toBe(
    text
      .replace("reg.example.com/a:$V", "localhost/base-0:latest")
      .replace("FROM b", "FROM localhost/base-1:latest")
      .replace("--from=b ", "--from=localhost/base-1:latest "),
  );
});

test.each([
  ["no FROM", "RUN true", "has no FROM"],
  ["nothing at all", "", "has no FROM"],
  ["a FROM without a name", "FROM", "names no image"],
  ["bases without end", Array.from({ length: 100 }, (_, n) => `FROM x${n}`).join("\n"), "more than 16 images"],
  ["a name of the object's", "FROM ${constructor}", "no image's name"],
])("%s is refused", (_name, text, sentence) => {
  expect(() => references(text)).toThrow(sentence);
});

test.each([
  "FROM a\n",
  "FROM a\\\n",
  "\\\n",
  "FROM ${a:-",
  "$a",
  "COPY --from=x a b\n",
  "--x ",
  "RUN <<E\nE\n",
  "ARG a=$a$a\n",
])("as much of %j as there may be takes no time that others would notice", (piece) => {
  const text = `FROM a\nCOPY ${piece.repeat(maximumDockerfileBytes / piece.length)}`;
  const begun = performance.now();
  try {
    references(text);
  } catch {}
  expect(performance.now() - begun).toBeLessThan(2_000);
});
