/** An archive of a snapshot with nothing in it, as the fake engine takes it. */
import { createHash } from "node:crypto";
import { packTar } from "../engines/fake/tar.js";

export function emptySnapshotArchive(more: object = {}): Uint8Array {
  const tree = packTar([]);
  const id = "00000000-0000-4000-8000-000000000000";
  const at = "2026-01-01T00:00:00.000Z";
  const start = {
    ...{ imageConfig: {}, environment: {}, askedProgram: {}, entrypoint: [], cmd: [] },
    ...{ entrypointSecrets: [], lifecycle: {} },
  };
  const size = { cpuMillicores: 1_000, memoryMiB: 2_048, diskMiB: 20_480 };
  const manifest = {
    ...{ format: "alcove-snapshot", formatVersion: 1, version: "0", createdAt: at, engine: "fake" },
    snapshot: { id, labels: {}, sandboxId: id, takenAt: at, image: "debian", size, start, ...more },
    facts: { mode: "Disk" },
    parts: [{ name: "tree", sizeBytes: tree.length, sha256: createHash("sha256").update(tree).digest("hex") }],
  };
  return packTar([file("manifest.json", Buffer.from(JSON.stringify(manifest))), file("tree", tree)]);
}

function file(path: string, content: Buffer) {
  return { path, content, kind: "file", mode: 0o600, uid: 0, gid: 0, target: "" } as const;
}
