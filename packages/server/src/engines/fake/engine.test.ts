import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { describeEngine } from "../suite.js";
import { createFakeEngine } from "./engine.js";
import { FakeHost } from "./host.js";

const disk = { name: "debian", digest: "sha256:0", path: "/nowhere", warm: [] };

const noMemory = "its programs have no memory";

describeEngine(
  "fake",
  async () => {
    const host = new FakeHost();
    const place = await mkdtemp(join(tmpdir(), "alcove-fake-"));
    return {
      createEngine: () => createFakeEngine({ host }),
      disk,
      size: tiers.S,
      powerOff: ["poweroff"],
      residue: async () => [...host.machines.keys(), ...host.builders.keys(), ...host.suspended.keys()],
      emptyDisk: async () => {
        const path = join(place, randomUUID());
        await writeFile(path, "");
        return path;
      },
      dispose: () => rm(place, { recursive: true, force: true }),
    };
  },
  {
    timeoutMs: 10_000,
    skip: {
      "a suspended machine goes on where it stood: programs, memory, open files, execs and their output": noMemory,
    },
  },
);
