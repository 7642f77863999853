/**
 * The life of a worker, told by itself: it takes messages of its daemon, becomes a user of its own, answers that it is there, gives up what
 * holds the most memory, and ends with the daemon.
 */
import type { Socket } from "node:net";
import type { z } from "zod";
import type { LifeFromWorker, LifeToWorker } from "./life-messages.js";
import { MemoryWatch } from "./memory-watch.js";

const lookEveryMs = 1_000;

export interface Work<To extends { readonly kind: string }> {
  readonly messages: z.ZodType<To>;
  take(message: Exclude<To, LifeToWorker>, socket: Socket | undefined): void;
  /** A message that does not fit. Throws where it says nothing to anybody. */
  refuse(raw: unknown, fault: string): void;
  endBusiest(reason: string): void;
}

export function liveInWorker<To extends { readonly kind: string }>(work: Work<To>): void {
  const memory = new MemoryWatch();
  process.on("message", (raw: unknown, handle: unknown) => {
    const { data: message, error } = work.messages.safeParse(raw);
    if (error !== undefined) work.refuse(raw, error.message);
    else if (!isOfLife(message)) work.take(message as Exclude<To, LifeToWorker>, handle as Socket | undefined);
    else if (message.kind === "begin") becomeUser(message.userId);
    else sayToDaemon({ kind: "pong" } satisfies LifeFromWorker);
  });
  process.on("disconnect", () => process.exit(0));
  // It may have ended while the modules were loaded.
  if (!process.connected) process.exit(0);
  // They are the daemon's to act on, which ends this process then.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  setInterval(() => lookAtMemory(memory, work), lookEveryMs);
  sayToDaemon({ kind: "ready" } satisfies LifeFromWorker);
}

export function sayToDaemon(message: object): void {
  // Where nobody takes it any more, `disconnect` ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function isOfLife(message: { readonly kind: string }): message is LifeToWorker {
  return message.kind === "begin" || message.kind === "ping";
}

/** The daemon starts another process where this one ends. */
function lookAtMemory(memory: MemoryWatch, work: Pick<Work<never>, "endBusiest">): void {
  const verdict = memory.look(process.memoryUsage.rss(), performance.now());
  if (verdict === "endBusiest") work.endBusiest("the memory of its worker is used up");
  if (verdict !== "endProcess") return;
  process.stderr.write("its memory was used up, and ending sessions did not help\n");
  process.exit(1);
}

/** Where the host has no such user, as in a container whose ids are few, it goes on as what it is. */
function becomeUser(userId: number | undefined): void {
  if (userId === undefined || process.getuid?.() !== 0) return;
  try {
    process.setgroups?.([]);
    process.setgid?.(userId);
    process.setuid?.(userId);
  } catch (error) {
    sayToDaemon({ kind: "user-kept", reason: String(error).slice(0, 1_000) } satisfies LifeFromWorker);
  }
}
