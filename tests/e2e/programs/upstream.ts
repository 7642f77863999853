/** Servers that programs of a sandbox reach: TLS for several names on two ports, with repositories for git, apt, pip and npm. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { issue, makeAuthority } from "../../../packages/server/src/egress/certificates/authority.js";
import { run } from "../../../packages/server/src/host/run.js";
import { forApt, forGit } from "./repositories.js";

export const hosts = ["api.test", "files.test", "old.test"] as const;

export interface Upstream extends AsyncDisposable {
  /** Of the authority that the servers' certificates are from; PEM. */
  readonly certificate: string;
  /** `https://HOST:PORT`, of the first port or the second. */
  url(host: (typeof hosts)[number], port?: 0 | 1): string;
}

export async function startUpstream(): Promise<Upstream> {
  const authority = await makeAuthority("upstream");
  const place = await mkdtemp(join(tmpdir(), "alcove-upstream-"));
  const contexts = hosts.map(async (host) => {
    const { certificate, key } = await issue(authority, host);
    return [host, createSecureContext({ cert: certificate, key })] as const;
  });
  const contextOf = new Map<string, ReturnType<typeof createSecureContext>>(await Promise.all(contexts));
  const options = { SNICallback: (name: string, done: Done) => done(null, contextOf.get(name)) };
  const servers = [1, 2].map(() => createServer(options, (request, response) => answer(place, request, response)));
  const ports = await Promise.all(servers.map(listen));
  const url: Upstream["url"] = (host, port = 0) => `https://${host}:${ports[port]}`;
  await Promise.all([forGit(place), forApt(place), forPip(place), forNpm(place, `${url("files.test")}/npm`)]);
  return {
    certificate: authority.certificate,
    url,
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.closeAllConnections();
      for (const server of servers) server.close();
      await rm(place, { recursive: true, force: true });
    },
  };
}

type Done = (error: Error | null, context?: ReturnType<typeof createSecureContext>) => void;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** The repositories of files.test; other hosts say what came. */
async function answer(place: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = "/", headers } = request;
  if (!headers.host?.startsWith("files.test:")) {
    response.end(`${method} ${url} ${headers.host} ${headers["x-key"] ?? "no key"}\n`);
    return;
  }
  const { pathname } = new URL(url, "https://files.test");
  const path = join(place, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  const content = await readFile(path).catch(() => undefined);
  const type = path.endsWith(".html") ? "text/html" : "application/octet-stream";
  response.writeHead(content === undefined ? 404 : 200, { "content-type": type }).end(content);
}

const wheel = "thing-1.2.3-py3-none-any.whl";

async function forPip(place: string): Promise<void> {
  const information = "thing-1.2.3.dist-info";
  const files = {
    "thing.py": "word = 'from pip'\n",
    [`${information}/METADATA`]: "Metadata-Version: 2.1\nName: thing\nVersion: 1.2.3\n",
    [`${information}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: a\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${information}/RECORD`]: `thing.py,,\n${["METADATA", "WHEEL", "RECORD"].map((name) => `${information}/${name},,\n`).join("")}`,
  };
  const directory = join(place, "simple/thing");
  await mkdir(join(directory, information), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  await run("python3", ["-m", "zipfile", "-c", wheel, "thing.py", information], { workingDirectory: directory });
  await writeFile(join(directory, "index.html"), `<a href="${wheel}">${wheel}</a>`);
}

async function forNpm(place: string, registry: string): Promise<void> {
  const directory = join(place, "npm/package");
  await mkdir(directory, { recursive: true });
  const described = { name: "thing", version: "1.2.3", main: "index.js" };
  await writeFile(join(directory, "package.json"), JSON.stringify(described));
  await writeFile(join(directory, "index.js"), "module.exports = 'from npm';\n");
  await run("tar", ["-C", join(place, "npm"), "-czf", join(place, "npm/thing.tgz"), "package"]);
  const sum = createHash("sha512").update(await readFile(join(place, "npm/thing.tgz")));
  const dist = { tarball: `${registry}/thing.tgz`, integrity: `sha512-${sum.digest("base64")}` };
  const document = { name: "thing", "dist-tags": { latest: "1.2.3" }, versions: { "1.2.3": { ...described, dist } } };
  await writeFile(join(place, "npm/thing"), JSON.stringify(document));
}
