/** What becomes of each field of a manifest, a line each. To add one: contract/src/manifest.ts opens with the recipe. */
import { roundUp, type Sandbox, type SandboxManifest, sizeOf } from "@alcove/contract";
import type { Abortable } from "../files.js";
import type { SandboxHandle } from "../sandbox-handle.js";
import type { CreateOptions } from "../sandboxes.js";

type Name = Exclude<keyof SandboxManifest, "name">;

export interface ManifestField<Value = unknown> {
  /** What of a creation it is. */
  readonly creation: (value: Value) => Omit<CreateOptions, "signal" | "wait">;
  /** Whether a sandbox has it; undefined where nobody can say, since it is never returned. */
  readonly isMet: (value: Value, sandbox: Sandbox) => boolean | undefined;
  /** Absent: it takes a new sandbox. */
  readonly change?: (sandbox: SandboxHandle, value: Value, options: Abortable) => Promise<unknown>;
}

type Fields = { readonly [Field in Name]: ManifestField<NonNullable<SandboxManifest[Field]>> };

const unknown = () => undefined;

export const manifestFields: Fields = {
  image: { creation: (image) => ({ image }), isMet: (image, { sourcesRef }) => sourcesRef.diskImage.name === image },
  resources: { creation: (resources) => resources, isMet: hasSize },
  labels: {
    creation: (labels) => ({ labels }),
    isMet: (labels, sandbox) => isWithin(labels, sandbox.labels),
    change: (sandbox, labels, options) => sandbox.setLabels(labels, options),
  },
  env: { creation: (env) => ({ env }), isMet: unknown },
  secrets: { creation: (secrets) => ({ secrets }), isMet: unknown },
  entrypoint: {
    creation: (entrypoint) => ({ entrypoint }),
    isMet: (value, { entrypoint }) => isSame(value, entrypoint),
  },
  cmd: { creation: (cmd) => ({ cmd }), isMet: (value, { cmd }) => isSame(value, cmd) },
  workingDirectory: {
    creation: (cwd) => ({ cwd }),
    isMet: (value, { workingDirectory }) => value === workingDirectory,
  },
  lifecycle: {
    creation: (lifecycle) => ({ lifecycle }),
    isMet: (value, { lifecycle }) => isWithin(value, lifecycle),
    change: (sandbox, lifecycle, options) => sandbox.setLifecycle(lifecycle, options),
  },
  activationMode: {
    creation: (activationMode) => ({ activationMode }),
    isMet: (value, { activationMode }) => value === activationMode,
  },
  egressPolicy: {
    creation: (egressPolicy) => ({ egressPolicy }),
    isMet: (value, { egressPolicy, egressPolicyId }) => egressPolicyId === undefined && isSame(value, egressPolicy),
    change: (sandbox, policy, options) => sandbox.setEgressPolicy(policy, options),
  },
  egressPolicyId: {
    creation: (egressPolicy) => ({ egressPolicy }),
    isMet: (value, { egressPolicyId }) => value === egressPolicyId,
    change: (sandbox, policy, options) => sandbox.setEgressPolicy(policy, options),
  },
};

function hasSize(asked: NonNullable<SandboxManifest["resources"]>, { resources }: Sandbox): boolean {
  const wanted = roundUp({ ...sizeOf(resources), ...sizeOf(asked) });
  return isSame(wanted, roundUp(sizeOf(resources)));
}

/** All that is wanted is there; there may be more. */
function isWithin(wanted: unknown, present: unknown): boolean {
  if (!isObject(wanted) || !isObject(present)) return isSame(wanted, present);
  return Object.entries(wanted).every(([name, value]) => value === undefined || isWithin(value, present[name]));
}

function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, at) => isSame(item, other[at]));
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isSame(one[name], other[name]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
