/** What the daemon and the ingress gateway's process say to each other, as JSON; each believes of the other what fits in here. */
import { AddPort } from "@alcove/contract";
import { z } from "zod";
import { lifeFromWorker, lifeToWorker } from "../worker-process/life-messages.js";

const Counter = z.number().int().nonnegative();
const SandboxId = z.string().max(100);
const GuestPort = z.number().int().min(1).max(65_535);

/** For who comes. */
const Fault = z.strictObject({
  status: z.number().int().min(400).max(599),
  code: z.string().max(64),
  message: z.string().max(2_000),
  hint: z.string().max(2_000),
});
export type Fault = z.infer<typeof Fault>;

const SignInFailure = z.enum(["over", "refused", "unavailable", "failed", "busy"]);
export type SignInFailure = z.infer<typeof SignInFailure>;

/** Of a preview, where its user wants to go. */
export interface SignInBegun {
  readonly sandboxId: string;
  readonly port: number;
  /** The digest of what this browser alone has, as a cookie of the preview's host. */
  readonly browser: string;
  readonly target: string;
  /** The provider asks who it is, though somebody is signed in there. */
  readonly isAsked: boolean;
}

export const ToIngress = z.discriminatedUnion("kind", [
  ...lifeToWorker,
  z.strictObject({
    kind: z.literal("listen"),
    host: z.string().max(253),
    port: z.number().int().min(0).max(65_535),
    domain: z.string().max(253),
    /** Ranges of addresses of proxies that say who comes. */
    trustedProxies: z.array(z.string().max(64)).max(64),
    /** Whose names for people count; none: nobody can sign in. */
    realm: z.string().max(100).optional(),
    tls: z.strictObject({ certificate: z.string().max(1_048_576), key: z.string().max(65_536) }).optional(),
  }),
  z.strictObject({
    kind: z.literal("apply"),
    sandboxId: SandboxId,
    route: z.strictObject({ ports: z.array(AddPort), linkKey: z.string().max(100) }),
    /** Which listeners it has: all of them, each time. */
    listeners: z.array(z.strictObject({ port: GuestPort, hostPort: GuestPort, host: z.string().max(64) })).optional(),
  }),
  z.strictObject({ kind: z.literal("remove"), sandboxId: SandboxId }),
  /** With the line's socket, or why there is none. */
  z.strictObject({ kind: z.literal("reached"), request: Counter, fault: Fault.optional() }),
  z.strictObject({ kind: z.literal("decided"), request: Counter, mayCome: z.boolean() }),
  /** Where the browser goes next, or why nowhere. */
  z.strictObject({
    kind: z.literal("signIn"),
    request: Counter,
    location: z.string().max(16_384).optional(),
    failure: SignInFailure.optional(),
  }),
]);
export type ToIngress = z.infer<typeof ToIngress>;

export const FromIngress = z.discriminatedUnion("kind", [
  ...lifeFromWorker,
  z.strictObject({ kind: z.literal("listening"), port: GuestPort }),
  z.strictObject({ kind: z.literal("deaf"), reason: z.string().max(2_000), isTaken: z.boolean() }),
  /** A listener of a sandbox listens, or cannot for the reason. */
  z.strictObject({
    kind: z.literal("tried"),
    sandboxId: SandboxId,
    hostPort: GuestPort,
    reason: z.string().max(2_000).optional(),
  }),
  z.strictObject({ kind: z.literal("reach"), request: Counter, sandboxId: SandboxId, port: GuestPort }),
  z.strictObject({ kind: z.literal("mayCome"), request: Counter, sandboxId: SandboxId, key: z.string().max(4_096) }),
  z.strictObject({
    kind: z.literal("beginSignIn"),
    request: Counter,
    sandboxId: SandboxId,
    port: GuestPort,
    browser: z.string().regex(/^[\w-]{43}$/),
    target: z.string().startsWith("/").max(1_024),
    isAsked: z.boolean(),
  }),
  /** What came back from the provider, in its query. */
  z.strictObject({ kind: z.literal("finishSignIn"), request: Counter, query: z.string().max(16_384) }),
  /** Somebody comes to a sandbox, the first or after the last went. */
  z.strictObject({ kind: z.literal("busy"), sandboxId: SandboxId, isBusy: z.boolean() }),
]);
export type FromIngress = z.infer<typeof FromIngress>;
