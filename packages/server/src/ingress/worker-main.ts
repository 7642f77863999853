/**
 * The ingress gateway's process. It speaks with whoever comes and with programs in sandboxes, and has nothing that either could want: no
 * store, no master keys, no environment, and where the daemon is root a user of its own. It ends with the daemon.
 */
import { liveInWorker, sayToDaemon } from "../worker-process/live-in-worker.js";
import { ToIngress } from "./messages.js";
import { IngressWork } from "./worker/ingress-work.js";

const work = new IngressWork(sayToDaemon);
liveInWorker({
  messages: ToIngress,
  take: (message, socket) => work.take(message, socket),
  refuse: (_raw, fault) => {
    throw new Error(`the daemon said what it never says: ${fault}`);
  },
  endBusiest: (reason) => work.lines.endBusiest(reason),
});
