/** Traces of a real server over the fake engine, as a collector gets them. */
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { ask, createSandbox, serve } from "./http/serve-for-tests.js";
import { createLogger } from "./logger.js";
import { type CollectedSpan, startCollector } from "./otlp-collector-for-tests.js";
import { openTracing } from "./tracing.js";

const silent = pino({ level: "silent" });
const version = "1.2.3";

afterEach(() => {
  vi.unstubAllEnvs();
});

async function tracingTo(url: string, environment: Record<string, string> = {}, logger = silent) {
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", ...environment };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const tracing = await openTracing({ traces: "otlp" }, { version, logger });
  if (tracing === undefined) throw new Error("There are no traces");
  return tracing;
}

const canary = "c4n4ry-7f3a";

test("a collector gets the spans of a create and an exec, each a part of the right one, and nothing in confidence", async () => {
  await using collector = await startCollector();
  const tracing = await tracingTo(collector.url, { OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test" });
  const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  {
    await using served = await serve(undefined, {}, { tracer: tracing });
    const made = await ask(served.socketPath, "/v1/groups/default/sandboxes", {
      method: "POST",
      headers: { traceparent: `00-${caller.traceId}-${caller.spanId}-01`, "x-request-id": "r-1" },
      body: { sourcesRef: { diskImage: { name: "debian" } }, environment: { TOKEN: canary }, labels: { a: canary } },
    });
    expect(made.status).toBe(201);
    const sandbox = `/v1/groups/default/sandboxes/${made.json.id}`;
    const command = { command: "echo", args: [canary], environment: { TOKEN: canary }, stdin: canary };
    expect((await ask(served.socketPath, `${sandbox}/executeCommand`, { method: "POST", body: command })).status).toBe(
      200,
    );
    await ask(served.socketPath, `${sandbox}/files?path=/${canary}`);
    await ask(served.socketPath, `/v1/${canary}`);
  }
  await tracing.close();
  const { spans } = collector;
  const line = (span: CollectedSpan | undefined): string[] =>
    span === undefined ? [] : [span.name, ...line(spans.find(({ spanId }) => spanId === span.parentSpanId))];
  const ancestry = (name: string) => line(spans.find((span) => span.name === name));
  const create = "POST /v1/groups/:group/sandboxes";
  expect(ancestry("machine.start")).toEqual(["machine.start", "sandbox.create", create]);
  expect(ancestry("sandbox.wait_for_room")).toEqual(["sandbox.wait_for_room", "sandbox.create", create]);
  expect(ancestry("exec.run")).toEqual(["exec.run", "POST /v1/groups/:group/sandboxes/:id/executeCommand"]);
  expect(spans.find(({ name }) => name === create)).toMatchObject({
    ...{ traceId: caller.traceId, parentSpanId: caller.spanId, kind: 2, status: {} },
    attributes: {
      ...{
        "http.request.method": "POST",
        "http.route": "/v1/groups/:group/sandboxes",
        "http.response.status_code": 201,
      },
      ...{ "alcove.group": "default", "alcove.request_id": "r-1", "network.transport": "unix" },
    },
  });
  expect(spans.find(({ name }) => name === "GET")?.attributes).toMatchObject({ "http.response.status_code": 404 });
  expect(new Set(spans.filter(({ name }) => name.startsWith("exec")).map(({ traceId }) => traceId)).size).toBe(1);
  expect(collector.resource).toMatchObject({
    ...{ "service.name": "alcoved", "service.version": version, "deployment.environment.name": "test" },
  });
  expect(collector.requests.map(({ path }) => path)).toContain("/v1/traces");
  expect(collector.requests.map(({ body }) => String(body)).filter((body) => body.includes(canary))).toEqual([]);
});

test("protobuf is what goes out unless JSON is asked for, and another protocol keeps the daemon from starting", async () => {
  await using collector = await startCollector();
  const tracing = await tracingTo(collector.url, {
    OTEL_EXPORTER_OTLP_PROTOCOL: "",
    OTEL_EXPORTER_OTLP_HEADERS: "x-team=a",
  });
  const span = tracing.begin("GET", {}, {});
  span.end();
  await tracing.close();
  const [request] = collector.requests;
  expect(request?.headers).toMatchObject({ "content-type": "application/x-protobuf", "x-team": "a" });
  expect(request?.body.includes(Buffer.from(span.traceId, "hex"))).toBe(true);
  const grpc = tracingTo(collector.url, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
  await expect(grpc).rejects.toThrow("OTEL_EXPORTER_OTLP_PROTOCOL is grpc; traces go over HTTP alone.");
});

test("a collector that is gone costs no request, and is told once", async () => {
  const collector = await startCollector();
  await collector[Symbol.asyncDispose]();
  const lines: string[] = [];
  const logger = pino(new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }));
  const shortly = { OTEL_BSP_SCHEDULE_DELAY: "10", OTEL_EXPORTER_OTLP_TIMEOUT: "200", OTEL_BSP_EXPORT_TIMEOUT: "300" };
  const tracing = await tracingTo(collector.url, shortly, logger);
  {
    await using served = await serve(undefined, {}, { tracer: tracing });
    await createSandbox(served.socketPath);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), { timeout: 20_000 });
    expect((await ask(served.socketPath, "/v1/health")).status).toBe(200);
  }
  await tracing.close();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/Traces could not be sent/);
});

test("of more spans than the queue has, the rest is let go", async () => {
  await using collector = await startCollector();
  const tracing = await tracingTo(collector.url, {
    OTEL_BSP_MAX_QUEUE_SIZE: "64",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "16",
  });
  for (let span = 0; span < 5_000; span++) tracing.begin("GET", {}, {}).end();
  await tracing.close();
  expect(collector.spans.length).toBeGreaterThanOrEqual(64);
  expect(collector.spans.length).toBeLessThanOrEqual(80);
});

test("without traces there is no span, and OpenTelemetry's own switch is heeded", async () => {
  expect(await openTracing({ traces: "off" }, { version, logger: silent })).toBeUndefined();
  const switchedOff = { OTEL_SDK_DISABLED: "true" };
  expect(await openTracing({ traces: "otlp" }, { version, logger: silent }, switchedOff)).toBeUndefined();
});

test("what is logged within a request names its trace", async () => {
  await using collector = await startCollector();
  const tracing = await tracingTo(collector.url);
  const lines: Record<string, unknown>[] = [];
  const options = { logLevel: "info", logFormat: "json", logDestination: "file", dataDirectory: "/" } as const;
  const logger = createLogger(options, (line) => void lines.push(JSON.parse(line)));
  const span = tracing.begin("GET", {}, {});
  span.run(() => logger.info("within"));
  logger.info("outside");
  span.end();
  span.run(() => logger.info("too late"));
  await tracing.close();
  expect(lines[0]).toMatchObject({ msg: "within", trace_id: span.traceId, span_id: span.spanId });
  expect(lines.slice(1).filter((line) => "trace_id" in line)).toEqual([]);
});
