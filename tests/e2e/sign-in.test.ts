/** Signing in to a preview in Debian's chromium, at a real OpenID provider: what browsers do with the cookies, redirects and origins of it. */
import { existsSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { debian, group, never, type TestDaemon, TestHost } from "../../packages/server/src/control/test-daemon.js";
import type { IngressGateway } from "../../packages/server/src/ingress/ingress.js";
import { startIngress } from "../../packages/server/src/ingress/ingress-test-kit.js";
import { callbackUrl } from "../../packages/server/src/ingress/sign-in-address.js";
import { createOidcSignIn } from "../../packages/server/src/oidc-sign-in.js";
import { client, SignInProvider } from "../../packages/server/src/sign-in-provider-for-tests.js";

const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

describe.skipIf(program === undefined)("in chromium, which has to be installed for this", () => {
  let provider: SignInProvider;
  let host: TestHost;
  let ingress: IngressGateway;
  let daemon: TestDaemon;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    provider = await SignInProvider.start({ ada: { email: "ada@example.com", email_verified: true }, eve: {} });
    host = new TestHost();
    const signIn = createOidcSignIn({ issuer: provider.issuer, ...client, sessionSeconds: 600 });
    ingress = startIngress({}, undefined, signIn);
    daemon = await host.daemon({ options: { ingress } });
    const address = await ingress.address();
    if (address !== undefined) provider.serve(callbackUrl(address));
    browser = await chromium.launch({ executablePath: program ?? "", args: ["--no-sandbox", "--disable-gpu"] });
    context = await browser.newContext();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await host?.[Symbol.asyncDispose]();
    await ingress?.close();
    await provider?.[Symbol.asyncDispose]();
  });

  const page: RequestListener = ({ url, headers }, response) => {
    const user = String(headers["x-forwarded-user"]);
    response.setHeader("content-type", url === "/user" ? "text/plain" : "text/html");
    response.end(url === "/user" ? user : `<!doctype html><title>${url} of ${user}</title>`);
  };

  async function preview(people: readonly string[] = ["ada@example.com"]): Promise<string> {
    const ports = [{ port: 3000, auth: { oidc: { emails: [...people] } } }];
    const sandbox = await daemon.control.sandboxes.create(group, { ...debian, ports }, never);
    const server = createServer(page);
    new WebSocketServer({ server }).on("connection", (socket, { headers }) =>
      socket.send(String(headers["x-forwarded-user"])),
    );
    host.fake.machines.get(sandbox.id)?.listeners.set(3000, (connection) => void server.emit("connection", connection));
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

  test("a page of another preview gets nothing from it with its user's cookies, and cannot frame it", async () => {
    const [url, other] = [await preview(), await preview()];
    const tab = await context.newPage();
    await tab.goto(url);
    await tab.goto(other);
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
    const content = await (await frame.asElement()?.contentFrame())?.title();
    expect(content).not.toContain("ada");
    await tab.close();
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
    await expect.poll(() => tab.title()).toBe("/ of ada");
    await tab.goto(`${url}.alcove/sign-out`);
    expect(await own.cookies(url)).toEqual([]);
    await tab.click("a");
    await expect.poll(() => tab.title()).toBe("/ of ada");
    await own.close();
  });
});
