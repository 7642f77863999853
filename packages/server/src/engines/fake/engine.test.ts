import { tiers } from "@alcove/contract";
import { describeEngine } from "../suite.js";
import { createFakeEngine } from "./engine.js";
import { FakeHost } from "./host.js";

const disk = { name: "debian", digest: "sha256:0", path: "/nowhere", warm: [] };

describeEngine(
  "fake",
  async () => {
    const host = new FakeHost();
    return {
      createEngine: () => createFakeEngine({ host }),
      disk,
      size: tiers.S,
      powerOff: ["poweroff"],
      residue: async () => [...host.machines.keys()],
      dispose: async () => {},
    };
  },
  { timeoutMs: 10_000 },
);
