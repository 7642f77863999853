/** Debian's docker-registry on this machine, for tests: in the clear or with a certificate made for it, with a password or without. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../packages/server/src/host/run.js";
import { indexType, type MadeImage, ociArchive } from "../packages/server/src/images/oci/test-image.js";

export const registryUser = { username: "ann", token: "s3cret" };
/** Of the token, by bcrypt, as docker-registry wants it. */
const passwordFile = "ann:$2b$04$MzqQnuKigg//Ns6rtfcQ4O8AGJHDiateMwbylonx.t4TD1IcCNJ4y\n";

export interface RegistryOptions {
  readonly hasPassword?: boolean;
  readonly hasTls?: boolean;
}

export class DockerRegistry implements AsyncDisposable {
  readonly host: string;
  /** Where `ca.crt` is, the authority of its certificate. */
  readonly certificates: string;
  readonly #place: string;
  readonly #options: RegistryOptions;
  readonly #process: ChildProcess;

  private constructor(place: string, port: number, options: RegistryOptions) {
    this.#place = place;
    this.#options = options;
    this.host = `127.0.0.1:${port}`;
    this.certificates = join(place, "authorities");
    const withIt = ["--pdeathsig", "KILL", "--"];
    this.#process = spawn("setpriv", [...withIt, "docker-registry", "serve", join(place, "config.yml")], {
      stdio: "ignore",
      env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: "none" },
    });
  }

  static async start(options: RegistryOptions = {}): Promise<DockerRegistry> {
    const place = await mkdtemp(join(tmpdir(), "alcove-reg-"));
    const port = await freePort();
    if (options.hasTls) await makeCertificate(place);
    await writeFile(join(place, "htpasswd"), passwordFile);
    await writeFile(join(place, "config.yml"), JSON.stringify(configOf(place, port, options)));
    const registry = new DockerRegistry(place, port, options);
    await registry.#answering();
    return registry;
  }

  /** Pushes an image as a client of the field does. */
  async push(image: MadeImage, name: string): Promise<void> {
    const archive = join(this.#place, `${Math.random()}.tar`);
    await writeFile(archive, ociArchive(image));
    const { hasPassword } = this.#options;
    const credentials = hasPassword ? [`--dest-creds=${registryUser.username}:${registryUser.token}`] : [];
    const to = `docker://${this.host}/${name}`;
    const how = ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", ...credentials];
    await run("skopeo", [...how, `oci-archive:${archive}`, to]);
  }

  /** Puts an index of images that are there. */
  async pushIndex(index: Buffer, name: string): Promise<void> {
    const [repository, tag] = name.split(":");
    const status = await this.#ask("PUT", `/v2/${repository}/manifests/${tag}`, index);
    if (status !== 201) throw new Error(`The registry answered ${status} to an index`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    await rm(this.#place, { recursive: true, force: true });
  }

  async #answering(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const status = await this.#ask("GET", "/v2/").catch(() => undefined);
      if (status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("docker-registry did not come up");
  }

  #ask(method: string, path: string, body?: Buffer): Promise<number> {
    const { hasTls } = this.#options;
    const authorization = Buffer.from(`${registryUser.username}:${registryUser.token}`).toString("base64");
    const headers = { authorization: `Basic ${authorization}`, "content-type": indexType };
    const [host, port] = this.host.split(":");
    return new Promise((resolve, reject) => {
      const ask = hasTls ? tlsRequest : plainRequest;
      const options = { host, port, method, path, headers, rejectUnauthorized: false };
      const outgoing = ask(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      outgoing.on("error", reject).end(body);
    });
  }
}

function configOf(place: string, port: number, { hasPassword, hasTls }: RegistryOptions) {
  const tls = { certificate: join(place, "server.crt"), key: join(place, "server.key") };
  return {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(place, "storage") } },
    http: { addr: `127.0.0.1:${port}`, ...(hasTls && { tls }) },
    ...(hasPassword && { auth: { htpasswd: { realm: "test", path: join(place, "htpasswd") } } }),
  };
}

/** An authority of its own, and a certificate from it. */
async function makeCertificate(place: string): Promise<void> {
  const authorities = join(place, "authorities");
  await mkdir(authorities);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const authority = [
    "-x509",
    "-keyout",
    join(place, "ca.key"),
    "-out",
    join(authorities, "ca.crt"),
    "-subj",
    "/CN=test",
  ];
  await run("openssl", ["req", ...key, ...authority]);
  const server = ["-keyout", join(place, "server.key"), "-out", join(place, "server.csr"), "-subj", "/CN=registry"];
  await run("openssl", ["req", ...key.slice(0, -2), ...server]);
  await writeFile(join(place, "names"), "subjectAltName=IP:127.0.0.1\n");
  const by = ["-CA", join(authorities, "ca.crt"), "-CAkey", join(place, "ca.key"), "-CAcreateserial"];
  const signed = [
    "-in",
    join(place, "server.csr"),
    "-out",
    join(place, "server.crt"),
    "-extfile",
    join(place, "names"),
  ];
  await run("openssl", ["x509", "-req", "-days", "2", ...by, ...signed]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
