/** A stand-in for the egress gateway: it takes every connection of a sandbox, and what it does with one its port says. */
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import { openSession, usualPatience } from "../../packages/server/src/guest/hello.js";
import type { ServeHost } from "../../packages/server/src/guest/host-side.js";
import type { Session } from "../../packages/server/src/guest/link.js";
import { unixNanos } from "../../packages/server/src/lib/unix-nanos.js";
import { answerTo } from "./test-names.js";

export const ports = {
  /** Answers a request of HTTP/1 with what its destination was. */
  http: 80,
  /** The same, inside TLS. */
  https: 443,
  /** Gives back what it gets. */
  echo: 7,
  /** Counts what it gets, and answers the number after its end. */
  count: 1009,
  /** Ends at once, and counts on. */
  endsFirst: 1010,
  /** Sends without end. */
  flood: 1019,
  /** Takes the stream, and resets it a moment later. */
  reset: 1020,
  refused: 1021,
  /** Takes nothing of what is sent. */
  silent: 1022,
} as const;

export class TestGateway {
  readonly destinations: string[] = [];
  readonly questions: string[] = [];
  /** Codes of the resets that came from programs. */
  readonly resets: number[] = [];
  sessions = 0;
  open = 0;
  mostOpen = 0;
  counted = 0;
  /** Of the servers that it stands for, with its key. */
  certificate: { readonly certificate: string; readonly key: string } | undefined;
  #session: ServerHttp2Session | undefined;

  readonly serve: ServeHost = (stream, { generation }) => {
    let end: (fault: Error) => void = () => {};
    const ended = new Promise<Error>((resolve) => {
      end = (fault) => {
        stream.destroy();
        resolve(fault);
      };
      void this.#greet(stream, generation).then((session) => session.once("close", () => end(new Error("over"))), end);
    });
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    return {
      ended,
      end,
      get isOver() {
        return isOver;
      },
    } satisfies Session;
  };

  /** As if it had crashed. */
  crash(): void {
    this.#session?.destroy();
  }

  async #greet(stream: Duplex, generation: number): Promise<ServerHttp2Session> {
    const hello = { name: "host", generation, patience: { ...usualPatience, tries: 1 } } as const;
    const greeting = await openSession(async () => stream, hello, AbortSignal.timeout(10_000));
    const session = http2.performServerHandshake(greeting.stream, {
      settings: { maxConcurrentStreams: 1024, initialWindowSize: 65_536, enablePush: false },
      maxSessionMemory: 128,
    });
    session.on("error", () => {});
    session.on("stream", (call, headers) => this.#take(call, headers));
    this.sessions++;
    this.#session = session;
    return session;
  }

  #take(call: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    call.on("error", () => {});
    const path = headers[":path"];
    if (path === "/time") answer(call, JSON.stringify({ unixNanos: unixNanos().toString() }));
    else if (path === "/dns") void this.#name(call, String(headers["x-alcove-protocol"]));
    else if (path === "/connections") this.#connect(call, String(headers["x-alcove-destination"]));
    else call.respond({ ":status": 404 }, { endStream: true });
  }

  async #name(call: ServerHttp2Stream, protocol: string): Promise<void> {
    const question = Buffer.concat(await call.toArray());
    const { name, message } = answerTo(question);
    this.questions.push(`${protocol} ${name}`);
    call.respond({ ":status": 200 });
    call.end(message);
  }

  #connect(call: ServerHttp2Stream, destination: string): void {
    this.destinations.push(destination);
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    call.on("close", () => {
      this.open--;
      if (call.rstCode !== http2.constants.NGHTTP2_NO_ERROR) this.resets.push(call.rstCode);
    });
    const port = Number(destination.slice(destination.lastIndexOf(":") + 1));
    const isRefused = port === ports.refused;
    call.respond({ ":status": isRefused ? 403 : 200 }, { endStream: isRefused });
    if (!isRefused) this.#serve(call, port, destination);
  }

  #serve(call: ServerHttp2Stream, port: number, destination: string): void {
    if (port === ports.silent) return;
    if (port === ports.reset) setTimeout(() => call.destroy(new Error("reset")), 20);
    else if (port === ports.http) answerHttp(call, destination);
    else if (port === ports.https) answerHttp(this.#openTls(call), destination);
    else if (port === ports.flood) this.#flood(call);
    else if (port === ports.echo) call.pipe(call);
    else if (port === ports.count || port === ports.endsFirst) this.#count(call, port === ports.endsFirst);
  }

  #openTls(call: ServerHttp2Stream): Duplex {
    const { certificate, key } = this.certificate ?? {};
    const opened = new TLSSocket(call, {
      isServer: true,
      secureContext: createSecureContext({ cert: certificate, key }),
    });
    opened.on("error", () => call.close(http2.constants.NGHTTP2_CONNECT_ERROR));
    return opened;
  }

  #flood(call: ServerHttp2Stream): void {
    const piece = Buffer.alloc(65_536, "x");
    const send = () => {
      while (!call.destroyed && call.write(piece)) this.counted += piece.length;
    };
    call.on("drain", send);
    call.resume();
    send();
  }

  #count(call: ServerHttp2Stream, endsFirst: boolean): void {
    let bytes = 0;
    if (endsFirst) call.end("first");
    call.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      this.counted += chunk.length;
    });
    call.on("end", () => call.end(String(bytes)));
  }
}

function answer(call: ServerHttp2Stream, text: string): void {
  call.respond({ ":status": 200, "content-type": "application/json" });
  call.end(text);
}

function answerHttp(program: Duplex, destination: string): void {
  let head = "";
  program.on("data", (chunk: Buffer) => {
    head += chunk.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    const body = `${destination}\n`;
    program.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
  });
}
