/** Stopping a sandbox so that it can go on later, and what follows from it. Routes follow ACA's; the answers are the sandbox. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { StopMode } from "./sandbox-state.js";
import { NoQuery, Sandbox, SandboxParams } from "./sandboxes.js";

const stopErrors = [
  "SandboxNotFound",
  "SandboxNotRunning",
  "EngineUnavailable",
  "DiskFull",
  "GuestUnresponsive",
] as const;
const resumeErrors = [
  "SandboxNotFound",
  "SandboxNotRunning",
  "SandboxDisabled",
  "SecretsUnreadable",
  "QuotaExceeded",
  "CapacityExceeded",
  "TooManyRequests",
  "EngineUnavailable",
  "DiskFull",
  "GuestUnresponsive",
] as const;

/** Default Memory. */
export const StopSandbox = z.strictObject({ mode: StopMode.optional() }).meta({ id: "StopSandbox" });
export type StopSandbox = z.infer<typeof StopSandbox>;

/** Default: what it was stopped with. Disk: it boots from its disk, whether its memory was kept or not. */
export const ResumeSandbox = z.strictObject({ from: StopMode.optional() }).meta({ id: "ResumeSandbox" });
export type ResumeSandbox = z.infer<typeof ResumeSandbox>;

const Nothing = z.strictObject({});

export const stopSandbox = endpoint({
  id: "stopSandbox",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/stop",
  access: "user",
  summary: "Stop a sandbox, so that it can be resumed",
  description:
    "Answers when it is Stopped; one that is Stopped already stays as it is. Its programs are frozen in the middle of what they do and get no signal. With mode Memory they go on after resume; with Disk the files alone are kept. Where it fails the sandbox goes on running.",
  params: SandboxParams,
  query: NoQuery,
  body: StopSandbox,
  result: Sandbox,
  errors: stopErrors,
  isIdempotent: true,
});

export const stopSandboxAsync = endpoint({
  id: "stopSandboxAsync",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/stop/async",
  access: "user",
  summary: "Begin to stop a sandbox",
  description:
    "Answers at once, while it is Stopping. What becomes of it is in its state; where it failed, in stateDetails.",
  params: SandboxParams,
  query: NoQuery,
  body: StopSandbox,
  result: Sandbox,
  status: 202,
  errors: stopErrors,
  isIdempotent: true,
});

export const resumeSandbox = endpoint({
  id: "resumeSandbox",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/resume",
  access: "user",
  summary: "Resume a stopped sandbox",
  description:
    "Answers when it is Running; one that runs already is left as it is. It takes its turn in the queue of creations. Where it fails the sandbox stays Stopped with all that was kept.",
  params: SandboxParams,
  query: NoQuery,
  body: ResumeSandbox,
  result: Sandbox,
  errors: resumeErrors,
  isIdempotent: true,
});

export const enableSandbox = endpoint({
  id: "enableSandbox",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/enable",
  access: "user",
  summary: "Allow a disabled sandbox to be resumed again",
  description: "It stays Stopped. One that is not disabled is left as it is.",
  params: SandboxParams,
  query: NoQuery,
  body: Nothing,
  result: Sandbox,
  errors: ["SandboxNotFound"],
  isIdempotent: true,
});

export const disableSandbox = endpoint({
  id: "disableSandbox",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/disable",
  access: "user",
  summary: "Stop a sandbox and let nothing resume it",
  description:
    "Stops it, with its memory, if it runs. Until `enable`, resuming it is refused, and so is what would wake it.",
  params: SandboxParams,
  query: NoQuery,
  body: Nothing,
  result: Sandbox,
  errors: stopErrors,
  isIdempotent: true,
});
