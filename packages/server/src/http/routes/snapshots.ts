import {
  commitSandbox,
  countSnapshots,
  deleteSnapshot,
  exportSnapshot,
  forkSandbox,
  getSnapshot,
  importSnapshot,
  listSnapshots,
  rollbackSandbox,
  takeSnapshot,
  updateSnapshot,
} from "@alcove/contract";
import type { SnapshotControl } from "../../control/snapshots/snapshot-control.js";
import { route, slowRoute } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { selector } from "../selector.js";

export function snapshotRoutes(routes: RouteTable, snapshots: SnapshotControl): void {
  // What is begun is carried to its end whether its client waits or not.
  route(routes, takeSnapshot, ({ params, body, daemonSignal }) => snapshots.take(params, body, daemonSignal));
  slowRoute(routes, forkSandbox, ({ params, body, caller, daemonSignal }) =>
    snapshots.fork(params, body, daemonSignal, { maker: caller.principal }),
  );
  route(routes, rollbackSandbox, ({ params, body, daemonSignal }) => snapshots.rollback(params, body, daemonSignal));
  route(routes, commitSandbox, ({ params, body, daemonSignal }) => snapshots.commit(params, body, daemonSignal));
  route(routes, listSnapshots, async ({ params, query: { labels, ...query } }) => [
    ...(await snapshots.list(params.group, { ...query, ...selector(labels) })),
  ]);
  route(routes, countSnapshots, async ({ params, query: { labels, ...query } }) => ({
    count: await snapshots.count(params.group, { ...query, ...selector(labels) }),
  }));
  // Before those of one snapshot: the first path that fits is taken.
  route(routes, importSnapshot, ({ params, query: { labels, name }, body, signal }) =>
    snapshots.import({ ...params, name, ...selector(labels) }, body, signal),
  );
  route(routes, getSnapshot, ({ params }) => snapshots.get(params));
  route(routes, updateSnapshot, ({ params, body }) => snapshots.changeLabels(params, body.labels));
  route(routes, exportSnapshot, async ({ params, signal }) => {
    const { content, sizeBytes: length } = await snapshots.export(params, signal);
    return { content, length, type: "application/x-tar" };
  });
  route(routes, deleteSnapshot, ({ params }) => snapshots.delete(params));
}
