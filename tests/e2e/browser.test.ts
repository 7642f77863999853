/** The SDK in a page: bundled for browsers, in Debian's chromium, against a server that trusts the page's origin. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type Served, serve } from "../../packages/server/src/http/serve-for-tests.js";
import { hasChromium, startChromium } from "../harness/chromium.js";

describe.skipIf(!hasChromium)("in chromium, which has to be installed for this", () => {
  let served: Served;
  let pages: Server;
  let pageUrl: string;
  let url: string;
  let apiKey: string;
  let browser: Browser;

  beforeAll(async () => {
    const script = await bundled();
    pages = createServer((request, response) => {
      const isScript = request.url === "/sdk.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : "<!doctype html><title>page</title>");
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    pageUrl = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    served = await serve();
    url = `http://127.0.0.1:${await served.openTcp({ trustedOrigins: [pageUrl] })}`;
    const key = { method: "POST", body: { name: "page", scopes: [{ group: "default", role: "user" }] } };
    apiKey = String((await ask(served.socketPath, "/v1/keys", key)).json.key);
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await served?.[Symbol.asyncDispose]();
    await new Promise((resolve) => pages.close(resolve));
  });

  /** What the body of an async function answers, given `sdk`, `url` and `apiKey`. */
  async function inPage(body: string): Promise<unknown> {
    const page = await browser.newPage();
    try {
      await page.goto(pageUrl);
      const run = `(async () => {
        const sdk = await import("/sdk.js");
        const [url, apiKey] = ${JSON.stringify([url, apiKey])};
        ${body}
      })()`;
      return await page.evaluate(run);
    } finally {
      await page.close();
    }
  }

  test("a page creates a sandbox, runs, streams, writes, reads, lists, waits and deletes", async () => {
    const seen = await inPage(`
      const alcove = new sdk.Alcove({ url, apiKey });
      const sandbox = await alcove.sandboxes.create({ image: "debian", labels: { from: "page" } });
      const { stdout } = await sandbox.exec("echo hello; exit 3");
      const running = await sandbox.spawn("cat; echo err >&2", { stdin: true });
      await running.stdin.end("through a stream");
      const [out, err] = await Promise.all([running.stdout.text(), running.stderr.text()]);
      const { exitCode } = await running.wait();
      async function* pieces() { yield "one "; yield "two"; }
      await sandbox.files.write("/tmp/file", pieces());
      const file = await sandbox.files.readText("/tmp/file");
      const listed = await alcove.sandboxes.list({ labels: { from: "page" } }).toArray();
      const gone = sandbox.waitUntilDeleted();
      await sandbox.delete();
      await gone;
      const error = await sandbox.info().catch((reason) => reason);
      return { stdout, out, err, exitCode, file, listed: listed.length, code: error.code, requestId: typeof error.requestId };
    `);
    expect(seen).toEqual({
      ...{ stdout: "hello\n", out: "through a stream", err: "err\n", exitCode: 0, file: "one two", listed: 1 },
      ...{ code: "SandboxNotFound", requestId: "string" },
    });
  });

  test("a wrong key, a server that does not trust the page, and what only Node has are told", async () => {
    const other = `http://127.0.0.1:${await served.openTcp()}`;
    const seen = await inPage(`
      const failure = (work) => work.then(() => "none", (error) => [error.name, error.code ?? error.message, error.hint]);
      const wrong = new sdk.Alcove({ url, apiKey: "wrong" });
      const far = new sdk.Alcove({ url: ${JSON.stringify(other)}, apiKey });
      let refused;
      try { new sdk.Alcove({ url, fingerprint: "00" }) } catch (error) { refused = error.message }
      return [await failure(wrong.sandboxes.count()), await failure(far.sandboxes.count()), refused];
    `);
    expect(seen).toMatchObject([
      ["AlcoveError", "Unauthorized", expect.any(String)],
      ["ConnectionError", expect.stringContaining("cannot be reached"), expect.stringContaining("trustedOrigins")],
      "fingerprint is for Node: in a browser the browser makes the connections.",
    ]);
    expect(JSON.stringify(seen)).not.toContain(apiKey);
  });
});

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "alcove";', resolveDir: join(import.meta.dirname, "../../packages/sdk") },
    ...{ bundle: true, write: false, format: "esm", platform: "browser", target: "es2022" },
  });
  return outputFiles[0]?.text ?? "";
}
