/** Tokens for programs, over the gateway with its real process: Azure's two ways of asking, and whatever is neither. */
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { TokenAsked, TokenIssued } from "../daemon/create-gateway.js";
import { settingsOf, startGateway, type TestGateway } from "../gateway-test-kit.js";

const header = "guard-of-the-group";
const settings = settingsOf({ defaultAction: "Deny" }, { identity: { header } });
const metadata = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fa.example%2F";
const appService = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fa.example%2F";
const withMetadata = { metadata: "true" };
const asked: TokenAsked[] = [];
let issue: (question: TokenAsked) => Promise<TokenIssued>;
let kit: TestGateway;
let last = 0;

beforeAll(async () => {
  kit = await startGateway({
    issueToken: (question) => {
      asked.push(question);
      return issue(question);
    },
  });
});
afterAll(() => kit[Symbol.asyncDispose]());
beforeEach(() => {
  asked.length = 0;
  issue = async ({ sandboxId, resource }) => ({ token: tokenFor(`${sandboxId} ${resource} ${asked.length}`) });
});

function tokenFor(value: string, lifetimeSeconds = 900) {
  const issuedAt = Math.floor(Date.now() / 1_000);
  return { value, issuedAt, expiresAt: issuedAt + lifetimeSeconds, clientId: "client" };
}

async function sandbox(given = settings) {
  const id = `sandbox-${++last}`;
  await kit.gateway.apply(id, given);
  const agent = await kit.agent(id);
  const say = async (raw: string, destination = "169.254.169.254:80") => {
    const stream = await agent.connect(destination);
    stream.write(raw);
    const answer = await text(stream).catch(() => "");
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    return { status: Number(head.split(" ")[1] ?? 0), head, json: body.startsWith("{") ? JSON.parse(body) : {} };
  };
  const get = (path: string, headers: Record<string, string>, method = "GET") => {
    const lines = Object.entries({ host: "169.254.169.254", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    return say(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  };
  return { id, say, get };
}

test("both ways answer as Azure does, of one token, which is asked for once", async () => {
  const { id, get } = await sandbox();
  const machine = await get(metadata, withMetadata);
  const value = `${id} https://a.example/ 1`;
  const common = { access_token: value, resource: "https://a.example/", token_type: "Bearer", client_id: "client" };
  expect(machine).toMatchObject({ status: 200, json: { ...common, expires_in: expect.stringMatching(/^\d+$/) } });
  const app = await get(appService, { "x-identity-header": header });
  expect(app.json).toEqual({ ...common, expires_on: machine.json.expires_on });
  expect(asked).toEqual([{ group: "default", sandboxId: id, resource: "https://a.example/" }]);
  expect(await kit.decision(id, { rule: "identity" })).toMatchObject({
    ...{ verdict: "Allow", host: "169.254.169.254", port: 80, method: "GET", path: "/metadata/identity/oauth2/token" },
    reason: "a token for https://a.example/ was given",
  });
  expect(JSON.stringify(kit.told)).not.toContain(value);
});

test.each<[string, string, Record<string, string>, number]>([
  ["without the header", metadata, {}, 400],
  ["with a header of another kind", metadata, { "x-identity-header": header }, 400],
  ["with a wrong guard", appService, { "x-identity-header": "guess" }, 401],
  ["without the guard", appService, withMetadata, 401],
  ["by way of a proxy", metadata, { ...withMetadata, "x-forwarded-for": "203.0.113.1" }, 400],
  ["under another name", metadata, { ...withMetadata, host: "rebound.example" }, 400],
  ["without a version", metadata.replace("api-version", "version"), withMetadata, 400],
  ["of another version", appService.replace("2019-08-01", "2017-09-01"), { "x-identity-header": header }, 400],
  ["for two resources", `${metadata}&resource=https%3A%2F%2Fb.example`, withMetadata, 400],
  ["for a resource with a line break", metadata.replace("a.example", "a%0d%0ab"), withMetadata, 400],
  ["of another identity", `${metadata}&client_id=other`, withMetadata, 400],
  ["of another identity by its resource", `${metadata}&msi_res_id=%2Fa`, withMetadata, 400],
  ["for other metadata", "/metadata/instance?api-version=2021-02-01", withMetadata, 404],
])("a question %s gets no token", async (_name, path, headers, status) => {
  const { id, get } = await sandbox();
  const { status: seen, json } = await get(path, headers);
  expect(seen).toBe(status);
  expect(json.access_token).toBeUndefined();
  expect(await kit.decision(id, { rule: "identity" })).toMatchObject({ verdict: "Deny", isEnforced: true });
});

test("methods that change something, and what is no HTTP, get no token", async () => {
  const { get, say } = await sandbox();
  expect((await get(metadata, withMetadata, "PUT")).status).toBe(405);
  expect((await say(`GET ${metadata} HTTP/1.0\r\nmetadata: true\r\n\r\n`)).status).toBe(400);
  expect((await say("\u0016\u0003\u0001 nothing\r\n\r\n")).status).toBe(0);
  expect(
    (await say(`GET http://169.254.169.254${metadata} HTTP/1.1\r\nhost: 169.254.169.254\r\nmetadata: true\r\n\r\n`))
      .status,
  ).toBe(404);
  expect(
    (await say(`GET ${metadata} HTTP/1.1\r\nhost: 169.254.169.254\r\nmetadata: ${"x".repeat(20_000)}\r\n\r\n`)).status,
  ).toBe(0);
  expect(asked).toEqual([]);
});

test("where the group has no identity, or at another port, the policy decides as ever", async () => {
  const { id, get } = await sandbox(settingsOf({ defaultAction: "Allow" }));
  expect((await get(metadata, withMetadata)).status).toBe(403);
  expect(await kit.decision(id, { host: "169.254.169.254" })).toMatchObject({ rule: "forbidden-address" });
  const other = await sandbox();
  const answer = await other.say(
    `GET ${metadata} HTTP/1.1\r\nhost: 169.254.169.254\r\nmetadata: true\r\n\r\n`,
    "169.254.169.254:8080",
  );
  expect(answer.status).toBe(403);
  expect(asked).toEqual([]);
});

test("where the server issues no tokens, the answer says what is not set", async () => {
  const { get } = await sandbox();
  issue = async () => ({ fault: "off" });
  const error_description = "this server issues no tokens: its issuerUrl is not set";
  expect(await get(metadata, withMetadata)).toMatchObject({ status: 500, json: { error_description } });
});

test("what the group has no tokens for, and what fails, is told in each way's words", async () => {
  const { get } = await sandbox();
  issue = async () => ({ fault: "resource" });
  expect(await get(metadata, withMetadata)).toMatchObject({ status: 400, json: { error: "invalid_resource" } });
  const app = await get(appService, { "x-identity-header": header });
  expect(app).toMatchObject({
    status: 400,
    json: { statusCode: 400, message: expect.stringContaining("no tokens for") },
  });
  issue = () => Promise.reject(new Error("the disk of /var/lib is full"));
  const failed = await get(metadata, withMetadata);
  expect(failed).toMatchObject({ status: 500, json: { error: "server_error" } });
  expect(failed.head + JSON.stringify(failed.json)).not.toContain("/var/lib");
});

test("a token is asked for anew when its time is nearly over, and when the settings are others", async () => {
  const { id, get } = await sandbox();
  issue = async () => ({
    token: { ...tokenFor(`${asked.length}`), issuedAt: 1, expiresAt: Math.floor(Date.now() / 1_000) + 60 },
  });
  expect((await get(metadata, withMetadata)).json.access_token).toBe("1");
  expect((await get(metadata, withMetadata)).json.access_token).toBe("2");
  issue = async () => ({ token: tokenFor(`${asked.length}`) });
  expect((await get(metadata, withMetadata)).json.access_token).toBe("3");
  expect((await get(metadata, withMetadata)).json.access_token).toBe("3");
  await kit.gateway.apply(id, settings);
  expect((await get(metadata, withMetadata)).json.access_token).toBe("4");
});

test("a sandbox that asks for very many tokens is held back, and no other one", async () => {
  const [greedy, modest] = [await sandbox(), await sandbox()];
  const wanted = Array.from({ length: 40 }, (_, number) => metadata.replace("a.example", `a${number}.example`));
  const answers = await Promise.all(wanted.map((path) => greedy.get(path, withMetadata)));
  const held = answers.filter(({ status }) => status === 429);
  expect(held.length).toBeGreaterThan(10);
  expect(held[0]?.head.toLowerCase()).toContain("retry-after: ");
  expect((await modest.get(metadata, withMetadata)).status).toBe(200);
});
