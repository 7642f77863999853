/** A server that answers as a test says, over HTTP or over TLS with a self-made certificate. */
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { WebSocketServer } from "ws";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly fingerprint: string;
}

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Every request's method, path and headers, upgrades too. */
  readonly seen: { readonly line: string; readonly headers: Readonly<Record<string, unknown>> }[];
}

export async function selfMadeCertificate(): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-tls-"));
  try {
    const [keyPath, certPath] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const subject = ["-subj", "/CN=alcove", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-days", "2"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", keyPath];
    await promisify(execFile)("openssl", ["req", "-x509", ...key, ...subject, "-out", certPath]);
    const cert = await readFile(certPath, "utf8");
    const fingerprint = new X509Certificate(cert).fingerprint256;
    return { key: await readFile(keyPath, "utf8"), cert, fingerprint };
  } finally {
    await rm(directory, { recursive: true });
  }
}

export async function testServer(handle: RequestListener, certificate?: Certificate): Promise<TestServer> {
  const seen: TestServer["seen"] = [];
  const server: Server =
    certificate === undefined ? createServer() : (createTlsServer({ ...certificate }) as unknown as Server);
  server.on("request", (request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    handle(request, response);
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    seen.push({ line: `UPGRADE ${request.url}`, headers: request.headers });
    sockets.handleUpgrade(request, socket, head, (webSocket) => webSocket.close(1000));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
