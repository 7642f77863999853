import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registryFinding } from "./registry-finding.js";

const server = http.createServer((_request, response) => response.end("{}"));
let port: number;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

test("a registry on this machine may do without TLS, as it may when the daemon pulls", async () => {
  const { signal } = new AbortController();
  expect(await registryFinding(`127.0.0.1:${port}`, signal)).toMatchObject({
    level: "ok",
    sentence: expect.stringContaining("asks for no credentials"),
  });
});

test("one that was asked for TLS and speaks none is told so, and the key that allows it", async () => {
  const found = await registryFinding(`https://127.0.0.1:${port}`, new AbortController().signal);
  expect(found).toMatchObject({ level: "error", sentence: expect.stringContaining("insecureRegistries") });
});
