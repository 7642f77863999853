/**
 * A sandbox in a file, as `alcove apply` reads it.
 *
 * To add a field: 1. a line here  2. a line in sdk/src/apply/manifest-fields.ts, which says how it comes into a creation, and what of it
 * can be changed later  3. docs/manifest.md.
 */
import * as z from "zod";
import { EgressPolicy } from "./egress.js";
import { LifecyclePolicy } from "./lifecycle.js";
import { EgressPolicyId, Environment, GuestPath, ImageName, Labels, maximumLabels } from "./names.js";
import { PortList } from "./ports.js";
import { ActivationMode } from "./sandbox-state.js";
import { Argv } from "./sandboxes.js";
import { Resources } from "./sizes.js";
import { SandboxSecrets } from "./value-refs.js";
import { VolumeMounts } from "./volume-mounts.js";

/** The label that a sandbox of a manifest is found by. */
export const manifestLabel = "name";

export const SandboxManifest = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
        "must be 1 to 63 letters, digits, dots, underscores or hyphens",
      )
      .describe("What the sandbox is found by, as its label `name`. One of a kind in its group."),
    image: ImageName.optional().describe("Such as debian. Default: the group's. Needs a new sandbox to change."),
    resources: Resources.optional().describe("A tier, or cpu, memory and disk. Needs a new sandbox to change."),
    labels: Labels.optional().describe("Set beside `name`; others that it has stay."),
    env: Environment.optional().describe(
      "Given to every program in it; never returned. Needs a new sandbox to change.",
    ),
    secrets: SandboxSecrets.optional().describe(
      "The group's secrets that its programs use, by variable. Needs a new sandbox to change.",
    ),
    entrypoint: Argv.optional().describe("A program started with it, followed by cmd. Needs a new sandbox to change."),
    cmd: Argv.optional().describe("Follows the entrypoint. Needs a new sandbox to change."),
    workingDirectory: GuestPath.optional().describe("Where its programs start. Needs a new sandbox to change."),
    lifecycle: LifecyclePolicy.optional().describe("When it is suspended and deleted by itself."),
    activationMode: ActivationMode.optional().describe(
      "OnDemand: stopped, it is resumed by the next call that needs it. Manual: by `resume` alone. Needs a new sandbox to change.",
    ),
    ports: PortList.optional().describe("Which of its ports others may come to: these, and no others."),
    volumes: VolumeMounts.optional().describe(
      "Volumes of the group, and where they are mounted; others that it has stay.",
    ),
    egressPolicy: EgressPolicy.optional().describe("What it may reach."),
    egressPolicyId: EgressPolicyId.optional().describe("One of the group's policies, in place of one of its own."),
  })
  .refine(
    ({ egressPolicy, egressPolicyId }) => egressPolicy === undefined || egressPolicyId === undefined,
    "must have egressPolicy or egressPolicyId, not both",
  )
  .refine(({ labels = {} }) => !Object.hasOwn(labels, manifestLabel), {
    path: ["labels", manifestLabel],
    message: "is the manifest's own name: leave it out",
  })
  .refine(({ labels = {} }) => Object.keys(labels).length < maximumLabels, {
    path: ["labels"],
    message: `must have at most ${maximumLabels - 1} entries, since the name is one too`,
  });
export type SandboxManifest = z.infer<typeof SandboxManifest>;

/** What an editor needs to complete and check a manifest, as JSON Schema. The server checks more than it can say. */
export function manifestSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(SandboxManifest, { io: "input" });
  return { $schema, title: "A sandbox of Alcove, for `alcove apply`", ...rest };
}
