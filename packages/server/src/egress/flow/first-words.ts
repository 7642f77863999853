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
    const text = this.#start.toString("latin1").replace(/^[\r\n]+/, "");
    if (isRequest(text)) return { kind: "http" };
    return this.#start.length < lookedAtBytes && mayBecomeRequest(text) ? undefined : { kind: "opaque" };
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

/** A method that is known, or a first line that says that it is a request. Empty lines before it are passed over, as servers do. */
function isRequest(text: string): boolean {
  return methods.some((method) => text.startsWith(method)) || /^[^\r\n]* HTTP\/\d/.test(text);
}

function mayBecomeRequest(text: string): boolean {
  return methods.some((method) => method.startsWith(text));
}
