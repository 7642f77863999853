/** The gates of the gateway's process, with an agent at the other end of a socket. */
import { once } from "node:events";
import http2, { type ClientHttp2Session } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { answerHello } from "../../guest/agent-test-kit.js";
import { waitFor } from "../../lib/backoff.js";
import { temporaryDirectory } from "../../store/test-record.js";
import type { FromWorker, ToWorker } from "../messages.js";
import { Gates } from "./gates.js";

const soon = () => AbortSignal.timeout(10_000);

/** Every TLS is opened. */
const settings: Extract<ToWorker, { kind: "apply" }>["settings"] = {
  ...{ group: "default", policy: { defaultAction: "Deny", trafficInspection: "Full" }, names: [] },
  ...{ resolverOverrides: {}, upstreamCertificates: "" },
};

function begin() {
  const sent: FromWorker[] = [];
  const gates = new Gates((message) => void sent.push(message));
  let session = 0;
  /** Serves a session of a sandbox; answers the agent's end of it. */
  const serve = async (sandboxId: string): Promise<ClientHttp2Session> => {
    const [ours, theirs] = await socketPair();
    const agent = new Promise<ClientHttp2Session>((resolve) =>
      answerHello(theirs, () => resolve(http2.connect("http://gateway", { createConnection: () => theirs }))),
    );
    gates.take({ kind: "serve", session: ++session, sandboxId, generation: 1 }, ours);
    return (await agent).on("error", () => {});
  };
  const over = (number: number) =>
    waitFor(() => sent.find((message) => message.kind === "over" && message.session === number), soon());
  return { gates, sent, serve, over };
}

async function socketPair(): Promise<[Socket, Socket]> {
  const directory = temporaryDirectory();
  const server = createServer().listen(join(directory.path, "socket"));
  const ours = connect({ path: join(directory.path, "socket") }).pause();
  const [theirs] = (await once(server, "connection")) as [Socket];
  theirs.on("error", () => {});
  server.close();
  onTestFinished(() => {
    for (const socket of [ours, theirs]) socket.destroy();
    directory[Symbol.dispose]();
  });
  return [ours, theirs];
}

test("for want of memory the session with the most connections is ended without a strike, and one without any never", async () => {
  const { gates, sent, serve, over } = begin();
  const [, busy] = [await serve("idle"), await serve("busy")];
  gates.endBusiest("no memory");
  const call = { ":method": "POST", ":path": "/connections", "x-alcove-destination": "192.0.2.1:1" };
  const stream = busy.request(call, { endStream: false });
  stream.on("error", () => {});
  await once(stream, "response");
  expect(sent).toEqual([]);
  gates.endBusiest("no memory");
  expect(await over(2)).toMatchObject({ isBreak: false, reason: "no memory" });
  expect(sent.filter(({ kind }) => kind === "over")).toHaveLength(1);
});

test("a gate that never had settings goes with its last session, and one that has them stays", async () => {
  const { gates, serve, over } = begin();
  gates.take({ kind: "apply", request: 1, sandboxId: "settled", settings }, undefined);
  const [pooled, settled] = [await serve("pooled"), await serve("settled")];
  await waitFor(() => gates.count === 2 || undefined, soon());
  pooled.destroy();
  await over(1);
  expect(gates.count).toBe(1);
  settled.destroy();
  await over(2);
  expect(gates.count).toBe(1);
});

test("of the certificates that a sandbox asks for in a flood the daemon makes a hundred, and goes on for another sandbox", async () => {
  const { gates, sent, serve } = begin();
  const issued = (sandboxId: string) =>
    sent.filter((message) => message.kind === "issue" && message.sandboxId === sandboxId).length;
  const hello = await helloWithoutName();
  const ask = async (sandboxId: string, network: string, count: number) => {
    gates.take({ kind: "apply", request: 1, sandboxId, settings }, undefined);
    const session = await serve(sandboxId);
    for (let number = 1; number <= count; number++) {
      const destination = `${network}.${number}:443`;
      const call = { ":method": "POST", ":path": "/connections", "x-alcove-destination": destination };
      session
        .request(call, { endStream: false })
        .on("error", () => {})
        .write(hello);
    }
  };
  await ask("flooding", "192.0.2", 200);
  await waitFor(() => sent.find(isRefusal), soon());
  await ask("quiet", "198.51.100", 1);
  await waitFor(() => issued("quiet") === 1 || undefined, soon());
  expect(issued("flooding")).toBeGreaterThanOrEqual(100);
  expect(issued("flooding")).toBeLessThan(150);
});

/** A decision that says that there were too many. */
const isRefusal = (message: FromWorker) =>
  message.kind === "decided" &&
  message.decisions.some(({ rule, reason }) => rule === "tls-failed" && reason.includes("too many certificates"));

async function helloWithoutName(): Promise<Buffer> {
  const [ours, theirs] = await socketPair();
  tls.connect({ socket: ours }).on("error", () => {});
  return (await once(theirs, "data"))[0];
}
