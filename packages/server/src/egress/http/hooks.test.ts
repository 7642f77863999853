/** Rules that ask an endpoint, with real endpoints: those that answer, and those that are slow, broken, or hostile. */
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import type { EgressHook } from "@alcove/contract";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { issue } from "../certificates/authority.js";
import { DialFailure } from "./dial-failure.js";
import { closed, type Gate, type GateOptions, listening, serverAuthority, startGate } from "./flow-test-kit.js";

let answer: (response: ServerResponse, request: IncomingMessage) => void;
const questions: { headers: http.IncomingHttpHeaders; body: Record<string, unknown> }[] = [];
const seen: string[] = [];
let gone = 0;
const server = http.createServer(async (request, response) => {
  seen.push(`${request.headers.host}${request.url} ${request.headers["x-put"] ?? ""} ${await text(request)}`.trim());
  response.end("fine");
});
let endpoint: https.Server;

beforeAll(async () => {
  const { certificate: cert, key } = await issue(serverAuthority, "ask.test");
  endpoint = https.createServer({ cert, key }, async (request, response) => {
    response.on("close", () => gone++);
    questions.push({ headers: request.headers, body: JSON.parse(await text(request)) });
    answer(response, request);
  });
  await Promise.all([listening(server), listening(endpoint)]);
});
beforeEach(() => {
  questions.length = seen.length = gone = 0;
  says({ action: { type: "Allow" } });
});
afterAll(async () => {
  for (const each of [server, endpoint]) each.closeAllConnections();
  await Promise.all([closed(server), closed(endpoint)]);
});

const says = (what: object) => {
  answer = (response) => response.end(JSON.stringify(what));
};
const policy = (hook: Partial<EgressHook> = {}, more: object = {}) => ({
  defaultAction: "Deny" as const,
  rules: [
    {
      name: "ask",
      match: { host: "*", scheme: "http" as const },
      hookRef: { endpoint: "https://ask.test/decide?x=1", ...hook },
    },
  ],
  ...more,
});
const start = (options: Partial<GateOptions> = {}) =>
  startGate({
    scheme: "http",
    servers: { "example.com:80": server, "other.test:80": server, "ask.test:443": endpoint },
    policy: policy(),
    ...options,
  });

function ask(gate: Gate, options: http.RequestOptions & { body?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = { host: "127.0.0.1", port: gate.port, agent: false, path: "/a?b=c", headers: { Host: "example.com" } };
    const request = http.request({ ...host, ...options }, async (response) => {
      resolve(`${response.statusCode} ${await text(response)}`);
    });
    request.on("error", reject).end(options.body);
  });
}

const lastReason = async (gate: Gate) => {
  await expect.poll(() => gate.decisions.length).toBeGreaterThan(0);
  return gate.decisions.at(-1);
};

test("the endpoint is told what the rule says, and each request is asked about anew", async () => {
  const secretRef = { secretId: "hook" };
  const authHeaders: EgressHook["authHeaders"] = [
    { operation: "Set", name: "Authorization", valueRef: { secretRef } },
    { operation: "Set", name: "X-Plain", value: "plain" },
  ];
  const asking = policy({ authHeaders, requestHeaders: ["X-Some", "Cookie", "X-None"] });
  await using gate = await start({ policy: asking, values: { hook: "s3cret" } });
  const headers = ["Host", "example.com", "X-Some", "1", "x-some", "2", "Cookie", "a=b", "X-Other", "3"];
  expect(await ask(gate, { method: "PUT", headers: headers as never, body: "hello" })).toBe("200 fine");
  says({ action: { type: "Deny" }, reason: "not on a Saturday" });
  expect(await ask(gate)).toMatch(/^403 .*by rule "ask": the endpoint of rule "ask" denies it: not on a Saturday\./);
  expect(questions[0]?.headers).toMatchObject({
    authorization: "s3cret",
    "x-plain": "plain",
    "content-type": "application/json",
  });
  expect(questions.map(({ body }) => body)).toEqual([
    {
      ...{ sandboxId: "sandbox-1", group: "default", rule: "ask", method: "PUT", scheme: "http", host: "example.com" },
      ...{ port: 80, path: "/a?b=c", requestHeaders: { "X-Some": "1, 2", Cookie: "a=b" } },
    },
    expect.objectContaining({ method: "GET", requestHeaders: {} }),
  ]);
  expect(seen).toEqual(["example.com/a?b=c  hello"]);
  expect(await lastReason(gate)).toMatchObject({ verdict: "Deny", rule: "ask", isEnforced: true });
});

test("a reason comes without the values that the program is not to see", async () => {
  await using gate = await start({ hidden: { hook: "s3cret-of-hook" } });
  says({ action: { type: "Deny" }, reason: "“s3cret-of-hook” has expired" });
  expect(await ask(gate)).toContain(`denies it: “${"*".repeat(14)}” has expired`);
  expect((await lastReason(gate))?.reason).not.toContain("s3cret");
});

test("what it answers is done: headers that it gives, another place", async () => {
  await using gate = await start();
  says({ action: { type: "Transform", headers: [{ operation: "Set", name: "X-Put", value: "put" }] } });
  expect(await ask(gate)).toBe("200 fine");
  says({ action: { type: "Rewrite", host: "other.test", path: "/b" } });
  expect(await ask(gate)).toBe("200 fine");
  expect(seen).toEqual(["example.com/a?b=c put", "other.test/b?b=c"]);
});

test("whatever it lets through leaves by the rule's route", async () => {
  const [rule] = policy().rules;
  await using gate = await start({
    policy: { defaultAction: "Deny", rules: [{ ...rule, route: "through" } as NonNullable<typeof rule>] },
  });
  expect(await ask(gate)).toBe("200 fine");
  expect(gate.dialled.map(({ host, route }) => [host, route])).toEqual([
    ["ask.test", undefined],
    ["example.com", "through"],
  ]);
});

test("placeholders are placeholders to it", async () => {
  await using gate = await start({
    placed: [{ text: "alcove-placeholder-1", value: "s3cret", source: "x" }],
    policy: policy({ requestHeaders: ["X-Key"] }),
  });
  await ask(gate, {
    path: "/?k=alcove-placeholder-1",
    headers: { Host: "example.com", "X-Key": "alcove-placeholder-1" },
  });
  expect(questions[0]?.body).toMatchObject({
    path: "/?k=alcove-placeholder-1",
    requestHeaders: { "X-Key": "alcove-placeholder-1" },
  });
});

const faults: [string, (response: ServerResponse) => void, string][] = [
  ["answers 500", (response) => void response.writeHead(500).end("{}"), "status 500"],
  ["redirects", (response) => void response.writeHead(302, { Location: "https://ask.test/other" }).end(), "status 302"],
  ["answers no JSON", (response) => void response.end("yes"), "no JSON"],
  [
    "names a secret",
    (response) =>
      void response.end(
        JSON.stringify({
          action: {
            type: "Transform",
            headers: [{ operation: "Set", name: "X", valueRef: { secretRef: { secretId: "hook" } } }],
          },
        }),
      ),
    "stands elsewhere",
  ],
  ["never answers", () => {}, "within 300 ms"],
  [
    "drips",
    (response) => {
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
    },
    "within 300 ms",
  ],
  ["floods", (response) => void response.end(" ".repeat(70_000)), "longer than 64 KiB"],
  ["hangs up", (response) => void response.socket?.destroy(), ""],
  [
    "hangs up in the middle",
    (response) => {
      response.writeHead(200, { "Content-Length": "99" }).write('{"action":');
      setTimeout(() => response.socket?.destroy(), 50);
    },
    "",
  ],
  [
    "says more than it should",
    (response) => void response.writeHead(200, { "X-Long": "x".repeat(200_000) }).end("{}"),
    "",
  ],
];

test.each(faults)(
  "one that %s gives no answer that counts: denied, unless the rule allows it then",
  async (_, fault, why) => {
    answer = fault;
    await using gate = await start({ policy: policy({ timeoutMs: 300 }) });
    const refused = await ask(gate);
    expect(refused).toMatch(/^403 .*the endpoint of rule "ask" gave no answer that counts\./);
    expect((await lastReason(gate))?.reason).toMatch(new RegExp(`no answer that counts: .*${why}`));
    expect(seen).toEqual([]);
    gate.setPolicy(policy({ timeoutMs: 300, failBehavior: "Allow" }));
    expect(await ask(gate)).toBe("200 fine");
    await expect.poll(() => gone).toBe(2);
    await expect.poll(() => gate.decisions.length).toBe(2);
    expect(gate.decisions[1]).toMatchObject({
      verdict: "Allow",
      reason: expect.stringContaining("it is allowed then"),
    });
  },
);

test.each([
  ["forbidden-address", "leads to 10.0.0.1, which nothing is sent to"],
  ["bad-certificate", "its certificate is another's"],
] as const)(
  "one that is not reached (%s) gives none either, and the program is not told where it is",
  async (rule, message) => {
    await using gate = await start({
      servers: { "example.com:80": server, "ask.test:443": new DialFailure(rule, message) },
    });
    const refused = await ask(gate);
    expect(refused).toMatch(/^403 /);
    expect(refused).not.toContain(message);
    expect((await lastReason(gate))?.reason).toContain(message);
  },
);

test("without a value for its own headers it is not asked", async () => {
  const valueRef = { secretRef: { secretId: "hook" } };
  await using gate = await start({
    policy: policy({ authHeaders: [{ operation: "Set", name: "Authorization", valueRef }] }),
  });
  expect(await ask(gate)).toMatch(/^403 /);
  expect(questions).toEqual([]);
});

test("a value that has hosts does not go to an endpoint that is none of them", async () => {
  const valueRef = { secretRef: { secretId: "hook" } };
  const asking = policy({ authHeaders: [{ operation: "Set", name: "Authorization", valueRef }] });
  const values = { hook: "s3cret" };
  await using gate = await start({ policy: asking, values, valueHosts: { hook: ["api.test"] } });
  const refused = await ask(gate);
  expect(refused).toMatch(/^403 /);
  expect((await lastReason(gate))?.reason).toContain("the secret hook goes to its own hosts alone, not to ask.test");
  expect(questions).toEqual([]);
  await using other = await start({ policy: asking, values, valueHosts: { hook: ["*.test"] } });
  expect(await ask(other)).toBe("200 fine");
});

test("in Audit mode a denial goes through as it is, and is recorded as such", async () => {
  says({ action: { type: "Deny" }, reason: "no" });
  await using gate = await start({ policy: policy({}, { enforcementMode: "Audit" }) });
  expect(await ask(gate)).toBe("200 fine");
  expect(await lastReason(gate)).toMatchObject({ verdict: "Deny", isEnforced: false, rule: "ask" });
});

test("so many are asked at once and no more, the others wait; a program that goes away asks nothing any more", async () => {
  const waiting: ServerResponse[] = [];
  answer = (response) => void waiting.push(response);
  await using gate = await start({ askingAtOnce: 2, policy: policy({ timeoutMs: 20_000 }) });
  const asked = Array.from({ length: 4 }, () => ask(gate).catch((error: Error) => error.message));
  await expect.poll(() => waiting.length).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(waiting).toHaveLength(2);
  waiting[0]?.end('{"action":{"type":"Allow"}}');
  await expect.poll(() => waiting.length).toBe(3);
  for (const socket of gate.programs) socket.destroy();
  await Promise.all(asked);
  await expect.poll(() => gone).toBe(waiting.length);
  await expect.poll(() => gate.decisions.length).toBe(4);
  expect(waiting).toHaveLength(3);
});

test("where the policy changes meanwhile the request is decided anew", async () => {
  answer = () => {};
  await using gate = await start({ policy: policy({ timeoutMs: 20_000 }) });
  const first = ask(gate);
  await expect.poll(() => questions.length).toBe(1);
  says({ action: { type: "Allow" } });
  gate.setPolicy(policy());
  expect(await first).toBe("200 fine");
  answer = () => {};
  const second = ask(gate);
  await expect.poll(() => questions.length).toBe(3);
  gate.setPolicy({ defaultAction: "Deny" });
  expect(await second).toMatch(/^403 .*default/s);
  await expect.poll(() => gone).toBe(3);
});

test("a body waits unread for the answer", async () => {
  answer = () => {};
  await using gate = await start({ policy: policy({ timeoutMs: 20_000 }) });
  let written = 0;
  const request = http.request({
    host: "127.0.0.1",
    port: gate.port,
    agent: false,
    method: "POST",
    headers: { Host: "example.com" },
  });
  request.on("error", () => {});
  const chunk = Buffer.alloc(1024 * 1024);
  const more = () => {
    while (written < 100 && request.write(chunk)) written++;
    written++;
  };
  request.on("drain", more);
  more();
  await expect.poll(() => questions.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(written).toBeLessThan(30);
  request.destroy();
});
