/**
 * Where spans go: to a collector, as OTLP over HTTP, as the variables of OpenTelemetry say. The one file that imports OpenTelemetry,
 * and loaded only where traces are on. A collector that is slow or gone costs spans, never a request, and no more memory than the queue has.
 */
import {
  diag,
  type Span as Kept,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Logger } from "pino";
import { boundedValues, Span, type SpanOptions, type SpanRecord } from "./lib/tracing.js";
import type { Tracing, TracingOptions } from "./tracing.js";

const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
const farewellMs = 2_000;
const toldEveryMs = 60_000;
const toldCharacters = 300;

export function openTelemetry({ protocol, version, logger }: TracingOptions): Tracing {
  diag.setLogger(faultsIn(logger), { suppressOverrideMessage: true });
  const exporter: SpanExporter = protocol === "http/json" ? new JsonExporter() : new ProtobufExporter();
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "alcoved", "service.version": version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("alcoved", version);
  return {
    begin: (name, headers, options) => new Span(requestRecord(tracer, name, headers, options)),
    async close() {
      const stopped = provider.shutdown().catch((error: unknown) => diag.warn(String(error)));
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([stopped, new Promise<void>((resolve) => (timer = setTimeout(resolve, farewellMs)))]);
      clearTimeout(timer);
      diag.disable();
    },
  };
}

const propagator = new W3CTraceContextPropagator();

function requestRecord(tracer: Tracer, name: string, headers: NodeJS.Dict<string | string[]>, options: SpanOptions) {
  const parent = propagator.extract(ROOT_CONTEXT, headers, {
    keys: (carrier) => Object.keys(carrier),
    get: (carrier, key) => carrier[key],
  });
  const attributes = boundedValues(options.attributes ?? {});
  return recordOf(tracer, tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent));
}

function recordOf(tracer: Tracer, kept: Kept): SpanRecord {
  const { traceId, spanId } = kept.spanContext();
  return {
    traceId,
    spanId,
    isSampled: kept.isRecording(),
    begin(name, { kind = "internal", attributes = {}, startedAtMs }) {
      const options = { kind: kinds[kind], attributes, ...(startedAtMs !== undefined && { startTime: startedAtMs }) };
      return recordOf(tracer, tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, kept)));
    },
    rename: (name) => void kept.updateName(name),
    add: (attributes) => void kept.setAttributes(attributes),
    note: (event) => void kept.addEvent(event),
    fail: (type) => void kept.setAttribute("error.type", type).setStatus({ code: SpanStatusCode.ERROR }),
    end: (endedAtMs) => kept.end(endedAtMs),
  };
}

/** OpenTelemetry tells of each batch that it cannot send: the log of one a minute, and how many there were. */
function faultsIn(logger: Logger) {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  const tell = (message: string, ...rest: unknown[]) => {
    untold++;
    if (performance.now() - toldAt < toldEveryMs) return;
    const why = [message, ...rest].map(String).join(" ").slice(0, toldCharacters);
    logger.warn({ why, times: untold }, "Traces could not be sent");
    toldAt = performance.now();
    untold = 0;
  };
  const quiet = () => undefined;
  return { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet };
}
