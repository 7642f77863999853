import { type SandboxState, sandboxStates } from "@alcove/contract";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";

const secondBuckets = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];
const listTimeoutMs = 5_000;
/** What is on its way, and where it arrives. */
const ways: Partial<Record<SandboxState, readonly [operation: string, end: SandboxState]>> = {
  Creating: ["create", "Running"],
  Stopping: ["stop", "Stopped"],
  Resuming: ["resume", "Running"],
};
const failures = ["CreateFailed", "EngineLost", "HostRestarted", "GuestExited"];

export function addEngineMetrics(registry: Registry, context: ControlContext): void {
  addSandboxes(registry, context);
  addOperations(registry, context);
  addFailures(registry, context);
  addTemplates(registry, context);
  addPools(registry, context);
}

function addSandboxes(registry: Registry, { engine, store }: ControlContext): void {
  new Gauge({
    name: "alcove_sandboxes",
    help: "Sandboxes on record, by state",
    labelNames: ["engine", "state"],
    registers: [registry],
    collect() {
      const counts = store.sandboxes.countByState();
      for (const state of sandboxStates) this.set({ engine: engine.name, state }, counts[state] ?? 0);
    },
  });
}

function addOperations(registry: Registry, { engine, register }: ControlContext): void {
  const seconds = new Histogram({
    name: "alcove_sandbox_operation_duration_seconds",
    help: "How long sandboxes took to be created, stopped and resumed, where that went well; with the time in the queue",
    labelNames: ["engine", "operation"],
    buckets: secondBuckets,
    registers: [registry],
  });
  const begun = new Map<string, number>();
  register.follow((id, before, after) => {
    const [operation, end] = (before && ways[before.state]) ?? [];
    const since = begun.get(id);
    if (before?.state !== after?.state) begun.delete(id);
    if (operation !== undefined && after?.state === end && since !== undefined)
      seconds.observe({ engine: engine.name, operation }, (performance.now() - since) / 1_000);
    if (after !== undefined && after.state !== before?.state && ways[after.state] !== undefined)
      begun.set(id, performance.now());
  });
}

function addFailures(registry: Registry, { engine, register }: ControlContext): void {
  const counter = new Counter({
    name: "alcove_sandbox_failures_total",
    help: "Sandboxes that ended without being told to, by why",
    labelNames: ["engine", "reason"],
    registers: [registry],
  });
  for (const reason of failures) counter.inc({ engine: engine.name, reason }, 0);
  register.follow((_id, before, after) => {
    const reason = endOf(after);
    if (reason !== undefined && endOf(before) === undefined) counter.inc({ engine: engine.name, reason });
  });
}

function endOf(record: SandboxRecord | undefined): string | undefined {
  const { stoppedReason } = record?.stateDetails ?? {};
  return failures.find((reason) => reason === stoppedReason);
}

function addTemplates(registry: Registry, { engine }: ControlContext): void {
  const { templates } = engine;
  if (templates === undefined) return;
  const registers = [registry];
  const bytes = new Gauge({ name: "alcove_template_bytes", help: "What templates take of the disk", registers });
  new Gauge({
    ...{ name: "alcove_templates", help: "Templates that machines start from", registers },
    async collect() {
      const all = await templates.list(AbortSignal.timeout(listTimeoutMs)).catch(() => []);
      this.set(all.length);
      bytes.set(all.reduce((sum, template) => sum + template.bytes, 0));
    },
  });
}

/** Of all pools together: there may be any number of them. */
function addPools(registry: Registry, { pools, store }: ControlContext): void {
  new Gauge({
    name: "alcove_pool_members",
    help: "Members of all warm pools, by what they are",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const states = store.pools.all().map((record) => pools.stateOf(record));
      for (const state of ["ready", "starting"] as const)
        this.set(
          { state },
          states.reduce((sum, pool) => sum + pool[state], 0),
        );
    },
  });
}
