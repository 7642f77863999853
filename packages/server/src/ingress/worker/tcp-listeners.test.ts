/** What is reported of a listener that is lost again and again. */
import { once } from "node:events";
import { type AddressInfo, createServer, Server } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { TcpListeners, type Tried } from "./tcp-listeners.js";
import type { TcpVisits } from "./tcp-visits.js";

test("a listener that is lost a second time is reported a second time, in the same words too", async () => {
  const hostPort = await freePort();
  const listens = vi.spyOn(Server.prototype, "listen");
  onTestFinished(() => listens.mockRestore());
  const lose = () => (listens.mock.contexts.at(-1) as Server).emit("error", new Error("lost"));
  const said: Tried[] = [];
  const nobody: Pick<TcpVisits, "come"> = { come: async () => {} };
  const listeners = new TcpListeners(nobody as TcpVisits, (tried) => void said.push(tried));
  onTestFinished(() => listeners.put("a", []));
  listeners.put("a", [{ port: 5432, host: "127.0.0.1", hostPort }]);
  const listening = { sandboxId: "a", hostPort };
  const lost = { ...listening, reason: "lost" };
  await expect.poll(() => said).toEqual([listening]);
  lose();
  expect(said).toEqual([listening, lost]);
  await expect.poll(() => said, { timeout: 20_000 }).toEqual([listening, lost, listening]);
  lose();
  expect(said).toEqual([listening, lost, listening, lost]);
}, 30_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
