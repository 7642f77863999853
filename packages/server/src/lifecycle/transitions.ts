/**
 * The life of a sandbox as a table: state → what may happen → next state. What is not in it is illegal.
 *
 * To add a state or an action: 1. the table below  2. `detailsAfter`  3. `gap.ts`, if it leaves something to do.
 */
import type { SandboxState, StateDetails, StoppedReason } from "@alcove/contract";

export const transitions = {
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
  | { readonly action: "started"; readonly message?: string }
  | { readonly action: "restart" | "delete" | "resume" | "disable" | "enable" }
  | { readonly action: "rollback"; readonly at: string }
  | { readonly action: "stop"; readonly reason: KeptReason }
  | { readonly action: "stopped"; readonly at: string; readonly message?: string }
  | { readonly action: "stopFailed" | "resumeFailed"; readonly message: string }
  | { readonly action: "startFailed"; readonly message: string; readonly at: string }
  | {
      readonly action: "ended";
      readonly reason: Exclude<StoppedReason, KeptReason | "CreateFailed">;
      readonly message: string;
      readonly at: string;
    };

/** Why a sandbox stopped that can be resumed. */
export type KeptReason = Extract<StoppedReason, "UserStopped" | "Idle" | "Disabled">;

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
      return messageOf(occurrence);
    case "restart":
    case "delete":
      return details;
    case "resume":
      return withoutMessage(details);
    case "rollback":
      return { stoppedReason: "UserStopped", stoppedAt: occurrence.at };
    case "stop":
      return { stoppedReason: occurrence.reason };
    case "stopped":
      return { ...withoutMessage(details), stoppedAt: occurrence.at, ...messageOf(occurrence) };
    case "stopFailed":
      return { message: occurrence.message };
    case "resumeFailed":
      return { ...details, message: occurrence.message };
    case "disable":
      return { ...details, stoppedReason: "Disabled" };
    case "enable":
      return { ...details, stoppedReason: "UserStopped" };
    case "startFailed":
      return { stoppedReason: "CreateFailed", stoppedAt: occurrence.at, message: occurrence.message };
    case "ended":
      return { stoppedReason: occurrence.reason, stoppedAt: occurrence.at, message: occurrence.message };
  }
}

function withoutMessage({ message: _, ...details }: StateDetails): StateDetails {
  return details;
}

function messageOf({ message }: { readonly message?: string }): Pick<StateDetails, "message"> {
  return message === undefined ? {} : { message };
}
