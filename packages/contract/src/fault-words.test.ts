import { expect, test } from "vitest";
import * as z from "zod";
import { faultWords } from "./fault-words.js";

const words = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value, { error: faultWords }).error?.issues[0]?.message;

test.each([
  [z.string(), 5, "must be text"],
  [z.strictObject({ a: z.string() }), {}, "is required"],
  [z.number(), "5", "must be a number"],
  [z.number().int(), 1.5, "must be a whole number"],
  [z.strictObject({}), [], "must be an object"],
  [z.array(z.string()), {}, "must be a list"],
  [z.boolean(), 1, "must be true or false"],
  [z.enum(["Allow", "Deny"]), "No", 'must be "Allow" or "Deny"'],
  [z.literal("x"), "y", 'must be "x"'],
  [z.string().min(1), "", "must not be empty"],
  [z.string().min(3), "a", "must have at least 3 characters"],
  [z.array(z.string()).max(1), ["a", "b"], "must have at most 1 entry"],
  [z.number().max(5), 6, "must be at most 5"],
  [z.number().gt(5), 5, "must be more than 5"],
  [z.number().multipleOf(4), 5, "must be a multiple of 4"],
  [z.string().regex(/^a$/), "b", "must fit /^a$/"],
  [z.string().startsWith("/"), "b", 'must begin with "/"'],
  [z.url(), "b", "must be a URL"],
  [z.iso.datetime(), "b", "must be a time such as 2026-01-31T12:00:00Z"],
  [z.strictObject({}), { more: 1 }, 'has no field "more"'],
  [z.discriminatedUnion("type", [z.object({ type: z.literal("a") })]), { type: "b" }, "must be of one of the forms"],
  [z.union([z.string(), z.number()]), true, "must be of one of the forms"],
  [z.record(z.string().max(1), z.string()), { long: "x" }, "has a name that it may not have"],
])("%# what does not fit is told in our words", (schema, value, told) => {
  expect(words(schema, value)).toContain(told);
});

test("what a shape says itself stays", () => {
  expect(words(z.string("must be a name"), 5)).toBe("must be a name");
  expect(
    words(
      z.string().refine(() => false, "must not be so"),
      "x",
    ),
  ).toBe("must not be so");
});
