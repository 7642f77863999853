import { expect, test, vi } from "vitest";
import { step } from "./progress.js";

test("what a long step says is shown while it lasts, also when only its `say` was handed on", async () => {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
  const isShown = () => written.some((text) => text.includes("… Building: downloading Go"));
  try {
    await step("Building", async ({ say }) => {
      say("downloading Go");
      await vi.waitUntil(isShown, { timeout: 5_000 });
    });
  } finally {
    write.mockRestore();
  }
  expect(written.at(-1)).toMatch(/✓ Building \d/);
});
