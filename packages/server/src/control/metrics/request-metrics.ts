import { Counter, Histogram, type Registry } from "prom-client";

export interface RequestSeen {
  /** The endpoint's id; undefined where there is none. */
  readonly route: string | undefined;
  readonly kind: "http" | "socket";
  readonly status: number;
  readonly durationMs: number;
}

const secondBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** A route's name is the contract's: nothing that a caller writes becomes a label. */
export function addRequestMetrics(registry: Registry): (seen: RequestSeen) => void {
  const requests = new Counter({
    name: "alcove_http_requests_total",
    help: "Requests and WebSockets that are over, by endpoint and status; 499: the client went away before an answer",
    labelNames: ["route", "status"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "alcove_http_request_duration_seconds",
    help: "From the arrival of a request to the end of its answer; what is followed counts to its end, WebSockets not at all",
    labelNames: ["route"],
    buckets: secondBuckets,
    registers: [registry],
  });
  return ({ route = "none", kind, status, durationMs }) => {
    requests.inc({ route, status });
    if (kind === "http") seconds.observe({ route }, durationMs / 1_000);
  };
}
