/** A development server of the field, Vite, in a sandbox, and its preview in Debian's chromium: opened by a link, and changed while it is looked at. */
import { text } from "node:stream/consumers";
import type { SandboxPort } from "@alcove/contract";
import { Sandbox } from "alcove";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, startChromium } from "../harness/chromium.js";
import { TestDaemon } from "../harness/daemon.js";
import { bringNode, bringVite } from "./vite/bring-vite.js";

const app = "/root/app";
const minute = 60_000;
const page = `<!doctype html><title>app</title><body><p id="word"></p><script type="module" src="/main.js"></script>`;
const main = `
  import { word } from "./word.js";
  const show = (text) => { document.getElementById("word").textContent = text; };
  show(word);
  import.meta.hot.accept("./word.js", (changed) => show(changed.word));
`;

describe.skipIf(!hasChromium)("in chromium, which has to be installed for this", () => {
  let daemon: TestDaemon;
  let sandbox: Sandbox;
  let browser: Browser;
  let hasNode: boolean;
  beforeAll(async () => {
    daemon = await TestDaemon.start({ hasOwnData: true });
    sandbox = await Sandbox.create({ image: "debian", memory: "1Gi", alcove: daemon.alcove });
    hasNode = await bringNode(sandbox);
    await bringVite(sandbox, app);
    await sandbox.files.write(`${app}/index.html`, page);
    await sandbox.files.write(`${app}/main.js`, main);
    await sandbox.files.write(`${app}/word.js`, `export const word = "before";`);
    browser = await startChromium();
  }, 10 * minute);
  afterAll(async () => {
    await browser?.close();
    await daemon?.[Symbol.asyncDispose]();
  });

  async function ask<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const answer = await daemon.alcove.request({
      method,
      path: `/v1/groups/default/sandboxes/${sandbox.id}/${path}`,
      body,
    });
    return JSON.parse(await text(answer.body)) as T;
  }

  test("a change of a file is seen in the page, which is not loaded anew; who has no link sees nothing", async (context) => {
    if (!hasNode) context.skip("this host's Node does not run in the image's system");
    const { ports } = await ask<{ ports: SandboxPort[] }>("POST", "ports/add", { port: 5173 });
    const { url: link } = await ask<{ url: string }>("POST", "ports/link", { port: 5173 });
    const vite = await sandbox.spawn("exec node node_modules/vite/bin/vite.js --port 5173 --strictPort", { cwd: app });
    const visitor = await (await browser.newContext()).newPage();
    const open = async () => (await visitor.goto(link))?.status();
    await expect.poll(open, { timeout: 3 * minute, interval: 500 }).toBe(200);
    await visitor.waitForFunction("document.getElementById('word').textContent === 'before'", undefined, {
      timeout: minute,
    });
    expect(visitor.url()).toBe(ports[0]?.url);
    await visitor.evaluate("window.isTheSame = true");
    await sandbox.files.write(`${app}/word.js`, `export const word = "after";`);
    await visitor.waitForFunction("document.getElementById('word').textContent === 'after'", undefined, {
      timeout: minute,
    });
    expect(await visitor.evaluate("window.isTheSame")).toBe(true);
    const stranger = await (await browser.newContext()).newPage();
    expect((await stranger.goto(ports[0]?.url ?? ""))?.status()).toBe(401);
    await vite.kill();
  });
});
