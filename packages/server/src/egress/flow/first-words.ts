/** Tells from the first bytes that a program sends what it speaks. Ports decide nothing: what is TLS or HTTP is that on every port. */
import { METHODS } from "node:http";
import { type ClientHello, ClientHelloReader, type HelloFault, maybeTls } from "../tls/client-hello.js";

export type Spoken =
  | { readonly kind: "tls"; readonly hello: ClientHello | HelloFault }
  | { readonly kind: "http" }
  | { readonly kind: "opaque" };

export class FirstWords {
  readonly #chunks: Buffer[] = [];
  /** The beginning, as far as it is looked at. */
  #start: Buffer = Buffer.alloc(0);
  #tls: ClientHelloReader | undefined;

  /** All that was taken. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Undefined: more is needed to tell. */
  push(chunk: Buffer): Spoken | undefined {
    this.#chunks.push(chunk);
    const isStart = this.#start.length < lookedAtBytes;
    if (isStart)
      this.#start = Buffer.concat([this.#start, chunk.subarray(0, lookedAtBytes)]).subarray(0, lookedAtBytes);
    if (maybeTls(this.#start)) return this.#pushTls(chunk);
    const text = this.#text;
    if (isRequest(text)) return { kind: "http" };
    if (!mayBecomeRequest(text)) return { kind: "opaque" };
    return this.#start.length < lookedAtBytes ? undefined : { kind: "http" };
  }

  /** What it is taken for where nothing more comes: what it may become, so that nobody gets something past by being slow. */
  soFar(): Spoken {
    if (maybeTls(this.#start)) return { kind: "tls", hello: { fault: "its ClientHello was not whole in time" } };
    return { kind: mayBecomeRequest(this.#text) ? "http" : "opaque" };
  }

  /** Without empty lines before it, which servers pass over. */
  get #text(): string {
    return this.#start.toString("latin1").replace(/^[\r\n]+/, "");
  }

  #pushTls(chunk: Buffer): Spoken | undefined {
    this.#tls ??= new ClientHelloReader();
    const hello = this.#tls.push(chunk);
    return hello && { kind: "tls", hello };
  }
}

const lookedAtBytes = 1_024;
/** The last is how HTTP/2 begins, where it is known before that the server speaks it. */
const methods: readonly string[] = [...METHODS, "PRI"].map((method) => `${method} `);

/** A method that is known, or a first line that says that it is a request. */
function isRequest(text: string): boolean {
  return methods.some((method) => text.startsWith(method)) || /^[^\r\n]* HTTP\/\d/.test(text);
}

/** Of a method that is not known, when its path has begun: by a word alone everything may begin. */
function mayBecomeRequest(text: string): boolean {
  return methods.some((method) => method.startsWith(text)) || unknownMethod.test(text);
}

const unknownMethod = /^[!#$%&'*+.^_`|~\w-]+ (?:\/|[Hh][Tt][Tt][Pp])[^\r\n]*$/;
