/** Invariant 11: what a QEMU that was taken over could reach, or a worker of the daemon, read from the kernel's own tables. */
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { workerOf } from "../harness/worker-of.js";

let daemon: TestDaemon;
let pids: string[];
beforeAll(async () => {
  daemon = await TestDaemon.start();
  const options = { image: "debian", alcove: daemon.alcove, memory: "512Mi" };
  await Promise.all([Sandbox.create(options), Sandbox.create(options)]);
  pids = await machinePids();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("Every sandbox is one process", () => {
  expect(pids).toHaveLength(2);
});

test("Every QEMU is under its seccomp filter, gains no privileges and holds no capabilities", async () => {
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    expect(field(status, "Seccomp")).toBe("2");
    expect(field(status, "NoNewPrivs")).toBe("1");
    if (isRoot()) expect(field(status, "CapEff")).toMatch(/^0+$/);
  }
});

test.each(["egress/worker-main", "relay/worker-main"] as const)(
  "The process of %s gains no privileges and, once it is there, holds no capabilities",
  async (module) => {
    const pid = await workerOf(daemon, module);
    const of = async (name: string) => field(await readFile(`/proc/${pid}/status`, "utf8"), name);
    expect(await of("NoNewPrivs")).toBe("1");
    if (!isRoot()) return;
    await expect.poll(() => of("Uid"), { timeout: 30_000 }).not.toMatch(/\b0\b/);
    expect(await of("CapEff")).toMatch(/^0+$/);
    expect(await of("CapPrm")).toMatch(/^0+$/);
  },
);

test.runIf(isRoot())("As root, every QEMU has a uid of its own and a directory that only that uid opens", async () => {
  const uids = await Promise.all(
    pids.map(async (pid) => field(await readFile(`/proc/${pid}/status`, "utf8"), "Uid").split("\t")),
  );
  for (const uid of uids) {
    expect(new Set(uid).size).toBe(1);
    expect(uid[0]).not.toBe("0");
  }
  expect(new Set(uids.map(([uid]) => uid)).size).toBe(pids.length);
  const directories = await readdir(join(daemon.dataDirectory, "sandboxes"));
  const owners = await Promise.all(
    directories.map(async (id) => {
      const { mode, uid } = await stat(join(daemon.dataDirectory, "sandboxes", id));
      expect(mode & 0o777).toBe(0o700);
      return String(uid);
    }),
  );
  expect(new Set(owners)).toEqual(new Set(uids.map(([uid]) => uid)));
});

test("Every QEMU has network and mount namespaces of its own, and the network is empty", async () => {
  const own = { net: await readlink("/proc/self/ns/net"), mnt: await readlink("/proc/self/ns/mnt") };
  for (const pid of pids) {
    expect(await readlink(`/proc/${pid}/ns/net`)).not.toBe(own.net);
    expect(await readlink(`/proc/${pid}/ns/mnt`)).not.toBe(own.mnt);
    const interfaces = (await readFile(`/proc/${pid}/net/dev`, "utf8")).trim().split("\n").slice(2);
    expect(interfaces.map((line) => line.split(":")[0]?.trim())).toEqual(["lo"]);
  }
});

test("A QEMU is killed before the daemon when memory runs out", async () => {
  const daemonScore = Number(await readFile(`/proc/${daemon.pid}/oom_score_adj`, "utf8"));
  for (const pid of pids)
    expect(Number(await readFile(`/proc/${pid}/oom_score_adj`, "utf8"))).toBeGreaterThan(daemonScore);
});

async function machinePids(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes("qemu-system") && command.includes(daemon.runtimeDirectory)) found.push(pid);
  }
  return found;
}

function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
