/** Signing in to previews from end to end: a real OpenID provider, control over the fake engine, the gateway's real process, and real servers as the programs. */
import { createServer, type ServerResponse } from "node:http";
import type { AddPort } from "@alcove/contract";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { debian, group, never, type TestDaemon, TestHost } from "./control/test-daemon.js";
import type { IdentityProvider } from "./ingress/daemon/identity-provider.js";
import type { IngressGateway } from "./ingress/ingress.js";
import { say, startIngress, visit } from "./ingress/ingress-test-kit.js";
import { callbackUrl } from "./ingress/sign-in-address.js";
import { signSession } from "./ingress/signed-person.js";
import { createOidcSignIn } from "./oidc-sign-in.js";
import { client, SignInProvider, TestBrowser } from "./sign-in-provider-for-tests.js";

const people = {
  ada: { email: "Ada@example.com", email_verified: true },
  eve: { email: "ada@example.com", email_verified: false },
  mallory: { email: "mallory@evil.example", email_verified: true },
};
const sessionSeconds = 3_600;

let provider: SignInProvider;
let host: TestHost;
let ingress: IngressGateway;
let daemon: TestDaemon;
let signIn: IdentityProvider;
let callback = "";

beforeAll(async () => {
  provider = await SignInProvider.start(people);
  host = new TestHost();
  signIn = createOidcSignIn({ issuer: provider.issuer, ...client, sessionSeconds });
  ingress = startIngress({ trustedProxies: ["127.0.0.2/32"] }, undefined, signIn);
  daemon = await host.daemon({ options: { ingress } });
  const address = await ingress.address();
  callback = address === undefined ? "" : callbackUrl(address);
  provider.serve(callback);
}, 60_000);
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await ingress.close();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  provider.person = "ada";
  provider.isDown = false;
});

const forAda = { oidc: { emails: ["ada@example.com"] } };

interface Heard {
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
}

async function preview(port: Omit<AddPort, "port"> = { auth: forAda }) {
  const ports = [{ port: 3000, ...port }];
  const { id, ports: shown } = await daemon.control.sandboxes.create(group, { ...debian, ports }, never);
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    heard.push({ url: request.url ?? "", headers: request.headers as Heard["headers"] });
    response.end("hello");
  });
  host.fake.machines.get(id)?.listeners.set(3000, (connection) => void server.emit("connection", connection));
  return { id, ref: { group, id }, url: shown?.[0]?.url ?? "", heard };
}

const isCallback = (url: string) => url.startsWith(callback);
const isHandoff = (url: string) => url.includes("/.alcove/signed-in");

test("a browser is led to the provider and back to where it wanted to go; the program hears who it is, and nothing of ours", async () => {
  const { url, heard } = await preview();
  const browser = new TestBrowser();
  const shown = await browser.open(`${url}a%2Fb?x=1&y=%20`);
  expect([shown.status, shown.text, shown.url]).toEqual([200, "hello", `${url}a%2Fb?x=1&y=%20`]);
  expect(browser.cookiesOf(url)).toMatch(/^alcove-signed-in=[\w.-]+$/);
  const theirs = { "x-forwarded-user": "root", X_Forwarded_Email: "root@example.com", "X-Forwarded-Groups": "all" };
  await browser.see(url, { ...theirs, "sec-fetch-site": "same-origin" });
  expect(heard).toHaveLength(2);
  for (const { headers } of heard) {
    expect(headers).toMatchObject({ "x-forwarded-user": "ada", "x-forwarded-email": "Ada@example.com" });
    expect(headers.cookie).toBeUndefined();
    expect(JSON.stringify(headers)).not.toMatch(/root|alcove-sign|x-forwarded-groups/i);
  }
});

test("programs, frames and WebSockets are told 401, and are led nowhere", async () => {
  const { url, heard } = await preview();
  const told = [
    {},
    { accept: "text/html", "sec-fetch-mode": "cors" },
    { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    { accept: "text/html", "x-alcove-key": "alc_no" },
  ];
  for (const headers of told) {
    const seen = await visit(url, { headers });
    expect([seen.status, seen.headers.location, seen.headers["set-cookie"]]).toEqual([401, undefined, undefined]);
  }
  expect((await visit(url, { method: "POST", headers: { accept: "text/html" } })).status).toBe(401);
  const { host: name, port } = new URL(url);
  const handshake = `GET / HTTP/1.1\r\nHost: ${name}\r\nAccept: text/html\r\nConnection: upgrade\r\nUpgrade: websocket\r\n`;
  expect(await say(Number(port), `${handshake}\r\n`)).toMatch(/^HTTP\/1\.1 401 (?![\s\S]*location)/i);
  const browser = new TestBrowser();
  await browser.open(url);
  heard.length = 0;
  // Signed in, it passes to the program, which answers it without one.
  const answer = await say(Number(port), `${handshake}Cookie: ${browser.cookiesOf(url)}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(heard[0]?.headers["x-forwarded-user"]).toBe("ada");
  const foreign = `${handshake}Cookie: ${browser.cookiesOf(url)}\r\nOrigin: https://evil.example\r\n\r\n`;
  expect(await say(Number(port), foreign)).toMatch(/^HTTP\/1\.1 403 /);
});

test("an address that the provider has not verified is nobody's, and who is not listed is told who they are", async () => {
  const { url, heard } = await preview();
  provider.person = "eve";
  const eve = await new TestBrowser().open(url);
  expect([eve.status, eve.url]).toEqual([403, url]);
  expect(eve.text).toContain("You are signed in as eve; the provider does not say");
  provider.person = "mallory";
  const browser = new TestBrowser();
  const mallory = await browser.open(url);
  expect([mallory.status, mallory.text]).toEqual([403, expect.stringContaining("mallory@evil.example")]);
  expect(heard).toEqual([]);
  // As somebody else, though the provider still knows this one.
  provider.person = "ada";
  const again = /href="([^"]+)"/.exec(mallory.text)?.[1] ?? "";
  expect((await browser.open(new URL(again, url).href)).status).toBe(200);
  expect(provider.prompts.at(-1)).toBe("login");
});

test("suffixes and subjects let people in, and a change of the lists counts with the next request", async () => {
  const { url, ref } = await preview({ auth: { oidc: { subjects: ["mallory"] } } });
  const browser = new TestBrowser();
  provider.person = "mallory";
  expect((await browser.open(url)).status).toBe(200);
  const { ports } = daemon.control;
  const statusWith = async (oidc: NonNullable<AddPort["auth"]>["oidc"]) => {
    await ports.change(ref, { port: 3000, auth: { oidc } });
    return (await browser.see(url)).status;
  };
  expect(await statusWith({ emailSuffixes: ["example"] })).toBe(403);
  expect(await statusWith({ emailSuffixes: ["@evil.example"] })).toBe(200);
  expect(await statusWith({ everyone: true })).toBe(200);
  expect(await statusWith({ everyone: true, enabled: false })).toBe(401);
  await ports.remove(ref, { port: 3000 });
  await ports.add(ref, { port: 3000, auth: { oidc: { everyone: true } } });
  expect((await browser.see(url)).status).toBe(303);
});

test("when a sign-in ends, so does what came by it", async () => {
  const { id, url } = await preview();
  const forever = createServer((_request, response) => void response.write("on and on"));
  host.fake.machines.get(id)?.listeners.set(3000, (connection) => void forever.emit("connection", connection));
  const { linkKey = new Uint8Array() } = daemon.store.sandboxPorts.find(id) ?? {};
  const person = { subject: "ada", email: "ada@example.com" };
  const about = { sandboxId: id, port: 3000, realm: signIn.realm };
  const session = await signSession(person, about, linkKey, Math.ceil(Date.now() / 1_000) + 1);
  const headers = { cookie: `alcove-signed-in=${session}` };
  await expect(visit(url, { headers })).rejects.toThrow();
  expect((await visit(url, { headers })).status).toBe(401);
});

test("who signs out is asked again, and other pages cannot sign them out unseen", async () => {
  const { url } = await preview();
  const browser = new TestBrowser();
  await browser.open(url);
  const fromElsewhere = { "sec-fetch-mode": "no-cors", "sec-fetch-site": "cross-site" };
  expect((await browser.see(`${url}.alcove/sign-out`, fromElsewhere)).status).toBe(403);
  expect((await browser.see(url)).status).toBe(200);
  const out = await browser.see(`${url}.alcove/sign-out`);
  expect([out.status, out.text]).toEqual([200, expect.stringContaining("signed out")]);
  expect(browser.cookiesOf(url)).toBe("");
  expect((await browser.see(url)).status).toBe(303);
});

test("who signs out has no cookie of a link's any more either", async () => {
  const { url, ref } = await preview();
  const browser = new TestBrowser();
  await browser.open(url);
  await browser.open((await daemon.control.ports.link(ref, { port: 3000 })).url);
  expect(browser.cookiesOf(url)).toMatch(/alcove-signed-in=.*alcove-preview=/);
  await browser.see(`${url}.alcove/sign-out`);
  expect(browser.cookiesOf(url)).toBe("");
  expect((await browser.see(url)).status).toBe(303);
});

test("once another port of the sandbox is removed people come by way of the provider again; what is open goes on", async () => {
  const { url, ref } = await preview();
  const open: ServerResponse[] = [];
  const slow = createServer(({ url: path }, response) => {
    if (path !== "/slow") return response.end("hello");
    open.push(response);
    return response.write("on ");
  });
  host.fake.machines.get(ref.id)?.listeners.set(3000, (connection) => void slow.emit("connection", connection));
  const browser = new TestBrowser();
  await daemon.control.ports.add(ref, { port: 3001 });
  await browser.open(url);
  const answer = visit(`${url}slow`, { headers: { cookie: browser.cookiesOf(url) } });
  await expect.poll(() => open.length).toBe(1);
  await daemon.control.ports.remove(ref, { port: 3001 });
  expect((await browser.see(url)).status).toBe(303);
  open[0]?.end("and on");
  expect((await answer).text).toBe("on and on");
});

test("a callback counts once, in the browser that began, and for the preview that it was begun at", async () => {
  const [one, other] = [await preview(), await preview()];
  const browser = new TestBrowser();
  const back = await browser.open(one.url, isCallback);
  const code = back.url;
  // Somebody who has the link of another's sign-in is not signed in as them.
  const first = await new TestBrowser().open(code);
  expect([first.status, first.text]).toEqual([403, expect.stringContaining("begun elsewhere")]);
  expect((await browser.open(code)).status).toBe(400);
  const handoff = (await browser.open(one.url, isHandoff)).url;
  const pass = new URL(handoff).search;
  const elsewhere = await browser.open(`${other.url}.alcove/signed-in${pass}`);
  expect([elsewhere.status, elsewhere.text]).toEqual([400, expect.stringContaining("not of this preview")]);
  expect((await new TestBrowser().open(handoff)).status).toBe(403);
  expect((await browser.open(handoff)).status).toBe(200);
  // Its cookie is of no use at the other, nor is the pass as a cookie.
  const asCookie = (value: string) => visit(other.url, { headers: { cookie: `alcove-signed-in=${value}` } });
  expect((await asCookie(browser.cookiesOf(one.url).replace("alcove-signed-in=", ""))).status).toBe(401);
  const own = await visit(one.url, { headers: { cookie: `alcove-signed-in=${pass.replace("?pass=", "")}` } });
  expect(own.status).toBe(401);
  expect(other.heard).toEqual([]);
  expect(JSON.stringify(one.heard)).not.toContain(".alcove");
});

test("one address has the provider asked about four at once, and leaves the others' turns to them", async () => {
  const { url } = await preview();
  const browser = new TestBrowser();
  const back = await browser.open(url, isCallback);
  const from = (address: string, to: string) =>
    visit(to, { localAddress: "127.0.0.2", headers: { accept: "text/html", "x-forwarded-for": address } });
  using held = provider.hold();
  const queries = await Promise.all(
    Array.from({ length: 4 }, async () => (await new TestBrowser().open(url, isCallback)).url),
  );
  const four = queries.map((query) => from("203.0.113.7", query));
  await expect.poll(() => provider.held).toBe(4);
  const fifth = await from("203.0.113.7", back.url);
  expect([fifth.status, fifth.text]).toEqual([503, expect.stringContaining("Open the preview")]);
  const other = from("203.0.113.8", back.url);
  await expect.poll(() => provider.held).toBe(5);
  held[Symbol.dispose]();
  expect((await other).headers.location).toContain("/.alcove/signed-in?pass=");
  expect((await Promise.all(four)).map(({ status }) => status)).toEqual([303, 303, 303, 303]);
});

test("the host for what comes from the provider is the same with the dot that ends a full name", async () => {
  const { host: name, port } = new URL(callback);
  const dotted = name.replace(`:${port}`, `.:${port}`);
  const told = (as: string) => visit(callback, { headers: { host: as } });
  expect((await told(dotted)).status).toBe((await told(name)).status);
  expect((await told(dotted)).status).toBe(400);
});

test("a state or a cookie that is forged, or of another flow, leads nowhere", async () => {
  const { url } = await preview();
  const browser = new TestBrowser();
  const asked = new URL((await browser.see(url)).headers.location ?? "");
  expect(asked.searchParams.get("redirect_uri")).toBe(callback);
  expect(asked.searchParams.get("code_challenge_method")).toBe("S256");
  const state = asked.searchParams.get("state") ?? "";
  const own = await browser.open(url, isCallback);
  const code = new URL(own.url).searchParams.get("code") ?? "";
  const with_ = (query: string) => browser.open(`${callback}?${query}`);
  // A code that the provider gave for another flow.
  const mixed = await with_(`code=${code}&state=${state}&iss=${encodeURIComponent(provider.issuer)}`);
  expect([mixed.status, mixed.headers.location]).toEqual([403, undefined]);
  for (const query of [`code=${code}&state=${state.slice(0, -2)}AA`, `code=${code}`, "", "state=e30.e30.e30"]) {
    const seen = await with_(query);
    expect([seen.status, seen.headers.location]).toEqual([400, undefined]);
  }
  expect((await visit(`${callback}/../x`)).status).toBe(404);
  const none = Buffer.from(JSON.stringify({ alg: "none", typ: "alcove-session" })).toString("base64url");
  const ada = Buffer.from(JSON.stringify({ sub: "ada", email: "ada@example.com", exp: 9e9 })).toString("base64url");
  for (const forged of [`${none}.${ada}.`, "x", ""]) {
    expect((await visit(url, { headers: { cookie: `alcove-signed-in=${forged}` } })).status).toBe(401);
  }
});

test("whatever a path looks like, signing in leads to its own preview", async () => {
  const { url } = await preview();
  for (const path of ["//evil.example/", "/\\evil.example", "/@evil.example", "/.evil.example//"]) {
    const browser = new TestBrowser();
    const { origin } = new URL(url);
    const began = await visit(url, { path, headers: { accept: "text/html" } });
    const binding = began.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const handoff = await browser.open(began.headers.location ?? "", isHandoff);
    const { status, headers } = await visit(handoff.url, { headers: { cookie: binding } });
    expect([status, headers.location]).toEqual([303, `${origin}${path}`]);
  }
});

test("what is the gateway's on a preview's host never reaches the program, whoever may come", async () => {
  const { url, heard } = await preview({ auth: { anonymous: true } });
  for (const path of ["signed-in?pass=x", "sign-out", "anything"])
    expect((await visit(`${url}.alcove/${path}`)).status).toBe(404);
  expect((await visit(url, { headers: { "x-forwarded-user": "root", cookie: "alcove-signed-in=x" } })).status).toBe(
    200,
  );
  expect(heard).toHaveLength(1);
  expect(heard[0]?.headers).not.toMatchObject({ "x-forwarded-user": expect.anything() });
  expect(heard[0]?.headers.cookie).toBeUndefined();
});

test("keys and links let in as before, as nobody in particular; by path nobody can sign in", async () => {
  const { url, ref, heard } = await preview();
  const { url: link } = await daemon.control.ports.link(ref, { port: 3000 });
  expect((await visit(link)).status).toBe(200);
  expect(heard[0]?.headers["x-forwarded-user"]).toBeUndefined();
  const browser = new TestBrowser();
  await browser.open(link);
  expect((await browser.see(url)).status).toBe(200);
  const pathUrl = (await daemon.control.ports.list(ref))[0]?.pathUrl ?? "";
  expect((await visit(pathUrl, { headers: { accept: "text/html" } })).status).toBe(401);
});

test("over TLS its cookies are of a kind that no other host can set", async () => {
  const { url } = await preview();
  const headers = { accept: "text/html", "x-forwarded-proto": "https" };
  const began = await visit(url, { localAddress: "127.0.0.2", headers });
  expect(began.headers["set-cookie"]?.[0]).toMatch(
    /^__Host-alcove-signing-in=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
  );
});

test("who says no at the provider is told so, and where it is down nobody is let in", async () => {
  const { url, heard } = await preview();
  provider.person = undefined;
  const refused = await new TestBrowser().open(url);
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining("did not sign you in")]);
  provider.person = "ada";
  const browser = new TestBrowser();
  const { url: code } = await browser.open(url, isCallback);
  provider.isDown = true;
  const down = await browser.open(code);
  expect([down.status, down.headers.location]).toEqual([503, undefined]);
  expect(heard).toEqual([]);
});
