/** Ports that speak TCP from end to end: control over the fake engine, the gateway's real process, real sockets, real streams as the programs. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  AddPort,
  AlcoveError,
  type CreateSandbox,
  type PortIpAccessControl,
  type Sandbox,
  type SandboxPort,
} from "@alcove/contract";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Worker } from "../../host/worker.js";
import type { IngressGateway } from "../../ingress/ingress.js";
import { startIngress, visit } from "../../ingress/ingress-test-kit.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

/** Below what the kernel gives to clients. */
const first = 10_000 + ((process.pid * 101) % 20_000);
const large = { listenHost: "127.0.0.1", host: "db.example", first, last: first + 99 };

const patience = { timeout: 20_000 };

let host: TestHost;
let ingress: IngressGateway;
let daemon: TestDaemon;
const workers: Worker[] = [];

beforeAll(async () => {
  host = new TestHost();
  ingress = startIngress({ tcp: large }, (worker) => workers.push(worker));
  daemon = await host.daemon({ options: { ingress } });
}, 60_000);
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await ingress.close();
});

const tcpPort: AddPort = { port: 5432, protocol: "Tcp", auth: { anonymous: true } };

interface Opened extends Sandbox {
  readonly ref: { readonly group: string; readonly id: string };
  readonly hostPort: number;
}

async function sandboxWith(
  program: (connection: Duplex) => void,
  port: AddPort = tcpPort,
  more: Partial<CreateSandbox> = {},
): Promise<Opened> {
  const sandbox = await daemon.control.sandboxes.create(group, { ...debian, ports: [port], ...more }, never);
  listen(sandbox.id, program);
  return { ...sandbox, ref: { group, id: sandbox.id }, hostPort: hostPortOf(sandbox.ports) };
}

function listen(sandboxId: string, program: (connection: Duplex) => void): void {
  host.fake.machines.get(sandboxId)?.listeners.set(5432, program);
}

function hostPortOf(ports: readonly SandboxPort[] | undefined): number {
  return ports?.[0]?.tcp?.port ?? 0;
}

const echo = (connection: Duplex) => void connection.pipe(connection);

function come(port: number, localAddress = "127.0.0.1"): Socket {
  const socket = connect({ host: "127.0.0.1", port, localAddress, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  return socket.on("error", () => {});
}

/** `closed` where it ends before it says anything. */
function said(socket: Socket, word: string): Promise<string> {
  socket.write(word);
  return new Promise((resolve) => {
    socket.once("data", (chunk) => resolve(String(chunk)));
    socket.once("close", () => resolve("closed"));
  });
}

/** To its end, and no further: the other direction stays as it is. */
function heardFrom(stream: Duplex): Promise<string> {
  let all = "";
  stream.on("data", (chunk) => {
    all += chunk;
  });
  return new Promise((resolve) => stream.once("end", () => resolve(all)).once("close", () => resolve(all)));
}

/** Whether its other side has gone, in any way. */
function watched(socket: Socket): () => boolean {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  socket.on("end", end).on("close", end).resume();
  return () => isOver;
}

function refusal(hostPort: number): Promise<string> {
  return new Promise((resolve) => {
    come(hostPort)
      .on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
      .on("connect", () => resolve("connected"));
  });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "done",
    (error) => (error instanceof AlcoveError ? error.code : String(error)),
  );
}

test("the answer says where it is reached, and what comes there is the program's, byte for byte", async () => {
  const { ports, hostPort } = await sandboxWith(echo);
  expect(ports?.[0]).toMatchObject({ protocol: "Tcp", url: `tcp://db.example:${hostPort}` });
  expect(ports?.[0]?.tcp).toEqual({ host: "db.example", port: hostPort });
  expect(ports?.[0]?.pathUrl).toBeUndefined();
  expect(hostPort).toBeGreaterThanOrEqual(large.first);
  expect(hostPort).toBeLessThanOrEqual(large.last);
  const bytes = randomBytes(3 * 1024 * 1024 + 17);
  const socket = come(hostPort);
  socket.end(bytes);
  expect((await buffer(socket)).equals(bytes)).toBe(true);
});

test("either side may end its direction first, and goes on hearing the other", async () => {
  const heard: Promise<string>[] = [];
  const { hostPort, id } = await sandboxWith((connection) => {
    connection.end("first");
    heard.push(heardFrom(connection));
  });
  const socket = come(hostPort);
  expect(await heardFrom(socket)).toBe("first");
  socket.end("then");
  await expect.poll(() => heard.length, patience).toBe(1);
  expect(await heard[0]).toBe("then");
  listen(id, (connection) => void heardFrom(connection).then((all) => connection.end(`heard ${all}`)));
  const other = come(hostPort);
  other.end("all");
  expect(await heardFrom(other)).toBe("heard all");
});

test("nothing is opened without the word that everybody may come, nor loses that word later", async () => {
  const { issues = [] } = AddPort.safeParse({ port: 5432, protocol: "Tcp" }).error ?? {};
  expect(issues.map(({ path, message }) => [path.join("."), message])).toEqual([
    ["auth.anonymous", expect.stringContaining("must be true")],
  ]);
  const { ref, hostPort } = await sandboxWith(echo);
  expect(await codeOf(daemon.control.ports.change(ref, { port: 5432, auth: null }))).toBe("InvalidRequest");
  expect(await codeOf(daemon.control.ports.link(ref, { port: 5432 }))).toBe("InvalidRequest");
  expect(await said(come(hostPort), "still")).toBe("still");
});

test("it is no preview: a page cannot send requests to it", async () => {
  const { id } = await sandboxWith(echo);
  const address = await ingress.address();
  expect((await visit(`http://5432-${id}.localhost:${address?.port}/`)).status).toBe(404);
});

test("from where the rules of the port let somebody come; who is there when they change is sent away", async () => {
  const office = (cidr: string): PortIpAccessControl => ({
    defaultAction: "Deny",
    rules: [{ name: "office", action: "Allow", priority: 1, sourceCidrs: [cidr] }],
  });
  const { ref, hostPort } = await sandboxWith(echo, { ...tcpPort, ipAccessControl: office("127.0.0.2/32") });
  expect(await said(come(hostPort), "a")).toBe("closed");
  const there = come(hostPort, "127.0.0.2");
  expect(await said(there, "b")).toBe("b");
  const isGone = watched(there);
  await daemon.control.ports.change(ref, { port: 5432, ipAccessControl: office("127.0.0.3/32") });
  await expect.poll(isGone, patience).toBe(true);
  expect(await said(come(hostPort, "127.0.0.2"), "c")).toBe("closed");
  expect(await said(come(hostPort, "127.0.0.3"), "d")).toBe("d");
});

test("a reset on one side is one on the other, in the middle too", async () => {
  const ends: string[] = [];
  const { hostPort, id } = await sandboxWith((connection) => {
    connection.on("data", (chunk) => ends.push(String(chunk))).on("end", () => ends.push("end"));
    connection.once("close", () => ends.push("close"));
  });
  const socket = come(hostPort);
  socket.write("half");
  await expect.poll(() => ends, patience).toEqual(["half"]);
  socket.resetAndDestroy();
  await expect.poll(() => ends, patience).toEqual(["half", "close"]);
  listen(id, (connection) => connection.once("data", () => connection.destroy()));
  const other = come(hostPort);
  const failed = new Promise((resolve) => other.once("error", resolve));
  other.write("x");
  expect(await failed).toMatchObject({ code: "ECONNRESET" });
});

test("nobody listens: who comes is reset", async () => {
  const { id, hostPort } = await sandboxWith(echo);
  host.fake.machines.get(id)?.listeners.delete(5432);
  expect(await said(come(hostPort), "x")).toBe("closed");
});

test("one who does not read stops the program that writes to it, and nobody else", async () => {
  let written = 0;
  const { id, hostPort } = await sandboxWith((connection) => {
    const piece = Buffer.alloc(65_536);
    const write = () => {
      for (let isFull = false; !isFull && !connection.destroyed; written += piece.length)
        isFull = !connection.write(piece);
      connection.once("drain", write);
    };
    write();
  });
  const slow = come(hostPort).pause();
  await expect.poll(() => written, patience).toBeGreaterThan(0);
  let before = -1;
  // As much as buffers of the kernel and on the way have room for, and then no more.
  await expect
    .poll(
      () => {
        const hasStopped = written === before;
        before = written;
        return hasStopped;
      },
      { interval: 500, timeout: 30_000 },
    )
    .toBe(true);
  expect(written).toBeLessThan(64 * 1024 * 1024);
  listen(id, echo);
  expect(await said(come(hostPort), "other")).toBe("other");
  slow.destroy();
});

test("connections that are kept open and idle are bounded; when some go others come", async () => {
  const { hostPort } = await sandboxWith(echo);
  const isOpen = async (socket: Socket) => ((await said(socket, "x")) === "x" ? [socket] : []);
  const kept: Socket[] = [];
  for (let part = 0; part < 10; part++) {
    const sockets = Array.from({ length: 100 }, () => come(hostPort));
    kept.push(...(await Promise.all(sockets.map(isOpen))).flat());
  }
  expect(kept).toHaveLength(512);
  const neighbour = await sandboxWith(echo);
  expect(await said(come(neighbour.hostPort), "near")).toBe("near");
  kept[0]?.destroy();
  await expect.poll(() => said(come(hostPort), "again"), patience).toBe("again");
}, 120_000);

test("who comes wakes a sandbox that sleeps, and waits; where it is Manual it is reset", async () => {
  const { ref, hostPort } = await sandboxWith(echo);
  const there = come(hostPort);
  expect(await said(there, "a")).toBe("a");
  const isGone = watched(there);
  await daemon.control.sandboxes.stop(ref, {}, never);
  await expect.poll(isGone, patience).toBe(true);
  expect(await said(come(hostPort), "b")).toBe("b");
  await daemon.control.ports.change(ref, { port: 5432, activationMode: "Manual" });
  await daemon.control.sandboxes.stop(ref, {}, never);
  expect(await said(come(hostPort), "c")).toBe("closed");
  expect((await daemon.control.sandboxes.get(ref)).state).toBe("Stopped");
});

test("whoever is connected keeps the sandbox from being suspended for idleness", async () => {
  const lifecycle = { autoSuspendPolicy: { enabled: true, interval: 3_600 } };
  const { ref, hostPort } = await sandboxWith(echo, tcpPort, { lifecycle });
  const sessions = async () =>
    (await daemon.control.sandboxes.get(ref)).activity?.keptAwakeBy?.filter(({ kind }) => kind === "session").length;
  const socket = come(hostPort);
  expect(await said(socket, "a")).toBe("a");
  await expect.poll(sessions, patience).toBe(1);
  socket.destroy();
  await expect.poll(sessions, patience).toBe(0);
});

test("a port that is removed has no listener any more, and who is there is cut off", async () => {
  const { ref, hostPort } = await sandboxWith(echo);
  const there = come(hostPort);
  expect(await said(there, "a")).toBe("a");
  const isGone = watched(there);
  expect(await daemon.control.ports.remove(ref, { port: 5432 })).toEqual([]);
  await expect.poll(isGone, patience).toBe(true);
  expect(await refusal(hostPort)).toBe("ECONNREFUSED");
});

test("so it is with one whose sandbox is deleted", async () => {
  const { ref, hostPort } = await sandboxWith(echo);
  await daemon.control.sandboxes.delete(ref, never);
  await expect.poll(() => refusal(hostPort), patience).toBe("ECONNREFUSED");
});

test("the gateway's process dies: the next one listens on the same ports", async () => {
  const { hostPort } = await sandboxWith(echo);
  const there = come(hostPort);
  expect(await said(there, "a")).toBe("a");
  const isGone = watched(there);
  process.kill(workers.at(-1)?.pid ?? 0, "SIGKILL");
  await expect.poll(isGone, patience).toBe(true);
  await expect.poll(() => said(come(hostPort), "b"), { timeout: 30_000 }).toBe("b");
}, 60_000);

describe("a range of two", () => {
  let range = { ...large, first: first + 100, last: first + 101 };
  let own: TestHost;
  let gateway: IngressGateway;
  let server: TestDaemon;
  beforeAll(async () => {
    own = new TestHost();
    gateway = startIngress({ tcp: range });
    server = await own.daemon({ options: { ingress: gateway } });
  }, 60_000);
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
    await gateway.close();
  });

  const create = (...ports: AddPort[]) => server.control.sandboxes.create(group, { ...debian, ports }, never);

  test("is used up by two, and a third is told so; with a port that goes there is one again", async () => {
    const one = await create(tcpPort, { ...tcpPort, port: 5433 });
    const hostPorts = one.ports?.map(({ tcp }) => tcp?.port).sort();
    expect(hostPorts).toEqual([range.first, range.last]);
    expect(await codeOf(create(tcpPort))).toBe("TcpPortsUsedUp");
    const other = await create();
    const ref = { group, id: other.id };
    expect(await codeOf(server.control.ports.add(ref, tcpPort))).toBe("TcpPortsUsedUp");
    expect(await server.control.ports.list(ref)).toEqual([]);
    await server.control.ports.replace({ group, id: one.id }, [{ ...tcpPort, port: 5434 }]);
    expect(hostPortOf(await server.control.ports.add(ref, tcpPort))).toBeGreaterThan(0);
  });

  test("the next daemon listens where the one before did, and in its own range where that is another one", async () => {
    const before = server.store.sandboxPorts.hostPorts().sort();
    const fallen = gateway;
    const restart = async (tcp: typeof range) => {
      await server.close();
      await gateway.close();
      gateway = startIngress({ tcp });
      server = await own.daemon({ options: { ingress: gateway } });
    };
    await restart(range);
    expect(gateway).not.toBe(fallen);
    expect(server.store.sandboxPorts.hostPorts().sort()).toEqual(before);
    for (const { sandboxId, ports } of server.store.sandboxPorts.all()) {
      for (const { port } of ports) own.fake.machines.get(sandboxId)?.listeners.set(port, echo);
    }
    for (const hostPort of before) await expect.poll(() => said(come(hostPort), "a"), patience).toBe("a");
    const moved = { ...range, first: range.first + 10, last: range.last + 10 };
    await restart(moved);
    const after = server.store.sandboxPorts.hostPorts().sort();
    expect(after).toEqual([moved.first, moved.last]);
    for (const hostPort of after) await expect.poll(() => said(come(hostPort), "b"), patience).toBe("b");
    range = moved;
    for (const { sandboxId } of server.store.sandboxPorts.all())
      await server.control.sandboxes.delete({ group, id: sandboxId }, never);
  }, 60_000);

  test("of which another program has one: the other one is given; and with both taken it is told, and nothing is opened", async () => {
    const take = async (port: number) => {
      const taker = createServer().listen(port, "127.0.0.1");
      await once(taker, "listening");
      onTestFinished(() => void taker.close());
      return (taker.address() as AddressInfo).port;
    };
    await expect.poll(() => refusal(range.first), patience).toBe("ECONNREFUSED");
    await take(range.first);
    const one = await create(tcpPort);
    expect(hostPortOf(one.ports)).toBe(range.last);
    const two = await create();
    const ref = { group, id: two.id };
    expect(await codeOf(server.control.ports.add(ref, tcpPort))).toBe("TcpPortsUsedUp");
    expect(await server.control.ports.list(ref)).toEqual([]);
  }, 60_000);
});

test("a server whose administrator gave no range has none of it, and says so", async () => {
  const previewsAlone = startIngress();
  await using other = new TestHost();
  const { control } = await other.daemon({ options: { ingress: previewsAlone } });
  expect(await codeOf(control.sandboxes.create(group, { ...debian, ports: [tcpPort] }, never))).toBe("TcpPortsOff");
  await previewsAlone.close();
});
