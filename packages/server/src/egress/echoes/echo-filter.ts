/** Takes a sandbox's values out of what servers answer: heads, bodies as they come, trailers. */
import type { Duplex } from "node:stream";
import type { AnswerHead } from "../message/answer-head.js";
import { type HeaderList, hasHeader } from "../message/header-list.js";
import { codingOf, decodedHeaders, decoderOf, withKnownCodings } from "./decoding.js";
import { Needles } from "./needles.js";
import { Redaction, redacted } from "./redaction.js";

/** What its decoding takes is up to 16 MiB each. */
const mostBrotlis = 8;

/** RFC 9110, 5.6.2: what a header's name can be. */
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const asterisk = 0x2a;

export interface FilteredAnswer<Head> {
  readonly head: Head;
  /** What the body goes through, in this order. */
  readonly through: readonly Duplex[];
}

/** Those that are decoded now, of one sandbox. */
export interface Decoding {
  brotlis: number;
}

export class EchoFilter {
  readonly #needles: Needles;
  readonly #inNames: Needles | undefined;
  readonly #decoding: Decoding;

  /** `forms`: at least one. */
  constructor(forms: readonly Buffer[], decoding: Decoding) {
    this.#needles = new Needles(forms);
    const ofNames = forms.map((form) => form.toString("latin1").toLowerCase()).filter((form) => token.test(form));
    this.#inNames = ofNames.length === 0 ? undefined : new Needles(ofNames.map((form) => Buffer.from(form, "latin1")));
    this.#decoding = decoding;
  }

  /** Of a request, so that its answer can be looked through. */
  asked(headers: HeaderList): HeaderList {
    return withKnownCodings(headers);
  }

  head<Head extends AnswerHead>(head: Head): Head {
    return { ...head, reason: this.#text(head.reason), headers: this.headers(head.headers) };
  }

  headers(headers: HeaderList): HeaderList {
    return headers.map(([name, value]) => [this.#name(name), this.#text(value)]);
  }

  /** Of what an endpoint says for people to read. */
  sentence(text: string): string {
    return redacted(Buffer.from(text), this.#needles).toString();
  }

  /** Of one that has a body. @throws where it cannot be looked through */
  answer<Head extends AnswerHead>(answer: Head): FilteredAnswer<Head> {
    const head = this.head(answer);
    const coding = codingOf(head.headers);
    if (coding === undefined) return { head, through: [new Redaction(this.#needles)] };
    if (hasHeader(head.headers, "content-range")) {
      throw new Error("the server sent a part of an answer in a coding, which cannot be looked through");
    }
    if (coding === "br") this.#takeBrotli();
    const decoder = decoderOf(coding);
    if (coding === "br") decoder.once("close", () => void this.#decoding.brotlis--);
    const through = [decoder, new Redaction(this.#needles)];
    return { head: { ...head, headers: decodedHeaders(head.headers) }, through };
  }

  #takeBrotli(): void {
    if (this.#decoding.brotlis >= mostBrotlis) {
      throw new Error(`more than ${mostBrotlis} answers at once are in the coding br, which nobody asked for`);
    }
    this.#decoding.brotlis++;
  }

  /** In HTTP/2 names come in lower case. */
  #name(name: string): string {
    if (this.#inNames === undefined) return name;
    const bytes = Buffer.from(name.toLowerCase(), "latin1");
    const left = redacted(bytes, this.#inNames);
    return left === bytes ? name : name.replace(/./g, (letter, at: number) => (left[at] === asterisk ? "*" : letter));
  }

  #text(text: string): string {
    const bytes = Buffer.from(text, "latin1");
    const left = redacted(bytes, this.#needles);
    return left === bytes ? text : left.toString("latin1");
  }
}
