/**
 * The gateway's process. It speaks with the sandboxes and with the world, and has nothing that either could want: no store, no keys, no
 * environment, and where the daemon is root a user of its own. It ends with the daemon.
 */
import { z } from "zod";
import { liveInWorker, sayToDaemon } from "../worker-process/live-in-worker.js";
import { trustOf } from "./flow/dial-tls.js";
import { type FromWorker, ToWorker } from "./messages.js";
import { Gates } from "./worker/gates.js";

const gates = new Gates(send);
// Read while it may be: the authorities of the system may be for root alone.
trustOf("");
liveInWorker({
  messages: ToWorker,
  take: (message, socket) => gates.take(message, socket),
  refuse,
  endBusiest: (reason) => gates.endBusiest(reason),
});

function send(message: FromWorker): void {
  sayToDaemon(message);
}

/** Settings that cannot be read are not taken; the daemon closes the sandbox off then. */
function refuse(raw: unknown, fault: string): void {
  const { data } = z.looseObject({ kind: z.literal("apply"), request: z.number() }).safeParse(raw);
  if (data === undefined) throw new Error(`the daemon said what it never says: ${fault}`);
  send({ kind: "applied", request: data.request, fault: fault.slice(0, 1_000) });
}
