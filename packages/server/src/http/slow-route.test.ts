import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AlcoveError, endpoint } from "@alcove/contract";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { answer } from "./answer.js";
import { createConnections } from "./connections.js";
import type { Guard } from "./guard.js";
import { slowRoute } from "./route.js";
import { createRouteTable } from "./route-table.js";

const nothing = z.strictObject({});
const slow = endpoint({
  id: "slow",
  method: "GET",
  path: "/slow",
  access: "anyone",
  summary: "Answer slowly",
  params: nothing,
  query: nothing,
  body: "none",
  result: z.object({ done: z.boolean() }),
});

async function served(handle: () => Promise<{ done: boolean }>): Promise<string> {
  const routes = createRouteTable();
  slowRoute(routes, slow, handle, 20);
  const admit = async () => ({ caller: undefined, allowance: undefined });
  const guard: Guard = { visit: () => ({ requestId: "1", within: (work) => work(), admit, over: () => {} }) };
  const context = { routes, logger: pino({ level: "silent" }), connections: createConnections(), guard };
  const door = { caller: undefined, hosts: undefined, origins: new Set<string>() };
  const server: Server = createServer((request, response) => void answer(context, door, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/slow`;
}

test("what takes long sends white space first, and is JSON all the same", async () => {
  const url = await served(async () => {
    await sleep(110);
    return { done: true };
  });
  const text = await (await fetch(url)).text();
  expect(text).toMatch(/^ {2,}\{/);
  expect(JSON.parse(text)).toEqual({ done: true });
});

test("what is soon over has its length, and an error its status", async () => {
  const quick = await fetch(await served(async () => ({ done: true })));
  expect(quick.headers.get("content-length")).toBe("13");
  const refused = await fetch(await served(async () => Promise.reject(new AlcoveError("ImageNotFound"))));
  expect(refused.status).toBe(404);
});

test("an error behind white space breaks the answer off, so that half of it is not taken for a whole", async () => {
  const url = await served(async () => {
    await sleep(60);
    throw new AlcoveError("DaemonStopping");
  });
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
});
