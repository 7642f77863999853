import {
  countSandboxes,
  createSandbox,
  createSandboxes,
  deleteSandbox,
  disableSandbox,
  enableSandbox,
  getConsole,
  getSandbox,
  getSandboxStats,
  listProcesses,
  listSandboxes,
  resumeSandbox,
  type SandboxState,
  setLifecycle,
  stopSandbox,
  stopSandboxAsync,
  streamProcesses,
  streamSandboxStats,
  updateSandbox,
} from "@alcove/contract";
import { type Caller, ownsGroup } from "../../control/access/access-control.js";
import type { ByMaker, SandboxControl, SandboxFilter } from "../../control/sandboxes/sandbox-control.js";
import { jsonLines } from "../json-lines.js";
import { route, slowRoute } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { selector } from "../selector.js";

const defaultIntervalMs = 2_000;

export function sandboxRoutes(routes: RouteTable, sandboxes: SandboxControl): void {
  // Creation and deletion are carried to their end whether their client waits or not.
  route(routes, createSandbox, ({ params, query, body, caller, daemonSignal }) =>
    sandboxes.create(params.group, body, daemonSignal, { ...query, ...makerOf(caller, params.group) }),
  );
  slowRoute(routes, createSandboxes, ({ params, body, caller, daemonSignal }) =>
    sandboxes.createBatch(params.group, body.count, body.sandbox, daemonSignal, makerOf(caller, params.group)),
  );
  route(routes, listSandboxes, async ({ params, query: { labels, ...query } }) => [
    ...(await sandboxes.list(params.group, { ...query, ...selector(labels) })),
  ]);
  route(routes, countSandboxes, async ({ params, query }) => ({
    count: await sandboxes.count(params.group, filter(query)),
  }));
  route(routes, getSandbox, ({ params }) => sandboxes.get(params));
  route(routes, updateSandbox, ({ params, body }) => sandboxes.changeLabels(params, body.labels));
  route(routes, setLifecycle, ({ params, body }) => sandboxes.setLifecycle(params, body));
  route(routes, deleteSandbox, ({ params, query, daemonSignal }) => sandboxes.delete(params, daemonSignal, query));
  // So are stopping and resuming: what was begun is not given up with its client.
  route(routes, stopSandbox, ({ params, body, daemonSignal }) => sandboxes.stop(params, body, daemonSignal));
  route(routes, stopSandboxAsync, ({ params, body, daemonSignal }) =>
    sandboxes.stop(params, { ...body, wait: false }, daemonSignal),
  );
  route(routes, resumeSandbox, ({ params, body, daemonSignal }) => sandboxes.resume(params, body, daemonSignal));
  route(routes, enableSandbox, ({ params }) => sandboxes.enable(params));
  route(routes, disableSandbox, ({ params, daemonSignal }) => sandboxes.disable(params, daemonSignal));
  route(routes, getSandboxStats, ({ params, signal }) => sandboxes.stats(params, signal));
  route(routes, streamSandboxStats, async ({ params, query: { intervalMs = defaultIntervalMs }, signal }) =>
    jsonLines(await sandboxes.followStats(params, intervalMs, signal)),
  );
  route(routes, listProcesses, ({ params, signal }) => sandboxes.processes(params, signal));
  route(routes, streamProcesses, async ({ params, query: { intervalMs = defaultIntervalMs }, signal }) =>
    jsonLines(await sandboxes.followProcesses(params, intervalMs, signal)),
  );
  route(routes, getConsole, async ({ params }) => ({ content: await sandboxes.console(params) }));
}

function filter(query: { labels?: string; state?: SandboxState }): SandboxFilter {
  const { labels, ...rest } = query;
  return { ...rest, ...selector(labels) };
}

function makerOf(caller: Caller, group: string): ByMaker {
  return { maker: caller.principal, ownsGroup: ownsGroup(caller, group) };
}
