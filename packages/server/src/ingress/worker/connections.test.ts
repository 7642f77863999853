/** Node's client of HTTP on connections that are kept: to a real server, over real sockets. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { Connections } from "./connections.js";

const place = { sandboxId: "a", port: 3000 };

async function program() {
  const server = createServer((_request, response) => void response.end("hi")).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const opened: Socket[] = [];
  const lines = {
    async connect() {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      opened.push(socket);
      await once(socket, "connect");
      return socket;
    },
  };
  const connections = new Connections(lines);
  onTestFinished(() => connections.closePort(place));
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const outgoing = request({ agent: connections.to(place), host: "program" });
      outgoing.once("response", (answer) => text(answer).then(resolve, reject)).once("error", reject);
      outgoing.end();
    });
  return { ask, opened, connections };
}

test("a connection is used again and again, and has no more listeners for it", async () => {
  const { ask, opened } = await program();
  const count = () => {
    const [socket] = opened;
    return ["error", "close", "taken"].map((name) => socket?.listenerCount(name));
  };
  const isKept = () => opened[0]?.listenerCount("taken") !== 0;
  await ask();
  await expect.poll(isKept).toBe(true);
  const before = count();
  for (let at = 0; at < 12; at++) {
    expect(await ask()).toBe("hi");
    await expect.poll(isKept).toBe(true);
  }
  expect(opened).toHaveLength(1);
  expect(count()).toEqual(before);
});

test("a port that is closed loses its connections, and what they were kept in", async () => {
  const { ask, opened, connections } = await program();
  const before = connections.to(place);
  expect(connections.to(place)).toBe(before);
  await ask();
  connections.closePort(place);
  await expect.poll(() => opened[0]?.destroyed).toBe(true);
  expect(connections.to(place)).not.toBe(before);
});
