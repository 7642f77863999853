/** When sandboxes are suspended and deleted by themselves: in ACA's shape, so that what is written for it fits, and what Alcove adds. */
import * as z from "zod";

const seconds = z.number().int().min(1).max(315_360_000);

/** What keeps a sandbox awake while nobody calls it. Calls and open streams always do. */
export const KeepAwake = z.enum(["execs", "entrypoint", "cpu"]).meta({ id: "KeepAwake" });
export type KeepAwake = z.infer<typeof KeepAwake>;

export const AutoSuspendPolicy = z
  .strictObject({
    enabled: z.boolean(),
    /** Seconds without use; default 300. */
    interval: seconds.optional(),
    /** With its memory, or its disk alone; None is as not enabled. Default Memory. */
    mode: z.enum(["Memory", "Disk", "None"]).optional(),
    /**
     * Alcove's own. execs: commands that run, whether anybody follows them or not. entrypoint: the program that was started
     * with it. cpu: its processors are busy, a twentieth of one core or more. Default: execs. Empty: calls alone count.
     */
    keepAwake: z.array(KeepAwake).max(3).optional(),
  })
  .meta({ id: "AutoSuspendPolicy" });
export type AutoSuspendPolicy = z.infer<typeof AutoSuspendPolicy>;

export const AutoDeletePolicy = z
  .strictObject({
    enabled: z.boolean(),
    deleteIntervalInSeconds: seconds.optional(),
    /** Default, where neither is given: 1. 0 is as soon as it is stopped. */
    deleteIntervalInDays: z.number().int().min(0).max(3_650).optional(),
    /** AfterSuspend, the default: since it was stopped, for whatever reason; one that runs is left alone. AfterCreation: whatever it does. */
    trigger: z.enum(["AfterSuspend", "AfterCreation"]).optional(),
  })
  .refine(
    (policy) => policy.deleteIntervalInSeconds === undefined || policy.deleteIntervalInDays === undefined,
    "must have deleteIntervalInSeconds or deleteIntervalInDays, not both",
  )
  .refine(
    (policy) => policy.trigger !== "AfterCreation" || policy.deleteIntervalInDays !== 0,
    "must have an interval above 0 where trigger is AfterCreation",
  )
  .meta({ id: "AutoDeletePolicy" });
export type AutoDeletePolicy = z.infer<typeof AutoDeletePolicy>;

/** ACA's `SandboxLifecyclePolicy`. */
export const LifecyclePolicy = z
  .strictObject({
    autoSuspendPolicy: AutoSuspendPolicy.optional(),
    autoDeletePolicy: AutoDeletePolicy.optional(),
    /** Alcove's own: deleted so long after its creation, whatever it does, and whatever autoDeletePolicy says. */
    maximumLifetimeInSeconds: seconds.optional(),
  })
  .meta({ id: "LifecyclePolicy" });
export type LifecyclePolicy = z.infer<typeof LifecyclePolicy>;

/** A part that is left out stays as it is; null takes the maximum lifetime away. */
export const UpdateLifecycle = z
  .strictObject({ ...LifecyclePolicy.shape, maximumLifetimeInSeconds: seconds.nullable().optional() })
  .meta({ id: "UpdateLifecycle" });
export type UpdateLifecycle = z.infer<typeof UpdateLifecycle>;

/**
 * call: one is under way. session: a stream is open. exec, entrypoint: a program runs. cpu: its processors are busy.
 * recentUse: the interval is not over. policy: nothing suspends it. failure: it could not be suspended; it is tried again.
 */
export const AwakeReason = z
  .object({
    kind: z.enum(["call", "session", "exec", "entrypoint", "cpu", "recentUse", "policy", "failure"]),
    /** A sentence for people. */
    message: z.string(),
  })
  .meta({ id: "AwakeReason" });
export type AwakeReason = z.infer<typeof AwakeReason>;

/** What its policy makes of a sandbox. */
export const Activity = z
  .object({
    /** Of a running sandbox: the last call or stream, its start, or that of the daemon. */
    lastUsedAt: z.iso.datetime().optional(),
    /** Of a running sandbox: why it is not suspended now. */
    keptAwakeBy: z.array(AwakeReason),
    /** When it will be suspended if nobody uses it; absent where something keeps it awake for an unknown time. */
    sleepsAt: z.iso.datetime().optional(),
    /** When it will be deleted; of one that runs, by AfterCreation or its maximum lifetime only. */
    deletesAt: z.iso.datetime().optional(),
  })
  .meta({ id: "Activity" });
export type Activity = z.infer<typeof Activity>;
