/** When a sandbox is suspended and deleted by itself, as options; what is not given stays out. */
import { KeepAwake, type LifecyclePolicy, type UpdateLifecycle } from "@alcove/contract";
import { type Command, InvalidArgumentError, Option } from "commander";
import { UsageError } from "./exit-codes.js";
import { durationMs } from "./option-values.js";

export interface LifecycleOptions {
  readonly suspendAfter?: number | "never";
  readonly suspendMode?: "memory" | "disk";
  readonly keepAwake?: KeepAwake[];
  readonly deleteAfter?: number | "never";
  readonly maximumLifetime?: number | "never";
}

export function addLifecycleOptions(command: Command): Command {
  return command
    .option("--suspend-after <time>", "suspend it when nobody has used it for so long: 10m, 2h, never", secondsOrNever)
    .addOption(
      new Option("--suspend-mode <mode>", "with its memory, the default, or its disk alone").choices([
        "memory",
        "disk",
      ]),
    )
    .option("--keep-awake <what>", "what counts as use besides calls: execs, entrypoint, cpu; none", keepAwakeOf)
    .option("--delete-after <time>", "delete it so long after it was stopped: 12h, 7d, never", secondsOrNever)
    .option("--maximum-lifetime <time>", "delete it so long after its creation, whatever it does", secondsOrNever);
}

/** Of a new sandbox, or of a group's defaults; undefined where nothing is given. */
export function newPolicy(options: LifecycleOptions): LifecyclePolicy | undefined {
  requireSuspendAfter(options);
  const { maximumLifetimeInSeconds, ...changes } = policyChanges(options, {});
  const policy: LifecyclePolicy = { ...changes, ...(maximumLifetimeInSeconds ? { maximumLifetimeInSeconds } : {}) };
  return Object.keys(policy).length === 0 ? undefined : policy;
}

/** The parts that change, each with what stays of it. */
export function policyChanges(options: LifecycleOptions, present: LifecyclePolicy): UpdateLifecycle {
  const { suspendAfter, suspendMode, keepAwake, deleteAfter, maximumLifetime } = options;
  const isSuspendGiven = suspendAfter !== undefined || suspendMode !== undefined || keepAwake !== undefined;
  return {
    ...(isSuspendGiven && { autoSuspendPolicy: suspendPolicy(options, present.autoSuspendPolicy) }),
    ...(deleteAfter !== undefined && { autoDeletePolicy: deletePolicy(deleteAfter) }),
    ...(maximumLifetime !== undefined && {
      maximumLifetimeInSeconds: maximumLifetime === "never" ? null : maximumLifetime,
    }),
  };
}

function suspendPolicy(
  { suspendAfter, suspendMode, keepAwake }: LifecycleOptions,
  present: LifecyclePolicy["autoSuspendPolicy"],
): NonNullable<LifecyclePolicy["autoSuspendPolicy"]> {
  return {
    ...present,
    enabled: suspendAfter === undefined ? (present?.enabled ?? true) : suspendAfter !== "never",
    ...(typeof suspendAfter === "number" && { interval: suspendAfter }),
    ...(suspendMode && { mode: suspendMode === "disk" ? "Disk" : "Memory" }),
    ...(keepAwake && { keepAwake }),
  };
}

function deletePolicy(deleteAfter: number | "never"): NonNullable<LifecyclePolicy["autoDeletePolicy"]> {
  if (deleteAfter === "never") return { enabled: false };
  return { enabled: true, deleteIntervalInSeconds: deleteAfter, trigger: "AfterSuspend" };
}

function requireSuspendAfter({ suspendAfter, suspendMode, keepAwake }: LifecycleOptions): void {
  if (typeof suspendAfter === "number" || (suspendMode === undefined && keepAwake === undefined)) return;
  const option = suspendMode === undefined ? "--keep-awake" : "--suspend-mode";
  throw new UsageError(`${option} says nothing without a time.`, "Add --suspend-after, such as --suspend-after 10m.");
}

function secondsOrNever(text: string): number | "never" {
  return text === "never" ? "never" : Math.ceil(durationMs(text) / 1_000);
}

function keepAwakeOf(text: string): KeepAwake[] {
  if (text === "none") return [];
  const words = [...new Set(text.split(","))].map((word) => KeepAwake.safeParse(word).data);
  const known = words.filter((word) => word !== undefined);
  if (known.length === words.length) return known;
  throw new InvalidArgumentError(`It must be none, or some of ${KeepAwake.options.join(", ")} with commas between.`);
}
