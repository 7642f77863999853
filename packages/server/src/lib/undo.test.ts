import { expect, test } from "vitest";
import { undone } from "./undo.js";

test("the error of failed work is not lost to that of its undoing, which it carries", async () => {
  const error = new Error("The disk is full.");
  const answer = await undone(error, () => Promise.reject(new Error("busy")));
  expect(answer).toBe(error);
  expect(error).toMatchObject({ message: "The disk is full.", cause: { cause: { message: "busy" } } });
});

test("an error's own cause stays", async () => {
  const error = new Error("The guest is silent.", { cause: "the kernel" });
  await undone(error, () => Promise.reject(new Error("busy")));
  expect(error.cause).toBe("the kernel");
});
