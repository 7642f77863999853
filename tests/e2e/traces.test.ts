/** A trace of a call on the real engine, down to the agent in the sandbox, as a collector gets it. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { type CollectedSpan, startCollector } from "../../packages/server/src/otlp-collector-for-tests.js";
import { TestDaemon } from "../harness/daemon.js";

test("create, exec and stop are told from the request to QEMU and the agent, and the log names the trace", async () => {
  await using collector = await startCollector();
  const environment = {
    ...{ ALCOVE_TRACES: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    ...{ OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_BSP_SCHEDULE_DELAY: "100" },
  };
  await using daemon = await TestDaemon.start({ hasOwnData: true, environment });
  const traceId = randomBytes(16).toString("hex");
  const call = async (path: string, body: object) => {
    const headers = { "content-type": "application/json", traceparent: `00-${traceId}-${"1".repeat(16)}-01` };
    const socketPath = join(daemon.runtimeDirectory, "alcoved.sock");
    const response = await new Promise<string>((resolve, reject) => {
      const asked = request({ socketPath, path: `/v1/groups/default/sandboxes${path}`, method: "POST", headers });
      asked.on("response", (answer) => resolve(text(answer))).on("error", reject);
      asked.end(JSON.stringify(body));
    });
    return JSON.parse(response);
  };
  const { id } = await call("", { sourcesRef: { diskImage: { name: "debian" } } });
  expect(await call(`/${id}/executeCommand`, { command: "true" })).toMatchObject({ exitCode: 0 });
  expect(await call(`/${id}/stop`, {})).toMatchObject({ state: "Stopped" });
  await daemon.stop();

  const spans = collector.spans.filter((span) => span.traceId === traceId);
  const line = (span: CollectedSpan | undefined): string[] =>
    span === undefined ? [] : [span.name, ...line(spans.find(({ spanId }) => spanId === span.parentSpanId))];
  const lines = spans.map((span) => line(span).join(" < "));
  const create = "sandbox.create < POST /v1/groups/:group/sandboxes";
  const exec = "exec.run < POST /v1/groups/:group/sandboxes/:id/executeCommand";
  const suspend = "sandbox.suspend < POST /v1/groups/:group/sandboxes/:id/stop";
  expect(lines).toEqual(
    expect.arrayContaining([
      `POST /renew < agent POST /renew < machine.start < ${create}`,
      `QMP qmp_capabilities < machine.start < ${create}`,
      `POST /execs < agent POST /execs < ${exec}`,
      `POST /freeze < agent POST /freeze < ${suspend}`,
      `QMP stop < ${suspend}`,
    ]),
  );
  for (const span of spans.filter(({ attributes }) => attributes["alcove.told_by"] === "guest")) {
    const call = spans.find(({ spanId }) => spanId === span.parentSpanId);
    expect(span.startTimeUnixNano).toBeGreaterThanOrEqual(call?.startTimeUnixNano ?? 0n);
    expect(span.endTimeUnixNano).toBeLessThanOrEqual((call?.endTimeUnixNano ?? 0n) + 1_000_000n);
  }
  expect(await readFile(join(daemon.dataDirectory, "alcoved.log"), "utf8")).toContain(`"trace_id":"${traceId}"`);
});
