/** A sandbox on record as the API shows it. Its environment is not part of that. */
import type { Sandbox } from "@alcove/contract";
import { type Hold, withHold } from "../../lifecycle/hold.js";
import { completePolicy } from "../../lifecycle/policy.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import { imageDefaults } from "./machines.js";

export function toSandbox(record: SandboxRecord, hold?: Hold): Sandbox {
  const { id, group, state, desiredState, labels, engine, generation, activationMode } = record;
  const { workingDirectory } = imageDefaults(record);
  return {
    ...{ id, group, state, desiredState, labels, engine, generation, activationMode },
    stateDetails: withHold(record, hold),
    sourcesRef: sourcesOf(record),
    ...(record.forkedFrom === undefined ? {} : { forkedFrom: record.forkedFrom }),
    resources: {
      cpu: `${record.size.cpuMillicores}m`,
      memory: `${record.size.memoryMiB}Mi`,
      disk: `${record.size.diskMiB}Mi`,
    },
    entrypoint: [...record.entrypoint],
    cmd: [...record.cmd],
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(record.entrypointExecId === undefined ? {} : { entrypointExecId: record.entrypointExecId }),
    ...suspendedOf(record),
    createdAt: new Date(record.createdAt).toISOString(),
    lifecycle: completePolicy(record.lifecycle),
    ...("policyId" in record.egress ? { egressPolicyId: record.egress.policyId } : {}),
  };
}

/** The snapshot of a fork is nobody's. */
function sourcesOf({ image, imageIsPublic, snapshotId, forkedFrom }: SandboxRecord): Sandbox["sourcesRef"] {
  return {
    diskImage: { name: image, ...(imageIsPublic ? { isPublic: true } : {}) },
    ...(snapshotId === undefined || forkedFrom !== undefined ? {} : { snapshot: { id: snapshotId } }),
  };
}

function suspendedOf({ state, suspension, stateDetails, createdAt }: SandboxRecord): Pick<Sandbox, "suspended"> {
  if (suspension?.kept === undefined || (state !== "Stopped" && state !== "Resuming")) return {};
  const { stoppedAt = new Date(createdAt).toISOString() } = stateDetails;
  return { suspended: { mode: suspension.mode, ...suspension.kept, stoppedAt } };
}
