import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { issue } from "../certificates/authority.js";
import { DialFailure } from "./dial-failure.js";
import {
  allowAll,
  closed,
  type Gate,
  type GateOptions,
  groupAuthority,
  listening,
  noLoopback,
  rawExchange,
  serverAuthority,
  startGate,
} from "./flow-test-kit.js";

/** Says what came, and in its answer what was asked for by the path. */
const echo: http.RequestListener = async (request, response) => {
  const body = await text(request);
  if (request.url === "/no-content") response.writeHead(204).end();
  else if (request.url === "/not-modified") response.writeHead(304, { ETag: '"x"' }).end();
  else if (request.url === "/early") {
    response.writeEarlyHints({ link: "</a.css>; rel=preload", constructor: "a" }, () => response.end("done"));
  } else if (request.url === "/endless") {
    response.write("begun");
  } else if (request.url === "/trailers") {
    response.writeHead(200, { Trailer: "X-Sum" });
    response.write("body");
    response.addTrailers({ "X-Sum": "4" });
    response.end();
  } else {
    const { method, url, rawHeaders, rawTrailers } = request;
    response.writeHead(200, "Fine Then", ["X-CaSe", "1", "Set-Cookie", "a=1", "Set-Cookie", "b=2"]);
    response.end(JSON.stringify({ method, url, rawHeaders, body, rawTrailers }));
  }
};

let plain: http.Server;
let secure: https.Server;

beforeAll(async () => {
  plain = await listening(http.createServer(echo));
  const { certificate, key } = await issue(serverAuthority, "example.com");
  secure = await listening(https.createServer({ cert: certificate, key }, echo));
});

afterAll(async () => {
  plain.closeAllConnections();
  secure.closeAllConnections();
  await Promise.all([closed(plain), closed(secure)]);
});

interface Got {
  readonly response: IncomingMessage;
  readonly body: string;
}

interface Asked extends RequestOptions {
  readonly body?: string;
  readonly trailers?: [string, string][];
}

function get(gate: Gate, scheme: "http" | "https", { body, trailers, ...options }: Asked): Promise<Got> {
  return new Promise((resolve, reject) => {
    const host = { host: "127.0.0.1", port: gate.port, headers: { Host: "example.com" } };
    const client = scheme === "http" ? http : https;
    const tls = { ca: groupAuthority.certificate, servername: "example.com" };
    const request = client.request({ agent: false, ...host, ...tls, ...options }, async (response) => {
      resolve({ response, body: await text(response).catch((error: Error) => `broken: ${error.message}`) });
    });
    request.on("error", reject);
    if (body !== undefined) request.write(body);
    if (trailers !== undefined) request.addTrailers(trailers);
    request.end();
  });
}

async function withGate<T>(options: Partial<GateOptions>, use: (gate: Gate) => Promise<T>): Promise<T> {
  const servers = { "example.com:80": plain, "example.com:443": secure };
  await using gate = await startGate({ scheme: "http", servers, ...options });
  return await use(gate);
}

describe.each([
  ["http", false],
  ["http", true],
  ["https", false],
  ["https", true],
] as const)("%s, from a stream that is no socket: %s", (scheme, isPlainStream) => {
  const through = <T>(use: (gate: Gate) => Promise<T>, policy: GateOptions["policy"] = allowAll) =>
    withGate({ scheme, isPlainStream, policy }, use);

  test("a request goes through as it is, headers in their order and case, and so does its answer", async () => {
    const headers = ["Host", "example.com", "X-One", "1", "aCCept", "*/*", "X-One", "2"];
    const { gate, got } = await through(async (gate) => ({
      gate,
      got: await get(gate, scheme, { path: "/a%2Fb?c=d", headers: headers as never }),
    }));
    const seen = JSON.parse(got.body);
    expect(seen).toMatchObject({ method: "GET", url: "/a%2Fb?c=d", body: "" });
    expect(seen.rawHeaders).toEqual([...headers, "Connection", "keep-alive"]);
    expect(got.response.statusMessage).toBe("Fine Then");
    expect(got.response.rawHeaders.slice(0, 6)).toEqual(["X-CaSe", "1", "Set-Cookie", "a=1", "Set-Cookie", "b=2"]);
    await expect.poll(() => gate.decisions.length).toBe(1);
    const { timestamp, durationMs, ...decision } = gate.decisions[0] ?? {};
    expect(decision).toEqual({
      ...{ protocol: scheme, host: "example.com", port: scheme === "http" ? 80 : 443, method: "GET", path: "/a%2Fb" },
      ...{ verdict: "Allow", isEnforced: true, rule: "default", address: "127.0.0.1", routeType: "Direct" },
      reason: "no rule denies it, and the default is Allow",
      ...{ bytesSent: 0, bytesReceived: got.body.length },
    });
  });

  test("bodies go up whole, of a length that was told, and in chunks with trailers", async () => {
    await through(async (gate) => {
      const headers = { Host: "example.com", "Content-Length": "5" };
      const told = await get(gate, scheme, { method: "POST", headers, body: "hello" });
      expect(JSON.parse(told.body)).toMatchObject({ method: "POST", body: "hello" });
      const trailers: [string, string][] = [
        ["X-Sum", "5"],
        ["Authorization", "me"],
      ];
      const chunked = { Host: "example.com", "Transfer-Encoding": "chunked", Trailer: "X-Sum" };
      const untold = await get(gate, scheme, { method: "PUT", headers: chunked, body: "hello", trailers });
      expect(JSON.parse(untold.body)).toMatchObject({ method: "PUT", body: "hello", rawTrailers: ["X-Sum", "5"] });
      await expect.poll(() => gate.decisions.map(({ bytesSent }) => bytesSent)).toEqual([5, 5]);
    });
  });

  test("answers without a body, with trailers, and after early hints arrive as what they are", async () => {
    await through(async (gate) => {
      const head = await get(gate, scheme, { method: "HEAD" });
      expect([head.response.statusCode, head.body]).toEqual([200, ""]);
      expect((await get(gate, scheme, { path: "/no-content" })).response.statusCode).toBe(204);
      const unmodified = await get(gate, scheme, { path: "/not-modified" });
      expect([unmodified.response.statusCode, unmodified.response.headers.etag]).toEqual([304, '"x"']);
      const trailed = await get(gate, scheme, { path: "/trailers" });
      expect([trailed.body, trailed.response.rawTrailers]).toEqual(["body", ["X-Sum", "4"]]);
    });
  });

  test("a denied request gets a text that names the rule, and nothing of it leaves", async () => {
    const rule = { name: "no-secrets", match: { host: "example.com", path: "/secrets/**" }, action: { type: "Deny" } };
    const policy = { defaultAction: "Allow", rules: [rule] } as unknown as GateOptions["policy"];
    await through(async (gate) => {
      const { response, body } = await get(gate, scheme, { path: "/secrets/key?token=1" });
      expect(response.statusCode).toBe(403);
      expect(response.headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(body).toContain(`Alcove denied GET ${scheme}://example.com/secrets/key by rule "no-secrets": `);
      expect(body).toContain("alcove egress test");
      expect(body).not.toContain("token");
      expect(gate.dialled).toEqual([]);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "no-secrets", isEnforced: true }]);
      expect((await get(gate, scheme, { path: "/open" })).response.statusCode).toBe(200);
    }, policy);
  });

  test("requests of one connection share one connection to the server, and each is decided by the policy of its instant", async () => {
    const agent = new (scheme === "http" ? http : https).Agent({ keepAlive: true, maxSockets: 1 });
    await through(async (gate) => {
      for (let count = 0; count < 3; count++) await get(gate, scheme, { agent });
      expect(gate.dialled).toHaveLength(1);
      gate.setPolicy({ defaultAction: "Deny" });
      expect((await get(gate, scheme, { agent })).response.statusCode).toBe(403);
      gate.setPolicy(allowAll);
      expect((await get(gate, scheme, { agent })).response.statusCode).toBe(200);
      expect(gate.programs.size).toBe(1);
      // What is dialled under one policy is not used under the next.
      expect(gate.dialled).toHaveLength(2);
      await get(gate, scheme, { agent });
      expect(gate.dialled).toHaveLength(2);
      await get(gate, scheme, {});
      expect(gate.dialled).toHaveLength(3);
      expect(gate.upstreams.size).toBeLessThanOrEqual(2);
    });
    agent.destroy();
  });

  test("an answer under way ends when its server's address may not be reached any more", async () => {
    await through(async (gate) => {
      const { body } = await new Promise<{ body: Promise<string> }>((resolve, reject) => {
        const options = { host: "127.0.0.1", port: gate.port, path: "/endless", headers: { Host: "example.com" } };
        const tls = { ca: groupAuthority.certificate, servername: "example.com", agent: false as const };
        const asking = (scheme === "http" ? http : https).get({ ...options, ...tls });
        asking.once("error", reject).once("response", (response) => resolve({ body: text(response) }));
      });
      const ending = expect(body).rejects.toThrow();
      gate.setPolicy(noLoopback);
      await ending;
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "forbidden-address", address: "127.0.0.1" }]);
      await expect.poll(() => gate.upstreams.size).toBe(0);
    });
  });

  test("what is being dialled when its address may not be reached any more gets nothing of the request", async () => {
    let change = () => {};
    const dial = async () => {
      const socket = net.connect((plain.address() as AddressInfo).port, "127.0.0.1");
      await new Promise((resolve) => socket.once("connect", resolve));
      change();
      return socket;
    };
    await withGate({ scheme, isPlainStream, dial }, async (gate) => {
      change = () => gate.setPolicy(noLoopback);
      const { response, body } = await get(gate, scheme, {});
      expect(response.statusCode).toBe(403);
      expect(body).toContain("forbidden-address");
      await expect.poll(() => gate.upstreams.size).toBe(0);
    });
  });

  test("connections to servers end with the program's", async () => {
    await through(async (gate) => {
      const agent = new (scheme === "http" ? http : https).Agent({ keepAlive: true });
      await get(gate, scheme, { agent });
      expect(gate.upstreams.size).toBe(1);
      agent.destroy();
      await expect.poll(() => gate.upstreams.size).toBe(0);
      expect(gate.programs.size).toBe(0);
    });
  });

  test("the flow's signal ends it at once", async () => {
    await through(async (gate) => {
      const agent = new (scheme === "http" ? http : https).Agent({ keepAlive: true });
      await get(gate, scheme, { agent });
      gate.abortAll();
      await expect.poll(() => gate.upstreams.size + gate.programs.size).toBe(0);
      agent.destroy();
    });
  });
});

describe("what a rule changes", () => {
  const acting = (action: object, scheme = "any") =>
    ({
      defaultAction: "Deny",
      rules: [{ name: "changed", match: { host: "example.com", scheme }, action }],
    }) as GateOptions["policy"] & object;

  test("headers are set, inserted and removed, also where the program would have had them removed itself", async () => {
    const headers = [
      { operation: "Set", name: "X-Team", value: "blue" },
      { operation: "Insert", name: "User-Agent", value: "none" },
      { operation: "Insert", name: "X-New", value: "1" },
      { operation: "Remove", name: "x-tracking" },
    ];
    await withGate({ policy: acting({ type: "Transform", headers }) }, async (gate) => {
      const sent = { Host: "example.com", "X-Team": "red", Connection: "X-Team, close", "User-Agent": "me" };
      const { body } = await get(gate, "http", { headers: { ...sent, "X-Tracking": "yes" } });
      const { rawHeaders } = JSON.parse(body);
      const seen = [
        "Host",
        "example.com",
        "User-Agent",
        "me",
        "X-Team",
        "blue",
        "X-New",
        "1",
        "Connection",
        "keep-alive",
      ];
      expect(rawHeaders).toEqual(seen);
    });
  });

  test("a rewrite goes to the other scheme, host and path, with the query, a Host that follows, and a certificate of the new name", async () => {
    const { certificate, key } = await issue(serverAuthority, "mirror.example");
    const mirror = await listening(https.createServer({ cert: certificate, key }, echo));
    const action = { type: "Rewrite", scheme: "https", host: "Mirror.example", path: "/simple/" };
    const options = { policy: acting(action), servers: { "mirror.example:443": mirror } };
    await withGate(options, async (gate) => {
      const seen = JSON.parse((await get(gate, "http", { path: "/old?q=1" })).body);
      expect(seen.url).toBe("/simple/?q=1");
      expect(seen.rawHeaders.slice(0, 2)).toEqual(["Host", "mirror.example"]);
      expect(gate.dialled).toMatchObject([{ host: "mirror.example", port: 443, tls: true }]);
      const decision = { host: "example.com", path: "/old", verdict: "Allow", rule: "changed" };
      await expect.poll(() => gate.decisions).toMatchObject([decision]);
    });
    mirror.closeAllConnections();
    await closed(mirror);
  });

  test("in Audit mode what is denied goes through unchanged, and is recorded as not enforced", async () => {
    await withGate({ policy: { defaultAction: "Deny", enforcementMode: "Audit" } }, async (gate) => {
      expect((await get(gate, "http", {})).response.statusCode).toBe(200);
      await expect.poll(() => gate.decisions).toMatchObject([{ verdict: "Deny", isEnforced: false, rule: "default" }]);
    });
  });
});

describe("a server that is not reached", () => {
  test.each([
    ["unresolved", 502],
    ["unreachable", 502],
    ["bad-certificate", 502],
    ["forbidden-address", 403],
  ] as const)("%s is told the program with status %i, and recorded", async (rule, status) => {
    const servers = { "example.com:80": new DialFailure(rule, "it is so") };
    await withGate({ servers }, async (gate) => {
      const { response, body } = await get(gate, "http", { path: "/x" });
      expect(response.statusCode).toBe(status);
      expect(body).toContain(`GET http://example.com/x by rule "${rule}": it is so.\n`);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule, reason: "it is so", isEnforced: true }]);
    });
  });

  test("one with a certificate of another name is not talked to", async () => {
    const { certificate, key } = await issue(serverAuthority, "other.example");
    const other = await listening(https.createServer({ cert: certificate, key }, echo));
    await withGate({ scheme: "https", servers: { "example.com:443": other } }, async (gate) => {
      const { response, body } = await get(gate, "https", {});
      expect(response.statusCode).toBe(502);
      expect(body).toContain('by rule "bad-certificate": Hostname/IP does not match certificate\'s altnames');
    });
    other.closeAllConnections();
    await closed(other);
  });

  test("a program that is gone meanwhile ends the dialling, and is recorded as that", async () => {
    let aborted = false;
    const dial: GateOptions["dial"] = (_target, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason);
        });
      });
    await withGate({ dial: dial as NonNullable<typeof dial> }, async (gate) => {
      const request = http.get({ host: "127.0.0.1", port: gate.port, headers: { Host: "example.com" }, agent: false });
      request.on("error", () => {});
      await expect.poll(() => gate.dialled.length).toBe(1);
      request.destroy();
      for (const program of gate.programs) program.resetAndDestroy();
      await expect.poll(() => aborted).toBe(true);
      const reason = expect.stringContaining("the program was gone");
      await expect.poll(() => gate.decisions).toMatchObject([{ verdict: "Allow", rule: "default", reason }]);
    });
  });

  test("places for requests are given back, and where there is none the program is told to wait", async () => {
    let free = 1;
    const enter = () => {
      if (free === 0) return undefined;
      free--;
      return () => void free++;
    };
    await withGate({ enter }, async (gate) => {
      for (let count = 0; count < 3; count++) expect((await get(gate, "http", {})).response.statusCode).toBe(200);
      expect(free).toBe(1);
      free = 0;
      const { response, body } = await get(gate, "http", {});
      expect(response.statusCode).toBe(503);
      expect(body).toContain("too-many-requests");
    });
  });
});

describe("one connection", () => {
  const ask = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: example.com\r\n${more}\r\n`;

  test("requests that are sent without waiting are answered in their order", async () => {
    await withGate({}, async (gate) => {
      const paths = Array.from({ length: 12 }, (_, at) => `/p${at}`);
      const seen = await rawExchange(gate.port, paths.map((path) => ask(path)).join("") + ask("/last"), '"/last"');
      expect([...seen.matchAll(/"url":"([^"]+)"/g)].map(([, url]) => url)).toEqual([...paths, "/last"]);
      expect(gate.dialled).toHaveLength(1);
    });
  });

  test("a program that ends its side after its request still gets the answer", async () => {
    await withGate({}, async (gate) => {
      const { connect } = await import("node:net");
      const socket = connect({ port: gate.port, host: "127.0.0.1", allowHalfOpen: true });
      socket.end(ask("/half"));
      expect(await text(socket)).toContain('"url":"/half"');
      await expect.poll(() => gate.programs.size).toBe(0);
    });
  });

  test("HTTP/1.0 gets a whole answer and the end of the connection", async () => {
    await withGate({}, async (gate) => {
      const seen = await rawExchange(gate.port, "GET /old HTTP/1.0\r\nHost: example.com\r\n\r\n");
      expect(seen).toContain('"url":"/old"');
      expect(seen).not.toContain("chunked");
    });
  });

  test("a body that waits for 100 Continue gets it from the server", async () => {
    await withGate({}, async (gate) => {
      const headers = { Host: "example.com", Expect: "100-continue", "Content-Length": "4" };
      const request = http.request({ host: "127.0.0.1", port: gate.port, method: "PUT", headers, agent: false });
      request.flushHeaders();
      await new Promise((resolve) => request.once("continue", resolve));
      const answered = new Promise<IncomingMessage>((resolve) => request.once("response", resolve));
      request.end("body");
      const seen = JSON.parse(await text(await answered));
      expect(seen.body).toBe("body");
      expect(seen.rawHeaders).toContain("100-continue");
    });
  });

  test("early hints arrive ahead of the answer", async () => {
    await withGate({}, async (gate) => {
      const seen = await rawExchange(gate.port, ask("/early", "Connection: close\r\n"));
      expect(seen).toMatch(
        /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\nconstructor: a\r\n\r\nHTTP\/1\.1 200 OK\r\n/i,
      );
    });
  });
});
