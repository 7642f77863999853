/**
 * The gateway's process. It speaks with the sandboxes and with the world, and has nothing that either could want: no store, no keys, no
 * environment, and where the daemon is root a user of its own. It ends with the daemon.
 */
import type { Socket } from "node:net";
import { z } from "zod";
import { trustOf } from "./flow/dial-tls.js";
import { type FromWorker, ToWorker } from "./messages.js";
import { Gates } from "./worker/gates.js";
import { MemoryWatch } from "./worker/memory-watch.js";

const lookEveryMs = 1_000;

const gates = new Gates(send);
const memory = new MemoryWatch();

process.on("message", (raw: unknown, handle: unknown) => {
  const { data: message, error } = ToWorker.safeParse(raw);
  if (error !== undefined) refuse(raw, error.message);
  else if (message.kind === "begin") becomeUser(message.userId);
  else if (message.kind === "ping") send({ kind: "pong" });
  else gates.take(message, handle as Socket | undefined);
});
process.on("disconnect", () => process.exit(0));
// It may have ended while the modules were loaded.
if (!process.connected) process.exit(0);
// They are the daemon's to act on, which ends this process then.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(lookAtMemory, lookEveryMs);
// Read while it may be: the authorities of the system may be for root alone.
trustOf("");
send({ kind: "ready" });

function send(message: FromWorker): void {
  // Where nobody takes it any more, `disconnect` ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** The daemon starts another process where this one ends. */
function lookAtMemory(): void {
  const verdict = memory.look(process.memoryUsage.rss(), performance.now());
  if (verdict === "endBusiest") gates.endBusiest("the gateway's memory is used up");
  if (verdict !== "endProcess") return;
  process.stderr.write("its memory was used up, and ending sessions did not help\n");
  process.exit(1);
}

/** Settings that cannot be read are not taken; the daemon closes the sandbox off then. */
function refuse(raw: unknown, fault: string): void {
  const { data } = z.looseObject({ kind: z.literal("apply"), request: z.number() }).safeParse(raw);
  if (data === undefined) throw new Error(`the daemon said what it never says: ${fault}`);
  send({ kind: "applied", request: data.request, fault: fault.slice(0, 1_000) });
}

/** Where the host has no such user, as in a container whose ids are few, it goes on as what it is. */
function becomeUser(userId: number | undefined): void {
  if (userId === undefined || process.getuid?.() !== 0) return;
  try {
    process.setgroups?.([]);
    process.setgid?.(userId);
    process.setuid?.(userId);
  } catch (error) {
    send({ kind: "user-kept", reason: String(error).slice(0, 1_000) });
  }
}
