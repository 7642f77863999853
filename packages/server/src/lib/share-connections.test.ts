import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { shareConnections } from "./share-connections.js";

async function listening(limits: { total: number; perPeer: number }, isProxy?: (address: string) => boolean) {
  const server = createServer((_request, response) => void response.end("hi"));
  shareConnections(server, limits, isProxy);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** A connection that has asked once and then keeps still. */
async function idle(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const closed = once(socket, "close").then(() => Promise.reject(new Error("closed")));
  await Promise.race([once(socket, "data"), closed]);
  closed.catch(() => undefined);
  return socket;
}

test("who keeps every connection idle loses them to whoever comes next", async () => {
  const { port } = await listening({ total: 3, perPeer: 3 });
  for (let count = 0; count < 3; count++) await idle(port);
  await vi.waitFor(() => idle(port), { timeout: 20_000 });
});

/** This host's own addresses have no part. */
function comeFromAfar(server: Server): void {
  server.prependListener("connection", (socket) =>
    Object.defineProperty(socket, "remoteAddress", { value: "203.0.113.7" }),
  );
}

test("one address of another host has a part of the connections, and gets its next one when it closes one", async () => {
  const { server, port } = await listening({ total: 100, perPeer: 2 });
  comeFromAfar(server);
  const first = await idle(port);
  await idle(port);
  await expect(idle(port)).rejects.toThrow();
  first.destroy();
  await vi.waitFor(() => idle(port), { timeout: 20_000 });
});

test("a proxy that is trusted has no part, since many come through it", async () => {
  const { server, port } = await listening({ total: 100, perPeer: 2 }, (address) => address === "203.0.113.7");
  comeFromAfar(server);
  for (let count = 0; count < 4; count++) await idle(port);
});
