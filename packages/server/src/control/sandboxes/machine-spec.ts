import type { DiskImage, MachineSpec } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";

/** What the engine is told of a sandbox that starts. */
export function machineSpec(record: SandboxRecord, disk: DiskImage): MachineSpec {
  const { id, size, generation } = record;
  // Of its first start alone: what goes on later must not repeat what was random before.
  const entropy = record.state === "Creating" ? record.entropy : undefined;
  const environment = { ...record.imageConfig.environment, ...record.environment };
  return {
    ...{ id, disk, size, hostname: hostnameOf(id), environment, generation },
    ...(entropy === undefined ? {} : { entropy: Buffer.from(entropy, "hex") }),
  };
}

export function hostnameOf(id: string): string {
  return `sandbox-${id.slice(0, 8)}`;
}
