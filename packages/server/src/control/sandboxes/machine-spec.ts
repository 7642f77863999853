import type { DiskImage, MachineSpec } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Told } from "../egress/told.js";

/** What the engine is told of a sandbox that starts. */
export function machineSpec(record: SandboxRecord, disk: DiskImage, told: Told): MachineSpec {
  const { id, size, generation } = record;
  const { certificates } = told;
  // Of its first start alone: what goes on later must not repeat what was random before.
  const entropy = record.state === "Creating" ? record.entropy : undefined;
  return {
    ...{ id, disk, size, hostname: hostnameOf(id), environment: environmentOf(record, told), generation },
    ...(certificates !== undefined && { certificates }),
    ...(entropy !== undefined && { entropy: Buffer.from(entropy, "hex") }),
  };
}

/** What the sandbox's maker says goes before what Alcove adds, and that before what its image says. */
export function environmentOf(
  { imageConfig, environment }: Pick<SandboxRecord, "imageConfig" | "environment">,
  told: Pick<Told, "environment">,
): Readonly<Record<string, string>> {
  return { ...imageConfig.environment, ...told.environment, ...environment };
}

export function hostnameOf(id: string): string {
  return `sandbox-${id.slice(0, 8)}`;
}
