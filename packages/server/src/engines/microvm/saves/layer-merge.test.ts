import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { run } from "../../../host/run.js";
import type { Kept } from "../../engine.js";
import { disksBelow, type Footing, templateOf } from "../machine/footing.js";
import { layerPath, makeRoots, type Roots } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { Holdings } from "./holdings.js";
import { keptPaths, type Manifest, makeKept, readManifest, removeKept } from "./kept.js";
import { LayerChains } from "./layer-chains.js";
import {
  countToMerge,
  longestChain,
  type MergeStep,
  type MergingHost,
  mergeLayers,
  mergeSteps,
} from "./layer-merge.js";
import { recoverSaves, removeLeftLayers } from "./saves-recovery.js";

const sandbox = "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11";
const other = "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d12";
const suspended: Kept = { kind: "suspended", sandboxId: sandbox };
const never = new AbortController().signal;
const layerNamed = (index: number) => `3f0c8b8e-52a7-4c6e-9d0a-${String(index).padStart(12, "0")}`;
const diskMiB = 8;

let directory: string;
let roots: Roots;
let host: MergingHost;
let footing: Footing;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-merge-"));
  roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  const agent = join(directory, "agent");
  await writeFile(agent, '#!/bin/sh\nshift 3\nexec "$@"\n', { mode: 0o755 });
  const installation = { assets: { agent } };
  const shelter = { namespaces: "none", programPaths: [], devicePaths: [] };
  host = { roots, holdings: new Holdings(roots), installation, ...shelter } as unknown as MergingHost;
  const image = { name: "debian", digest: "d", path: join(directory, "image.raw"), warm: [] };
  const size = { cpuMillicores: 250, memoryMiB: 512, diskMiB };
  footing = { templateKey: "ab", memory: { kind: "template" }, layers: [], image, size };
  await writeFile(image.path, Buffer.alloc(4 * 2 ** 20, 9));
  const template = templateOf(roots, footing);
  await mkdir(template.directory);
  await overlayOn(template.disk, { path: image.path, format: "raw" });
  await write(template.disk, ["write -P 1 0 128k"]);
});
afterEach(() => rm(directory, { recursive: true }));

const overlayOn = (path: string, backing: Parameters<typeof writeOverlay>[1]) =>
  writeOverlay(path, backing, { virtualBytes: diskMiB * 2 ** 20 });

async function write(path: string, commands: readonly string[]): Promise<void> {
  await run("qemu-io", ["-f", "qcow2", ...commands.flatMap((command) => ["-c", command]), path]);
}

/** What a machine that slept would leave: another layer on top, in which it wrote. */
async function sleep(index: number, commands: readonly string[]): Promise<void> {
  const layer = layerNamed(index);
  await overlayOn(layerPath(roots, layer), disksBelow(roots, footing)[0]);
  await write(layerPath(roots, layer), commands);
  footing = { ...footing, layers: [layer, ...footing.layers] };
  await keep(suspended, footing);
}

async function keep(kept: Kept, standsOn: Footing): Promise<void> {
  const manifest: Manifest = {
    ...{ version: 1, id: sandbox, mode: "Memory", footing: standsOn, making: "m" },
    ...{ generation: 1, isFrozen: true, pausedMs: 1 },
  };
  await removeKept(keptPaths(roots, kept));
  await makeKept(keptPaths(roots, kept), async () => manifest);
  host.holdings.hold(kept, standsOn);
}

/** Each overwrites what another wrote, writes what nobody did, and takes away what the image has. */
async function sleepOften(count: number): Promise<void> {
  for (let index = 1; index <= count; index++) {
    const fresh = `write -P ${index} ${256 * index}k 64k`;
    await sleep(index, [`write -P ${index} 64k 64k`, fresh, `write -z ${4096 - 64 * index}k 64k`]);
  }
}

async function content(): Promise<string> {
  const path = join(directory, "content.raw");
  await run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", disksBelow(roots, footing)[0].path, path]);
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

async function layers(): Promise<readonly string[]> {
  return (await readdir(join(roots.dataDirectory, "layers"))).map((name) => name.replace(".qcow2", "")).sort();
}

async function standsNow(): Promise<Footing> {
  footing = (await readManifest(keptPaths(roots, suspended)))?.footing ?? footing;
  return footing;
}

describe("merging", () => {
  it("makes one layer of all, with the same content, and removes those it was made of", async () => {
    await sleepOften(longestChain + 1);
    const before = await content();
    expect(await mergeLayers(host, suspended, never)).toBe(longestChain + 1);
    expect((await standsNow()).layers).toHaveLength(1);
    expect(await content()).toBe(before);
    expect(await layers()).toEqual(footing.layers);
    const merged = layerPath(roots, footing.layers[0] ?? "");
    expect((await stat(merged)).mode & 0o777).toBe(0o444);
    await run("qemu-img", ["check", "-q", merged]);
    expect(host.holdings.layers()).toEqual(footing.layers);
  });

  it("keeps a chain short over twenty sleeps, whatever lies in it", async () => {
    for (let index = 1; index <= 20; index++) {
      await sleep(index, [`write -P ${index} ${64 * index}k 96k`]);
      const before = index % longestChain === 1 ? await content() : undefined;
      await mergeLayers(host, suspended, never);
      expect((await standsNow()).layers.length).toBeLessThanOrEqual(longestChain);
      if (before !== undefined) expect(await content()).toBe(before);
    }
    expect(await layers()).toHaveLength(footing.layers.length);
  });

  it("leaves the layers that others stand on, with all below them", async () => {
    await sleepOften(2);
    const shared = footing;
    await keep({ kind: "snapshot", snapshotId: other }, shared);
    for (let index = 3; index <= 8; index++) await sleep(index, [`write -P ${index} ${128 * index}k 64k`]);
    const before = await content();
    expect(await mergeLayers(host, suspended, never)).toBe(6);
    expect((await standsNow()).layers.slice(1)).toEqual(shared.layers);
    expect(await content()).toBe(before);
    expect(await layers()).toEqual([...footing.layers].sort());
  });

  it("reads no layer that claims to stand on another file than it was made to", async () => {
    await sleepOften(longestChain + 1);
    const secret = join(directory, "secret");
    await writeFile(secret, "of the host");
    await truncate(secret, 2 ** 20);
    const [, forged] = footing.layers.map((layer) => layerPath(roots, layer));
    await rm(forged ?? "");
    await overlayOn(forged ?? "", { path: secret, format: "raw" });
    await expect(mergeLayers(host, suspended, never)).rejects.toThrow("does not stand on");
    expect(await layers()).toEqual([...footing.layers].sort());
  });
});

describe("a daemon that is killed", () => {
  const recover = async () => {
    const later = { roots, holdings: new Holdings(roots) };
    const owned = { running: new Set<string>(), suspended: new Set([sandbox]), snapshots: new Set<string>() };
    await recoverSaves(later, owned);
    await removeLeftLayers(later);
  };

  it("while it merges leaves the old chain whole, and its half-made layer goes", async () => {
    await sleepOften(longestChain + 1);
    const before = await content();
    const half = layerPath(roots, other);
    await overlayOn(half, disksBelow(roots, footing)[0]);
    await write(half, ["write -P 7 0 64k"]);
    await writeFile(`${keptPaths(roots, suspended).manifest}.new`, '{"version":1,');
    await recover();
    expect((await standsNow()).layers).toHaveLength(longestChain + 1);
    expect(await layers()).toEqual([...footing.layers].sort());
    expect(await content()).toBe(before);
    expect(await mergeLayers(host, suspended, never)).toBe(longestChain + 1);
    await standsNow();
    expect(await content()).toBe(before);
  });

  it.each(mergeSteps)(
    "when its merging has come to %s leaves a whole chain, the old or the new, and nothing else",
    async (last) => {
      await sleepOften(longestChain + 1);
      const before = await content();
      const killed = new Promise<void>((resolve) => {
        const passed = (step: MergeStep) => {
          if (step !== last) return;
          resolve();
          return new Promise<void>(() => undefined);
        };
        void mergeLayers(host, suspended, never, passed);
      });
      await killed;
      await recover();
      const isMerged = mergeSteps.indexOf(last) >= mergeSteps.indexOf("named");
      expect((await standsNow()).layers).toHaveLength(isMerged ? 1 : longestChain + 1);
      expect(await layers()).toEqual([...footing.layers].sort());
      expect(await content()).toBe(before);
    },
  );
});

describe("chains", () => {
  it("are merged in the background once the machine has slept for a while", async () => {
    await sleepOften(longestChain + 1);
    const chains = new LayerChains({ quietMs: 1 });
    chains.shorten(host, sandbox);
    await expect.poll(async () => (await standsNow()).layers.length).toBe(1);
    await chains.close();
  });

  it("are left as they are when the machine is wanted, and nothing of the merging is left", async () => {
    await sleepOften(longestChain + 1);
    const chains = new LayerChains({ quietMs: 1 });
    await writeFile(host.installation.assets.agent, `#!/bin/sh\ntouch ${directory}/began\nexec sleep 60\n`);
    chains.shorten(host, sandbox);
    await expect.poll(() => existsSync(join(directory, "began"))).toBe(true);
    await chains.leaveAlone(sandbox, never);
    expect((await standsNow()).layers).toHaveLength(longestChain + 1);
    expect(await layers()).toEqual([...footing.layers].sort());
  });

  it("that have become much too long are waited for", async () => {
    for (let index = 1; index <= 33; index++) await sleep(index, [`write -P ${index} ${64 * index}k 4k`]);
    const chains = new LayerChains({ quietMs: 60_000 });
    const script = `#!/bin/sh\ntouch ${directory}/began\nsleep 0.3\nshift 3\nexec "$@"\n`;
    await writeFile(host.installation.assets.agent, script);
    chains.shorten(host, sandbox);
    await expect.poll(() => existsSync(join(directory, "began"))).toBe(true);
    await chains.leaveAlone(sandbox, never);
    expect((await standsNow()).layers).toHaveLength(1);
  });

  it("that cannot be merged stay, and somebody is told why", async () => {
    await sleepOften(longestChain + 1);
    const told: string[] = [];
    const chains = new LayerChains({ quietMs: 1, onFailed: (sentence) => void told.push(sentence) });
    await writeFile(host.installation.assets.agent, "#!/bin/sh\necho no room >&2\nexit 1\n");
    chains.shorten(host, sandbox);
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toContain(sandbox);
    expect(told[0]).toContain("no room");
    await chains.leaveAlone(sandbox, never);
    expect(await layers()).toEqual([...footing.layers].sort());
  });
});

test("a short chain is left alone, and a lowest layer that is much larger than the others stays out of it", () => {
  expect(countToMerge([])).toBe(0);
  expect(countToMerge([1, 1, 1, 1])).toBe(0);
  expect(countToMerge([1, 1, 1, 1, 16])).toBe(5);
  expect(countToMerge([1, 1, 1, 1, 17])).toBe(4);
});
