import { expect, test } from "vitest";
import { answerOf } from "./command-line.js";

test("without an argument the daemon runs", async () => {
  expect(await answerOf([], "1.2.3")).toBeUndefined();
});

test("version, help and schema are printed", async () => {
  expect(await answerOf(["--version"], "1.2.3")).toBe("alcoved 1.2.3\n");
  expect(await answerOf(["--help"], "1.2.3")).toContain("--check-config");
  expect(JSON.parse((await answerOf(["--print-config-schema"], "1.2.3")) ?? "")).toMatchObject({ type: "object" });
});

for (const args of [
  ["--chek-config"],
  ["--version", "--help"],
  ["constructor"],
  [""],
  ["--restore", "b.tar", "--focre"],
]) {
  test(`the arguments ${JSON.stringify(args)} are refused by name`, async () => {
    await expect(answerOf(args, "1.2.3")).rejects.toThrow(`does not know the argument ${args.at(-1)}.`);
  });
}

for (const args of [["--restore"], ["--restore", "--force"]]) {
  test(`${args.join(" ")} is told that a file is missing`, async () => {
    await expect(answerOf(args, "1.2.3")).rejects.toThrow("--restore needs the backup's file.");
  });
}
