import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";
import type { ControlContext } from "../context.js";

const nanosPerSecond = 1e9;
const bytesPerMiB = 1_048_576;

export function addDaemonMetrics(registry: Registry, { admission, host }: ControlContext, version: string): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      ...{ name, help, registers },
      async collect() {
        this.set(await read());
      },
    });
  new Gauge({ name: "alcove_build_info", help: "Always 1", labelNames: ["version"], registers }).set({ version }, 1);
  gauge(
    "process_start_time_seconds",
    "When the daemon started, seconds since 1970",
    () => Date.now() / 1_000 - process.uptime(),
  );
  gauge("process_resident_memory_bytes", "Memory of the daemon, without its workers", () => process.memoryUsage.rss());
  gauge(
    "alcove_daemon_heap_bytes",
    "JavaScript heap of the daemon that is in use",
    () => process.memoryUsage().heapUsed,
  );
  gauge(
    "alcove_host_memory_available_bytes",
    "Memory that the host has left",
    () => host.availableMemoryMiB() * bytesPerMiB,
  );
  gauge(
    "alcove_host_memory_committed_bytes",
    "Memory promised to machines",
    () => admission.committedMiB * bytesPerMiB,
  );
  gauge(
    "alcove_data_disk_free_bytes",
    "Free on the disk of the data directory",
    async () => (await host.disk()).freeBytes,
  );
  addProcessorTime(registry);
  addEventLoopLag(registry);
}

function addProcessorTime(registry: Registry): void {
  let told = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time of the daemon, without its workers",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      const now = (user + system) / 1e6;
      this.inc(now - told);
      told = now;
    },
  });
}

/** Watched from the first scrape on, and since the one before. */
function addEventLoopLag(registry: Registry): void {
  let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
  new Gauge({
    name: "alcove_event_loop_lag_seconds",
    help: "How late the daemon's event loop was since the last scrape: the 50th, 99th and 100th percentile",
    labelNames: ["percentile"],
    registers: [registry],
    collect() {
      if (delay === undefined) {
        delay = monitorEventLoopDelay({ resolution: 20 });
        delay.enable();
      }
      for (const percent of [50, 99, 100]) {
        const nanos = delay.percentile(percent);
        this.set({ percentile: String(percent) }, delay.count === 0 ? 0 : nanos / nanosPerSecond);
      }
      delay.reset();
    },
  });
}
