import { Counter, type Registry } from "prom-client";
import type { EgressGateway } from "../../egress/gateway.js";

/** How often each worker's process was started anew, by its name. */
export type WorkerRestarts = () => Readonly<Record<string, number>>;

export function addGatewayMetrics(registry: Registry, gateway: EgressGateway, workerRestarts: WorkerRestarts): void {
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const connections = counter(
    "alcove_gateway_connections_total",
    "Connections that programs in sandboxes opened, allowed or not",
  );
  const bytes = counter("alcove_gateway_bytes_total", "What programs in sandboxes sent and received", ["direction"]);
  const decisions = counter("alcove_gateway_decisions_total", "Egress decisions, by what became of it", [
    "verdict",
    "enforced",
  ]);
  const omitted = counter(
    "alcove_gateway_decisions_omitted_total",
    "Decisions that were too many at once to be told one by one",
  );
  gateway.onTraffic((_sandboxId, traffic) => {
    connections.inc(traffic.connections);
    bytes.inc({ direction: "sent" }, traffic.sentBytes);
    bytes.inc({ direction: "received" }, traffic.receivedBytes);
  });
  gateway.onDecision((_sandboxId, { verdict, isEnforced }) => decisions.inc({ verdict, enforced: String(isEnforced) }));
  gateway.onOmitted((_sandboxId, count) => omitted.inc(count));
  new Counter({
    name: "alcove_worker_restarts_total",
    help: "Processes beside the daemon that ended and were started anew",
    labelNames: ["worker"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [worker, count] of Object.entries(workerRestarts())) this.inc({ worker }, count);
    },
  });
}
