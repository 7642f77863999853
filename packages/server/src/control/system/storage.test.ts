import { Storage } from "@alcove/contract";
import { expect, test } from "vitest";
import { never, TestHost, withMembers } from "../test-daemon.js";

test("what the engine and the images keep on the disk is told by kind, with what is free and the mark", async () => {
  await using host = new TestHost();
  host.facts.disk = async () => ({ freeBytes: 5e9, totalBytes: 1e10 });
  const layers = { kind: "layers", count: 3, bytes: 12_288, inUse: 2 } as const;
  const { control } = await host.daemon({
    engine: (own) => ({ ...withMembers(own), diskUse: async () => [layers] }),
    options: { freeSpaceMarkBytes: 1e9 },
  });
  expect(Storage.parse(await control.system.storage(never))).toEqual({
    kinds: [{ kind: "images", count: 1, bytes: 4096 }, layers],
    ...{ freeBytes: 5e9, totalBytes: 1e10, freeMarkBytes: 1e9 },
  });
});
