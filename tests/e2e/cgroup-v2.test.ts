/**
 * The host's code for cgroup version 2, run where there is version 2 for certain: as root inside a sandbox, with the
 * host's own Node. Most hosts have version 2; the others are tested by every other test.
 */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

const compiled = fileURLToPath(new URL("../../packages/server/dist/", import.meta.url));
const modules = ["host/cgroups.js", "host/cgroup-home.js", "lib/backoff.js"];

const program = `
import { readFileSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { findCgroupHome } from "/srv/host/cgroup-home.js";
import { Cgroups } from "/srv/host/cgroups.js";

const home = await findCgroupHome("alcove-trial");
const groups = new Cgroups(home);
const [directory] = await groups.create("one", { memoryBytes: 67108864, pids: 50 });
await groups.limitCpu("one", { millicores: 1500, weight: 25 });
const read = (file) => readFileSync(directory + "/" + file, "utf8").trim();
const child = spawn("sleep", ["100"]);
writeFileSync(directory + "/cgroup.procs", String(child.pid));
const seen = {
  version: home.version, directory,
  memory: read("memory.max"), pids: read("pids.max"), weight: read("cpu.weight"), cpu: read("cpu.max"),
  holdsChild: read("cgroup.procs") === String(child.pid), listed: await groups.list(),
};
const ended = new Promise((resolve) => child.once("exit", resolve));
child.kill("SIGKILL");
await ended;
await groups.remove("one", AbortSignal.timeout(10000));
console.log(JSON.stringify({ ...seen, left: await groups.list() }));
`;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("Groups of version 2 are made, limit what they should, hold a process and are removed", async () => {
  await using sandbox = await Sandbox.create({ image: "debian", memory: "1Gi", alcove: daemon.alcove });
  await sandbox.exec("mount -t cgroup2 none /sys/fs/cgroup", { check: true });
  await sandbox.files.write("/usr/local/bin/node", createReadStream(process.execPath), { mode: 0o755 });
  for (const name of modules) await sandbox.files.write(`/srv/${name}`, await readFile(`${compiled}${name}`));
  await sandbox.files.write("/srv/package.json", '{"type":"module"}');
  await sandbox.files.write("/srv/trial.js", program);
  const { stdout, stderr } = await sandbox.exec(["/usr/local/bin/node", "/srv/trial.js"]);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    version: 2,
    memory: "67108864",
    pids: "50",
    weight: "25",
    cpu: "150000 100000",
    holdsChild: true,
    listed: ["one"],
    left: [],
  });
}, 180_000);
