/** What a sandbox can be: its states, why it stopped, what is kept of it, what wakes it. */
import * as z from "zod";

/** Whether calls that need a stopped sandbox resume it: execs and files. */
export const ActivationMode = z.enum(["OnDemand", "Manual"]).meta({ id: "ActivationMode" });
export type ActivationMode = z.infer<typeof ActivationMode>;

export const sandboxStates = ["Creating", "Running", "Stopping", "Stopped", "Resuming", "Failed", "Deleting"] as const;
export const SandboxState = z.enum(sandboxStates).meta({ id: "SandboxState" });
export type SandboxState = z.infer<typeof SandboxState>;

/**
 * Why a sandbox that is not Running came to be so. Kept, and can be resumed: UserStopped, Idle (by its policy), Disabled. Over:
 * GuestExited (it powered off), EngineLost (its process died), HostRestarted, CreateFailed.
 */
export const StoppedReason = z
  .enum(["UserStopped", "Idle", "Disabled", "GuestExited", "EngineLost", "HostRestarted", "CreateFailed"])
  .meta({ id: "StoppedReason" });
export type StoppedReason = z.infer<typeof StoppedReason>;

export const StateDetails = z
  .object({
    stoppedReason: StoppedReason.optional(),
    stoppedAt: z.iso.datetime().optional(),
    /** A sentence for people. */
    message: z.string().optional(),
    /** Set while the machine is held: DiskFull (the host's disk is full; it goes on by itself when there is room). */
    pausedReason: z.enum(["DiskFull"]).optional(),
  })
  .meta({ id: "StateDetails" });
export type StateDetails = z.infer<typeof StateDetails>;

/** With its memory, and all programs go on where they were; or the disk alone, and it boots anew. */
export const StopMode = z.enum(["Memory", "Disk"]).meta({ id: "StopMode" });
export type StopMode = z.infer<typeof StopMode>;

export const Suspended = z
  .object({
    mode: StopMode,
    /** On the host's disk, of its own: gone with it. */
    ownBytes: z.number().int(),
    /** Of the image and whatever else it stands on with others. */
    sharedBytes: z.number().int(),
    stoppedAt: z.iso.datetime(),
  })
  .meta({ id: "Suspended" });
export type Suspended = z.infer<typeof Suspended>;
