import {
  attachExec,
  deleteExec,
  executeCommand,
  executeShellCommand,
  getExec,
  listExecs,
  signalExec,
  startExec,
  streamExec,
  writeStdin,
} from "@alcove/contract";
import type { ExecControl } from "../../control/execs/exec-control.js";
import { followExec, receiveStart } from "../exec-socket.js";
import type { Logger } from "../logger.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { socketRoute } from "../socket-route.js";

export function execRoutes(routes: RouteTable, execs: ExecControl, logger: Logger): void {
  route(routes, executeCommand, ({ params, body, signal }) => execs.runCommand(params, body, signal));
  route(routes, executeShellCommand, ({ params, body, signal }) => execs.runShellCommand(params, body, signal));
  route(routes, startExec, ({ params, body, signal }) => execs.start(params, body, signal));
  route(routes, listExecs, async ({ params, signal }) => [...(await execs.list(params, signal))]);
  route(routes, getExec, ({ params, query, signal }) => execs.get(params, query.waitMs ?? 0, signal));
  route(routes, writeStdin, async ({ params, query, body, signal }) => ({
    bytesWritten: await execs.writeStdin(params, body, { close: query.close ?? false }, signal),
  }));
  route(routes, signalExec, ({ params, body, signal }) => execs.signal(params, body.signal, signal));
  route(routes, deleteExec, ({ params, query, daemonSignal }) =>
    execs.delete(params, { force: query.force ?? false }, daemonSignal),
  );
  socketRoute(routes, streamExec, logger, async ({ params, messages, signal }) => {
    const start = await receiveStart(messages, signal);
    await followExec({ execs, sandbox: params, output: execs.stream(params, start, signal), messages, signal });
  });
  socketRoute(routes, attachExec, logger, async ({ params: { execId, ...sandbox }, query, messages, signal }) => {
    const output = execs.attach({ ...sandbox, execId }, query.offset ?? 0, signal);
    await followExec({ execs, sandbox, output, messages, signal });
  });
}
