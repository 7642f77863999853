import { expect, test } from "vitest";
import { answerOf } from "./command-line.js";

test("without an argument the daemon runs", () => {
  expect(answerOf([], "1.2.3")).toBeUndefined();
});

test("version, help and schema are printed", () => {
  expect(answerOf(["--version"], "1.2.3")).toBe("alcoved 1.2.3\n");
  expect(answerOf(["--help"], "1.2.3")).toContain("--check-config");
  expect(JSON.parse(answerOf(["--print-config-schema"], "1.2.3") ?? "")).toMatchObject({ type: "object" });
});

for (const args of [["--chek-config"], ["--version", "--help"], ["constructor"], [""]]) {
  test(`the arguments ${JSON.stringify(args)} are refused by name`, () => {
    expect(() => answerOf(args, "1.2.3")).toThrow(`does not know the argument ${args.at(-1)}.`);
  });
}
