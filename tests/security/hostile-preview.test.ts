/**
 * A preview whose page is hostile, in Debian's chromium: what it gets of the API, of the preview of another sandbox that its user has open, and of
 * that one's cookies. Sandboxes are the fake engine's; the API, the gateway's process and the browser are real.
 */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, startChromium } from "../harness/chromium.js";
import { type Preview, PreviewHost, sandboxes } from "../harness/preview-host.js";

const secret = "secret-of-the-victim";

const resolverRules = "--host-resolver-rules=MAP *.previews.test 127.0.0.1, MAP previews.test 127.0.0.1";
/** Below localhost each preview is a site of its own. Below a domain that is on no list of public suffixes all are one, and cookies travel between them. */
const places = [
  { domain: "localhost", isTls: false, isSaid: true },
  { domain: "previews.test", isTls: true, isSaid: true },
  // In the clear browsers do not say for what they ask.
  { domain: "previews.test", isTls: false, isSaid: false },
];

let browser: Browser | undefined;
beforeAll(async () => {
  if (hasChromium) browser = await startChromium([resolverRules, "--ignore-certificate-errors"]);
});
afterAll(() => browser?.close());

async function newContext(): Promise<BrowserContext> {
  if (browser === undefined) throw new Error("there is no browser");
  return await browser.newContext();
}

describe.skipIf(!hasChromium).each(places)(
  "in chromium, which has to be installed for this, below $domain, TLS: $isTls",
  ({ domain, isTls, isSaid }) => {
    /** What is the same below each domain. */
    const onceBelowLocalhost = (name: string, run: () => Promise<void>) => {
      if (domain === "localhost") test(name, run);
    };
    let host: PreviewHost;
    let api: string;
    let context: BrowserContext;
    let victim: Preview;
    let hostile: Preview;
    /** Of the victim's program. */
    const heard: IncomingMessage[] = [];
    beforeAll(async () => {
      host = await PreviewHost.start(domain, isTls);
      api = host.api;
      victim = await host.preview({ port: 3000 }, (request, response) => {
        // Those of icons come at any time.
        if (request.url !== "/favicon.ico") heard.push(request);
        response.setHeader("set-cookie", "session=of-the-victim");
        response.setHeader("content-type", "text/html");
        response.end(`<!doctype html><title>victim</title>${secret}`);
      });
      hostile = await host.preview({ port: 3000, auth: { anonymous: true } }, playHostile);
    });
    afterEach(() => context?.close());
    afterAll(() => host?.[Symbol.asyncDispose]());

    /** Its user has the victim's preview open, and comes to the hostile one. */
    async function between(): Promise<{ page: Page; victims: Page }> {
      context = await newContext();
      const victims = await context.newPage();
      await victims.goto(await victim.link());
      const page = await context.newPage();
      await page.goto(hostile.url);
      heard.length = 0;
      return { page, victims };
    }

    /** What the body of an async function answers in the page, given `api`, `victim`, `victimPath` and `attempt`, which tells how a promise ended. */
    async function tries(page: Page, body: string): Promise<unknown> {
      return await page.evaluate(`(async () => {
      const [api, victim, victimPath] = ${JSON.stringify([api, victim.url, victim.pathUrl])};
      const attempt = (act) => new Promise((resolve) => resolve(act())).then((said) => said, (error) => error.name);
      ${body}
    })()`);
    }

    test("a link works as an address: its parameter is in neither what the page nor what the program sees", async () => {
      context = await newContext();
      const page = await context.newPage();
      heard.length = 0;
      await page.goto(`${await victim.link()}&a=1#part`);
      expect(page.url()).toBe(`${victim.url}?a=1#part`);
      expect(await page.content()).toContain(secret);
      const protocol = await page.evaluate(`performance.getEntriesByType("navigation")[0].nextHopProtocol`);
      expect(protocol).toBe(isTls ? "h2" : "http/1.1");
      expect(await page.evaluate("document.cookie")).toBe("session=of-the-victim");
      await page.reload();
      expect(heard.map(({ url }) => url)).toEqual(["/?a=1", "/?a=1"]);
      expect(JSON.stringify(heard.map(({ rawHeaders }) => rawHeaders))).not.toMatch(/alcove-(pass|preview)/);
    });

    onceBelowLocalhost("a link that ended shows a page that says so", async () => {
      const link = await victim.link(1);
      const title = async () => {
        await context?.close();
        context = await newContext();
        const page = await context.newPage();
        const answer = await page.goto(link);
        return [answer?.status(), await page.title(), (await page.content()).includes("for a new one")];
      };
      await expect.poll(title, { timeout: 30_000 }).toEqual([401, "This link has ended", true]);
    });

    onceBelowLocalhost("it gets nothing of the API, and changes nothing there", async () => {
      const { page } = await between();
      const before = await host.count();
      const seen = await tries(
        page,
        `const create = { method: "POST", body: JSON.stringify({ sourcesRef: { diskImage: { name: "debian" } } }) };
      const read = await attempt(() => fetch(api + "${sandboxes}", { credentials: "include" }));
      const write = await attempt(() => fetch(api + "${sandboxes}", { ...create, mode: "no-cors" }).then((r) => r.type));
      const socket = await attempt(() => new Promise((resolve, reject) => {
        const one = new WebSocket(api.replace("http", "ws") + "/v1/events");
        one.onopen = () => resolve("open");
        one.onerror = () => resolve("refused");
      }));
      const frame = document.createElement("iframe");
      frame.name = "in";
      document.body.append(frame);
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", action: api + "${sandboxes}", enctype: "text/plain", target: "in" });
      document.body.append(form);
      await new Promise((resolve) => { frame.onload = resolve; form.submit(); });
      return { read, write, socket, frame: await attempt(() => frame.contentWindow.document.body.innerText) };`,
      );
      expect(seen).toEqual({ read: "TypeError", write: "opaque", socket: "refused", frame: "SecurityError" });
      expect(await host.count()).toBe(before);
    });

    test("it gets nothing of another preview, though its user may see that: no fetch, no WebSocket, no frame, no popup", async () => {
      const { page } = await between();
      const seen = await tries(
        page,
        `const read = await attempt(() => fetch(victim, { credentials: "include" }));
      const blind = await attempt(() => fetch(victim, { credentials: "include", mode: "no-cors" }).then((r) => r.type));
      const post = await attempt(() => fetch(victim, { method: "POST", credentials: "include", mode: "no-cors" }).then((r) => r.type));
      const socket = await attempt(() => new Promise((resolve) => {
        const one = new WebSocket(victim.replace("http", "ws"));
        one.onopen = () => resolve("open");
        one.onerror = () => resolve("refused");
      }));
      const frame = document.createElement("iframe");
      frame.src = victim;
      await new Promise((resolve) => { frame.onload = resolve; document.body.append(frame); });
      const framed = await attempt(() => frame.contentWindow.document.body.innerText);
      const script = document.createElement("script");
      script.src = victim;
      const included = await new Promise((resolve) => {
        script.onload = () => resolve("loaded");
        script.onerror = () => resolve("refused");
        document.body.append(script);
      });
      return { read, blind, post, socket, framed, included };`,
      );
      expect(seen).toEqual({
        ...{ read: "TypeError", blind: "opaque", post: "opaque", socket: "refused" },
        ...{ framed: "SecurityError", included: "refused" },
      });
      // Where browsers do not say what they ask for, a frame is asked for as a page is, and not shown.
      expect(heard.map(({ headers }) => headers.accept?.split(",")[0])).toEqual(isSaid ? [] : ["text/html"]);
      for (const frame of page.frames()) expect(await frame.content()).not.toContain(secret);
      const [popup] = await Promise.all([
        context.waitForEvent("page"),
        page.evaluate(
          `document.onclick = () => { window.other = open(${JSON.stringify(victim.url)}) }; document.body.click()`,
        ),
      ]);
      await popup.waitForLoadState();
      const reach = await tries(
        page,
        "return { text: await attempt(() => other.document.body.innerText), place: await attempt(() => other.location.href) };",
      );
      expect(reach).toEqual({ text: "SecurityError", place: "SecurityError" });
    });

    onceBelowLocalhost("its cookies are its own, whoever sets them, and it reads no others", async () => {
      const { page, victims } = await between();
      const own = await tries(
        page,
        `document.cookie = "planted=1; domain=localhost";
      document.cookie = "planted=2; domain=" + new URL(victim).hostname;
      document.cookie = "alcove-preview=forged; domain=localhost";
      await fetch("/cookies");
      return document.cookie;`,
      );
      expect(own).toBe("planted=3; own=1");
      const answer = await victims.reload();
      expect(answer?.status()).toBe(200);
      expect(heard.at(0)?.headers.cookie).toBe("session=of-the-victim");
      const names = (await context.cookies([victim.url, api])).map(({ name }) => name).toSorted();
      expect(names).toEqual(["alcove-preview", "session"]);
    });

    onceBelowLocalhost("a service worker of its own takes over nothing else", async () => {
      const { page, victims } = await between();
      const scope = await tries(
        page,
        `const { scope } = await navigator.serviceWorker.register("/worker.js", { scope: "/" });
      await navigator.serviceWorker.ready;
      return scope;`,
      );
      expect(scope).toBe(hostile.url);
      await victims.reload();
      expect(await victims.content()).toContain(secret);
      const byPath = await context.newPage();
      expect((await byPath.goto(hostile.pathUrl))?.status()).toBe(200);
      expect(await byPath.content()).not.toContain("taken over");
    });

    test("by path a page has an origin that is nobody's: no cookies, no storage, no service worker, and nothing of another path", async () => {
      const { page } = await between();
      await page.goto(hostile.pathUrl);
      const seen = await tries(
        page,
        `return {
        origin: self.origin,
        cookie: await attempt(() => document.cookie),
        storage: await attempt(() => localStorage.length),
        worker: await attempt(() => navigator.serviceWorker.register("worker.js")),
        neighbour: await attempt(() => fetch(victimPath, { credentials: "include" })),
        above: await attempt(() => fetch("/", { credentials: "include" })),
        api: await attempt(() => fetch(api + "${sandboxes}")),
        popup: await attempt(() => open(victimPath).document.body.innerText),
      };`,
      );
      expect(seen).toEqual({
        ...{
          origin: "null",
          cookie: "SecurityError",
          storage: "SecurityError",
          worker: expect.stringMatching(/^(Security|Type)Error$/),
        },
        ...{ neighbour: "TypeError", above: "TypeError", api: "TypeError", popup: expect.stringMatching(/Error$/) },
      });
      expect(heard.filter(({ headers }) => headers["sec-fetch-mode"] === "cors")).toEqual([]);
    });

    onceBelowLocalhost(
      "a page that the port names shows the preview in a frame by a link; another one does not, by the same link",
      async () => {
        const pages = createServer((request, response) => {
          const link = new URL(request.url ?? "", "http://pages").searchParams.get("link") ?? "";
          response.setHeader("content-type", "text/html");
          response.end(`<!doctype html><iframe src="${link.replaceAll("&", "&amp;")}"></iframe>`);
        });
        await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
        try {
          const named = `http://127.0.0.1:${Object(pages.address()).port}`;
          const framed = await host.preview({ port: 3000, cors: { allowOrigins: [named] } }, (_request, response) => {
            response.setHeader("content-type", "text/html");
            response.end(`<!doctype html>${secret}`);
          });
          context = await newContext();
          const page = await context.newPage();
          const contentIn = async (origin: string) => {
            await page.goto(`${origin}/?link=${encodeURIComponent(await framed.link())}`);
            return (await page.frames()[1]?.content()) ?? "";
          };
          expect(await contentIn(named)).toContain(secret);
          expect(await contentIn(named.replace("127.0.0.1", "localhost"))).not.toContain(secret);
        } finally {
          pages.closeAllConnections();
          pages.close();
        }
      },
    );
  },
);

const playHostile: RequestListener = (request, response) => {
  const isWorker = request.url === "/worker.js";
  response.setHeader("content-type", isWorker ? "text/javascript" : "text/html");
  if (request.url === "/cookies") {
    response.setHeader("set-cookie", [
      "planted=3; Domain=localhost",
      "own=1",
      "alcove-preview=forged; Domain=localhost",
    ]);
  }
  response.setHeader("service-worker-allowed", "/");
  response.end(
    isWorker
      ? `onfetch = (event) => event.respondWith(new Response("taken over")); onactivate = () => clients.claim();`
      : "<!doctype html><title>hostile</title><body>page",
  );
};
