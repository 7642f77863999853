/** Ports of a real sandbox, opened to others: a server that runs in it is reached by its preview, and wakes when somebody comes. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { hasChromium, startChromium } from "../harness/chromium.js";
import { TestDaemon } from "../harness/daemon.js";
import { forwarded } from "../harness/port-forward.js";

const size = 3_000_000;

let daemon: TestDaemon;
let sandbox: Sandbox;
let url = "";
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await Sandbox.create({ image: "debian", memory: "512Mi", alcove: daemon.alcove });
  url = (await sandbox.ports.add({ port: 8000, auth: { anonymous: true } })).url ?? "";
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

/** Answers how many bytes it heard, once it has heard the end, and then says them all again. */
const echoAtEnd = `
import socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        heard = self.rfile.read()
        self.wfile.write(str(len(heard)).encode() + b"\\n" + heard)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("127.0.0.1", 9000), Handler).serve_forever()
`;

test("port-forward carries several connections at once to what listens in a sandbox, large ones, with half-close", async () => {
  await sandbox.files.write("/srv/echo.py", echoAtEnd);
  await (await sandbox.spawn("exec python3 /srv/echo.py", { detached: true }))[Symbol.asyncDispose]();
  const listens = () => sandbox.ports.connect(9000).then((connection) => connection.close().then(() => true));
  await waitFor(() => listens().catch(() => undefined), AbortSignal.timeout(60_000));
  const { child, localPorts } = await forwarded(daemon, sandbox.id, [8000, 9000]);
  const [pages = 0, echoes = 0] = localPorts;
  const dial = (port: number) => connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const sent = Array.from({ length: 3 }, () => randomBytes(1_500_000));
  const echoed = sent.map((bytes) => {
    const socket = dial(echoes);
    socket.end(bytes);
    return buffer(socket);
  });
  const page = dial(pages).end("GET /large HTTP/1.0\r\n\r\n");
  const [served, ...back] = await Promise.all([buffer(page), ...echoed]);
  expect(served.subarray(served.indexOf("\r\n\r\n") + 4).length).toBe(size);
  for (const [at, bytes] of sent.entries())
    expect(Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]).equals(back[at] ?? Buffer.alloc(0))).toBe(true);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
}, 180_000);

test.skipIf(!hasChromium)(
  "in chromium, which has to be installed for this, a page that came by a link is changed by its WebSocket",
  async () => {
    await sandbox.ports.add({ port: 5000 });
    const { url: link } = await sandbox.ports.link(5000);
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
