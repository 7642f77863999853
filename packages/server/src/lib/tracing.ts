/**
 * Spans of what is done for a request. The request's own is begun where it arrives (http/guard.ts), by a `Tracer` (open-telemetry.ts); all
 * others are parts of it, found by the asynchronous context. Where nobody wants traces there is no request's span, and a look is all it costs.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export type SpanKind = "internal" | "server" | "client";
/** No secret, no argument and no environment of a program's, no path of a file; what a caller or a guest wrote is cut to a bound. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Unix milliseconds, with fractions; default now. */
  readonly startedAtMs?: number;
}

export interface Tracer {
  /** The span of a request; part of the caller's where its headers (W3C Trace Context) say so. */
  begin(name: string, headers: NodeJS.Dict<string | string[]>, options: SpanOptions): Span;
}

/** What keeps a span: OpenTelemetry's. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  begin(name: string, options: SpanOptions): SpanRecord;
  rename(name: string): void;
  add(attributes: Attributes): void;
  note(event: string): void;
  /** It failed: a class of failures, without anything of this one. */
  fail(type: string): void;
  end(endedAtMs?: number): void;
}

/** Parts of one request: what is followed for days, or types a key at a time, has no more than these. */
const mostParts = 500;
const longestValue = 256;
const context = new AsyncLocalStorage<Span>();

export class Span {
  readonly #record: SpanRecord;
  readonly #trace: { left: number };
  #isOver = false;

  constructor(record: SpanRecord, trace = { left: mostParts }) {
    this.#record = record;
    this.#trace = trace;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get traceId(): string {
    return this.#record.traceId;
  }

  get spanId(): string {
    return this.#record.spanId;
  }

  /** The header of W3C Trace Context, with which another program's work becomes a part of this. */
  get traceparent(): string {
    return `00-${this.traceId}-${this.spanId}-${this.#record.isSampled ? "01" : "00"}`;
  }

  /** Whether anybody will see it. */
  get isSampled(): boolean {
    return this.#record.isSampled;
  }

  /** A part of it; undefined where it is over, or has had its share. */
  begin(name: string, options: SpanOptions = {}): Span | undefined {
    if (this.#isOver || this.#trace.left === 0) return undefined;
    this.#trace.left--;
    return new Span(this.#record.begin(name, bounded(options)), this.#trace);
  }

  /** What the work does is part of it. */
  run<T>(work: () => T): T {
    return context.run(this, work);
  }

  rename(name: string): void {
    this.#record.rename(name);
  }

  add(attributes: Attributes): void {
    this.#record.add(boundedValues(attributes));
  }

  note(event: string): void {
    this.#record.note(event);
  }

  fail(type: string): void {
    this.#record.fail(type);
  }

  end(endedAtMs?: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#record.end(endedAtMs);
  }
}

/** The span of what is under way here. What outlives its request finds none. */
export function currentSpan(): Span | undefined {
  const span = context.getStore();
  return span === undefined || span.isOver ? undefined : span;
}

/** Does the work, as a part of what is under way. */
export function inSpan<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  const span = currentSpan()?.begin(name, options);
  return span === undefined ? work() : untilSettled(span, work);
}

async function untilSettled<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await span.run(work);
  } catch (error) {
    span.fail(failureType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** As `inSpan`, of what comes one by one: until the last has come, or nobody reads any more. */
export function eachInSpan<T>(name: string, options: SpanOptions, items: () => AsyncIterable<T>): AsyncIterable<T> {
  const span = currentSpan()?.begin(name, options);
  return span === undefined ? items() : untilRead(span, items);
}

async function* untilRead<T>(span: Span, items: () => AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = span.run(() => items()[Symbol.asyncIterator]());
  try {
    for (;;) {
      const next = await span.run(() => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    span.fail(failureType(error));
    throw error;
  } finally {
    await span.run(async () => iterator.return?.());
    span.end();
  }
}

/** Its code where it has one. Never its sentence, which may quote what somebody wrote. */
export function failureType(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

function bounded(options: SpanOptions): SpanOptions {
  return options.attributes === undefined ? options : { ...options, attributes: boundedValues(options.attributes) };
}

export function boundedValues(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "string" ? value.slice(0, longestValue) : value]),
  );
}
