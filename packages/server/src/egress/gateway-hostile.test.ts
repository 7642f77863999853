/** Sandboxes that lie about HTTP/2, or ask for too much: the gateway's process stays within its bounds, and another sandbox's connection lives. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { frame } from "../guest/http2-frame-test-kit.js";
import { waitFor } from "../lib/backoff.js";
import {
  closeOf,
  echo,
  listen,
  loopback,
  settingsOf,
  soon,
  startGateway,
  type TestGateway,
} from "./gateway-test-kit.js";

const MiB = 1024 * 1024;
let kit: TestGateway;

beforeAll(async () => {
  kit = await startGateway();
});
afterAll(() => kit[Symbol.asyncDispose]());

const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0)]);
const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const connectionHead = (destination: string) =>
  Buffer.concat([
    ...[Buffer.from([0x83, 0x86, 0x04]), literal("/connections"), Buffer.from([0x01]), literal("gateway")],
    ...[Buffer.from([0x00]), literal("x-alcove-destination"), literal(destination)],
  ]);

/** Writes what the function makes, numbered, as fast as it is taken, until the socket is gone. */
function pour(socket: Socket, make: (number: number) => Buffer, most = Number.POSITIVE_INFINITY): void {
  let number = 0;
  const more = () => {
    for (let turn = 0; turn < 500; turn++) {
      if (socket.destroyed || number >= most || !socket.write(make(number++))) return;
    }
    // A gateway that takes all at once would keep this process from everything else.
    setImmediate(more);
  };
  socket.resume().on("drain", more);
  socket.write(preface);
  more();
}

/** A ClientHello of 64 KiB, each byte of it in a record of its own. */
const shreddedHello = Buffer.concat([
  ...[1, 0, 0xff, 0xfc].map((byte) => Buffer.from([22, 3, 1, 0, 1, byte])),
  ...Array.from({ length: 0xfffc }, () => Buffer.from([22, 3, 1, 0, 1, 0])),
]);

/** Begins TLS over and over, where its policy lets nothing through. */
function shredHellos(socket: Socket): void {
  const session = http2.connect("http://gateway", { createConnection: () => socket }).on("error", () => {});
  const begin = () => {
    if (session.closed || session.destroyed) return;
    const head = { ":method": "POST", ":path": "/connections", "x-alcove-destination": "192.0.2.1:443" };
    const stream = session.request(head, { endStream: false });
    stream.on("error", () => {}).on("close", () => setImmediate(begin));
    stream.resume().write(shreddedHello);
  };
  for (let count = 0; count < 20; count++) begin();
}

const attacks: [string, (socket: Socket, port: number) => void][] = [
  [
    "resets each stream at once",
    (socket, port) =>
      pour(socket, (number) =>
        Buffer.concat([
          frame(1, 4, number * 2 + 1, connectionHead(`127.0.0.1:${port}`)),
          frame(3, 0, number * 2 + 1, Buffer.from([0, 0, 0, 8])),
        ]),
      ),
  ],
  [
    "never ends a header",
    (socket) =>
      pour(socket, (number) =>
        number === 0 ? frame(1, 0, 1, connectionHead("1.1.1.1:1")) : frame(9, 0, 1, Buffer.alloc(4_096, 0x40)),
      ),
  ],
  [
    "opens 10,000 streams",
    (socket, port) =>
      pour(socket, (number) => frame(1, 4, number * 2 + 1, connectionHead(`127.0.0.1:${port}`)), 10_000),
  ],
  [
    "opens streams and fills their windows",
    (socket, port) =>
      pour(
        socket,
        (number) =>
          number < 1_000
            ? frame(1, 4, number * 2 + 1, connectionHead(`127.0.0.1:${port}`))
            : frame(0, 0, ((number - 1_000) % 1_000) * 2 + 1, Buffer.alloc(4_096, 0)),
        16_000,
      ),
  ],
  ["sends nothing but pings", (socket) => pour(socket, () => frame(6, 0, 0, Buffer.alloc(8)))],
  ["sends nothing but priorities", (socket) => pour(socket, () => frame(2, 0, 1, Buffer.alloc(5)))],
  [
    "sends empty data",
    (socket, port) =>
      pour(socket, (number) => (number === 0 ? frame(1, 4, 1, connectionHead(`127.0.0.1:${port}`)) : frame(0, 0, 1))),
  ],
  ["begins TLS in records of one byte", shredHellos],
  ["speaks no HTTP/2", (socket) => void socket.resume().write(Buffer.alloc(100_000, "x"))],
];

/** What belongs to nothing is not borne for ever. */
const endsItsSession = new Set([
  ...["never ends a header", "sends nothing but pings", "sends nothing but priorities", "sends empty data"],
  "speaks no HTTP/2",
]);

test.each(attacks)("a sandbox that %s leaves another's connection alive", { timeout: 60_000 }, async (name, attack) => {
  const port = await listen(echo);
  const sink = await listen((socket) => socket.pause());
  const open = settingsOf({ defaultAction: "Deny", transportRules: loopback });
  await Promise.all([kit.gateway.apply("victim", open), kit.gateway.apply(name, open)]);
  const victim = await kit.agent("victim");
  const stream = await victim.connect(`127.0.0.1:${port}`);
  stream.write("\0first");
  await once(stream, "data");
  const attacker = await kit.agent(name);
  await attacker.session();
  attacker.onSocket((socket) => attack(socket, sink));
  const until = performance.now() + 1_500;
  const pid = kit.workers.at(-1)?.pid ?? 0;
  let [slowestMs, longestTurnsMs, most] = [0, 0, 0];
  for (let round = 0; performance.now() < until; round++) {
    const [began, spentMs] = [performance.now(), processorMs(pid)];
    stream.write(`round ${round}`);
    expect(String((await once(stream, "data"))[0])).toBe(`round ${round}`);
    slowestMs = Math.max(slowestMs, performance.now() - began);
    longestTurnsMs = Math.max(longestTurnsMs, processorMs(pid) - spentMs);
    most = Math.max(most, residentBytes(pid));
    await sleep(50);
  }
  expect(kit.workers).toHaveLength(1);
  // What it works on others first is its own; how long that takes is the host's load as well.
  expect(longestTurnsMs).toBeLessThan(1_000);
  expect(slowestMs).toBeLessThan(15_000);
  expect(most).toBeLessThan(600 * MiB);
  // The first session was the agent's, the second the attack's.
  if (endsItsSession.has(name)) await waitFor(() => attacker.sessions > 2 || undefined, soon());
  await attacker.close();
  stream.close();
  await closeOf(stream);
  await victim.close();
});

/** Of all its threads, as user and in the kernel. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentBytes(pid: number): number {
  const [, kibibytes = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}
