/** When a sandbox sleeps and is deleted by itself, and what keeps it awake. */
import type { LifecyclePolicy, Sandbox } from "@alcove/contract";
import type { Column, View } from "../output/view.js";

/** Lines of one sandbox; what does not hold for it is left out. */
export const lifecycleLines: readonly Column<Sandbox>[] = [
  { heading: "SUSPENDED", value: ({ lifecycle }) => suspendText(lifecycle.autoSuspendPolicy) },
  { heading: "DELETED", value: ({ lifecycle }) => deleteText(lifecycle) },
  {
    heading: "AWAKE",
    value: ({ activity }) => activity?.keptAwakeBy.map(({ message }) => message).join(" ") || undefined,
  },
  { heading: "SLEEPS AT", value: ({ activity }) => activity?.sleepsAt },
  { heading: "DELETED AT", value: ({ activity }) => activity?.deletesAt },
];

export const lifecycleView: View<Sandbox> = {
  name: ({ id }) => id,
  columns: [
    { heading: "ID", value: ({ id }) => id },
    { heading: "STATE", value: ({ state }) => state },
    ...lifecycleLines,
  ],
};

function suspendText(policy: LifecyclePolicy["autoSuspendPolicy"]): string | undefined {
  if (!policy?.enabled || policy.mode === "None") return undefined;
  const { interval = 300, mode = "Memory", keepAwake = [] } = policy;
  const what = ["calls", ...keepAwake].join(", ");
  return `after ${interval} s without ${what} (${mode})`;
}

function deleteText({ autoDeletePolicy: policy, maximumLifetimeInSeconds: longest }: LifecyclePolicy) {
  const texts = [
    ...(policy?.enabled
      ? [`${intervalText(policy)} after ${policy.trigger === "AfterCreation" ? "creation" : "it was stopped"}`]
      : []),
    ...(longest === undefined ? [] : [`${longest} s after creation at the latest`]),
  ];
  return texts.join(", ") || undefined;
}

function intervalText({
  deleteIntervalInSeconds: seconds,
  deleteIntervalInDays: days = 1,
}: NonNullable<LifecyclePolicy["autoDeletePolicy"]>): string {
  return seconds === undefined ? `${days} d` : `${seconds} s`;
}
