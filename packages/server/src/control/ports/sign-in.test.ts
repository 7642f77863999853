import { afterAll, beforeAll, expect, test } from "vitest";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";
import { TestIngress } from "./test-ingress.js";

let host: TestHost;
let daemon: TestDaemon;
const ingress = new TestIngress();

beforeAll(async () => {
  host = new TestHost();
  daemon = await host.daemon({ options: { ingress } });
});
afterAll(() => host[Symbol.asyncDispose]());

test("a server with whom nobody can sign in opens no port for people who do; what is open stays as it is", async () => {
  const { ports, sandboxes } = daemon.control;
  const auth = { oidc: { emailSuffixes: ["example.com"] } };
  const { id } = await sandboxes.create(group, { ...debian, ports: [{ port: 3000, auth }] }, never);
  const ref = { group, id };
  ingress.signsIn = false;
  const fault = { code: "InvalidRequest", field: "auth.oidc", hint: expect.stringContaining("previewSignIn") };
  await expect(ports.add(ref, { port: 4000, auth })).rejects.toMatchObject(fault);
  await expect(ports.change(ref, { port: 3000, auth: { oidc: { everyone: true } } })).rejects.toMatchObject(fault);
  await expect(ports.replace(ref, [{ port: 4000, auth }])).rejects.toMatchObject(fault);
  const body = { ...debian, ports: [{ port: 1, auth }] };
  await expect(sandboxes.create(group, body, never)).rejects.toMatchObject(fault);
  expect(await ports.add(ref, { port: 4000 })).toMatchObject([{ port: 3000, auth }, { port: 4000 }]);
});
