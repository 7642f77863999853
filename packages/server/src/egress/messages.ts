/** What the daemon and the gateway's process say to each other, as JSON; each believes of the other what fits in here. */
import { EgressDecision, EgressPolicy } from "@alcove/contract";
import { z } from "zod";
import { lifeFromWorker, lifeToWorker } from "../worker-process/life-messages.js";

const SandboxId = z.string().max(100);
const Counter = z.number().int().nonnegative();
const Sentence = z.string().max(2_000);

const NameEntry = z.strictObject({ index: z.number().int().min(1).max(16_384), name: z.string().min(1).max(253) });

const Hosts = z.array(z.string().max(253)).max(100);

const Placeholder = z.strictObject({
  text: z.string().min(16).max(200),
  secret: z.string().max(200),
  hosts: Hosts,
});

const UpstreamRoute = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("Direct") }),
  z.strictObject({ type: z.literal("Interface"), name: z.string().min(1).max(64) }),
  z.strictObject({
    type: z.literal("Proxy"),
    url: z.string().max(2_048),
    // As long as what an owner may send, and a line end for each of them.
    certificates: z.string().max(262_400),
    credentials: z.strictObject({ username: z.string().max(1_024), password: z.string().max(65_536) }).exactOptional(),
  }),
]);

const Settings = z.strictObject({
  group: z.string().max(253),
  policy: EgressPolicy,
  names: z.array(NameEntry).max(16_384),
  resolverOverrides: z.record(z.string().max(253), z.string().max(64)),
  upstreamCertificates: z.string().max(1_048_576),
  secrets: z.record(z.string().max(200), z.string().max(65_536)).exactOptional(),
  secretHosts: z.record(z.string().max(200), Hosts).exactOptional(),
  placeholders: z.array(Placeholder).max(256).exactOptional(),
  routes: z.record(z.string().max(63), UpstreamRoute).exactOptional(),
  defaultRoute: z.string().max(63).exactOptional(),
  identity: z.strictObject({ header: z.string().max(200) }).exactOptional(),
});

const IdentityToken = z.strictObject({
  value: z.string().max(16_384),
  issuedAt: Counter,
  expiresAt: Counter,
  clientId: z.string().max(100),
});

export const ToWorker = z.discriminatedUnion("kind", [
  ...lifeToWorker,
  z.strictObject({ kind: z.literal("apply"), request: Counter, sandboxId: SandboxId, settings: Settings }),
  z.strictObject({ kind: z.literal("remove"), sandboxId: SandboxId }),
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
  /** One of the two; resource: the group has none for it. */
  z.strictObject({
    ...{ kind: z.literal("token"), request: Counter },
    ...{ token: IdentityToken.optional(), fault: z.enum(["resource", "off", "unavailable"]).optional() },
  }),
]);
export type ToWorker = z.infer<typeof ToWorker>;

/** Decisions in one message, of one sandbox. */
export const maximumDecisions = 1_000;
/** Sandboxes in one message. */
export const maximumTraffic = 1_000;

export const FromWorker = z.discriminatedUnion("kind", [
  ...lifeFromWorker,
  z.strictObject({ kind: z.literal("applied"), request: Counter, fault: Sentence.optional() }),
  z.strictObject({ kind: z.literal("over"), session: Counter, isBreak: z.boolean(), reason: Sentence }),
  z.strictObject({ kind: z.literal("record"), request: Counter, sandboxId: SandboxId, entry: NameEntry }),
  z.strictObject({
    kind: z.literal("issue"),
    ...{ request: Counter, sandboxId: SandboxId, host: z.string().max(253) },
  }),
  /** Of the sandbox's group, as the daemon knows it. */
  z.strictObject({
    kind: z.literal("token"),
    ...{ request: Counter, sandboxId: SandboxId, resource: z.string().min(1).max(512) },
  }),
  z.strictObject({
    kind: z.literal("decided"),
    sandboxId: SandboxId,
    decisions: z.array(EgressDecision).max(maximumDecisions),
    /** How many more there were in the same moment, of which only the number is told. */
    omitted: Counter,
  }),
  z.strictObject({
    kind: z.literal("traffic"),
    traffic: z
      .array(z.strictObject({ sandboxId: SandboxId, sentBytes: Counter, receivedBytes: Counter, connections: Counter }))
      .max(maximumTraffic),
  }),
]);
export type FromWorker = z.infer<typeof FromWorker>;
