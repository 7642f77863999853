/** What listens outside, on every address that this host has, and keeps all that ever comes. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import type { Duplex } from "node:stream";
import { createSecureContext, createServer as createTlsServer } from "node:tls";
import { type Authority, issue, makeAuthority } from "../../../packages/server/src/egress/certificates/authority.js";
import type { Ground } from "./attempt.js";

export class Canaries implements AsyncDisposable {
  readonly #seen: string[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #authority: Authority;
  #ground: Ground | undefined;

  private constructor(authority: Authority) {
    this.#authority = authority;
  }

  static async start(): Promise<Canaries> {
    const canaries = new Canaries(await makeAuthority("upstream"));
    const http2 = await canaries.#http2App();
    const tls = await canaries.#tlsApp(http2);
    canaries.#ground = {
      https: await canaries.#front((socket) => join(socket, connect(tls, "127.0.0.1"))),
      otherHttps: await canaries.#front((socket) => join(socket, connect(tls, "127.0.0.1"))),
      http: await canaries.#front(answerRequests),
      raw: await canaries.#front((socket) => socket.on("data", () => socket.write("taken"))),
      greeting: await canaries.#front((socket) => socket.write("220 ready\r\n")),
      own4: ownAddress("IPv4"),
      own6: ownAddress("IPv6"),
    };
    return canaries;
  }

  get ground(): Ground {
    if (this.#ground === undefined) throw new Error("The canaries are not there yet.");
    return this.#ground;
  }

  /** PEM of the authority that their certificates are from. */
  get authority(): string {
    return this.#authority.certificate;
  }

  /** Whether a token was in what came: as bytes, inside TLS, or inside HTTP/2. */
  hasSeen(token: string): boolean {
    return this.#seen.some((bytes) => bytes.includes(token));
  }

  /** All that came and holds a token. */
  whatHas(token: string): string[] {
    return this.#seen.filter((bytes) => bytes.includes(token));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** On all addresses of both families. */
  #front(serve: (socket: Socket) => void): Promise<number> {
    return this.#listen(
      createServer({ allowHalfOpen: true }, (socket) => {
        this.#keep(socket);
        serve(socket);
        socket.on("end", () => socket.end());
      }),
      "::",
    );
  }

  async #tlsApp(http2Port: number): Promise<number> {
    const contextOf = async (name: string) => createSecureContext(await issueFor(this.#authority, name));
    const server = createTlsServer(
      {
        ALPNProtocols: ["h2", "http/1.1"],
        SNICallback: (name, done) => void contextOf(name).then((context) => done(null, context), done),
        ...(await issueFor(this.#authority, "good.test")),
      },
      (socket) => {
        this.#keep(socket);
        if (socket.alpnProtocol === "h2") join(socket, connect(http2Port, "127.0.0.1"));
        else answerRequests(socket);
      },
    );
    server.on("tlsClientError", () => {});
    return this.#listen(server, "127.0.0.1");
  }

  async #http2App(): Promise<number> {
    const server = createHttp2Server();
    server.on("sessionError", () => {});
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      stream.on("data", (chunk: Buffer) => this.#seen.push(chunk.toString("latin1")));
      this.#seen.push(JSON.stringify(headers));
      stream.respond({ ":status": 200 });
      stream.end("ok");
    });
    return this.#listen(server, "127.0.0.1");
  }

  async #listen(server: Server, host: string): Promise<number> {
    this.#servers.push(server);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.listen(0, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  /** Together, since a token may come in two pieces. */
  #keep(socket: Duplex): void {
    const at = this.#seen.push("") - 1;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#seen[at] += chunk.toString("latin1");
    });
  }
}

async function issueFor(authority: Authority, name: string) {
  const { certificate, key } = await issue(authority, name);
  return { cert: certificate, key };
}

function join(one: Duplex, other: Socket): void {
  other.on("error", () => one.destroy());
  one.on("close", () => other.destroy());
  one.pipe(other).pipe(one);
}

/** As lenient as can be: whatever has an empty line is a request. */
function answerRequests(socket: Duplex): void {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
      socket.write(answerTo(text.slice(0, end)));
      text = text.slice(end + 4);
    }
  });
}

function answerTo(head: string): string {
  if (head.startsWith("GET /public/upload ")) return "";
  const redirect = /^GET \/public\/redirect\/(\w+)\/([\w.:]+)\/(\S*?)([0-9a-f]{32}) /.exec(head);
  if (redirect !== null) {
    const [, scheme, authority, path, token = ""] = redirect;
    const location = `${scheme}://${authority}/${path}${[...token].reverse().join("")}`;
    return `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;
  }
  const key = /^Sec-WebSocket-Key: (\S+)$/im.exec(head)?.[1];
  if (key === undefined) return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

function ownAddress(family: "IPv4" | "IPv6"): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find((each) => each.family === family && !each.internal && !each.address.startsWith("fe80"))?.address;
}
