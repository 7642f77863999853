/** What the daemon and the gateway's process say to each other, as JSON; each believes of the other what fits in here. */
import { EgressDecision, EgressPolicy } from "@alcove/contract";
import { z } from "zod";

const SandboxId = z.string().max(100);
const Counter = z.number().int().nonnegative();
const Sentence = z.string().max(2_000);

const NameEntry = z.strictObject({ index: z.number().int().min(1).max(16_384), name: z.string().min(1).max(253) });

const Settings = z.strictObject({
  group: z.string().max(253),
  policy: EgressPolicy,
  names: z.array(NameEntry).max(16_384),
  resolverOverrides: z.record(z.string().max(253), z.string().max(64)),
  upstreamCertificates: z.string().max(1_048_576),
});

export const ToWorker = z.discriminatedUnion("kind", [
  /** First of all; with the user and group to become, where it is root. */
  z.strictObject({ kind: z.literal("begin"), userId: Counter.optional() }),
  z.strictObject({ kind: z.literal("apply"), request: Counter, sandboxId: SandboxId, settings: Settings }),
  z.strictObject({ kind: z.literal("remove"), sandboxId: SandboxId }),
  z.strictObject({ kind: z.literal("ping") }),
  /** With the socket. */
  z.strictObject({ kind: z.literal("serve"), session: Counter, sandboxId: SandboxId, generation: Counter }),
  z.strictObject({ kind: z.literal("end"), session: Counter }),
  z.strictObject({ kind: z.literal("recorded"), request: Counter, isDone: z.boolean() }),
  z.strictObject({
    kind: z.literal("issued"),
    request: Counter,
    /** PEM. Left out: it could not be made. */
    issued: z.strictObject({ certificate: z.string().max(65_536), key: z.string().max(16_384) }).optional(),
  }),
]);
export type ToWorker = z.infer<typeof ToWorker>;

/** Decisions in one message, of one sandbox. */
export const maximumDecisions = 1_000;

export const FromWorker = z.discriminatedUnion("kind", [
  /** Its modules are loaded: it takes messages. */
  z.strictObject({ kind: z.literal("ready") }),
  /** It could not become the user that it was told, and is the daemon's. */
  z.strictObject({ kind: z.literal("user-kept"), reason: Sentence }),
  /** It lives: the answer to a ping. */
  z.strictObject({ kind: z.literal("pong") }),
  z.strictObject({ kind: z.literal("applied"), request: Counter, fault: Sentence.optional() }),
  z.strictObject({ kind: z.literal("over"), session: Counter, isBreak: z.boolean(), reason: Sentence }),
  z.strictObject({ kind: z.literal("record"), request: Counter, sandboxId: SandboxId, entry: NameEntry }),
  z.strictObject({
    kind: z.literal("issue"),
    ...{ request: Counter, sandboxId: SandboxId, host: z.string().max(253) },
  }),
  z.strictObject({
    kind: z.literal("decided"),
    sandboxId: SandboxId,
    decisions: z.array(EgressDecision).max(maximumDecisions),
    /** How many more there were in the same moment, of which only the number is told. */
    omitted: Counter,
  }),
]);
export type FromWorker = z.infer<typeof FromWorker>;
