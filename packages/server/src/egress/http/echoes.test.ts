/** What a real server sends back of a sandbox's values does not come back to its programs. */
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { buffer, text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { brotliCompressSync, createGzip, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closed, type Gate, type GateOptions, listening, startGate } from "./flow-test-kit.js";

const secret = "s3cret-value-0001";
const stars = "*".repeat(secret.length);
const hidden = { one: secret };
const said = `you sent ${secret}, in base64 ${btoa(`me:${secret}`)}, and so on`;
const coders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };
let asked: string | undefined;
let written = 0;

const listener: http.RequestListener = async (request, response) => {
  asked = request.headers["accept-encoding"];
  const [, what = "", coding = ""] = (request.url ?? "").split("/");
  if (what === "head") {
    response.writeEarlyHints({ link: `</${secret}.css>; rel=preload` });
    response.writeHead(200, `Fine ${secret}`, {
      "X-Echo": `a ${secret} b`,
      [`X-${secret.toUpperCase()}`]: "y",
      Trailer: "X-Sum",
    });
    response.write("x");
    response.addTrailers({ "X-Sum": secret });
    response.end();
  } else if (what === "length") {
    response.writeHead(200, { "Content-Length": String(said.length) }).end(said);
  } else if (what === "bytes") {
    for (const byte of Buffer.from(said)) {
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  } else if (what === "coded") {
    const body = coders[coding as keyof typeof coders](said);
    const headers = { "Content-Encoding": coding, "Content-Length": String(body.length), ETag: '"x"' };
    response.writeHead(200, headers).end(body);
  } else if (what === "empty") response.writeHead(200, { "Content-Encoding": coding }).end();
  else if (what === "unchanged") response.writeHead(304, { "Content-Encoding": coding, ETag: '"x"' }).end();
  else if (what === "cut") response.writeHead(200, { "Content-Encoding": coding }).end(gzipSync(said).subarray(0, 30));
  else if (what === "named") response.writeHead(200, { "Content-Encoding": decodeURIComponent(coding) }).end(said);
  else if (what === "part")
    response.writeHead(206, { "Content-Encoding": coding, "Content-Range": "bytes 0-9/99" }).end(gzipSync(said));
  else if (what === "events") {
    response.writeHead(200, { "Content-Type": "text/event-stream", ...(coding && { "Content-Encoding": coding }) });
    const gzip = createGzip();
    gzip.pipe(response);
    const out = coding === "gzip" ? gzip : response;
    out.write(`data: ${secret}\n\n`);
    if (coding === "gzip") gzip.flush();
    else response.flushHeaders();
    request.on("close", () => gzip.destroy());
  } else if (what === "flood") {
    response.writeHead(200, { "Content-Encoding": "gzip" });
    const bomb = gzipSync(Buffer.alloc(16 * 1024 * 1024));
    written = 0;
    while (!response.destroyed && written < 1_000) {
      written++;
      if (!response.write(bomb)) await new Promise((resolve) => response.once("drain", resolve));
    }
  } else {
    const body = brotliCompressSync("x");
    response.writeHead(200, { "Content-Encoding": "br" }).write(body.subarray(0, 1));
  }
};

const server = http.createServer(listener);
beforeAll(() => listening(server));
afterAll(async () => {
  server.closeAllConnections();
  await closed(server);
});

function ask(gate: Gate, path: string, options: http.RequestOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { Host: "example.com", "Accept-Encoding": "br, gzip;q=0.5, zstd" };
    const request = http.request({ host: "127.0.0.1", port: gate.port, agent: false, path, headers, ...options });
    request.on("response", resolve).on("error", reject).end();
  });
}

const odds: GateOptions["policy"] = {
  defaultAction: "Allow",
  rules: [
    {
      name: "other",
      match: { host: "*", scheme: "http", path: "/coded/*" },
      action: { type: "Rewrite", host: "other.test" },
    },
  ],
};

const start = (values: Record<string, string> = hidden) =>
  startGate({ scheme: "http", servers: { "example.com:80": server }, hidden: values });

test("heads, hints ahead of them, words beside the status and trailers come without it", async () => {
  await using gate = await start();
  const hints: unknown[] = [];
  const got = await new Promise<IncomingMessage>((resolve) => {
    const request = http.get(
      { host: "127.0.0.1", port: gate.port, agent: false, path: "/head", headers: { Host: "example.com" } },
      resolve,
    );
    request.on("information", ({ headers }) => hints.push(headers.link));
  });
  expect(await text(got)).toBe("x");
  expect(hints).toEqual([`</${stars}.css>; rel=preload`]);
  expect([got.statusMessage, got.headers["x-echo"], got.trailers["x-sum"]]).toEqual([
    `Fine ${stars}`,
    `a ${stars} b`,
    stars,
  ]);
  expect(got.headers[`x-${stars}`]).toBe("y");
  expect(got.rawHeaders.join()).not.toMatch(/s3cret/i);
});

test.each(["/length", "/bytes", "/coded/gzip", "/coded/deflate", "/coded/br"])(
  "the body of %s comes without it, as long as it is",
  async (path) => {
    await using gate = await start();
    const got = await ask(gate, path);
    const body = await text(got);
    expect(body).toMatch(/^you sent \*{17}, in base64 bWU6\*{22}.{0,2}, and so on$/);
    expect(body).toHaveLength(said.length);
    expect(got.headers["content-encoding"]).toBeUndefined();
    expect(got.headers["content-length"]).toBe(path === "/length" ? String(said.length) : undefined);
    expect(got.headers.etag).toBe(path.startsWith("/coded") ? 'W/"x"' : undefined);
  },
);

test("in HTTP/2 too", async () => {
  const server2 = await listening(
    http2.createServer((request, response) => {
      response.setHeader("x-echo", secret);
      response.end(`you asked for ${request.url}`);
    }),
  );
  await using gate = await startGate({ scheme: "http", servers: { "example.com:80": server2 }, hidden });
  const session = http2.connect(`http://127.0.0.1:${gate.port}`);
  const stream = session.request({ ":path": `/${secret}`, ":authority": "example.com" });
  const [headers] = await once(stream, "response");
  expect(await text(stream)).toBe(`you asked for /${stars}`);
  expect(headers["x-echo"]).toBe(stars);
  session.destroy();
  server2.close();
});

test("servers are asked for codings that are known, where there is something to hide, and for none of a part", async () => {
  const sent = async (values: Record<string, string>, more: Record<string, string> = {}) => {
    await using gate = await start(values);
    const headers = { Host: "example.com", "Accept-Encoding": "br, gzip;q=0.5, zstd", ...more };
    await text(await ask(gate, "/length", { headers }));
    return asked;
  };
  expect(await sent(hidden)).toBe("gzip");
  expect(await sent(hidden, { "Accept-Encoding": "gzip;q=0, br" })).toBe("identity");
  expect(await sent(hidden, { Range: "bytes=0-9" })).toBe("identity");
  expect(await sent({})).toBe("br, gzip;q=0.5, zstd");
  expect(await sent({ short: "short" })).toBe("br, gzip;q=0.5, zstd");
});

test("what has no body stays as it is, in whatever coding", async () => {
  await using gate = await start();
  const head = await ask(gate, "/coded/gzip", { method: "HEAD" });
  expect([head.headers["content-encoding"], await text(head)]).toEqual(["gzip", ""]);
  const unchanged = await ask(gate, "/unchanged/gzip");
  expect([unchanged.statusCode, unchanged.headers.etag, await text(unchanged)]).toEqual([304, '"x"', ""]);
  expect(await text(await ask(gate, "/empty/gzip"))).toBe("");
});

test.each(["/cut/gzip", "/part/gzip", "/named/zstd", "/named/gzip%2C%20gzip", "/named/gzip%2C%20zstd"])(
  "an answer that cannot be looked through to its end is cut off: %s",
  async (path) => {
    await using gate = await start();
    const got = await ask(gate, path)
      .then(text)
      .catch((error: Error) => error);
    expect(got).toBeInstanceOf(Error);
    await expect.poll(() => gate.decisions.map(({ reason }) => reason).join()).toContain("it broke off");
  },
);

test("an answer that says that it is in no coding is looked through as it is", async () => {
  await using gate = await start();
  expect(await text(await ask(gate, "/named/identity"))).toContain(`you sent ${stars}`);
});

test.each(["/events", "/events/gzip"])("an event is there as soon as the server has sent it: %s", async (path) => {
  await using gate = await start();
  const got = await ask(gate, path);
  let seen = "";
  got.on("data", (chunk) => {
    seen += chunk;
  });
  await expect.poll(() => seen).toBe(`data: ${stars}\n\n`);
  got.destroy();
});

test("a program that does not read holds back a server whose answer becomes a thousand times as long", async () => {
  await using gate = await start();
  const got = await ask(gate, "/flood");
  got.pause();
  await wait(500);
  const before = written;
  await wait(500);
  expect([written, written < 500]).toEqual([before, true]);
  got.destroy();
});

test("no more than eight answers at once are decoded that take much memory for it", async () => {
  await using gate = await start();
  const open = await Promise.all(Array.from({ length: 8 }, () => ask(gate, "/brotli")));
  await expect(ask(gate, "/brotli").then(buffer)).rejects.toThrow();
  for (const each of open) each.on("error", () => {}).socket.resetAndDestroy();
  await expect.poll(() => gate.upstreams.size).toBe(0);
  const again = await ask(gate, "/coded/br");
  expect(again.statusCode).toBe(200);
  again.resume();
});

test("answers whose heads cannot be sent take no place of those that are decoded", async () => {
  const odd = net.createServer((socket) => {
    socket.on("error", () => {}).once("data", () => socket.write("HTTP/1.1 000 x\r\nContent-Encoding: br\r\n\r\n"));
  });
  await listening(odd);
  await using gate = await startGate({
    scheme: "http",
    servers: { "example.com:80": odd, "other.test:80": server },
    hidden,
    policy: odds,
  });
  for (let count = 0; count < 9; count++) await ask(gate, "/odd").catch(() => {});
  expect(await text(await ask(gate, "/coded/br"))).toContain("you sent *");
  await closed(odd);
});
