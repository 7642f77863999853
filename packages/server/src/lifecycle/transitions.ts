/**
 * The life of a sandbox as a table: state → what may happen → next state. What is not in it is illegal.
 *
 * To add a state or an action: 1. the table below  2. `detailsAfter`  3. `gap.ts`, if it leaves something to do.
 */
import type { SandboxState, StateDetails, StoppedReason } from "@alcove/contract";

export const transitions = {
  Creating: { started: "Running", startFailed: "Failed", restart: "Creating", delete: "Deleting" },
  Running: { ended: "Stopped", delete: "Deleting" },
  Stopped: { delete: "Deleting" },
  Failed: { delete: "Deleting" },
  Deleting: { delete: "Deleting" },
} as const satisfies Record<SandboxState, Partial<Record<string, SandboxState>>>;

type ActionsOf<State> = State extends SandboxState ? keyof (typeof transitions)[State] : never;
export type Action = ActionsOf<SandboxState>;

/** Where the action leads from this state; undefined when it may not happen there. */
export function nextState(state: SandboxState, action: Action): SandboxState | undefined {
  const row: Partial<Record<Action, SandboxState>> = transitions[state];
  return row[action];
}

/** What happened, with what is known of it. */
export type Occurrence =
  | { readonly action: "started" | "restart" | "delete" }
  | { readonly action: "startFailed"; readonly message: string; readonly at: string }
  | {
      readonly action: "ended";
      readonly reason: Exclude<StoppedReason, "CreateFailed">;
      readonly message: string;
      readonly at: string;
    };

export interface Condition {
  readonly state: SandboxState;
  readonly stateDetails: StateDetails;
}

/** State and details after the occurrence; undefined when it may not happen in this state. */
export function after(condition: Condition, occurrence: Occurrence): Condition | undefined {
  const state = nextState(condition.state, occurrence.action);
  return state && { state, stateDetails: detailsAfter(condition.stateDetails, occurrence) };
}

function detailsAfter(details: StateDetails, occurrence: Occurrence): StateDetails {
  switch (occurrence.action) {
    case "started":
    case "restart":
      return {};
    case "delete":
      return details;
    case "startFailed":
      return { stoppedReason: "CreateFailed", stoppedAt: occurrence.at, message: occurrence.message };
    case "ended":
      return { stoppedReason: occurrence.reason, stoppedAt: occurrence.at, message: occurrence.message };
  }
}
