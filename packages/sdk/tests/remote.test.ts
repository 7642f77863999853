import { createServer } from "node:net";
import { inspect } from "node:util";
import { Alcove, AlcoveError, type AlcoveOptions, CertificateError, ConnectionError, NoAnswerError } from "alcove";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Certificate, selfMadeCertificate, testServer } from "./test-server.js";

const apiKey = "alk_very-secret-key";
const version = { version: "1", apiVersion: "v1", node: "v20", pid: 1 };
const problem = (code: string, status: number) => ({ type: "", title: "", status, detail: "Told.", code, hint: "Do." });
const somewhere = "00000000-0000-4000-8000-000000000000";

let certificate: Certificate;
beforeAll(async () => {
  certificate = await selfMadeCertificate();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const failure = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("it went through"),
    (error: unknown) => error,
  );

test("the key goes with every request and every stream, over TLS too, behind the path of a proxy", async () => {
  await using server = await testServer(
    (_request, response) => void response.end(JSON.stringify(version)),
    certificate,
  );
  using alcove = new Alcove({ url: `${server.url}/alcove/`, apiKey, fingerprint: certificate.fingerprint });
  expect(await alcove.version()).toEqual(version);
  await failure(alcove.sandboxes.connect(somewhere).execs.attach(somewhere, { signal: AbortSignal.timeout(300) }));
  expect(server.seen[0]?.line).toBe("GET /alcove/v1/version");
  expect(server.seen[1]?.line).toMatch(/^UPGRADE \/alcove\/v1\/groups\/default\/sandboxes\//);
  for (const { headers } of server.seen.slice(0, 2)) {
    expect(headers).toMatchObject({ authorization: `Bearer ${apiKey}`, host: new URL(server.url).host });
  }
});

test("a self-made certificate is taken as an authority of its own, and else refused before anything is sent", async () => {
  await using server = await testServer(
    (_request, response) => void response.end(JSON.stringify(version)),
    certificate,
  );
  using trusting = new Alcove({ url: server.url, apiKey, ca: certificate.cert });
  expect(await trusting.version()).toEqual(version);
  using wary = new Alcove({ url: server.url, apiKey });
  expect(await failure(wary.version())).toBeInstanceOf(CertificateError);
  using mistaken = new Alcove({ url: server.url, apiKey, fingerprint: "00".repeat(32) });
  const error = (await failure(mistaken.version())) as CertificateError;
  expect(error).toBeInstanceOf(CertificateError);
  expect(error.message).toMatch(
    /^The certificate of https:.* is not trusted: its SHA-256 is [0-9a-f]{64}, wanted was 0{64}/,
  );
  expect(await failure(mistaken.sandboxes.connect(somewhere).spawn("true"))).toBeInstanceOf(CertificateError);
  expect(server.seen).toHaveLength(1);
});

test("the environment names the server and has the key; the key goes to no socket of this machine", async () => {
  await using server = await testServer((_request, response) => void response.end(JSON.stringify(version)));
  vi.stubEnv("ALCOVE_SOCKET", undefined);
  vi.stubEnv("ALCOVE_URL", server.url);
  vi.stubEnv("ALCOVE_API_KEY", apiKey);
  using alcove = new Alcove();
  await alcove.version();
  expect(server.seen[0]?.headers).toMatchObject({ authorization: `Bearer ${apiKey}` });
  using local = new Alcove({ socketPath: "/nowhere/a.sock" });
  expect(await failure(local.version())).toMatchObject({ message: expect.stringContaining("/nowhere/a.sock") });
});

test("a redirect is told, and neither followed nor given the key", async () => {
  await using other = await testServer((_request, response) => void response.end("{}"));
  await using server = await testServer((_request, response) => {
    response.writeHead(307, { location: `${other.url}/v1/version` }).end();
  });
  using alcove = new Alcove({ url: server.url, apiKey });
  expect(await failure(alcove.version())).toMatchObject({
    message: expect.stringContaining("307, which is not followed"),
  });
  expect(other.seen).toEqual([]);
});

test("the key is in no error, in nothing that is inspected, and in no refusal of a key that is wrong", async () => {
  await using server = await testServer((_request, response) => {
    response.writeHead(401, { "content-type": "application/problem+json" });
    response.end(JSON.stringify(problem("Unauthorized", 401)));
  });
  using alcove = new Alcove({ url: server.url, apiKey });
  const shown = [alcove, alcove.defaultGroup, await failure(alcove.version())];
  using gone = new Alcove({ url: "http://127.0.0.1:1", apiKey });
  shown.push(await failure(gone.version()), await failure(gone.sandboxes.connect(somewhere).spawn("true")));
  for (const one of shown) expect(inspect(one, { depth: 20, showHidden: true })).not.toContain("very-secret");
  const refuse = (options: AlcoveOptions) => () => new Alcove(options);
  for (const wrong of [`${apiKey}\r\nx: y`, `${apiKey} `, ""]) {
    expect(refuse({ url: server.url, apiKey: wrong })).toThrow(/^apiKey must be 1 to 4096 visible ASCII characters/);
  }
  const withPassword = refuse({ url: "https://user:very-secret@alcove.example.com" });
  expect(withPassword).toThrow(/^url must hold no user or password: a key is given as apiKey.$/);
});

test("a key is not sent in the clear to another machine unless that is asked for", () => {
  const make = (url: string, more: AlcoveOptions = {}) => new Alcove({ url, apiKey, ...more })[Symbol.dispose]();
  expect(() => make("http://alcove.example.com:7000")).toThrow(/use https, or say allowPlainHttp/);
  expect(() => make("http://127.0.0.1.example.com")).toThrow(/use https/);
  make("http://alcove.example.com:7000", { allowPlainHttp: true });
  for (const near of ["http://localhost:7000", "http://127.0.0.1:7000", "http://[::1]:7000"]) make(near);
});

test("contradictions and nonsense are refused by name", () => {
  expect(() => new Alcove({ url: "https://a.example.com", socketPath: "/a.sock" })).toThrow(/two servers/);
  expect(() => new Alcove({ socketPath: "/a.sock", ca: "x" })).toThrow(/a UNIX socket has no certificate/);
  expect(() => new Alcove({ url: "ftp://a.example.com" })).toThrow(/http or https URL/);
  expect(() => new Alcove({ url: "https://a.example.com?key=x" })).toThrow(/no query/);
  expect(() => new Alcove({ url: "https://a.example.com", fingerprint: "ab:cd" })).toThrow(/64 hexadecimal digits/);
});

test("a name that would lead elsewhere in the path is refused before it is sent", async () => {
  await using server = await testServer((_request, response) => void response.end("{}"));
  using alcove = new Alcove({ url: server.url });
  for (const id of ["..", ".", ""]) {
    expect(await failure(alcove.sandboxes.connect(id).delete())).toMatchObject({ code: "InvalidRequest", field: "id" });
  }
  await alcove.sandboxes.connect("../../x?y#z").delete();
  expect(server.seen.map(({ line }) => line)).toEqual(["DELETE /v1/groups/default/sandboxes/..%2F..%2Fx%3Fy%23z"]);
  expect(await failure(alcove.request({ method: "GET", path: ".example.com/" }))).toBeInstanceOf(TypeError);
});

test("a call that was refused for now is repeated when Retry-After says so, whatever it does; errors keep the request's id", async () => {
  const times: number[] = [];
  await using server = await testServer((request, response) => {
    times.push(performance.now());
    const isRefused = times.length < 3;
    response.writeHead(isRefused ? 429 : 404, {
      "x-request-id": `request-${times.length}`,
      ...(isRefused ? { "retry-after": times.length === 1 ? "1" : new Date(Date.now()).toUTCString() } : {}),
    });
    request
      .resume()
      .on("end", () =>
        response.end(JSON.stringify(isRefused ? problem("TooManyRequests", 429) : problem("ImageNotFound", 404))),
      );
  });
  using alcove = new Alcove({ url: server.url });
  const error = (await failure(alcove.sandboxes.create({ image: "debian" }))) as AlcoveError;
  expect(error).toMatchObject({ code: "ImageNotFound", requestId: "request-3" });
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
});

test("a server that asks for more patience than there is, is not waited for, and neither is one that never relents", async () => {
  let retryAfter = "3600";
  await using server = await testServer((_request, response) => {
    response.writeHead(429, { "retry-after": retryAfter }).end(JSON.stringify(problem("TooManyRequests", 429)));
  });
  using alcove = new Alcove({ url: server.url });
  expect(await failure(alcove.version())).toMatchObject({ code: "TooManyRequests", retryAfterMs: 3_600_000 });
  expect(server.seen).toHaveLength(1);
  retryAfter = "0";
  expect(await failure(alcove.version())).toBeInstanceOf(AlcoveError);
  expect(server.seen).toHaveLength(5);
});

test("a server that takes no connection, and one that takes it and says nothing, are told apart and given up", async () => {
  await using silent = await testServer(() => undefined);
  using alcove = new Alcove({ url: silent.url, answerTimeoutMs: 100 });
  expect(await failure(alcove.version())).toBeInstanceOf(NoAnswerError);
  expect(silent.seen).toHaveLength(1);
  // It takes the connection, and then does not speak TLS.
  const mute = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => mute.once("listening", resolve));
  const { port } = mute.address() as { port: number };
  using stuck = new Alcove({ url: `https://127.0.0.1:${port}`, connectTimeoutMs: 100 });
  const error = (await failure(stuck.version())) as ConnectionError;
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ isUnsent: true, message: expect.stringMatching(/took no connection within 100 ms/) });
  mute.close();
});

test("who gives up while a connection is made is let go at once", async () => {
  const mute = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => mute.once("listening", resolve));
  const { port } = mute.address() as { port: number };
  using alcove = new Alcove({ url: `https://127.0.0.1:${port}` });
  const controller = new AbortController();
  const waiting = failure(alcove.version({ signal: controller.signal }));
  const spawning = failure(alcove.sandboxes.connect(somewhere).execs.attach(somewhere, { signal: controller.signal }));
  await new Promise((resolve) => mute.once("connection", resolve));
  controller.abort(new Error("enough"));
  expect(await Promise.all([waiting, spawning])).toMatchObject([{ message: "enough" }, { message: "enough" }]);
  mute.close();
});
