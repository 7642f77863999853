/** A real daemon whose sandboxes find the canaries by name. */
import { readFile } from "node:fs/promises";
import type { EgressPolicy } from "@alcove/contract";
import type { Sandbox } from "alcove";
import { TestDaemon } from "../../harness/daemon.js";
import type { Canaries } from "./canaries.js";
import { overridesOf } from "./policies.js";
import { program } from "./trial.js";

export async function startDaemon(canaries: Canaries): Promise<TestDaemon> {
  const daemon = await TestDaemon.start({ hasOwnData: true });
  const resolverOverrides = overridesOf(canaries.ground);
  await daemon.alcove.defaultGroup.egressPolicies.setSettings({
    resolverOverrides,
    upstreamCertificates: canaries.authority,
  });
  return daemon;
}

/** A sandbox that attempts can be made in. */
export async function createSandbox({ alcove }: TestDaemon, egressPolicy: EgressPolicy | string): Promise<Sandbox> {
  const sandbox = await alcove.sandboxes.create({ image: "debian", memory: "512Mi", egressPolicy });
  await sandbox.files.write("/root/attempts.py", await readFile(program));
  return sandbox;
}
