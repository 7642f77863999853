/** What becomes of each field of a manifest, a line each. To add one: contract/src/manifest.ts opens with the recipe. */
import { roundUp, type Sandbox, type SandboxManifest, sizeOf } from "@alcove/contract";
import type { Abortable } from "../files.js";
import type { SandboxHandle } from "../sandbox-handle.js";
import type { CreateOptions } from "../sandboxes.js";
import { hasPorts } from "./ports-field.js";
import { isSame, isWithin } from "./sameness.js";
import { besidesOf, hasVolumes, mountAll, volumesAt } from "./volumes-field.js";

type Name = Exclude<keyof SandboxManifest, "name">;

export interface ManifestField<Value = unknown> {
  /** What of a creation it is. */
  readonly creation: (value: Value) => Omit<CreateOptions, "signal" | "wait">;
  /** Whether a sandbox has it; undefined where nobody can say, since it is never returned. */
  readonly isMet: (value: Value, sandbox: Sandbox) => boolean | undefined;
  /** Absent: it takes a new sandbox. */
  readonly change?: (sandbox: SandboxHandle, value: Value, options: Abortable) => Promise<unknown>;
  /** What a sandbox has of it that the manifest does not name, and that is left; for people. */
  readonly besides?: (value: Value, sandbox: Sandbox) => readonly string[];
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
  ports: {
    creation: (ports) => ({ ports }),
    isMet: hasPorts,
    change: (sandbox, ports, options) => sandbox.ports.replace(ports, options),
  },
  volumes: {
    creation: (volumes) => ({ volumes: volumesAt(volumes) }),
    isMet: hasVolumes,
    change: mountAll,
    besides: besidesOf,
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
