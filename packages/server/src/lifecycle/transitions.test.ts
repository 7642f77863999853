import { type SandboxState, StateDetails, sandboxStates } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Action, after, nextState, type Occurrence, transitions } from "./transitions.js";

const at = "2026-01-01T00:00:00.000Z";
const occurrences: Record<Action, Occurrence> = {
  started: { action: "started" },
  restart: { action: "restart" },
  delete: { action: "delete" },
  startFailed: { action: "startFailed", message: "No room.", at },
  ended: { action: "ended", reason: "GuestExited", message: "It powered off.", at },
};
const actions = Object.keys(occurrences) as Action[];

const legal: Record<SandboxState, Partial<Record<Action, SandboxState>>> = {
  Creating: { started: "Running", startFailed: "Failed", restart: "Creating", delete: "Deleting" },
  Running: { ended: "Stopped", delete: "Deleting" },
  Stopped: { delete: "Deleting" },
  Failed: { delete: "Deleting" },
  Deleting: { delete: "Deleting" },
};

for (const state of sandboxStates) {
  for (const action of actions) {
    const expected = legal[state][action];
    test(`${action} in ${state} ${expected === undefined ? "is illegal" : `leads to ${expected}`}`, () => {
      expect(nextState(state, action)).toBe(expected);
      expect(after({ state, stateDetails: {} }, occurrences[action])?.state).toBe(expected);
    });
  }
}

test("a sandbox that is being deleted never becomes anything else", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...actions)), (path) => {
      const last = walk("Deleting", path);
      expect(last).toBe("Deleting");
    }),
  );
});

test("from every state that can be reached, deletion is possible", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...actions)), (path) => {
      expect(nextState(walk("Creating", path), "delete")).toBe("Deleting");
    }),
  );
});

test("details always have the contract's shape, and say why exactly when it is Stopped or Failed", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...actions.filter((action) => action !== "delete"))), (path) => {
      let condition: ReturnType<typeof after> = { state: "Creating", stateDetails: {} };
      for (const action of path) condition = after(condition, occurrences[action]) ?? condition;
      expect(StateDetails.parse(condition.stateDetails)).toEqual(condition.stateDetails);
      const isOver = condition.state === "Stopped" || condition.state === "Failed";
      expect(condition.stateDetails.stoppedReason !== undefined).toBe(isOver);
      expect(condition.stateDetails.message !== undefined).toBe(isOver);
    }),
  );
});

test("why a sandbox stopped is still told while it is being deleted", () => {
  const stopped = after({ state: "Running", stateDetails: {} }, occurrences.ended);
  const deleting = stopped && after(stopped, occurrences.delete);
  expect(deleting?.stateDetails).toEqual({ stoppedReason: "GuestExited", message: "It powered off.", stoppedAt: at });
});

test("every action of the table is tried here", () => {
  const inTable = new Set(Object.values(transitions).flatMap((row) => Object.keys(row)));
  expect([...inTable].sort()).toEqual([...actions].sort());
});

function walk(start: SandboxState, path: readonly Action[]): SandboxState {
  return path.reduce((state, action) => nextState(state, action) ?? state, start);
}
