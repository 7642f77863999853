/** What a daemon and any worker of its own say to each other, besides what the worker is there for. */
import { z } from "zod";

export const lifeToWorker = [
  /** First of all; with the user and group to become, where it is root. */
  z.strictObject({ kind: z.literal("begin"), userId: z.number().int().nonnegative().optional() }),
  z.strictObject({ kind: z.literal("ping") }),
] as const;

export const lifeFromWorker = [
  /** Its modules are loaded: it takes messages. */
  z.strictObject({ kind: z.literal("ready") }),
  /** It could not become the user that it was told, and is the daemon's. */
  z.strictObject({ kind: z.literal("user-kept"), reason: z.string().max(2_000) }),
  /** It lives: the answer to a ping. */
  z.strictObject({ kind: z.literal("pong") }),
] as const;

export type LifeToWorker = z.infer<(typeof lifeToWorker)[number]>;
export type LifeFromWorker = z.infer<(typeof lifeFromWorker)[number]>;
