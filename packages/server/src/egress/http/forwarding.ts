/** Passes one request on and its answer back, both as they come, each as fast as the other side takes it. */
import type { Duplex, Writable } from "node:stream";
import { withResolvers } from "../../lib/with-resolvers.js";
import type { EchoFilter, FilteredAnswer } from "../echoes/echo-filter.js";
import type { AnswerHead } from "../message/answer-head.js";
import { endToEnd, type LiteralChange, safeTrailers } from "../message/header-list.js";
import type { DecisionRecord } from "./decision-record.js";
import { DialFailure } from "./dial-failure.js";
import type { Answer, ProgramRequest } from "./program-request.js";
import { pump, pumpThrough } from "./pump.js";
import { relay } from "./relay.js";
import type { Upstream, UpstreamAnswer, UpstreamExchange, UpstreamRequest } from "./upstream.js";

export interface Forwarded {
  readonly request: ProgramRequest;
  readonly sending: UpstreamRequest;
  readonly changes: readonly LiteralChange[];
  readonly record: DecisionRecord;
  /** What is taken out of the answer; undefined: nothing. */
  readonly echoes: EchoFilter | undefined;
}

/** What broke it off, if anything did: half a sentence. */
export interface ForwardOutcome {
  readonly fault: string | undefined;
}

/**
 * Fulfils when the program has its answer, or is gone, or the server broke off; in the latter case it is cut off for the program too.
 * @throws where nothing has gone back to the program, and it can be told why
 */
export async function forward(forwarded: Forwarded, upstream: Upstream): Promise<ForwardOutcome> {
  const forwarding = new Forwarding(forwarded);
  try {
    forwarding.begin(upstream);
    return { fault: await forwarding.outcome };
  } finally {
    forwarding.end();
  }
}

/** Answers ahead of the answer: nobody waits for a slow reader with them. */
const maxInformed = 16;

class Forwarding {
  readonly outcome: Promise<string | undefined>;
  readonly #forwarded: Forwarded;
  readonly #settle: { resolve: (fault: string | undefined) => void; reject: (error: Error) => void };
  #exchange: UpstreamExchange | undefined;
  #isBodySent = false;
  #informed = 0;

  constructor(forwarded: Forwarded) {
    this.#forwarded = forwarded;
    const { promise, ...settle } = withResolvers<string | undefined>();
    this.outcome = promise;
    this.#settle = settle;
  }

  begin(upstream: Upstream): void {
    const { request, sending, record } = this.#forwarded;
    const { answer } = request;
    answer.onClose(() => this.#settle.resolve(answer.isWhole ? undefined : "the program was gone before the end"));
    this.#exchange = upstream.send(sending, {
      informed: (head) => this.#inform(head),
      answered: (got) => void this.#giveBack(got).catch((error: Error) => this.#breakOff(error)),
      switched: (head, stream) => void this.#switch(head, stream),
      failed: (error) => this.#breakOff(error),
    });
    record.sentTo = this.#exchange;
    void this.#sendBody(this.#exchange);
  }

  /** Lets go of both sides; of no effect on what is whole. */
  end(): void {
    const { request } = this.#forwarded;
    if (!this.#isBodySent || !request.answer.isWhole) this.#exchange?.abort();
  }

  /** One that cannot be sent as it is is left out: it is nothing that an answer depends on. */
  #inform(head: AnswerHead): void {
    const { answer } = this.#forwarded.request;
    if (!answer.isOpen || answer.hasBegun || this.#informed >= maxInformed) return;
    this.#informed++;
    try {
      answer.inform(this.#filtered({ ...head, headers: endToEnd(head.headers) }));
    } catch {}
  }

  async #sendBody(exchange: UpstreamExchange): Promise<void> {
    const { request, record, changes } = this.#forwarded;
    const { body } = request;
    try {
      if (body !== undefined) await pump(body, exchange.body, (bytes) => record.countSent(bytes));
      exchange.finish(body === undefined ? [] : safeTrailers(request.trailers(), changes));
      this.#isBodySent = true;
    } catch (error) {
      // A server may answer without having taken everything. What is left is thrown away, so that the program gets to read that.
      if (body?.destroyed === true && !body.readableEnded) this.#breakOff(error as Error);
      else body?.resume();
    }
  }

  async #giveBack(got: UpstreamAnswer): Promise<void> {
    const { request, record, echoes } = this.#forwarded;
    const { answer, method } = request;
    if (!answer.isOpen) return;
    const plain = { ...got, headers: endToEnd(got.headers) };
    const isEmpty = got.body === undefined || method === "HEAD" || bodiless.has(got.status);
    const { head, through } = isEmpty || echoes === undefined ? unchanged(this.#filtered(plain)) : echoes.answer(plain);
    const stream = begun(answer, { head, hasBody: got.body !== undefined, through });
    const count = (bytes: number) => {
      record.countReceived(bytes);
      this.#exchange?.taken?.(bytes);
    };
    if (got.body !== undefined) await pumpThrough(got.body, { through, to: stream }, count);
    const trailers = safeTrailers(got.trailers(), []);
    answer.end(echoes?.headers(trailers) ?? trailers);
  }

  async #switch(head: AnswerHead, server: Duplex): Promise<void> {
    const { request, record } = this.#forwarded;
    const program = request.answer.switchProtocols(this.#filtered(head));
    await relay(program, server, record);
    this.#settle.resolve(undefined);
  }

  #filtered<Head extends AnswerHead>(head: Head): Head {
    return this.#forwarded.echoes?.head(head) ?? head;
  }

  #breakOff(error: Error): void {
    const { answer } = this.#forwarded.request;
    if (!answer.hasBegun && answer.isOpen && isTellable(error)) {
      this.#settle.reject(error);
    } else {
      this.#settle.resolve(`it broke off: ${error.message}`);
      answer.reset(http2CodeOf(error));
    }
  }
}

/** RFC 9110, 6.4.1. */
const bodiless: ReadonlySet<number> = new Set([204, 304]);

/** What the body would have gone through is let go where the head cannot be sent. */
function begun(
  answer: Answer,
  { head, hasBody, through }: FilteredAnswer<AnswerHead> & { readonly hasBody: boolean },
): Writable {
  try {
    return answer.begin(head, hasBody);
  } catch (error) {
    for (const each of through) each.destroy();
    throw error;
  }
}

function unchanged<Head>(head: Head): FilteredAnswer<Head> {
  return { head, through: [] };
}

/** What is not the connection's own breaking off: that is passed on as what it is. */
function isTellable(error: Error): boolean {
  return error instanceof DialFailure || String((error as NodeJS.ErrnoException).code).startsWith("HPE_");
}

function http2CodeOf(error: Error): number | undefined {
  const { rstCode } = error as { rstCode?: unknown };
  return typeof rstCode === "number" ? rstCode : undefined;
}
