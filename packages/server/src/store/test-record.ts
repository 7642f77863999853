/** A sandbox on record, for tests. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultSize } from "@alcove/contract";
import { noEgress } from "./egress-policies.js";
import type { SandboxRecord } from "./sandboxes.js";

export function testRecord(changes: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: randomUUID(),
    group: "default",
    engine: "fake",
    state: "Creating",
    desiredState: "Running",
    stateDetails: {},
    image: "debian",
    imageIsPublic: false,
    imageKey: "",
    imageConfig: {},
    askedProgram: {},
    entrypointSecrets: [],
    size: defaultSize,
    labels: {},
    environment: { SECRET: "x" },
    entrypoint: ["/bin/server"],
    cmd: ["--port", "80"],
    workingDirectory: undefined,
    entrypointExecId: undefined,
    generation: 1,
    snapshotId: undefined,
    forkedFrom: undefined,
    snapshotFrom: undefined,
    entropy: undefined,
    activationMode: "OnDemand",
    suspension: undefined,
    createdAt: 1_700_000_000_000,
    lifecycle: {},
    ...{ egress: noEgress, maker: undefined },
    ...changes,
  };
}

/** A directory that is removed with its scope. */
export function temporaryDirectory(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "alcove-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
