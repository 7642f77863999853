/** What the gateway's process is on the host. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startWorker } from "../host/worker.js";
import { waitFor } from "../lib/backoff.js";
import { temporaryDirectory } from "../store/test-record.js";
import { closeOf, settingsOf, soon, startGateway } from "./gateway-test-kit.js";

const isRoot = process.getuid?.() === 0;
const status = (pid: number | undefined, field: string) =>
  new RegExp(`^${field}:[ \\t]*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];

test.skipIf(!isRoot)(
  "it is a user of its own, without groups, rights and environment, and goes before the daemon",
  async () => {
    await using kit = await startGateway();
    await kit.agent("a");
    await kit.gateway.apply("a", settingsOf({ defaultAction: "Deny" }));
    await waitFor(() => (kit.workers[0] && !status(kit.workers[0].pid, "Uid")?.startsWith("0")) || undefined, soon());
    const pid = kit.workers[0]?.pid;
    const [userId = 0] = status(pid, "Uid")?.split("\t").map(Number) ?? [];
    expect(userId).toBeGreaterThanOrEqual(0x7100_0000);
    expect(status(pid, "Uid")).toBe([userId, userId, userId, userId].join("\t"));
    expect(status(pid, "Gid")).toBe([userId, userId, userId, userId].join("\t"));
    expect(status(pid, "Groups")?.trim()).toBe("");
    expect(Number.parseInt(status(pid, "CapEff") ?? "1", 16)).toBe(0);
    expect(Number.parseInt(status(pid, "CapPrm") ?? "1", 16)).toBe(0);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8")).toBe("300\n");
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    expect(
      environment
        .map((each) => each.split("=")[0])
        .filter((name) => name !== "")
        .sort(),
    ).toEqual(["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "UV_THREADPOOL_SIZE"]);
  },
);

test("neither it nor what it starts gains rights by a program that is setuid", async () => {
  await using kit = await startGateway();
  await kit.agent("a");
  await waitFor(() => (kit.workers[0] && status(kit.workers[0].pid, "NoNewPrivs") === "1") || undefined, soon());
});

test("one that stands still is ended, and another takes its place", async () => {
  await using kit = await startGateway({ silenceMs: 1_000 });
  const agent = await kit.agent("a");
  await agent.session();
  process.kill(kit.workers[0]?.pid ?? 0, "SIGSTOP");
  await waitFor(() => kit.workers.length > 1 || undefined, soon());
  await waitFor(() => agent.sessions > 1 || undefined, soon());
});

/** A process that starts a worker and tells its id, at once or when it is there. */
const parentThat = (
  tells: string,
) => `import { startWorker } from ${JSON.stringify(new URL("../host/worker.ts", import.meta.url).href)};
const module = new URL(${JSON.stringify(new URL("./worker-main.ts", import.meta.url).href)});
const worker = startWorker({ module, memoryMiB: 64, threads: 4 });
${tells}`;

test.each([
  ["", "worker.onMessage(() => console.log(worker.pid));"],
  [" while it starts", "console.log(worker.pid);"],
])("it ends when its daemon is killed%s", async (_when, tells) => {
  const args = ["--import", "tsx", "--input-type=module", "-e", parentThat(tells)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout === null) throw new Error("no output");
  const pid = Number(String((await once(child.stdout, "data"))[0]));
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  child.kill("SIGKILL");
  await waitFor(() => !existsSync(`/proc/${pid}`) || undefined, soon());
});

test("a socket that was on its way when it died is closed, so that whoever is at the other end can be connected to again", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "socket");
  const open = new Set<object>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.resume();
  }).listen(path);
  onTestFinished(() => void server.close());
  const worker = startWorker({ module: new URL("./worker-main.ts", import.meta.url), memoryMiB: 64, threads: 4 });
  const sockets = Array.from({ length: 20 }, () =>
    connect({ path })
      .on("error", () => {})
      .pause(),
  );
  await waitFor(() => open.size === 20 || undefined, soon());
  const before = readdirSync("/proc/self/fd").length;
  for (const socket of sockets) worker.send({ kind: "serve" }, socket);
  process.kill(worker.pid ?? 0, "SIGKILL");
  await Promise.all([worker.ended, ...sockets.map((socket) => (socket.closed ? undefined : closeOf(socket)))]);
  await waitFor(() => open.size === 0 || undefined, soon());
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before);
});

test.skipIf(!isRoot)("where the host knows no such user it goes on as the daemon's, and says so", async () => {
  const worker = startWorker({ module: new URL("./worker-main.ts", import.meta.url), memoryMiB: 64, threads: 4 });
  onTestFinished(() => worker.end());
  const heard: unknown[] = [];
  worker.onMessage((message) => void heard.push(message));
  const said = (kind: string) => waitFor(() => heard.find((message) => Object(message).kind === kind), soon());
  await said("ready");
  // Nobody's id: refused at the same place as one that is not mapped.
  worker.send({ kind: "begin", userId: 0xffff_ffff });
  worker.send({ kind: "ping" });
  await said("pong");
  expect(await said("user-kept")).toMatchObject({ reason: expect.stringContaining("does not exist") });
  expect(status(worker.pid, "Uid")).toMatch(/^0\t/);
});
