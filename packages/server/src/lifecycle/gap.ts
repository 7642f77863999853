/** The gap between what is wanted and what is: what the reconciler has to do next for one sandbox. */
import type { Sandbox, SandboxState } from "@alcove/contract";

export type Gap = "start" | "suspend" | "resume" | "remove" | "noteLoss";

export function gapOf(
  sandbox: { readonly desiredState: Sandbox["desiredState"]; readonly state: SandboxState },
  machine: "present" | "absent",
): Gap | undefined {
  if (sandbox.desiredState === "Deleted") return "remove";
  if (sandbox.state === "Creating") return "start";
  if (sandbox.state === "Stopping") return machine === "present" ? "suspend" : "noteLoss";
  if (sandbox.state === "Resuming") return "resume";
  if (sandbox.state === "Running" && machine === "absent") return "noteLoss";
  return undefined;
}
