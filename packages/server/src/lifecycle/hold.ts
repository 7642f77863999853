/** A machine that the host holds for a while: its sandbox stays Running and says why nothing happens in it. */
import type { SandboxState, StateDetails } from "@alcove/contract";

export interface Hold {
  readonly reason: NonNullable<StateDetails["pausedReason"]>;
}

const sentences: Readonly<Record<Hold["reason"], string>> = {
  DiskFull: "The host's disk is full; the sandbox is held and goes on by itself when there is room.",
};

export function withHold(
  { state, stateDetails }: { readonly state: SandboxState; readonly stateDetails: StateDetails },
  hold: Hold | undefined,
): StateDetails {
  if (hold === undefined || state !== "Running") return stateDetails;
  return { ...stateDetails, pausedReason: hold.reason, message: sentences[hold.reason] };
}
