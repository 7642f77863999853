import { randomBytes } from "node:crypto";
import { get } from "node:http";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { Alcove, Sandbox } from "alcove";
import { asDuplex } from "alcove/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;
let sandbox: Sandbox;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
  sandbox = await Sandbox.create({ image: "debian", alcove, ports: [{ port: 3000, name: "web" }] });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

/** A program that listens on a port of the sandbox. */
function listen(port: number, accept: (connection: Duplex) => void): void {
  served.machines.get(sandbox.id)?.listeners.set(port, accept);
}

const echo = (connection: Duplex) => void connection.pipe(connection);

test("ports are opened at creation and later, found by number and name, changed, replaced and closed", async () => {
  const { ports } = sandbox;
  expect(await ports.get("WEB")).toEqual(await ports.get(3000));
  expect((await ports.get(3000)).url).toBe(`http://3000-${sandbox.id}.localhost:7480/`);
  expect(await ports.add({ port: 8080, auth: { anonymous: true } })).toMatchObject({
    port: 8080,
    auth: { anonymous: true },
  });
  await expect(ports.add({ port: 8080 })).rejects.toMatchObject({ code: "PortExists" });
  expect(await ports.update(8080, { auth: null, activationMode: "Manual" })).toMatchObject({
    auth: {},
    activationMode: "Manual",
  });
  expect((await ports.list()).map(({ port }) => port)).toEqual([3000, 8080]);
  await ports.remove("web");
  await expect(ports.get("web")).rejects.toMatchObject({ code: "PortNotFound", field: "name", value: "web" });
  await expect(ports.remove(3000)).rejects.toMatchObject({ code: "PortNotFound" });
  expect((await ports.replace([{ port: 5000, name: "api" }])).map(({ port }) => port)).toEqual([5000]);
  const link = await ports.link("api", { expiresInSeconds: 60 });
  expect(new URL(link.url).hostname).toBe(`5000-${sandbox.id}.localhost`);
  expect(Date.parse(link.expiresAt)).toBeGreaterThan(Date.now());
  await ports.replace([]);
  expect(await ports.list()).toEqual([]);
});

test("what is written comes back whole, and each direction has its own end", async () => {
  listen(7, echo);
  await using connection = await sandbox.ports.connect(7);
  const sent = randomBytes(3_000_017);
  const writing = connection.write(sent).then(() => connection.end());
  const back = await connection.output.bytes();
  await writing;
  expect(Buffer.compare(Buffer.from(back), sent)).toBe(0);
  await expect(connection.write("more")).rejects.toThrow("ended");
});

test("what was written before the end has arrived when the connection is closed", async () => {
  const heard: Promise<Buffer>[] = [];
  listen(9, (connection) => {
    heard.push(buffer(connection));
    connection.end("bye");
  });
  const connection = await sandbox.ports.connect(9);
  expect(await connection.output.text()).toBe("bye");
  const sent = randomBytes(1_000_000);
  await connection.write(sent);
  await connection.end();
  await connection.close();
  expect((await Promise.all(heard)).map((bytes) => bytes.equals(sent))).toEqual([true]);
});

test("a port where nothing listens, a program that breaks off and an abort are told as what they are", async () => {
  await expect(sandbox.ports.connect(10)).rejects.toMatchObject({ code: "PortRefused" });
  listen(11, (connection) => connection.destroy());
  const broken = await sandbox.ports.connect(11);
  await expect(broken.output.bytes()).rejects.toMatchObject({ code: "PortReset" });
  await broken.close();
  listen(7, echo);
  const aborting = new AbortController();
  const left = await sandbox.ports.connect(7, { signal: aborting.signal });
  aborting.abort(new Error("enough"));
  await expect(left.output.bytes()).rejects.toThrow("enough");
  const elsewhere = alcove.sandboxes.connect("00000000-0000-4000-8000-000000000000");
  await expect(elsewhere.ports.connect(7)).rejects.toMatchObject({ code: "SandboxNotFound" });
});

test("a stop of the sandbox and a restart of the daemon end connections, and the next one wakes it", async () => {
  listen(7, echo);
  const beforeStop = await sandbox.ports.connect(7);
  await sandbox.stop();
  await expect(beforeStop.output.bytes()).rejects.toMatchObject({ code: "PortReset" });
  const beforeRestart = await sandbox.ports.connect(7);
  expect((await sandbox.info()).state).toBe("Running");
  await served.restart();
  await expect(beforeRestart.output.bytes()).rejects.toThrow(/closed|ended/);
  await using after = await sandbox.ports.connect(7);
  await after.write("again");
  await after.end();
  expect(await after.output.text()).toBe("again");
});

test("a program that does not read holds the writer back", async () => {
  let program: Duplex | undefined;
  listen(12, (connection) => (program = connection));
  await using connection = await sandbox.ports.connect(12);
  let isWritten = false;
  const sent = randomBytes(8_000_000);
  const writing = connection.write(sent).then(async () => {
    isWritten = true;
    await connection.end();
  });
  const first = await new Promise<Buffer>((resolve) => program?.once("data", (chunk: Buffer) => resolve(chunk)));
  program?.pause();
  await sandbox.exec("true");
  expect(isWritten).toBe(false);
  const rest = buffer(program as Duplex);
  await writing;
  expect(first.length + (await rest).length).toBe(sent.length);
});

test("as a stream of Node's it carries what a client of Node's speaks", async () => {
  listen(80, (connection) => {
    connection.once("data", () =>
      connection.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"),
    );
  });
  const stream = asDuplex(await sandbox.ports.connect(80));
  const createConnection = () => stream as never;
  const answer = await new Promise<string>((resolve, reject) => {
    get({ createConnection, path: "/" }, (incoming) => resolve(text(incoming))).on("error", reject);
  });
  expect(answer).toBe("hello");
  listen(7, echo);
  const echoing = asDuplex(await sandbox.ports.connect(7));
  const sent = randomBytes(1_000_000);
  echoing.end(sent);
  expect(Buffer.compare(await buffer(echoing), sent)).toBe(0);
  listen(11, (connection) => connection.destroy());
  const broken = asDuplex(await sandbox.ports.connect(11));
  await expect(buffer(broken)).rejects.toMatchObject({ code: "PortReset" });
});
