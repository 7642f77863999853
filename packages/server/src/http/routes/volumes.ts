import {
  attachVolume,
  createVolume,
  deleteVolume,
  detachVolume,
  forkVolume,
  getVolume,
  listVolumes,
} from "@alcove/contract";
import type { VolumeControl } from "../../control/volumes/volume-control.js";
import { route, slowRoute } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { selected } from "../selector.js";

export function volumeRoutes(routes: RouteTable, volumes: VolumeControl): void {
  // What is begun is carried to its end whether its client waits or not.
  route(routes, createVolume, ({ params, body, daemonSignal }) => volumes.create(params.group, body, daemonSignal));
  route(routes, listVolumes, async ({ params, query }) => [
    ...(await volumes.list(params.group, selected(query.labels))),
  ]);
  route(routes, getVolume, ({ params }) => volumes.get(params));
  slowRoute(routes, forkVolume, ({ params, body, daemonSignal }) => volumes.fork(params, body, daemonSignal));
  route(routes, deleteVolume, ({ params }) => volumes.delete(params));
  route(routes, attachVolume, ({ params, body, daemonSignal }) => volumes.attach(params, body, daemonSignal));
  route(routes, detachVolume, ({ params, daemonSignal }) => volumes.detach(params, daemonSignal));
}
