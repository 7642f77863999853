/** Ports of a real sandbox, opened to others: a server that runs in it is reached by its preview, and wakes when somebody comes. */
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Sandbox as SandboxView } from "@alcove/contract";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { hasChromium, startChromium } from "../harness/chromium.js";
import { TestDaemon } from "../harness/daemon.js";

const size = 3_000_000;

let daemon: TestDaemon;
let sandbox: Sandbox;
let url = "";
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await Sandbox.create({ image: "debian", memory: "512Mi", alcove: daemon.alcove });
  const path = `/v1/groups/default/sandboxes/${sandbox.id}/ports/add`;
  const body = { port: 8000, auth: { anonymous: true } };
  await daemon.alcove.request({ method: "POST", path, body });
  const view = await daemon.alcove.request({ method: "GET", path: `/v1/groups/default/sandboxes/${sandbox.id}` });
  url = (JSON.parse(await text(view.body)) as SandboxView).ports?.[0]?.url ?? "";
}, 300_000);
afterAll(() => daemon[Symbol.asyncDispose]());

/** By its host name, at the gateway's address: not every resolver knows names below localhost. */
function visit(path: string): Promise<{ readonly status: number; readonly text: string }> {
  const { host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, headers: { host } }, async (answer) => {
      resolve({ status: answer.statusCode ?? 0, text: await text(answer) });
    }).on("error", reject);
  });
}

test("nothing listens yet: the page says so", async () => {
  const page = await visit("/");
  expect(page.status).toBe(502);
  expect(page.text).toContain("8000");
});

test("what a program serves comes whole, over a sleep that ends when somebody comes", async () => {
  await sandbox.exec(`mkdir -p /srv/www && head -c ${size} /dev/zero | tr '\\0' x > /srv/www/large`, { check: true });
  await (await sandbox.spawn("cd /srv/www && exec python3 -m http.server 8000 --bind 127.0.0.1", { detached: true }))[
    Symbol.asyncDispose
  ]();
  const large = () => visit("/large").then((page) => (page.text.length === size ? page : undefined));
  expect((await waitFor(large, AbortSignal.timeout(60_000))).status).toBe(200);
  await sandbox.stop();
  expect((await large())?.status).toBe(200);
  expect((await sandbox.info()).state).toBe("Running");
}, 180_000);

test("any port is reached through a WebSocket by whoever has a key, an owner here", async () => {
  const path = `/v1/groups/default/sandboxes/${sandbox.id}/ports/8000/connect`;
  const socket = new WebSocket(`ws+unix://${daemon.runtimeDirectory}/alcoved.sock:${path}`);
  const answer = await new Promise<string>((resolve, reject) => {
    let received = "";
    socket.on("error", reject);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      const words = data.toString();
      if (isBinary) received += words;
      else if (words.includes("connected")) socket.send(Buffer.from("GET / HTTP/1.0\r\n\r\n"));
      if (received.includes("</html>")) resolve(received);
    });
  });
  socket.close();
  expect(answer).toContain("200 OK");
  expect(answer).toContain("large");
});

test.skipIf(!hasChromium)(
  "in chromium, which has to be installed for this, a page that came by a link is changed by its WebSocket",
  async () => {
    const api = async (what: string, body: object) => {
      const path = `/v1/groups/default/sandboxes/${sandbox.id}/ports/${what}`;
      return JSON.parse(await text((await daemon.alcove.request({ method: "POST", path, body })).body));
    };
    await api("add", { port: 5000 });
    const { url: link } = await api("link", { port: 5000 });
    await sandbox.files.write("/root/word", "before");
    await sandbox.files.write("/root/live-page.py", await readFile(join(import.meta.dirname, "ports/live-page.py")));
    await (await sandbox.spawn("exec python3 /root/live-page.py 5000 /root/word", { detached: true }))[
      Symbol.asyncDispose
    ]();
    await using browser = await startChromium();
    const page = await browser.newPage();
    await expect.poll(async () => (await page.goto(link))?.status(), { timeout: 60_000 }).toBe(200);
    const shows = (word: string) => page.waitForFunction(`document.getElementById("word").textContent === "${word}"`);
    await shows("before");
    await page.evaluate("window.isTheSame = true");
    await sandbox.files.write("/root/word", "after");
    await shows("after");
    expect(await page.evaluate("window.isTheSame")).toBe(true);
    const stranger = await (await browser.newContext()).newPage();
    expect((await stranger.goto(link.replace(/\?.*/, "")))?.status()).toBe(401);
  },
);
