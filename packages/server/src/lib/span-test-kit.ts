/** For tests: spans that are kept here. */
import { randomBytes } from "node:crypto";
import { type Attributes, Span, type SpanRecord } from "./tracing.js";

export interface TestSpan {
  readonly name: string;
  readonly parent: TestSpan | undefined;
  readonly attributes: Record<string, Attributes[string]>;
  readonly startedAtMs: number | undefined;
  readonly spanId: string;
  readonly failed?: string;
  readonly endedAtMs?: number | undefined;
  readonly isOver: boolean;
}

/** A request's span, and all that become parts of it. */
export function testTrace(): { readonly span: Span; readonly spans: readonly TestSpan[] } {
  const spans: TestSpan[] = [];
  const traceId = randomBytes(16).toString("hex");
  const record = (
    name: string,
    parent: TestSpan | undefined,
    options: Parameters<SpanRecord["begin"]>[1],
  ): SpanRecord => {
    const spanId = randomBytes(8).toString("hex");
    const { attributes = {}, startedAtMs } = options;
    const seen: TestSpan = { name, parent, attributes: { ...attributes }, startedAtMs, spanId, isOver: false };
    spans.push(seen);
    return {
      ...{ traceId, spanId, isSampled: true },
      begin: (name, options) => record(name, seen, options),
      rename: (name) => void Object.assign(seen, { name }),
      add: (attributes) => void Object.assign(seen.attributes, attributes),
      note: () => undefined,
      fail: (type) => void Object.assign(seen, { failed: type }),
      end: (endedAtMs) => void Object.assign(seen, { endedAtMs, isOver: true }),
    };
  };
  return { span: new Span(record("request", undefined, {})), spans };
}
