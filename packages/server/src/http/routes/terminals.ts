import { attachTerminal, streamTerminal } from "@alcove/contract";
import type { TerminalControl } from "../../control/terminals/terminal-control.js";
import type { Logger } from "../logger.js";
import type { RouteTable } from "../route-table.js";
import { socketRoute } from "../socket-route.js";
import { receiveTerminalStart, terminalError, watchTerminal } from "../terminal-socket.js";

export function terminalRoutes(routes: RouteTable, terminals: TerminalControl, logger: Logger): void {
  socketRoute(
    routes,
    streamTerminal,
    logger,
    async ({ params: sandbox, messages, signal }) => {
      const start = await receiveTerminalStart(messages, signal);
      const output = terminals.open(sandbox, start, signal);
      await watchTerminal({ terminals, sandbox, output, messages, signal });
    },
    terminalError,
  );
  socketRoute(
    routes,
    attachTerminal,
    logger,
    async ({ params: { execId, ...sandbox }, query, messages, signal }) => {
      const output = terminals.attach({ ...sandbox, execId }, query.offset ?? 0, signal);
      await watchTerminal({ terminals, sandbox, output, messages, signal });
    },
    terminalError,
  );
}
