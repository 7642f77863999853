/** What a scan of ports sees: closed ones, though every connection is taken up before it is decided. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import type { EgressPolicy } from "@alcove/contract";
import type { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { TestDaemon } from "../harness/daemon.js";

const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
const host = own.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "";
const denied = ["203.0.113.5", "2001:db8::5", "10.1.2.3"];

let daemon: TestDaemon;
let sandbox: Sandbox;
let servers: Server[] = [];
let one: number;
let other: number;
beforeAll(async () => {
  servers = [await greeting(), await greeting()];
  [one = 0, other = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await daemon.alcove.sandboxes.create({ image: "debian", memory: "512Mi", egressPolicy: only(one) });
}, 600_000);
afterAll(async () => {
  for (const server of servers) server.close();
  await daemon?.[Symbol.asyncDispose]();
});

test.skipIf(host === "")(
  "what is denied is refused at once, what is allowed is open, and 80 and 443 say why",
  async () => {
    await refusedSoon(sandbox, denied[0] ?? "", 22);
    const began = performance.now();
    for (const address of denied) expect(await scan(sandbox, address, range(100, 300))).toEqual({ ECONNREFUSED: 200 });
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(await reached(sandbox)).toEqual({ one: "greeted", other: "ECONNREFUSED" });
    const said = await sandbox.exec(`curl -sS -m 20 http://${denied[0]}/; curl -sS -m 20 https://${denied[0]}/`);
    expect(said.stdout).toContain(`Alcove denied GET http://${denied[0]}/`);
    expect(said.exitCode).toBe(35);
    const { tcp } = await sandbox.egressDecisions();
    expect(tcp.denied).toEqual([]);
  },
  120_000,
);

test.skipIf(host === "")(
  "another policy is heard of when the call is answered, and audit refuses nothing",
  async () => {
    for (let time = 0; time < 3; time++) {
      await sandbox.setEgressPolicy(only(other));
      expect(await reached(sandbox)).toEqual({ one: "ECONNREFUSED", other: "greeted" });
      await sandbox.setEgressPolicy(only(one));
      expect(await reached(sandbox)).toEqual({ one: "greeted", other: "ECONNREFUSED" });
    }
    await sandbox.setEgressPolicy({ ...only(one), enforcementMode: "Audit" });
    expect(await scan(sandbox, denied[0] ?? "", [22, 23])).toEqual({ "open and reset": 2 });
    await sandbox.setEgressPolicy(only(other));
  },
  120_000,
);

test.skipIf(host === "")(
  "it is so after a sleep, in a fork and after a daemon's death, and no older policy refuses for a newer one",
  async () => {
    const { id } = await sandbox.snapshot();
    await using fresh = await daemon.alcove.sandboxes.create({ snapshot: id, egressPolicy: only(one) });
    expect((await reached(fresh)).one).toBe("greeted");
    await refusedSoon(fresh, host, other);
    const [copy] = (await sandbox.fork(1)).sandboxes;
    if (copy === undefined) throw new Error("There is no fork.");
    expect((await reached(copy)).other).toBe("greeted");
    await refusedSoon(copy, host, one);
    await copy.delete();
    await sandbox.stop();
    await sandbox.setEgressPolicy(only(one));
    await sandbox.resume();
    expect((await reached(sandbox)).one).toBe("greeted");
    await refusedSoon(sandbox, host, other);
    await daemon.kill();
    await daemon.restart();
    await sandbox.setEgressPolicy(only(other));
    expect(await reached(sandbox)).toEqual({ one: "ECONNREFUSED", other: "greeted" });
  },
  180_000,
);

test.skipIf(host === "")(
  "a root that takes the rules away reaches nothing by it, and its policy can be changed",
  async () => {
    expect(await sandbox.exec(["python3", "-c", deleteTable])).toMatchObject({ stderr: "", exitCode: 0 });
    expect(await scan(sandbox, host, [one])).not.toHaveProperty("greeted");
    await sandbox.setEgressPolicy(only(one));
  },
  60_000,
);

/** Of all literal addresses that one alone. */
function only(port: number): EgressPolicy {
  const rule = { action: "Allow", protocol: "Tcp", destination: `${host}/32`, port } as const;
  return { defaultAction: "Deny", transportRules: { rules: [rule] } };
}

async function reached(of: Sandbox): Promise<Record<"one" | "other", string>> {
  const [toOne, toOther] = [await scan(of, host, [one]), await scan(of, host, [other])];
  return { one: Object.keys(toOne).join(), other: Object.keys(toOther).join() };
}

/** It is told right after it began. */
async function refusedSoon(of: Sandbox, address: string, port: number): Promise<void> {
  const isRefused = async () => "ECONNREFUSED" in (await scan(of, address, [port])) || undefined;
  await waitFor(isRefused, AbortSignal.timeout(20_000));
}

/** How many ports were seen how. */
async function scan(of: Sandbox, address: string, ports: readonly number[]): Promise<Record<string, number>> {
  const { stdout, stderr } = await of.exec(["python3", "-c", scanner, address, ...ports.map(String)]);
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout);
}

const scanner = `
import collections, errno, json, socket, sys
seen = collections.Counter()
for port in sys.argv[2:]:
    try:
        conn = socket.create_connection((sys.argv[1], int(port)), timeout=10)
    except OSError as error:
        seen[errno.errorcode.get(error.errno, str(error))] += 1
        continue
    try:
        conn.sendall(b"hello")
        seen["greeted" if conn.recv(100) else "ended"] += 1
    except OSError as error:
        seen["open and reset" if error.errno == errno.ECONNRESET else str(error)] += 1
print(json.dumps(seen))
`;

/** NFT_MSG_DELTABLE of inet alcove, in a batch. */
const deleteTable = `
import socket, struct
def message(kind, flags, family, body=b"", resource=0):
    whole = struct.pack("=BBH", family, 0, socket.htons(resource)) + body
    return struct.pack("=IHHII", 16 + len(whole), kind, flags, 1, 0) + whole
name = struct.pack("=HH", 11, 1) + b"alcove\\0" + b"\\0"
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
link.send(message(16, 1, 0, resource=10) + message((10 << 8) | 2, 1 | 4, 1, name) + message(17, 1, 0, resource=10))
answer = link.recv(4096)
assert struct.unpack("=i", answer[16:20])[0] == 0, answer
`;

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, at) => first + at);
}

async function greeting(): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).end("220 ready\r\n"));
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return server;
}
