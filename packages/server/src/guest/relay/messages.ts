/** What the daemon and the relay's process say to each other, as JSON; each believes of the other what fits in here. */
import { z } from "zod";
import { lifeFromWorker, lifeToWorker } from "../../worker-process/life-messages.js";

const Counter = z.number().int().nonnegative();

export const ToRelay = z.discriminatedUnion("kind", [
  ...lifeToWorker,
  /** With the machine's socket. */
  z.strictObject({
    kind: z.literal("serve"),
    session: Counter,
    generation: Counter,
    answerTimeoutMs: Counter,
  }),
  /** With a socket of the daemon's, after `serve`: on it the daemon calls as if it were the agent's; another process, for ports alone. */
  z.strictObject({ kind: z.literal("line"), session: Counter, of: z.enum(["call", "port"]) }),
  z.strictObject({ kind: z.literal("end"), session: Counter }),
]);
export type ToRelay = z.infer<typeof ToRelay>;

export const FromRelay = z.discriminatedUnion("kind", [
  ...lifeFromWorker,
  /** The agent has answered the hello: calls are taken. */
  z.strictObject({ kind: z.literal("greeted"), session: Counter }),
  /** There is no session, or none any more. */
  z.strictObject({ kind: z.literal("over"), session: Counter, isBreak: z.boolean(), reason: z.string().max(2_000) }),
]);
export type FromRelay = z.infer<typeof FromRelay>;
