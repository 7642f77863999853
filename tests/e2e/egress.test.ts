/** What a real sandbox reaches through the real gateway: from a program's connection to a server, under a policy. */
import { request, type Server, createServer as serveHttp } from "node:http";
import { createServer as serveHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import { TestDaemon } from "../harness/daemon.js";

const authority = makeAuthority("servers");
const { certificate: cert, key } = issue(authority, "web.test");
const servers = [serveHttp(answer), serveHttps({ cert, key }, answer)] as const;
let daemon: TestDaemon;
let sandbox: Sandbox;
let ports: readonly number[];

function answer(asked: { readonly url?: string | undefined }, response: { end(text: string): unknown }): void {
  response.end(`${asked.url}\n`);
}

beforeAll(async () => {
  ports = await Promise.all(servers.map(listening));
  daemon = await TestDaemon.start({ hasOwnData: true });
  const upstream = { resolverOverrides: { "web.test": "127.0.0.1" }, upstreamCertificates: authority.certificate };
  await put(join(daemon.runtimeDirectory, "alcoved.sock"), "/v1/groups/default/egress", upstream);
  sandbox = await daemon.alcove.defaultGroup.sandboxes.create({
    image: "debian",
    egressPolicy: {
      defaultAction: "Deny",
      rules: [
        { name: "allowed", match: { host: "web.test", path: "/allowed*", scheme: "any" }, action: { type: "Allow" } },
      ],
      transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" }] },
    },
  });
}, 600_000);
afterAll(async () => {
  for (const server of servers) server.close();
  await daemon?.[Symbol.asyncDispose]();
});

test("what a rule allows is reached, in the clear and inside TLS that programs trust", async () => {
  for (const url of urls("/allowed")) expect(await curl(url)).toBe("/allowed\n");
});

test("what no rule allows is refused with the reason, name by name and path by path", async () => {
  for (const url of urls("/other")) expect(await curl(url)).toMatch(/Alcove denied GET/);
  expect(await curl("https://elsewhere.test/")).toContain("Could not resolve host");
  const { allowed, denied } = (await sandbox.egressDecisions()).http;
  expect(allowed.map(({ path }) => path)).toEqual(["/allowed", "/allowed"]);
  expect(denied.map(({ path }) => path)).toEqual(["/other", "/other"]);
});

test("a policy that is replaced holds from the next connection on, and after a sleep", async () => {
  await sandbox.setEgressPolicy({ defaultAction: "Deny" });
  for (const url of urls("/allowed")) expect(await curl(url)).toContain("Could not resolve host");
  await sandbox.stop();
  await sandbox.resume();
  for (const url of urls("/allowed")) expect(await curl(url)).toContain("Could not resolve host");
});

async function curl(url: string): Promise<string> {
  const { stdout, stderr } = await sandbox.exec(["curl", "-sS", "-m", "30", url]);
  return stdout + stderr;
}

const urls = (path: string) => [`http://web.test:${ports[0]}${path}`, `https://web.test:${ports[1]}${path}`];

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function put(socketPath: string, path: string, body: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const call = request({ socketPath, path, method: "PUT", headers }, (response) => {
      response.resume();
      response.once("end", () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
      );
    });
    call.once("error", reject).end(JSON.stringify(body));
  });
}
