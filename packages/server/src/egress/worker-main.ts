/**
 * The gateway's process. It speaks with the sandboxes and with the world, and has nothing that either could want: no store, no keys, no
 * environment, and where the daemon is root a user of its own. It ends with the daemon.
 */
import type { Socket } from "node:net";
import { z } from "zod";
import { trustOf } from "./flow/dial-tls.js";
import { type FromWorker, ToWorker } from "./messages.js";
import { Gates } from "./worker/gates.js";

/** Beyond it the busiest sandbox loses its connections: buffers of the others' are not paid with the host's memory. */
const maximumResidentBytes = 768 * 1024 * 1024;
const lookEveryMs = 1_000;

const gates = new Gates(send);

process.on("message", (raw: unknown, handle: unknown) => {
  const { data: message, error } = ToWorker.safeParse(raw);
  if (error !== undefined) refuse(raw, error.message);
  else if (message.kind === "begin") becomeUser(message.userId);
  else if (message.kind === "ping") send({ kind: "pong" });
  else gates.take(message, handle as Socket | undefined);
});
process.on("disconnect", () => process.exit(0));
// They are the daemon's to act on, which ends this process then.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(() => {
  if (process.memoryUsage.rss() > maximumResidentBytes) gates.endBusiest("the gateway's memory is used up");
}, lookEveryMs);
// Read while it may be: the authorities of the system may be for root alone.
trustOf("");
send({ kind: "ready" });

function send(message: FromWorker): void {
  // Where nobody takes it any more, `disconnect` ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** Settings that cannot be read are not taken; what was in force before stays. */
function refuse(raw: unknown, fault: string): void {
  const { data } = z.looseObject({ kind: z.literal("apply"), request: z.number() }).safeParse(raw);
  if (data === undefined) throw new Error(`the daemon said what it never says: ${fault}`);
  send({ kind: "applied", request: data.request, fault: fault.slice(0, 1_000) });
}

function becomeUser(userId: number | undefined): void {
  if (userId === undefined || process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(userId);
  process.setuid?.(userId);
}
