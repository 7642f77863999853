/** For Prometheus: not under /v1, as scrapers expect it. */
import type { MetricsControl } from "../../control/metrics/metrics.js";
import type { RouteTable } from "../route-table.js";

export function metricsRoute(routes: RouteTable, metrics: MetricsControl): void {
  routes.add("GET", "/metrics", {
    kind: "http",
    endpoint: { id: "getMetrics", method: "GET", path: "/metrics", access: "metrics" },
    handle: async (_exchange, response) => {
      const text = await metrics.text();
      response.writeHead(200, { "content-type": metrics.contentType, "content-length": Buffer.byteLength(text) });
      response.end(text);
    },
  });
}
