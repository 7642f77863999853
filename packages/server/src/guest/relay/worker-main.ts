/**
 * The relay's process. It takes apart what agents say, and has nothing that one could want: no store, no keys, no environment, and where the
 * daemon is root a user of its own. It ends with the daemon.
 */
import { liveInWorker, sayToDaemon } from "../../worker-process/live-in-worker.js";
import { ToRelay } from "./messages.js";
import { RelayedSessions } from "./relayed-sessions.js";

const sessions = new RelayedSessions(sayToDaemon);
liveInWorker({
  messages: ToRelay,
  take: (message, socket) => sessions.take(message, socket),
  refuse: (_raw, fault) => {
    throw new Error(`the daemon said what it never says: ${fault}`);
  },
  endBusiest: (reason) => sessions.endBusiest(reason),
});
