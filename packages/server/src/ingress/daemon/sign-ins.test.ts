/** The daemon's side of signing in, with a provider that the test plays. */
import { randomBytes } from "node:crypto";
import { expect, test, vi } from "vitest";
import { withResolvers } from "../../lib/with-resolvers.js";
import type { Person } from "../../policy/ports/people.js";
import type { PreviewRoute } from "../ingress.js";
import { type FlowSecrets, type IdentityProvider, NotSignedIn } from "./identity-provider.js";
import { SignIns } from "./sign-ins.js";

const address = { scheme: "https", domain: "previews.example.com", port: 443 } as const;
const begun = { sandboxId: "a", port: 3000, browser: "x".repeat(43), target: "/there", isAsked: false };

function played(answer: () => Promise<Person>) {
  let now = Date.now();
  let ports: PreviewRoute["ports"] | undefined = [{ port: 3000, auth: { oidc: { everyone: true } } }];
  const logged: object[] = [];
  const asked: FlowSecrets[] = [];
  const provider: IdentityProvider = {
    realm: "provider",
    sessionSeconds: 60,
    begin: async ({ state }, { callback }) => new URL(`https://id.example.com/?state=${state}&to=${callback}`),
    async finish(secrets) {
      asked.push(secrets);
      return await answer();
    },
  };
  const options = {
    provider,
    routeOf: (id: string) => (id === "a" && ports !== undefined ? { ports, linkKey: key } : undefined),
    logger: { warn: (fields: object) => void logged.push(fields) },
    now: () => now,
  };
  const signIns = new SignIns(options);
  const begin = async () => {
    const step = await signIns.begin(begun, address);
    return "location" in step ? new URL(step.location).search.slice(1) : "";
  };
  return {
    ...{ signIns, begin, asked, logged, options },
    finish: (query: string) => signIns.finish(query, address),
    pass: (ms: number) => (now += ms),
    put: (after: PreviewRoute["ports"] | undefined) => (ports = after),
  };
}

const key = randomBytes(32).toString("base64url");
const ada = async () => ({ subject: "ada" });

test("the browser goes to the provider, back to a host that is no preview's, and on to its own preview", async () => {
  const { begin, finish, asked } = played(ada);
  const query = await begin();
  expect(query).toContain("to=https://sign-in.previews.example.com/callback");
  const step = await finish(`${query}&code=1&target=//evil.example&sandboxId=b`);
  expect(step).toMatchObject({
    location: expect.stringMatching(/^https:\/\/3000-a\.previews\.example\.com\/\.alcove\/signed-in\?pass=[\w.-]+$/),
  });
  const state = new URLSearchParams(query).get("state") ?? "";
  expect(asked[0]?.state).toBe(state);
  for (const part of state.split("."))
    expect(Buffer.from(part, "base64url").toString()).not.toMatch(/there|verifier|nonce/);
});

test("a state counts once, for ten minutes, for this daemon, and while the port is there", async () => {
  const { begin, finish, asked, pass, put, options } = played(ada);
  const query = await begin();
  const both = await Promise.all([finish(query), finish(query)]);
  expect(both).toEqual([{ location: expect.anything() }, { failure: "over" }]);
  const late = await begin();
  pass(601_000);
  expect(await finish(late)).toEqual({ failure: "over" });
  const here = await begin();
  expect(await new SignIns(options).finish(here, address)).toEqual({ failure: "over" });
  for (const ports of [undefined, [], [{ port: 3000 }], [{ port: 3001, auth: { oidc: { everyone: true } } }]]) {
    const without = await begin();
    put(ports);
    expect(await finish(without)).toEqual({ failure: "over" });
  }
  expect(asked).toHaveLength(1);
});

test("why the provider says nothing of use is told to the log in sentences, a few a minute, and never with what it sent", async () => {
  const fault = Object.assign(new Error("no id_token"), { cause: { access_token: "precious" } });
  const { begin, finish, logged } = played(async () => {
    throw new NotSignedIn("failed", fault);
  });
  for (let count = 0; count < 30; count++) expect(await finish(await begin())).toEqual({ failure: "failed" });
  expect(logged).toHaveLength(10);
  expect(logged[0]).toEqual({ failure: "failed", reason: "no id_token" });
});

test("the provider is asked about sixteen at once", async () => {
  const answers = withResolvers<Person>();
  const { begin, finish, asked } = played(() => answers.promise);
  const queries = await Promise.all(Array.from({ length: 20 }, begin));
  const steps = queries.map(finish);
  await expect.poll(() => asked.length).toBe(16);
  answers.resolve({ subject: "ada" });
  for (const step of await Promise.all(steps)) expect(step).toMatchObject({ location: expect.anything() });
  expect(asked).toHaveLength(20);
});

test("who waits in vain for the provider has lost nothing: the same state counts later", async () => {
  const answers = withResolvers<Person>();
  const { begin, finish, asked } = played(() => answers.promise);
  const queries = await Promise.all(Array.from({ length: 16 }, begin));
  const steps = queries.map(finish);
  await expect.poll(() => asked.length).toBe(16);
  const late = await begin();
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValueOnce(AbortSignal.abort(new Error("too long")));
  expect(await finish(late)).toEqual({ failure: "busy" });
  timeout.mockRestore();
  answers.resolve({ subject: "ada" });
  await Promise.all(steps);
  expect(await finish(late)).toMatchObject({ location: expect.anything() });
});
