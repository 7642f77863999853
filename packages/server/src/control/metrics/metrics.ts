/** What the daemon tells Prometheus. No label has a sandbox's id, and each has a bounded number of values. */
import { Registry } from "prom-client";
import type { EgressGateway } from "../../egress/gateway.js";
import type { ControlContext } from "../context.js";
import { addDaemonMetrics } from "./daemon-metrics.js";
import { addEngineMetrics } from "./engine-metrics.js";
import { addGatewayMetrics, type WorkerRestarts } from "./gateway-metrics.js";
import { addGroupMetrics } from "./group-metrics.js";
import { addRequestMetrics, type RequestSeen } from "./request-metrics.js";

export interface MetricsControl {
  /** Once for each request and WebSocket, when it is over. */
  readonly requestOver: (seen: RequestSeen) => void;
  readonly contentType: string;
  /** The text format of Prometheus. */
  text(): Promise<string>;
}

export interface MetricsParts {
  readonly context: ControlContext;
  readonly gateway: EgressGateway;
  readonly version: string;
  readonly workerRestarts: WorkerRestarts;
}

export function metricsControl({ context, gateway, version, workerRestarts }: MetricsParts): MetricsControl {
  const registry = new Registry();
  addDaemonMetrics(registry, context, version);
  addEngineMetrics(registry, context);
  addGroupMetrics(registry, context);
  addGatewayMetrics(registry, gateway, workerRestarts);
  return {
    requestOver: addRequestMetrics(registry),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
