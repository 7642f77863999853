/** Whether there are traces, and in which form: the configuration's `traces`, and variables of OpenTelemetry that Alcove itself looks at. */
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import type { Config, Environment } from "./config.js";
import type { Tracer } from "./lib/tracing.js";

export interface Tracing extends Tracer {
  /** Sends what is left, for two seconds at the most. */
  close(): Promise<void>;
}

export interface TracingOptions {
  readonly protocol: "http/protobuf" | "http/json";
  readonly version: string;
  readonly logger: Logger;
}

/** Undefined where there are none; OpenTelemetry is not even loaded then. */
export async function openTracing(
  { traces }: Pick<Config, "traces">,
  parts: Omit<TracingOptions, "protocol">,
  environment: Environment = process.env,
): Promise<Tracing | undefined> {
  if (traces === "off" || environment.OTEL_SDK_DISABLED?.toLowerCase() === "true") return undefined;
  const protocol = protocolOf(environment);
  const { openTelemetry } = await import("./open-telemetry.js");
  return openTelemetry({ ...parts, protocol });
}

function protocolOf(environment: Environment): TracingOptions["protocol"] {
  const names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] as const;
  const name = names.find((variable) => environment[variable]);
  if (name === undefined) return "http/protobuf";
  const value = environment[name] ?? "";
  if (value === "http/protobuf" || value === "http/json") return value;
  throw new AlcoveError("InvalidRequest", `${name} is ${value.slice(0, 100)}; traces go over HTTP alone.`, {
    field: name,
    hint: "Use http/protobuf or http/json, or set `traces` to off.",
  });
}
