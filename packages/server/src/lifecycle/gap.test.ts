import { sandboxStates } from "@alcove/contract";
import { expect, test } from "vitest";
import { gapOf } from "./gap.js";
import { withHold } from "./hold.js";

for (const state of sandboxStates) {
  for (const machine of ["present", "absent"] as const) {
    test(`a ${state} sandbox that shall be deleted is removed, its machine ${machine}`, () => {
      expect(gapOf({ desiredState: "Deleted", state }, machine)).toBe("remove");
    });
  }
}

const wanted = [
  ["Creating", "absent", "start"],
  ["Creating", "present", "start"],
  ["Running", "present", undefined],
  ["Running", "absent", "noteLoss"],
  ["Stopping", "present", "suspend"],
  ["Stopping", "absent", "noteLoss"],
  ["Resuming", "absent", "resume"],
  ["Stopped", "absent", undefined],
  ["Stopped", "present", undefined],
  ["Failed", "absent", undefined],
] as const;

for (const [state, machine, gap] of wanted) {
  test(`a ${state} sandbox that shall run, its machine ${machine}, needs ${gap ?? "nothing"}`, () => {
    expect(gapOf({ desiredState: "Running", state }, machine)).toBe(gap);
  });
}

test("a held sandbox is Running and says what holds it; one that is not Running is not held", () => {
  const held = withHold({ state: "Running", stateDetails: {} }, { reason: "DiskFull" });
  expect(held).toMatchObject({ pausedReason: "DiskFull", message: expect.stringContaining("disk is full") });
  expect(withHold({ state: "Running", stateDetails: {} }, undefined)).toEqual({});
  expect(withHold({ state: "Stopped", stateDetails: { message: "x" } }, { reason: "DiskFull" })).toEqual({
    message: "x",
  });
});
