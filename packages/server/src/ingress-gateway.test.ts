/** Previews as the configuration says: over real TLS with a given certificate and a self-made one, and where a proxy stands in front. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type RequestOptions, request as requestOf } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Config } from "./config.js";
import { startPreviews } from "./control/ports/previews-test-kit.js";
import { issue, makeAuthority } from "./egress/certificates/authority.js";
import { visit } from "./ingress/ingress-test-kit.js";
import { openIngress } from "./ingress-gateway.js";
import { client, SignInProvider } from "./sign-in-provider-for-tests.js";
import { temporaryDirectory } from "./store/test-record.js";

type Settings = Parameters<typeof openIngress>[0];

const usual: Omit<Settings, "dataDirectory"> = {
  previewListen: { host: "127.0.0.1", port: 0 },
  previewDomain: "previews.example.com",
  previewTls: "on",
  trustedProxies: [],
};

async function previewsWith(settings: Partial<Config>) {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  const logged: string[] = [];
  const logger = pino({}, { write: (line) => void logged.push(line) });
  const ingress = await openIngress({ dataDirectory: directory.path, ...usual, ...settings }, logger);
  const previews = await startPreviews(ingress);
  onTestFinished(() => previews[Symbol.asyncDispose]());
  /** Where it listens, whatever its addresses say. */
  const listensOn = () => logged.flatMap((line) => JSON.parse(line).listensOn ?? [])[0];
  return { previews, directory: directory.path, listensOn };
}

/** Checks the certificate against the name, as browsers do. */
async function visitOverTls(url: string, ca: string, options: RequestOptions = {}) {
  const { host, hostname, port, pathname, search } = new URL(url);
  const path = `${pathname}${search}`;
  const headers = { host, ...options.headers };
  const outgoing = requestOf({
    host: "127.0.0.1",
    port,
    path,
    servername: hostname,
    ca,
    agent: false,
    ...options,
    headers,
  });
  outgoing.end();
  const [answer] = await once(outgoing, "response");
  return { status: answer.statusCode, headers: answer.headers, text: await text(answer) };
}

test("a given certificate is shown for all previews: pages, links and WebSockets go over its TLS", async () => {
  const authority = await makeAuthority("previews");
  const leaf = await issue(authority, "*.previews.example.com");
  const files = temporaryDirectory();
  onTestFinished(() => files[Symbol.dispose]());
  const paths = { previewTlsCertificate: join(files.path, "c.pem"), previewTlsKey: join(files.path, "k.pem") };
  writeFileSync(paths.previewTlsCertificate, leaf.certificate);
  writeFileSync(paths.previewTlsKey, leaf.key);
  const { previews } = await previewsWith(paths);
  const sandbox = await previews.sandboxWith({ port: 3000 });
  const program = createServer((request, response) => void response.end(JSON.stringify(request.headers)));
  new WebSocketServer({ server: program }).on("connection", (socket) => void socket.send("hello"));
  previews.serve(sandbox.id, 3000, program);
  expect(sandbox.url).toMatch(/^https:\/\/3000-[\w-]+\.previews\.example\.com:\d+\/$/);
  const { url: link } = await previews.daemon.control.ports.link(sandbox.ref, { port: 3000 });
  const exchanged = await visitOverTls(link, authority.certificate, { headers: { accept: "text/html" } });
  expect([exchanged.status, exchanged.headers.location]).toEqual([303, sandbox.url]);
  expect(exchanged.headers["set-cookie"]?.[0]).toMatch(
    /^__Secure-alcove-preview=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/,
  );
  const cookie = exchanged.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const seen = await visitOverTls(sandbox.url, authority.certificate, { headers: { cookie } });
  expect([seen.status, JSON.parse(seen.text)]).toEqual([
    200,
    expect.objectContaining({ "x-forwarded-proto": "https" }),
  ]);
  expect(seen.text).not.toContain(cookie);
  const { host, hostname, port } = new URL(sandbox.url);
  const options = { servername: hostname, ca: authority.certificate, headers: { host, cookie } };
  const socket = new WebSocket(`wss://127.0.0.1:${port}/`, options);
  expect(String((await once(socket, "message"))[0])).toBe("hello");
  socket.terminate();
});

test("a self-made certificate is of the domain and all names below it, and is made anew for another domain", async () => {
  const { previews, directory } = await previewsWith({});
  const sandbox = await previews.sandboxWith({ port: 3000, auth: { anonymous: true } });
  previews.serve(sandbox.id, 3000, (_request, response) => void response.end("hi"));
  const path = join(directory, "previews/tls.pem");
  const certificate = () => new X509Certificate(readFileSync(path));
  const first = certificate();
  expect((await visitOverTls(sandbox.url, first.toString())).text).toBe("hi");
  expect((await visitOverTls(sandbox.ports?.[0]?.pathUrl ?? "", first.toString())).text).toBe("hi");
  const settings = { ...usual, dataDirectory: directory };
  await (await openIngress(settings, pino({ level: "silent" })))?.close();
  expect(certificate().fingerprint256).toBe(first.fingerprint256);
  await (await openIngress({ ...settings, previewDomain: "other.example.com" }, pino({ level: "silent" })))?.close();
  expect(certificate().subjectAltName).toContain("DNS:*.other.example.com");
});

test("files that are no certificate with its key are told by the names of these settings", async () => {
  const paths = { previewTlsCertificate: "/nowhere/c.pem", previewTlsKey: "/nowhere/k.pem" };
  await expect(previewsWith(paths)).rejects.toMatchObject({
    field: "previewTlsCertificate",
    hint: expect.stringContaining("previewTlsKey"),
  });
});

test("behind a proxy that ends TLS addresses are the proxy's, and lead to the program by its name", async () => {
  const { previews, listensOn } = await previewsWith({
    ...{ previewTls: "off", previewDomain: "localhost", previewUrl: "https://previews.example.com" },
    trustedProxies: ["127.0.0.1/32"],
  });
  const sandbox = await previews.sandboxWith({ port: 3000 });
  previews.serve(sandbox.id, 3000, (request, response) => void response.end(JSON.stringify(request.headers)));
  const host = `3000-${sandbox.id}.previews.example.com`;
  expect(sandbox.url).toBe(`https://${host}/`);
  const { url: link } = await previews.daemon.control.ports.link(sandbox.ref, { port: 3000 });
  const { pathname, search } = new URL(link);
  const forwarded = { host, "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7", accept: "text/html" };
  const exchanged = await visit(`http://${listensOn()}${pathname}${search}`, { headers: forwarded });
  expect([exchanged.status, exchanged.headers.location]).toEqual([303, sandbox.url]);
  expect(exchanged.headers["set-cookie"]?.[0]).toMatch(/^__Secure-.*; Secure$/);
  const cookie = exchanged.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const seen = await visit(`http://${listensOn()}/`, { headers: { ...forwarded, cookie } });
  expect(JSON.parse(seen.text)).toMatchObject({
    host,
    "x-forwarded-proto": "https",
    "x-forwarded-for": "192.0.2.7, 127.0.0.1",
  });
});

test("people are led to the provider that is configured, and from there to the address that a proxy has for us", async () => {
  await using provider = await SignInProvider.start({});
  provider.serve("https://sign-in.apps.example.com/callback");
  using secret = temporaryDirectory();
  const clientSecretFile = join(secret.path, "secret");
  writeFileSync(clientSecretFile, `${client.clientSecret}\n`);
  const { previews, listensOn } = await previewsWith({
    previewTls: "off",
    previewUrl: "https://apps.example.com",
    trustedProxies: ["127.0.0.1/32"],
    oidc: { issuer: provider.issuer, audience: "alcove", mappings: [] },
    previewSignIn: { clientId: client.clientId, clientSecretFile, sessionSeconds: 60 },
  });
  const { url } = await previews.sandboxWith({ port: 3000, auth: { oidc: { everyone: true } } });
  const headers = { host: new URL(url).host, accept: "text/html", "x-forwarded-proto": "https" };
  const led = await visit(`http://${listensOn()}/`, { headers });
  const { origin, searchParams } = new URL(led.headers.location ?? "");
  expect([led.status, origin, searchParams.get("client_id")]).toEqual([303, provider.issuer, client.clientId]);
  expect(searchParams.get("redirect_uri")).toBe("https://sign-in.apps.example.com/callback");
});
