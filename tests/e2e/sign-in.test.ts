/** Signing in to a preview in Debian's chromium, at a real OpenID provider: what browsers do with the cookies, redirects and origins of it. */
import { createServer, type RequestListener } from "node:http";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { debian, group, never, type TestDaemon, TestHost } from "../../packages/server/src/control/test-daemon.js";
import type { IdentityProvider } from "../../packages/server/src/ingress/daemon/identity-provider.js";
import type { IngressGateway } from "../../packages/server/src/ingress/ingress.js";
import { startIngress } from "../../packages/server/src/ingress/ingress-test-kit.js";
import { callbackUrl } from "../../packages/server/src/ingress/sign-in-address.js";
import { createOidcSignIn } from "../../packages/server/src/oidc-sign-in.js";
import { client, SignInProvider } from "../../packages/server/src/sign-in-provider-for-tests.js";
import { temporaryDirectory } from "../../packages/server/src/store/test-record.js";
import { tlsIdentity } from "../../packages/server/src/tls-identity.js";
import { hasChromium, startChromium } from "../harness/chromium.js";

/** On no list of public suffixes: all previews below it are one site, and cookies travel between them. */
const domain = "previews.test";

describe.skipIf(!hasChromium)("in chromium, which has to be installed for this", () => {
  let provider: SignInProvider;
  let signIn: IdentityProvider;
  let host: TestHost;
  let ingress: IngressGateway;
  let secureHost: TestHost;
  let secureDaemon: TestDaemon;
  let secure: IngressGateway;
  let daemon: TestDaemon;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    provider = await SignInProvider.start({ ada: { email: "ada@example.com", email_verified: true }, eve: {} });
    host = new TestHost();
    secureHost = new TestHost();
    signIn = createOidcSignIn({ issuer: provider.issuer, ...client, sessionSeconds: 600 });
    ingress = startIngress({}, undefined, signIn);
    daemon = await host.daemon({ options: { ingress } });
    const address = await ingress.address();
    secure = await secureIngress(signIn);
    const secureAddress = await secure.address();
    secureDaemon = await secureHost.daemon({ options: { ingress: secure } });
    provider.serve(...[address, secureAddress].flatMap((one) => (one === undefined ? [] : [callbackUrl(one)])));
    browser = await startChromium([`--host-resolver-rules=MAP *.${domain} 127.0.0.1`]);
    context = await browser.newContext();
  });
  afterAll(async () => {
    await browser?.close();
    for (const one of [host, secureHost]) await one?.[Symbol.asyncDispose]();
    for (const one of [ingress, secure]) await one?.close();
    await provider?.[Symbol.asyncDispose]();
  });

  const page: RequestListener = ({ url, headers }, response) => {
    const user = String(headers["x-forwarded-user"]);
    response.setHeader("content-type", url === "/user" ? "text/plain" : "text/html");
    response.end(url === "/user" ? user : `<!doctype html><title>${url} of ${user}</title>`);
  };

  async function preview(on = { daemon, host }, heard: string[] = []): Promise<string> {
    const ports = [{ port: 3000, auth: { oidc: { emails: ["ada@example.com"] } } }];
    const sandbox = await on.daemon.control.sandboxes.create(group, { ...debian, ports }, never);
    const server = createServer(page);
    for (const event of ["request", "upgrade"]) server.on(event, ({ url = "" }) => void heard.push(url));
    new WebSocketServer({ server }).on("connection", (socket, { headers }) =>
      socket.send(String(headers["x-forwarded-user"])),
    );
    on.host.fake.machines
      .get(sandbox.id)
      ?.listeners.set(3000, (connection) => void server.emit("connection", connection));
    return sandbox.ports?.[0]?.url ?? "";
  }

  test("its user comes to where they wanted to go, and its page, requests and WebSockets are theirs", async () => {
    provider.person = "ada";
    const url = await preview();
    const tab = await context.newPage();
    await tab.goto(`${url}deep?a=1#there`);
    expect([tab.url(), await tab.title()]).toEqual([`${url}deep?a=1#there`, "/deep?a=1 of ada"]);
    expect(await tab.evaluate("fetch('/user').then((answer) => answer.text())")).toBe("ada");
    const socket = `new Promise((done, fail) => {
      const socket = new WebSocket(location.origin.replace("http", "ws"));
      socket.onmessage = ({ data }) => done(data);
      socket.onerror = () => fail(new Error("no WebSocket"));
    })`;
    expect(await tab.evaluate(socket)).toBe("ada");
    expect(await tab.evaluate("document.cookie")).toBe("");
    const cookies = await context.cookies(url);
    expect(cookies).toMatchObject([{ name: "alcove-signed-in", domain: new URL(url).hostname, httpOnly: true }]);
    await tab.close();
  });

  test("over TLS it is the same by HTTP/2, with cookies that no other host can set", async () => {
    provider.person = "ada";
    const own = await browser.newContext({ ignoreHTTPSErrors: true });
    const url = await preview({ daemon: secureDaemon, host: secureHost });
    const tab = await own.newPage();
    await tab.goto(`${url}deep`);
    expect([tab.url(), await tab.title()]).toEqual([`${url}deep`, "/deep of ada"]);
    expect(await tab.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")).toBe("h2");
    expect(await own.cookies(url)).toMatchObject([{ name: "__Host-alcove-signed-in", secure: true, sameSite: "Lax" }]);
    await own.close();
  });

  test("a page of another preview gets nothing from it with its user's cookies, and cannot frame it", async () => {
    provider.person = "ada";
    const own = await browser.newContext({ ignoreHTTPSErrors: true });
    const heard: string[] = [];
    const on = { daemon: secureDaemon, host: secureHost };
    const [url, other] = [await preview(on, heard), await preview(on)];
    const tab = await own.newPage();
    for (const signedIn of [url, other]) {
      await tab.goto(signedIn);
      expect([tab.url(), await tab.title()]).toEqual([signedIn, "/ of ada"]);
    }
    const before = heard.filter((path) => path !== "/favicon.ico");
    expect(before).toEqual(["/"]);
    const seen = await tab.evaluate(`(async () => {
      const target = ${JSON.stringify(url)};
      const reads = await fetch(target + "user", { credentials: "include" }).then((it) => it.text(), () => "refused");
      const socket = await new Promise((done) => {
        const socket = new WebSocket(target.replace("http", "ws"));
        socket.onmessage = ({ data }) => done(data);
        socket.onerror = () => done("refused");
      });
      return [reads, socket];
    })()`);
    expect(seen).toEqual(["refused", "refused"]);
    const frame = await tab.evaluateHandle(`(async () => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      const loaded = new Promise((resolve) => (frame.onload = resolve));
      frame.src = ${JSON.stringify(url)};
      await loaded;
      return frame;
    })()`);
    // The browser's own page, which says that it shows none.
    const title = await (await frame.asElement()?.contentFrame())?.title();
    expect(title).toBe(new URL(url).hostname);
    expect(heard.filter((path) => path !== "/favicon.ico")).toEqual(before);
    await own.close();
  });

  test("who is not listed is told so, signs in as somebody else, and signs out", async () => {
    const own = await browser.newContext();
    provider.person = "eve";
    const url = await preview();
    const tab = await own.newPage();
    const refused = await tab.goto(url);
    expect([refused?.status(), await tab.title()]).toEqual([403, "You may not open this preview"]);
    provider.person = "ada";
    await tab.click("a");
    await expect.poll(() => tab.title(), { timeout: 20_000 }).toBe("/ of ada");
    await tab.goto(`${url}.alcove/sign-out`);
    expect(await own.cookies(url)).toEqual([]);
    await tab.click("a");
    await expect.poll(() => tab.title(), { timeout: 20_000 }).toBe("/ of ada");
    await own.close();
  });
});

async function secureIngress(signIn: IdentityProvider): Promise<IngressGateway> {
  using directory = temporaryDirectory();
  const names = [domain, `*.${domain}`];
  const { certificate, key } = await tlsIdentity({ dataDirectory: directory.path, given: undefined, names });
  return startIngress({ domain, tls: { certificate, key } }, undefined, signIn);
}
