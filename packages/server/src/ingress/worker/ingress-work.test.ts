/** The process's work without the process: what it tells the daemon of who comes. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { visit } from "../ingress-test-kit.js";
import type { FromIngress } from "../messages.js";
import { IngressWork } from "./ingress-work.js";

async function listening() {
  const said: FromIngress[] = [];
  const work = new IngressWork((message) => {
    said.push(message);
    if (message.kind === "mayCome") work.take({ kind: "decided", request: message.request, mayCome: false }, undefined);
    if (message.kind !== "reach") return;
    const fault = { status: 503, code: "SandboxNotRunning", message: "It sleeps.", hint: "" };
    work.take({ kind: "reached", request: message.request, fault }, undefined);
  });
  work.take({ kind: "listen", host: "127.0.0.1", port: 0, domain: "localhost", trustedProxies: [] }, undefined);
  await expect.poll(() => said.find(({ kind }) => kind === "listening")).toBeDefined();
  const port = said.flatMap((message) => (message.kind === "listening" ? [message.port] : []))[0];
  const heard = () => said.filter(({ kind }) => kind === "busy" || kind === "reach").map(({ kind }) => kind);
  return { work, heard, urlOf: (sandboxId: string) => `http://3000-${sandboxId}.localhost:${port}/` };
}

test("who is refused keeps no sandbox awake; who is let in does", async () => {
  const { work, heard, urlOf } = await listening();
  const [closed, open] = [randomUUID(), randomUUID()];
  work.take({ kind: "apply", sandboxId: closed, route: { ports: [{ port: 3000 }], linkKey: "" } }, undefined);
  const headers = { "x-alcove-key": "alc_no" };
  const upgrade = { connection: "upgrade", upgrade: "websocket" };
  expect((await visit(urlOf(closed), { headers })).status).toBe(401);
  expect((await visit(urlOf(closed), { headers: { ...headers, ...upgrade } })).status).toBe(401);
  expect(heard()).toEqual([]);
  const ports = [{ port: 3000, auth: { anonymous: true } }];
  work.take({ kind: "apply", sandboxId: open, route: { ports, linkKey: "" } }, undefined);
  expect((await visit(urlOf(open))).status).toBe(503);
  await expect.poll(heard).toEqual(["busy", "reach", "busy"]);
});
