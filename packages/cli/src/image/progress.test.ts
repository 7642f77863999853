import type { Image } from "@alcove/contract";
import { expect, test } from "vitest";
import { progressLine } from "./progress.js";

const image = { message: "Pulling 3.1 of 12.0 MiB", progress: 0.25 } as Image;

test("progress is a bar where it is drawn over, and words alone where every line stays", () => {
  expect(progressLine(image, true)).toBe("[######..................]  25 % Pulling 3.1 of 12.0 MiB");
  expect(progressLine({ ...image, progress: 1 }, true)).toMatch(/^\[#{24}\] 100 % /);
  expect(progressLine(image, false)).toBe("Pulling 3.1 of 12.0 MiB (25 %)");
});
