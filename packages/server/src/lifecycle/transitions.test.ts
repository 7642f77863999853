import { type SandboxState, StateDetails, sandboxStates } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Action, after, type Condition, nextState, type Occurrence, transitions } from "./transitions.js";

const at = "2026-01-01T00:00:00.000Z";
const occurrences: Record<Action, Occurrence> = {
  started: { action: "started" },
  restart: { action: "restart" },
  delete: { action: "delete" },
  stop: { action: "stop", reason: "UserStopped" },
  stopped: { action: "stopped", at },
  stopFailed: { action: "stopFailed", message: "The disk is full." },
  rollback: { action: "rollback", at },
  resume: { action: "resume" },
  resumeFailed: { action: "resumeFailed", message: "No memory." },
  disable: { action: "disable" },
  enable: { action: "enable" },
  startFailed: { action: "startFailed", message: "No room.", at },
  ended: { action: "ended", reason: "GuestExited", message: "It powered off.", at },
};
const actions = Object.keys(occurrences) as Action[];

const legal: Record<SandboxState, Partial<Record<Action, SandboxState>>> = {
  Creating: { started: "Running", startFailed: "Failed", restart: "Creating", delete: "Deleting" },
  Running: { stop: "Stopping", rollback: "Resuming", ended: "Stopped", delete: "Deleting" },
  Stopping: { stopped: "Stopped", stopFailed: "Running", ended: "Stopped", delete: "Deleting" },
  Stopped: {
    resume: "Resuming",
    rollback: "Resuming",
    disable: "Stopped",
    enable: "Stopped",
    ended: "Stopped",
    delete: "Deleting",
  },
  Resuming: {
    started: "Running",
    resumeFailed: "Stopped",
    restart: "Resuming",
    ended: "Stopped",
    delete: "Deleting",
  },
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

test("details always have the contract's shape, and say why when it is Stopped or Failed, and when it stops or resumes", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...actions.filter((action) => action !== "delete"))), (path) => {
      let condition: ReturnType<typeof after> = { state: "Creating", stateDetails: {} };
      for (const action of path) condition = after(condition, occurrences[action]) ?? condition;
      expect(StateDetails.parse(condition.stateDetails)).toEqual(condition.stateDetails);
      const { stoppedReason, stoppedAt, message } = condition.stateDetails;
      expect(stoppedReason === undefined).toBe(condition.state === "Creating" || condition.state === "Running");
      const isStopped = ["Stopped", "Resuming", "Failed"].includes(condition.state);
      expect(stoppedAt !== undefined).toBe(isStopped);
      if (condition.state === "Failed") expect(message).toBeDefined();
    }),
  );
});

test("why a sandbox stopped is still told while it is being deleted", () => {
  const stopped = after({ state: "Running", stateDetails: {} }, occurrences.ended);
  const deleting = stopped && after(stopped, occurrences.delete);
  expect(deleting?.stateDetails).toEqual({ stoppedReason: "GuestExited", message: "It powered off.", stoppedAt: at });
});

test("what failed is told until the next try, and why it stopped until it runs", () => {
  let condition: Condition | undefined = { state: "Running", stateDetails: {} };
  const states: string[] = [];
  for (const action of ["stop", "stopped", "resume", "resumeFailed", "resume", "started"] as const) {
    condition = condition && after(condition, occurrences[action]);
    states.push(`${condition?.state} ${condition?.stateDetails.stoppedReason} ${condition?.stateDetails.message}`);
  }
  expect(states).toEqual([
    "Stopping UserStopped undefined",
    "Stopped UserStopped undefined",
    "Resuming UserStopped undefined",
    "Stopped UserStopped No memory.",
    "Resuming UserStopped undefined",
    "Running undefined undefined",
  ]);
});

test("every action of the table is tried here", () => {
  const inTable = new Set(Object.values(transitions).flatMap((row) => Object.keys(row)));
  expect([...inTable].sort()).toEqual([...actions].sort());
});

function walk(start: SandboxState, path: readonly Action[]): SandboxState {
  return path.reduce((state, action) => nextState(state, action) ?? state, start);
}
