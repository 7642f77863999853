/** Sandboxes: create, read, list, count, delete. Shapes follow ACA's `CreateSandboxContent` and `Sandbox`. */
import * as z from "zod";
import { EgressPolicy } from "./egress.js";
import { endpoint } from "./endpoint.js";
import { Activity, LifecyclePolicy } from "./lifecycle.js";
import {
  EgressPolicyId,
  Environment,
  Flag,
  GroupName,
  GuestPath,
  ImageName,
  LabelChanges,
  LabelSelector,
  Labels,
  SandboxId,
  SecretNames,
  SnapshotId,
  wholeNumber,
} from "./names.js";
import { PortList, SandboxPort, tcpErrors } from "./ports.js";
import { ActivationMode, SandboxState, StateDetails, StopMode, Suspended } from "./sandbox-state.js";
import { Resources } from "./sizes.js";
import { SandboxSecrets } from "./value-refs.js";
import { VolumeMount, VolumeMounts } from "./volume-mounts.js";

export const DiskImageRef = z.strictObject({
  /** One of the group's images, else one of the catalogue's. */
  name: ImageName,
  /** The catalogue's, whatever the group has. */
  isPublic: z.boolean().optional(),
});

/** Left out, `from` is what the snapshot has. Disk: what starts from it boots, whether its memory was kept or not. */
const SnapshotSource = z.strictObject({ id: SnapshotId, from: StopMode.optional() });

/** What a sandbox starts from: an image, or a snapshot. */
export const SourcesRef = z
  .strictObject({ diskImage: DiskImageRef.optional(), snapshot: SnapshotSource.optional() })
  .refine(
    ({ diskImage, snapshot }) => (diskImage === undefined) !== (snapshot === undefined),
    "must name either a diskImage or a snapshot",
  )
  .meta({ id: "SourcesRef" });

/** What a sandbox stands on: its image, and the snapshot that it came from, which may be gone. */
const Sources = z
  .object({ diskImage: DiskImageRef, snapshot: z.strictObject({ id: SnapshotId }).optional() })
  .meta({ id: "Sources" });

export const Argv = z
  .array(
    z
      .string()
      .max(131_072)
      .refine((text) => !text.includes("\0"), "must not hold a NUL byte"),
  )
  .max(1_024);

export const CreateSandbox = z
  .strictObject({
    /**
     * May be left out where the group has a default image. With a snapshot its size, environment, entrypoint, cmd and working
     * directory come along: they are left out here. Its labels and secrets do not.
     */
    sourcesRef: SourcesRef.optional(),
    /** Rounded up to the grid of sizes; the answer says what was given. Default: the group's, else tier M: 1 core, 2Gi, 20Gi. */
    resources: Resources.optional(),
    labels: Labels.optional(),
    /** Write-only: never returned. Given to every exec of the sandbox. */
    environment: Environment.optional(),
    /** Write-only: never returned. No program gets any of it unless it is asked for by name: `secrets` of an exec, or below. */
    secretEnvironment: Environment.optional(),
    /**
     * Which of the group's secrets its programs use, by variable. What starts from a snapshot has the snapshot's too, if who asks is who made the
     * snapshot's sandbox.
     */
    secrets: SandboxSecrets.optional(),
    /**
     * A program started with the sandbox: entrypoint followed by cmd. Its end does not stop the sandbox. What is left out is
     * the image's own, but the image's cmd does not follow another entrypoint; an empty list turns the image's off.
     */
    entrypoint: Argv.optional(),
    cmd: Argv.optional(),
    /** Which of `secretEnvironment` the program that is started with the sandbox gets. */
    entrypointSecrets: SecretNames.optional(),
    /** Where execs and the entrypoint start, unless they say otherwise. Default: the image's, else the user's home. */
    workingDirectory: GuestPath.optional(),
    /** When it is suspended and deleted by itself; a part that is left out is the group's, else off. */
    lifecycle: LifecyclePolicy.optional(),
    /** Default OnDemand: a stopped sandbox is resumed by the next call that needs it. Manual: by `resume` alone. */
    activationMode: ActivationMode.optional(),
    /** Which of its ports others may come to. Where they are reached is in the answer, and stays. */
    ports: PortList.optional(),
    /** What it may reach. Default: the snapshot's, else the group's, else nothing. */
    egressPolicy: EgressPolicy.optional(),
    /** One of the group's policies, in place of one of its own. */
    egressPolicyId: EgressPolicyId.optional(),
    /** Volumes of the group, mounted before the program starts. */
    volumes: VolumeMounts.optional(),
  })
  .meta({ id: "CreateSandbox" });
export type CreateSandbox = z.infer<typeof CreateSandbox>;

export const Sandbox = z
  .object({
    id: SandboxId,
    group: GroupName,
    state: SandboxState,
    stateDetails: StateDetails,
    /** What the owner asked for; the daemon closes the gap between this and `state`. */
    desiredState: z.enum(["Running", "Stopped", "Deleted"]),
    activationMode: ActivationMode,
    /** What is kept of a sandbox that is Stopped and can be resumed. */
    suspended: Suspended.optional(),
    sourcesRef: Sources,
    /** Of which sandbox it is a copy; that one may be gone. */
    forkedFrom: SandboxId.optional(),
    /** What was given, normalised: millicores and MiB. */
    resources: z.object({ cpu: z.string(), memory: z.string(), disk: z.string() }),
    labels: Labels,
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
    workingDirectory: z.string().optional(),
    /** The exec of the entrypoint, if there is one. */
    entrypointExecId: z.string().optional(),
    engine: z.string(),
    /** Grows with every start; what must not be repeated after a restart is renewed with it. */
    generation: z.number().int(),
    createdAt: z.iso.datetime(),
    /** As it is in force, with what was left out filled in. */
    lifecycle: LifecyclePolicy,
    /** Which of its ports others may come to; missing where none is. */
    ports: z.array(SandboxPort).optional(),
    /** In the answer of the call that reads one sandbox. */
    activity: Activity.optional(),
    /** What it may reach: in the answers of the calls that read one sandbox, or replace this. */
    egressPolicy: EgressPolicy.optional(),
    /** Which of the group's policies that is, where it is none of its own. */
    egressPolicyId: EgressPolicyId.optional(),
    /** What it has of the group's volumes: in the answer of the call that reads one sandbox. */
    volumes: z.array(VolumeMount).optional(),
    /** Which of the group's secrets its programs use, by variable, never values: in the answer of the call that reads one sandbox. */
    secrets: SandboxSecrets.optional(),
  })
  .meta({ id: "Sandbox" });
export type Sandbox = z.infer<typeof Sandbox>;

export const GroupParams = z.strictObject({ group: GroupName });
export const SandboxParams = z.strictObject({ group: GroupName, id: SandboxId });
export const NoQuery = z.strictObject({});
/** `wait=false` answers as soon as it is on record that it shall be so; what becomes of it is in the sandbox's state. */
export const WaitQuery = z.strictObject({ wait: Flag.exactOptional() });

export const creationErrors = [
  "ImageNotFound",
  "ImageNotReady",
  "SnapshotNotFound",
  "SnapshotIncompatible",
  "EgressPolicyNotFound",
  "EgressRouteNotFound",
  "SecretNotFound",
  "SecretsUnreadable",
  "VolumeNotFound",
  "VolumeInUse",
  ...tcpErrors,
  "EngineUnavailable",
  "QuotaExceeded",
  "CapacityExceeded",
  "DiskFull",
  "GuestUnresponsive",
  "Timeout",
] as const;

/** Of calls that resume a stopped sandbox. */
export const wakeErrors = [
  "SandboxNotRunning",
  "SandboxDisabled",
  "SecretsUnreadable",
  "QuotaExceeded",
  "CapacityExceeded",
] as const;

export const createSandbox = endpoint({
  id: "createSandbox",
  method: "POST",
  path: "/v1/groups/:group/sandboxes",
  access: "user",
  summary: "Create a sandbox and start it",
  description:
    "Answers when the sandbox is Running; with `wait=false` at once, while it is Creating. A client that goes away meanwhile ends nothing: the sandbox is created all the same.",
  params: GroupParams,
  query: WaitQuery,
  body: CreateSandbox,
  result: Sandbox,
  status: 201,
  errors: creationErrors,
});

export const listSandboxes = endpoint({
  id: "listSandboxes",
  method: "GET",
  path: "/v1/groups/:group/sandboxes",
  access: "reader",
  summary: "List sandboxes, newest first",
  description:
    "To walk over all of them while others create and delete, name the last one of each page as `before`: page numbers shift. Where that one is gone meanwhile the answer is SandboxNotFound: begin anew, and leave out what you have seen.",
  params: GroupParams,
  query: z.strictObject({
    labels: LabelSelector.exactOptional(),
    state: SandboxState.exactOptional(),
    /** Only those created before this one. */
    before: SandboxId.exactOptional(),
    /** From 1. */
    page: wholeNumber(1, 1_000_000).exactOptional(),
    /** Default 100. */
    pageSize: wholeNumber(1, 1_000).exactOptional(),
  }),
  body: "none",
  result: z.array(Sandbox),
  errors: ["SandboxNotFound"],
});

export const countSandboxes = endpoint({
  id: "countSandboxes",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/count",
  access: "reader",
  summary: "Count sandboxes",
  params: GroupParams,
  query: z.strictObject({ labels: LabelSelector.exactOptional(), state: SandboxState.exactOptional() }),
  body: "none",
  result: z.object({ count: z.number().int() }),
});

export const getSandbox = endpoint({
  id: "getSandbox",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id",
  access: "reader",
  summary: "Read one sandbox",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: Sandbox,
  errors: ["SandboxNotFound"],
});

export const updateSandbox = endpoint({
  id: "updateSandbox",
  method: "PATCH",
  path: "/v1/groups/:group/sandboxes/:id",
  access: "user",
  summary: "Change a sandbox's labels",
  description:
    "Merged into the labels that are there: a value sets one, null takes it away. At most 64 may be left; else nothing is changed.",
  params: SandboxParams,
  query: NoQuery,
  body: z.strictObject({ labels: LabelChanges }),
  result: Sandbox,
  errors: ["SandboxNotFound"],
  isIdempotent: true,
});

export const deleteSandbox = endpoint({
  id: "deleteSandbox",
  method: "DELETE",
  path: "/v1/groups/:group/sandboxes/:id",
  access: "user",
  summary: "Delete a sandbox and everything in it",
  description:
    "Answers when nothing of it is left; with `wait=false` at once, while it is Deleting. Deleting one that is gone, or never was, succeeds too.",
  params: SandboxParams,
  query: WaitQuery,
  body: "none",
  result: "none",
});
