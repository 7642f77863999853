import type { Sandbox, SandboxPort } from "@alcove/contract";
import type { View } from "../output/view.js";

export const portView: View<SandboxPort> = {
  name: ({ port }) => String(port),
  columns: [
    { heading: "PORT", value: ({ port }) => port },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "FOR", value: ({ auth }) => (auth.anonymous === true ? "everybody" : "keys and links") },
    { heading: "FROM", value: sourceText },
    { heading: "ACTIVATION", value: ({ activationMode }) => activationMode },
    { heading: "URL", value: ({ url }) => url },
  ],
  details: [
    { heading: "PATH URL", value: ({ pathUrl }) => pathUrl },
    { heading: "CORS", value: ({ cors }) => cors?.allowOrigins.join(", ") },
  ],
};

/** `alcove port list` has all of it. */
export function portsText({ ports = [] }: Sandbox): string | undefined {
  const texts = ports.map(({ port, name, url }) => [port, name && `(${name})`, url].filter(Boolean).join(" "));
  return texts.join(", ") || undefined;
}

function sourceText({ ipAccessControl }: SandboxPort): string {
  if (ipAccessControl === undefined) return "everywhere";
  const { defaultAction, rules = [] } = ipAccessControl;
  const inOrder = rules.toSorted((one, other) => one.priority - other.priority);
  const texts = inOrder.map(({ action, sourceCidrs }) => `${action} ${sourceCidrs.join(" ")}`);
  return [...texts, `else ${defaultAction}`].join(", ");
}
