/** Builders on the real engine: what they leave on the disk, and on the host, by whom ever they are started and however they end. */
import { randomUUID } from "node:crypto";
import { chmod, chown, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import { type LayerEntry, layerOf, streamOf } from "../../packages/server/src/engines/suite/layers.js";
import { findProcesses } from "../../packages/server/src/host/processes.js";
import { run } from "../../packages/server/src/host/run.js";
import { makeLayeredDisk } from "../../packages/server/src/images/disk-builder.js";

const checkout = join(import.meta.dirname, "../..");
const guestDirectory = process.env.ALCOVE_GUEST_DIR ?? join(checkout, "build/guest");
const program = join(import.meta.dirname, "build-disk.ts");
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const withSbin = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-b-"));
  await chmod(place, 0o755);
});
afterEach(() => rm(place, { recursive: true, force: true }));

describe.each([
  { who: "this user", prefix: [] as string[], canRun: true },
  { who: "nobody", prefix: ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"], canRun: isRoot },
])("started by $who", ({ prefix, canRun }) => {
  const title = "layers keep owners, modes, devices and capabilities, and the disk is clean";
  const lack = canRun ? "" : " (skipped: only root can become another user)";
  test.skipIf(!canRun)(
    `${title}${lack}`,
    async ({ skip }) => {
      if (!(await mayRead(prefix))) skip("nobody may not read this checkout");
      if (prefix.length > 0) await chown(place, nobody, nobody);
      const { stdout } = await build(prefix);
      expect(stdout).toMatch(/^done \{"files":\d+,"bytes":\d+\}$/m);
      const disk = join(place, "disk.raw");
      await run("e2fsck", ["-fn", disk], { environment: withSbin });
      const said = await debugfs(disk, [
        "stat /usr/bin/su",
        "stat /disk",
        "ea_list /usr/bin/ping",
        "ls -p /",
        "cat /inside",
      ]);
      expect(said).toMatch(/Mode:\s+04755[\s\S]*?User:\s+12\s+Group:\s+34[\s\S]*?Links: 2/);
      expect(said).toMatch(/Type: block special\s+Mode:\s+0660[\s\S]*?Device major\/minor number: 08:01/);
      expect(said).toContain("security.capability");
      expect(said).toContain("/inside/");
      expect(said).not.toContain("/gone/");
      expect(await debugfs(disk, ["cat /usr/bin/tool"])).toContain("tool");
      const { uid, nlink } = await stat(disk);
      expect({ uid, nlink }).toEqual({ uid: prefix.length > 0 ? nobody : process.getuid?.(), nlink: 1 });
      expect(await left()).toEqual([]);
    },
    180_000,
  );
});

test("a layer has no more than its machine, and a builder whose daemon is killed is removed by the next", async () => {
  let seen: Awaited<ReturnType<typeof machine>> | undefined;
  const killed = build([], "endless", async (pid) => {
    seen = await machine().finally(() => process.kill(pid, "SIGKILL"));
  });
  await expect(killed).rejects.toThrow("signal SIGKILL");
  expect(seen).toMatchObject({ seccomp: "2", noNewPrivileges: "1" });
  if (isRoot) expect(seen).toMatchObject({ capabilities: "0000000000000000", isRoot: false, mode: 0o700 });
  expect(seen?.network).not.toBe(await readlink("/proc/self/ns/net"));
  expect((await left()).length).toBeGreaterThan(2);
  const roots = { dataDirectory: join(place, "data"), runtimeDirectory: join(place, "run") };
  const engine = createMicrovmEngine({ ...roots, guestDirectory });
  const { removed } = await engine.recover(
    { running: new Set(), suspended: new Set(), snapshots: new Set() },
    AbortSignal.timeout(60_000),
  );
  await engine.close();
  expect(removed).toContainEqual(expect.stringMatching(/^Removed the builder \S+, which an earlier daemon left\.$/));
  expect(await left()).toEqual([]);
}, 180_000);

/** A checkout below a home directory is often closed to others. */
async function mayRead(prefix: readonly string[]): Promise<boolean> {
  const [first = "", ...args] = [...prefix, "test", "-r", program];
  return run(first, args).then(
    () => true,
    () => false,
  );
}

test.each<[string, readonly LayerEntry[], readonly string[]]>([
  ["has nothing of a system", [{ path: "hello", content: "no program", mode: 0o755 }], ["hello"]],
  [
    "has links and FIFOs where a system has directories and files",
    [
      { path: "etc", kind: "2", target: "/system/etc" },
      { path: "run", kind: "2", target: "/etc" },
      { path: "tmp", kind: "2", target: "/var/tmp" },
      { path: "dev", kind: "2", target: ".." },
      { path: "proc", content: "a file" },
      { path: "etc/hosts", kind: "6" },
      { path: "etc/passwd", kind: "6" },
    ],
    ["system", "var"],
  ],
])(
  "a sandbox starts from an image that %s",
  async (_, entries, names) => {
    const signal = AbortSignal.timeout(150_000);
    const roots = { dataDirectory: join(place, "data"), runtimeDirectory: join(place, "run") };
    const engine = createMicrovmEngine({ ...roots, guestDirectory });
    const path = join(place, "disk.raw");
    const open = (diskPath: string) => engine.builders.open({ id: randomUUID(), diskPath }, signal);
    await makeLayeredDisk({ path, fileSystemId: randomUUID() }, [streamOf(layerOf(...entries))], open, { signal });
    const disk = { name: "odd", digest: randomUUID(), path, warm: [] };
    const identity = { hostname: "odd", environment: {}, generation: 1 };
    const machine = await engine.start({ id: randomUUID(), disk, size: tiers.XS, ...identity }, signal);
    try {
      const exec = { id: randomUUID(), argv: ["/hello"], environment: {}, stdin: false };
      const started = await machine.guest.execs.start(exec, signal);
      expect(await machine.guest.execs.get(started.id, 30_000, signal)).toMatchObject({ exitCode: 127 });
      const found = (await machine.guest.files.list("/", signal)).entries.map(({ name }) => name);
      expect(found).toEqual(expect.arrayContaining([...names, "dev", "etc", "proc", "run", "sys", "tmp"]));
      const { symlinkTarget } = await machine.guest.files.stat("/etc/hosts", signal);
      expect(symlinkTarget).toBe("/run/alcove/hosts");
    } finally {
      await machine.destroy();
      await engine.close();
    }
  },
  180_000,
);

function build(prefix: readonly string[], how = "", onApplying?: (pid: number) => Promise<void>) {
  let pid = 0;
  const [first = "", ...args] = [...prefix, process.execPath, "--import", "tsx", program, place, guestDirectory, how];
  return run(first, args, {
    environment: { PATH: process.env.PATH, HOME: place },
    workingDirectory: checkout,
    onStart: (started) => (pid = started),
    onLine: (line) => void (line === "applying" && onApplying?.(pid)),
  });
}

function processes() {
  return findProcesses((argv) => argv.some((argument) => argument.includes(`${place}/data/builders/`)));
}

/** What the kernel says of the builder's QEMU. */
async function machine() {
  const [{ pid } = { pid: 0 }] = await processes();
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S*)`, "m").exec(status)?.[1];
  const [id = ""] = await readdir(join(place, "data/builders"));
  const { mode } = await stat(join(place, "data/builders", id));
  return {
    ...{ seccomp: field("Seccomp"), noNewPrivileges: field("NoNewPrivs"), capabilities: field("CapEff") },
    ...{ isRoot: field("Uid") === "0", mode: mode & 0o777, network: await readlink(`/proc/${pid}/ns/net`) },
  };
}

/** What builders have on the host. */
async function left(): Promise<readonly string[]> {
  const names = await Promise.all(["data/builders", "run/m"].map((name) => readdir(join(place, name))));
  return [...names.flat(), ...(await processes()).map(({ pid }) => `process ${pid}`)];
}

async function debugfs(disk: string, commands: readonly string[]): Promise<string> {
  const options = { environment: withSbin, input: `${commands.join("\n")}\n` };
  return (await run("debugfs", ["-f", "-", disk], options)).stdout;
}
