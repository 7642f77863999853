import type { Sandbox } from "@alcove/contract";
import { age } from "../output/table.js";
import { labelText, type View } from "../output/view.js";
import { lifecycleLines } from "./lifecycle.js";
import { portsText } from "./port.js";

export const sandboxView: View<Sandbox> = {
  name: ({ id }) => id,
  columns: [
    { heading: "ID", value: ({ id }) => id },
    { heading: "STATE", value: stateText },
    { heading: "IMAGE", value: ({ sourcesRef }) => sourcesRef.diskImage.name },
    { heading: "CPU", value: ({ resources }) => resources.cpu },
    { heading: "MEMORY", value: ({ resources }) => resources.memory },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "LABELS", value: ({ labels }) => labelText(labels) },
  ],
  details: [
    { heading: "MESSAGE", value: ({ stateDetails }) => stateDetails.message },
    { heading: "STOPPED", value: ({ stateDetails }) => stateDetails.stoppedReason },
    { heading: "KEPT", value: ({ suspended }) => suspended && `${suspended.mode}, ${suspended.ownBytes} bytes` },
    { heading: "ACTIVATION", value: ({ activationMode }) => activationMode },
    { heading: "SNAPSHOT", value: ({ sourcesRef }) => sourcesRef.snapshot?.id },
    { heading: "COPY OF", value: ({ forkedFrom }) => forkedFrom },
    { heading: "DISK", value: ({ resources }) => resources.disk },
    { heading: "ENGINE", value: ({ engine }) => engine },
    { heading: "PORTS", value: portsText },
    { heading: "VOLUMES", value: volumesText },
    { heading: "EGRESS", value: egressText },
    { heading: "SECRETS", value: secretsText },
    { heading: "PROGRAM", value: ({ entrypoint, cmd }) => [...entrypoint, ...cmd].join(" ") || undefined },
    { heading: "CREATED", value: ({ createdAt }) => createdAt },
    ...lifecycleLines,
  ],
};

/** `alcove egress show` has all of it. */
function egressText({ egressPolicy, egressPolicyId }: Sandbox): string | undefined {
  if (egressPolicyId !== undefined) return egressPolicyId;
  if (egressPolicy === undefined) return undefined;
  const { defaultAction, rules = [], hostRules = [], transportRules } = egressPolicy;
  const count = rules.length + hostRules.length + (transportRules?.rules.length ?? 0);
  return `${defaultAction}, ${count} ${count === 1 ? "rule" : "rules"}`;
}

function volumesText({ volumes = [] }: Sandbox): string | undefined {
  const texts = volumes.map(({ volumeName, mountpoint, readOnly }) =>
    [volumeName, "on", mountpoint, readOnly === true ? "(read-only)" : ""].join(" ").trimEnd(),
  );
  return texts.join(", ") || undefined;
}

function secretsText({ secrets = {} }: Sandbox): string | undefined {
  const all = Object.entries(secrets).map(([name, { secretId, secretKey, delivery }]) => {
    const from = secretKey === undefined ? secretId : `${secretId}/${secretKey}`;
    return `${name}=${from}${delivery === "Value" ? " (its value)" : ""}`;
  });
  return all.join(", ") || undefined;
}

function stateText({ state, stateDetails: { pausedReason, stoppedReason } }: Sandbox): string {
  const reason = pausedReason ?? (state === "Stopped" ? stoppedReason : undefined);
  return reason === undefined ? state : `${state} (${reason})`;
}
