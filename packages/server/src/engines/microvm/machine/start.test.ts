import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import { Holdings } from "../saves/holdings.js";
import { templateIn } from "../templates/template.js";
import type { MachineHost } from "./machine-host.js";
import { MachineUsers } from "./machine-users.js";
import { footingOn } from "./origins.js";
import { startMachine } from "./start.js";

test("a start that fails says why, also where what it left cannot be removed, and gives its user back", async () => {
  const nowhere = join(tmpdir(), "alcove-no-such-directory");
  const users = new MachineUsers();
  const claimed: number[] = [];
  const claim = users.claim.bind(users);
  users.claim = () => {
    const uid = claim();
    claimed.push(uid);
    return uid;
  };
  const cgroups = {
    create: async () => [],
    removeDirectories: async () => undefined,
    remove: () => Promise.reject(new Error("the control group is busy")),
  };
  const roots = { dataDirectory: nowhere, runtimeDirectory: nowhere };
  const host = { roots, users, cgroups, holdings: new Holdings(roots) } as unknown as MachineHost;
  const spec = {
    ...{ id: "00000000-0000-4000-8000-000000000000", size: tiers.XS, hostname: "h", environment: {}, generation: 1 },
    disk: { name: "debian", digest: "d", path: join(nowhere, "debian.raw"), warm: [] },
  };
  const hooks = { onEnded: () => undefined, mark: () => undefined };
  const start = { spec, footing: footingOn(templateIn(join(nowhere, "t"), "t"), spec), kept: undefined };
  const error = await startMachine(host, start, hooks, new AbortController().signal).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "ENOENT", cause: { cause: { message: "the control group is busy" } } });
  expect(claimed.map((uid) => users.take(uid))).toEqual([true]);
});
