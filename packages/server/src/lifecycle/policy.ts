/** The policy that a sandbox has: its own, else its group's when it was created, else the server's, each part by itself. */
import type {
  AutoDeletePolicy,
  AutoSuspendPolicy,
  KeepAwake,
  LifecyclePolicy,
  UpdateLifecycle,
} from "@alcove/contract";

/** The server's own: nothing is suspended or deleted that nobody asked for. */
const off = { enabled: false } as const;

/** ACA's, where the policy leaves them out. */
const defaultSuspend = { interval: 300, mode: "Memory" } as const;
const defaultKeepAwake: readonly KeepAwake[] = ["execs"];
const defaultDeleteDays = 1;

/** The first that has a part decides it; what it leaves out of that part is filled in. */
export function completePolicy(...layers: readonly (LifecyclePolicy | undefined)[]): LifecyclePolicy {
  const part = <Name extends keyof LifecyclePolicy>(name: Name): LifecyclePolicy[Name] =>
    layers.find((layer) => layer?.[name] !== undefined)?.[name];
  const maximumLifetimeInSeconds = part("maximumLifetimeInSeconds");
  return {
    autoSuspendPolicy: completeSuspend(part("autoSuspendPolicy") ?? off),
    autoDeletePolicy: completeDelete(part("autoDeletePolicy") ?? off),
    ...(maximumLifetimeInSeconds === undefined ? {} : { maximumLifetimeInSeconds }),
  };
}

/** The parts that the update names are replaced. */
export function changedPolicy(present: LifecyclePolicy, update: UpdateLifecycle): LifecyclePolicy {
  const { maximumLifetimeInSeconds, ...parts } = update;
  const kept = maximumLifetimeInSeconds === null ? { ...present, maximumLifetimeInSeconds: undefined } : present;
  return completePolicy({ ...parts, maximumLifetimeInSeconds: maximumLifetimeInSeconds ?? undefined }, kept);
}

function completeSuspend(policy: AutoSuspendPolicy): AutoSuspendPolicy {
  return policy.enabled && policy.mode !== "None"
    ? { ...defaultSuspend, keepAwake: [...defaultKeepAwake], ...policy }
    : policy;
}

function completeDelete(policy: AutoDeletePolicy): AutoDeletePolicy {
  if (!policy.enabled) return policy;
  const interval = policy.deleteIntervalInSeconds === undefined ? { deleteIntervalInDays: defaultDeleteDays } : {};
  return { ...interval, trigger: "AfterSuspend", ...policy };
}
