/** What a program may try on HTTP/1, byte by byte: it is refused or made plain, recorded once, and nothing waits for ever. */
import { execFile } from "node:child_process";
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  closed,
  type Gate,
  type GateOptions,
  groupAuthority,
  listening,
  rawExchange,
  startGate,
} from "./flow-test-kit.js";

const run = promisify(execFile);

/** What reached the server, each request as its method, target, headers and body. */
const reached: string[] = [];
let server: http.Server;

beforeAll(async () => {
  server = await listening(
    http.createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        reached.push(`${request.method} ${request.url} ${request.rawHeaders.join("|")} ${body}`);
        response.end("it answers");
      });
    }),
  );
});

afterAll(async () => {
  server.closeAllConnections();
  await closed(server);
});

async function withGate<T>(use: (gate: Gate) => Promise<T>, options: Partial<GateOptions> = {}): Promise<T> {
  reached.length = 0;
  await using gate = await startGate({ scheme: "http", servers: { "example.com:80": server }, ...options });
  const result = await use(gate);
  await expect.poll(() => gate.programs.size, { timeout: 10_000 }).toBe(0);
  return result;
}

const host = "Host: example.com\r\n";
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: example.com\r\n\r\n";

describe("a request that two readers could understand differently", () => {
  test.each([
    ["two lengths", `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
    ["a length twice", `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
    ["a list of lengths", `POST / HTTP/1.1\r\n${host}Content-Length: 5, 5\r\n\r\nhello`],
    ["a signed length", `POST / HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello`],
    ["a hexadecimal length", `POST / HTTP/1.1\r\n${host}Content-Length: 0x5\r\n\r\nhello`],
    [
      "a length and chunks",
      `POST / HTTP/1.1\r\n${host}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX`,
    ],
    [
      "chunks and a length",
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX`,
    ],
    ["an encoding beside chunks", `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    [
      "chunks twice",
      `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["chunks that are not last", `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ["an unknown encoding", `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ["a space before the colon", `POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ["a tab before the colon", `POST / HTTP/1.1\r\n${host}Content-Length\t: 5\r\n\r\nhello`],
    ["a folded header", `GET / HTTP/1.1\r\n${host}X: a\r\n b: c\r\n\r\n`],
    ["a folded first header", `GET / HTTP/1.1\r\n ${host}\r\n`],
    ["a header without a colon", `GET / HTTP/1.1\r\n${host}Garbage\r\n\r\n`],
    ["a bare CR in a header", `GET / HTTP/1.1\r\n${host}X: a\rTransfer-Encoding: chunked\r\n\r\n`],
    ["a NUL in a header", `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`],
    ["a NUL in a name", `GET / HTTP/1.1\r\n${host}X\0: a\r\n\r\n`],
    ["a bare LF after a header", `GET / HTTP/1.1\r\n${host}X: a\nY: b\r\n\r\n`],
    ["a bare LF at the head's end", `GET / HTTP/1.1\r\n${host}\n${smuggled}`],
    ["no version", `GET /\r\n${host}\r\n`],
    ["another version", `GET / HTTP/1.2\r\n${host}\r\n`],
    ["version 2 in version 1's form", `GET / HTTP/2.0\r\n${host}\r\n`],
    ["a space in the path", `GET /a b HTTP/1.1\r\n${host}\r\n`],
    ["a fragment", `GET /a#b HTTP/1.1\r\n${host}\r\n`],
    ["a control character in the path", `GET /a\x01b HTTP/1.1\r\n${host}\r\n`],
    ["a method of nobody's", `STEAL / HTTP/1.1\r\n${host}\r\n`],
    ["no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ])("%s: is refused, and does not reach the server", async (_, bytes) => {
    await withGate(async (gate) => {
      const seen = await rawExchange(gate.port, bytes);
      expect(seen).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(seen).toContain('by rule "malformed-request"');
      expect(reached).toEqual([]);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "malformed-request", isEnforced: true }]);
    });
  });

  test.each([
    ["a chunk that is no number", "x\r\nhello\r\n0\r\n\r\n"],
    ["a chunk with a sign", "-5\r\nhello\r\n0\r\n\r\n"],
    ["a chunk longer than it says", "3\r\nhello\r\n0\r\n\r\n"],
    ["a chunk that overflows", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
    ["a bare LF after a chunk", "5\nhello\r\n0\r\n\r\n"],
    ["a length among the trailers", "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"],
    ["an encoding among the trailers", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["more trailers than any head", `5\r\nhello\r\n0\r\n${"X-Trailer: 0123456789\r\n".repeat(4_000)}\r\n`],
    ["extensions without end", `5;${"x=y;".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
  ])("%s: the connection is cut off, and the server gets no whole request", async (_, body) => {
    await withGate(async (gate) => {
      const head = `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;
      const seen = await rawExchange(gate.port, head + body + smuggled);
      expect(seen).not.toContain("it answers");
      expect(reached).toEqual([]);
      expect(gate.decisions).toHaveLength(1);
    });
  });

  test("what follows a body is a request of its own, decided as such", async () => {
    const rule = { name: "no", match: { host: "*", path: "/smuggled" }, action: { type: "Deny" } };
    const policy = { defaultAction: "Allow", rules: [rule] } as unknown as GateOptions["policy"] & object;
    await withGate(
      async (gate) => {
        const bytes = `GET / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc${smuggled}`;
        const seen = await rawExchange(gate.port, bytes, "egress test");
        expect(seen.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"]);
        expect(reached).toHaveLength(1);
      },
      { policy },
    );
  });
});

describe("a request for something else than its connection", () => {
  test.each([
    ["another Host", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
    ["no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n"],
    ["no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
    ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
    ["the Host twice", `GET / HTTP/1.1\r\n${host}${host}\r\n`],
    ["two Hosts", `GET / HTTP/1.1\r\n${host}Host: evil.example\r\n\r\n`],
    ["two Hosts in one", "GET / HTTP/1.1\r\nHost: example.com, evil.example\r\n\r\n"],
    ["a user in Host", "GET / HTTP/1.1\r\nHost: example.com@evil.example\r\n\r\n"],
    ["the name as a user", "GET / HTTP/1.1\r\nHost: evil.example@example.com\r\n\r\n"],
    ["a path in Host", "GET / HTTP/1.1\r\nHost: example.com/x\r\n\r\n"],
    ["another port", "GET / HTTP/1.1\r\nHost: example.com:8080\r\n\r\n"],
    ["an empty port", "GET / HTTP/1.1\r\nHost: example.com:\r\n\r\n"],
    ["a port that is none", "GET / HTTP/1.1\r\nHost: example.com:80x\r\n\r\n"],
    ["another absolute form", `GET http://evil.example/ HTTP/1.1\r\n${host}\r\n`],
    ["an absolute form in https", `GET https://example.com/ HTTP/1.1\r\n${host}\r\n`],
    ["an absolute form with a user", `GET http://example.com@evil.example/ HTTP/1.1\r\n${host}\r\n`],
    ["an absolute form and another Host", "GET http://example.com/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
  ])("%s: is refused by name-mismatch", async (_, bytes) => {
    await withGate(async (gate) => {
      const seen = await rawExchange(gate.port, bytes);
      expect(seen).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(seen).toContain('by rule "name-mismatch"');
      expect(reached).toEqual([]);
      expect(gate.dialled).toEqual([]);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "name-mismatch", host: "example.com" }]);
    });
  });

  test.each([
    ["CONNECT evil.example:443", 403],
    ["CONNECT example.com:80", 403],
    ["TRACE /", 405],
    ["OPTIONS *", 405],
  ])("%s is refused", async (line, status) => {
    await withGate(async (gate) => {
      const seen = await rawExchange(gate.port, `${line} HTTP/1.1\r\n${host}\r\n`);
      expect(seen).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(reached).toEqual([]);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "refused-method" }]);
    });
  });

  test.each([
    ["its own absolute form", "GET http://EXAMPLE.com:80/a?b HTTP/1.1\r\nHost: example.com\r\n", "/a?b", "example.com"],
    ["other case", "GET /a HTTP/1.1\r\nHost: EXAMPLE.com\r\n", "/a", "EXAMPLE.com"],
    ["the default port", "GET /a HTTP/1.1\r\nHost: example.com:80\r\n", "/a", "example.com:80"],
    ["a trailing dot", "GET /a HTTP/1.1\r\nHost: example.com.\r\n", "/a", "example.com"],
    ["a second space", "GET  /a HTTP/1.1\r\nHost: example.com\r\n", "/a", "example.com"],
    ["an escape", "GET /a HTTP/1.1\r\nHost: example%2ecom\r\n", undefined, undefined],
  ])("%s: goes through as the name itself, or not at all", async (_, head, path, sent) => {
    await withGate(async (gate) => {
      await rawExchange(gate.port, `${head}Connection: close\r\n\r\n`);
      const expected = path === undefined ? [] : [`GET ${path} Host|${sent}|Connection|keep-alive `];
      expect(reached).toEqual(expected);
    });
  });
});

describe("a wish for another protocol", () => {
  test("HTTP/2 by Upgrade is not passed on, and the request is answered in HTTP/1.1, its body included", async () => {
    await withGate(async (gate) => {
      const wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
      const first = `POST /up HTTP/1.1\r\n${host}${wish}Content-Length: 4\r\n\r\nbody`;
      const seen = await rawExchange(gate.port, `${first}GET /next HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
      expect(seen.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
      expect(reached[0]).toBe("POST /up Host|example.com|Content-Length|4|Connection|keep-alive body");
      expect(reached).toHaveLength(2);
    });
  });

  test.each(["tcp", "TLS/1.0", "websocket, h2c", "h2c, websocket"])("%s is left out", async (protocol) => {
    await withGate(async (gate) => {
      const wish = `Connection: Upgrade, close\r\nUpgrade: ${protocol}\r\n`;
      const seen = await rawExchange(gate.port, `GET / HTTP/1.1\r\n${host}${wish}\r\n`);
      expect(seen).toMatch(/^HTTP\/1\.1 200 /);
      expect(reached).toEqual(["GET / Host|example.com|Connection|keep-alive "]);
    });
  });

  test("one behind a request that is not answered yet ends the connection", async () => {
    await withGate(async (gate) => {
      const wish = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
      const seen = await rawExchange(gate.port, `GET / HTTP/1.1\r\n${host}\r\nGET /ws HTTP/1.1\r\n${host}${wish}\r\n`);
      expect(seen).toBe("");
      expect(gate.decisions).toHaveLength(1);
    });
  });
});

describe("too much", () => {
  test.each([
    ["a head that is too long", `GET / HTTP/1.1\r\n${host}X: ${"a".repeat(40_000)}\r\n\r\n`],
    ["a path that is too long", `GET /${"a".repeat(40_000)} HTTP/1.1\r\n${host}\r\n`],
    ["too many headers", `GET / HTTP/1.1\r\n${host}${"a: b\r\n".repeat(200)}\r\n`],
    ["a head without end", `GET / HTTP/1.1\r\n${host}${"a: b\r\n".repeat(100_000)}`],
  ])("%s: is refused", async (_, bytes) => {
    await withGate(async (gate) => {
      const seen = await rawExchange(gate.port, bytes);
      expect(seen).toMatch(/^(?:HTTP\/1\.1 431 |$)/);
      expect(reached).toEqual([]);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "malformed-request" }]);
    });
  });

  test("thousands of requests at once end their connection, and leave the next alone", async () => {
    await withGate(async (gate) => {
      await rawExchange(gate.port, `GET /flood HTTP/1.1\r\n${host}\r\n`.repeat(5_000));
      expect(gate.dialled.length).toBeLessThan(3);
      const seen = await rawExchange(gate.port, `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
      expect(seen).toContain("it answers");
    });
  });
});

test("a head that comes byte by byte is cut off in time", async () => {
  await withGate(
    async (gate) => {
      const socket = net.connect(gate.port, "127.0.0.1");
      socket.write("G");
      const drip = setInterval(() => socket.write("x"), 100);
      const seen = await new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (chunk) => (text += chunk));
        socket.on("error", () => {});
        socket.on("close", () => resolve(text));
      });
      clearInterval(drip);
      expect(seen === "" || /^HTTP\/1\.1 4/.test(seen)).toBe(true);
      expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "malformed-request" }]);
    },
    { headTimeoutMs: 1_000 },
  );
});

describe("TLS that is no good", () => {
  const connect = (gate: Gate, options: tls.ConnectionOptions) =>
    new Promise<string>((resolve) => {
      const trust = { ca: groupAuthority.certificate, servername: "example.com" };
      const socket = tls.connect({ host: "127.0.0.1", port: gate.port, ...trust, ...options });
      socket.once("secureConnect", () => resolve("connected"));
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.once("close", () => resolve("closed"));
      setTimeout(() => socket.destroy(), 3_000).unref();
    });

  test.each([
    ["another name", { servername: "evil.example" }, "name-mismatch"],
    ["no HTTP by ALPN", { ALPNProtocols: ["imap"] }, "tls-failed"],
    ["an old version", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }, "tls-failed"],
  ] as const)("%s: is refused and recorded once", async (_, options, rule) => {
    await withGate(
      async (gate) => {
        expect(await connect(gate, options as tls.ConnectionOptions)).not.toBe("connected");
        await expect.poll(() => gate.decisions).toMatchObject([{ verdict: "Deny", rule, protocol: "https" }]);
      },
      { scheme: "https" },
    );
  });

  test("a program that does not trust the group's authority: is told so in the decision", async () => {
    await withGate(
      async (gate) => {
        const reached = `example.com:443:127.0.0.1:${gate.port}`;
        await expect(run("curl", ["-sS", "--connect-to", reached, "https://example.com/"])).rejects.toThrow(
          /certificate/,
        );
        const reason = expect.stringContaining("does not trust the certificate authority");
        await expect.poll(() => gate.decisions).toMatchObject([{ verdict: "Deny", rule: "tls-failed", reason }]);
      },
      { scheme: "https" },
    );
  });

  test("bytes that are no TLS are refused and recorded once", async () => {
    await withGate(
      async (gate) => {
        await rawExchange(gate.port, `GET / HTTP/1.1\r\n${host}\r\n`);
        expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "tls-failed" }]);
      },
      { scheme: "https" },
    );
  });

  test("a renegotiation is not taken", async () => {
    await withGate(
      async (gate) => {
        const trust = { ca: groupAuthority.certificate, servername: "example.com", maxVersion: "TLSv1.2" } as const;
        const socket = tls.connect({ host: "127.0.0.1", port: gate.port, ...trust });
        await new Promise((resolve) => socket.once("secureConnect", resolve));
        const error = await new Promise<Error | null>((resolve) => {
          socket.once("error", resolve);
          socket.once("close", () => resolve(new Error("closed")));
          socket.renegotiate({}, resolve);
        });
        expect(error).toBeInstanceOf(Error);
        socket.destroy();
      },
      { scheme: "https" },
    );
  });
});
