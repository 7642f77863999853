/** What a real provider says of people: in its token or beside it, and nothing where it cannot be asked. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { NotSignedIn } from "./ingress/daemon/identity-provider.js";
import { createOidcSignIn } from "./oidc-sign-in.js";
import { client, SignInProvider, TestBrowser } from "./sign-in-provider-for-tests.js";

const callback = "http://sign-in.localhost:7480/callback";
const secrets = { state: "a state", nonce: "a nonce", verifier: "v".repeat(43) };
const address = { email: "ada@example.com", email_verified: true };
let provider: SignInProvider;

beforeAll(async () => {
  provider = await SignInProvider.start({
    ada: address,
    text: { ...address, email_verified: "true" },
    kelvin: { email: "\u212aim@example.com", email_verified: true },
    "not ours": address,
  });
  provider.isInToken = true;
  provider.serve(callback);
});
afterAll(() => provider[Symbol.asyncDispose]());

const signIn = (change: Partial<typeof client> = {}, now?: () => number) =>
  createOidcSignIn({ issuer: provider.issuer, ...client, sessionSeconds: 60, ...change }, now);

async function queryFor(person: string): Promise<string> {
  provider.person = person;
  const url = await signIn().begin(secrets, { callback, isAsked: false });
  const back = await new TestBrowser().open(url.href, (next) => next.startsWith(callback));
  return new URL(back.url).search.slice(1);
}

const failure = async (work: Promise<unknown>) => {
  const error = await work.catch((thrown: unknown) => thrown);
  return error instanceof NotSignedIn ? error.failure : error;
};

test("an address counts where the token says that it is verified, in ASCII; a name that is no header's value does not", async () => {
  const finish = async (person: string) => signIn().finish(secrets, { callback, query: await queryFor(person) });
  expect(await finish("ada")).toEqual({ subject: "ada", email: "ada@example.com" });
  expect(await finish("text")).toEqual({ subject: "text", email: undefined });
  expect(await finish("kelvin")).toEqual({ subject: "kelvin", email: undefined });
  expect(await failure(finish("not ours"))).toBe("failed");
});

test("a code is of its state, nonce and verifier alone", async () => {
  const query = await queryFor("ada");
  const finish = (change: object, secret = client.clientSecret) =>
    failure(signIn({ clientSecret: secret }).finish({ ...secrets, ...change }, { callback, query }));
  expect(await finish({ state: "another" })).toBe("failed");
  expect(await finish({}, "wrong")).toBe("failed");
  expect(await finish({ verifier: "w".repeat(43) })).toBe("refused");
  const nonce = await queryFor("ada");
  const other = signIn().finish({ ...secrets, nonce: "another" }, { callback, query: nonce });
  expect(await failure(other)).toBe("failed");
});

test("a query that brings no code of the provider's is the visitor's alone, whatever it says: no fault of the provider's", async () => {
  const code = await queryFor("ada");
  const error = new URLSearchParams(code);
  error.delete("code");
  const own = `${error}&error=server_error&error_description=ALERT`;
  const without = new URLSearchParams(code);
  without.delete("iss");
  const queries = [
    own,
    `${error}`,
    `${code}&code=2`,
    `${code}&state=2`,
    `${code}&iss=evil`,
    `${code}&id_token=x`,
    `${without}`,
  ];
  for (const query of queries) expect(await failure(signIn().finish(secrets, { callback, query }))).toBe("refused");
});

test("a provider that was down is asked again after some seconds, and not with every browser", async () => {
  let now = 0;
  const own = signIn({}, () => now);
  const begin = () => own.begin(secrets, { callback, isAsked: false });
  provider.isDown = true;
  await expect(begin()).rejects.toThrow();
  provider.isDown = false;
  await expect(begin()).rejects.toThrow();
  now = 11_000;
  expect((await begin()).origin).toBe(provider.issuer);
});
