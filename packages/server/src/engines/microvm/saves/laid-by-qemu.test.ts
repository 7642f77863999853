/** Whether a layer was laid, as QEMU itself tells it. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../store/test-record.js";
import type { Footing } from "../machine/footing.js";
import { diskBytesOf, type MachineHost } from "../machine/machine-host.js";
import { layersDirectory, machinePaths } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { connectQmp } from "../qmp/qmp-connection.js";
import { forgetNode } from "../volumes/slots.js";
import { finishLayer, isLaid, layDisks } from "./disk-laying.js";
import type { Suspendable } from "./suspension.js";

const manyLayers = 100;
const never = new AbortController().signal;

test("a layer whose laying was not heard of any more is laid, and what it is on top of too", async () => {
  await using place = await makePlace();
  for (const layer of [randomUUID(), randomUUID()]) {
    const next = await layDisks(place.host, place.unheard, { layer, volumes: [] });
    const footing = await place.found(layer);
    expect(footing.layers).toContain(layer);
    await access(next);
    place.standOn(footing);
  }
});

test("one that was not laid is not taken for one", async () => {
  await using place = await makePlace();
  const layer = randomUUID();
  await expect(layDisks(place.host, place.deaf, { layer, volumes: [] })).rejects.toThrow("no answer");
  expect(await readdir(layersDirectory(place.host.roots))).toEqual([]);
  expect((await place.found(layer)).layers).toEqual([]);
});

test("QEMU answers briefly, however many layers a machine stands on", async () => {
  await using place = await makePlace();
  for (let laid = 0; laid < manyLayers; laid++) {
    const layer = randomUUID();
    await layDisks(place.host, place.hearing, { layer, volumes: [] });
    place.standOn(await place.found(layer));
  }
  await forgetNode(place.qmp, 0, never);
  expect(place.qmp.isClosed).toBe(false);
});

async function makePlace() {
  const directory = temporaryDirectory();
  const roots = { dataDirectory: join(directory.path, "d"), runtimeDirectory: join(directory.path, "r") };
  const host = { roots } as unknown as MachineHost;
  const id = randomUUID();
  const paths = machinePaths(roots, id);
  const [base, socket] = [join(directory.path, "base"), join(directory.path, "qmp")];
  await mkdir(paths.directory, { recursive: true });
  await mkdir(layersDirectory(roots));
  await writeFile(base, "");
  await writeOverlay(paths.overlay, { path: base, format: "raw" }, { virtualBytes: diskBytesOf(tiers.XS) });
  const image = { name: "debian", digest: "d", path: base, warm: [] };
  let footing: Footing = { templateKey: "ab", memory: { kind: "template" }, layers: [], image, size: tiers.XS };
  const numbers = { version: 1, pid: 1, startTime: "1", cpuMillicores: 1_000, generation: 1 };
  await writeFile(paths.record, JSON.stringify({ ...numbers, id, hostBootId: "b", groups: [], templateKey: "ab" }));
  const qemu = startQemu(paths.overlay, socket);
  const qmp = await connectQmp({ qmp: socket }, AbortSignal.timeout(20_000));
  const machine = (onTransaction: (ask: () => Promise<unknown>) => Promise<unknown>) => {
    const execute = (command: string, args: Record<string, unknown>, signal: AbortSignal) => {
      const ask = () => qmp.execute(command, args, signal);
      return command === "transaction" ? onTransaction(ask) : ask();
    };
    return { id, uid: undefined, footing, qmp: { isClosed: false, execute } } as unknown as Suspendable;
  };
  return {
    host,
    qmp,
    get hearing() {
      return machine((ask) => ask());
    },
    get unheard() {
      return machine(async (ask) => late(await ask()));
    },
    deaf: machine(late),
    async found(layering: string) {
      return finishLayer(host, { id, footing, layering, isLaid: await isLaid(qmp, layering, never) });
    },
    standOn(found: Footing) {
      footing = found;
    },
    async [Symbol.asyncDispose]() {
      qmp.close();
      if (qemu.exitCode === null) await Promise.all([once(qemu, "exit"), qemu.kill("SIGKILL")]);
      directory[Symbol.dispose]();
    },
  };
}

function late(_: unknown): Promise<never> {
  return Promise.reject(new DOMException("no answer", "TimeoutError"));
}

function startQemu(disk: string, socket: string): ChildProcess {
  const argv = ["-M", "none", "-display", "none", "-nodefaults", "-qmp", `unix:${socket},server=on,wait=off`];
  return spawn("qemu-system-x86_64", [...argv, "-drive", `if=none,id=root,file=${disk},format=qcow2`], {
    stdio: "ignore",
  });
}
