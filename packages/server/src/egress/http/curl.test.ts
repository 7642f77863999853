/** Debian's curl, unchanged but for whom it trusts, in each HTTP that it speaks. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import type net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue } from "../certificates/authority.js";
import { closed, groupAuthority, listening, serverAuthority, startGate } from "./flow-test-kit.js";

const run = promisify(execFile);
const bodyBytes = 300_000;
let folder: string;
const servers: Record<"plain" | "prior" | "secure" | "old", net.Server> = {} as never;

/** What it got, and in which HTTP. */
const answer = (request: http.IncomingMessage | http2.Http2ServerRequest, response: NodeJS.WritableStream) => {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => response.end(`${request.method} ${bytes} ${request.httpVersion}`));
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "curl-"));
  await writeFile(join(folder, "trusted.pem"), groupAuthority.certificate);
  await writeFile(join(folder, "body"), "x".repeat(bodyBytes));
  const { certificate, key } = await issue(serverAuthority, "example.com");
  const { createSecureServer, createServer } = http2;
  servers.plain = await listening(http.createServer(answer));
  servers.prior = await listening(createServer(answer));
  servers.secure = await listening(createSecureServer({ cert: certificate, key, allowHTTP1: true }, answer));
  servers.old = await listening((await import("node:https")).createServer({ cert: certificate, key }, answer));
});

afterAll(async () => {
  await Promise.all(Object.values(servers).map(closed));
  await rm(folder, { recursive: true });
});

test.each([
  ["http", "--http1.1", "plain", "1.1", "1.1"],
  ["http", "--http1.0", "plain", "1.1", "1.1"],
  ["http", "--http2", "plain", "1.1", "1.1"],
  ["http", "--http2-prior-knowledge", "prior", "2", "2.0"],
  ["https", "--http1.1", "secure", "1.1", "1.1"],
  ["https", "--http2", "secure", "2", "2.0"],
  ["https", "--http2", "old", "2", "1.1"],
] as const)(
  "%s with %s, of a server that is %s: %s to the program, %s to the server",
  async (scheme, option, kind, seen, spoken) => {
    const server = servers[kind];
    const inUse = { "example.com:80": server, "example.com:443": server };
    await using gate = await startGate({ scheme, isPlainStream: true, servers: inUse });
    const curl = async (...args: string[]) => {
      const route = ["--connect-to", `example.com:${scheme === "http" ? 80 : 443}:127.0.0.1:${gate.port}`];
      const trust = ["--cacert", join(folder, "trusted.pem"), option, "-sS", "--max-time", "20"];
      return (await run("curl", [...route, ...trust, ...args, `${scheme}://example.com/`])).stdout;
    };
    expect(await curl("-w", " %{http_version}")).toBe(`GET 0 ${spoken} ${seen}`);
    expect(await curl("-T", join(folder, "body"))).toBe(`PUT ${bodyBytes} ${spoken}`);
    // Larger than what curl sends at once, so that it asks first.
    expect(await curl("--data-binary", `@${join(folder, "body")}`, "-H", "Expect: 100-continue")).toBe(
      `POST ${bodyBytes} ${spoken}`,
    );
    await expect.poll(() => gate.decisions.map(({ method }) => method)).toEqual(["GET", "PUT", "POST"]);
  },
);
