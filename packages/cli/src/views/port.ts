import type { Sandbox, SandboxPort } from "@alcove/contract";
import type { View } from "../output/view.js";

export const portView: View<SandboxPort> = {
  name: ({ port }) => String(port),
  columns: [
    { heading: "PORT", value: ({ port }) => port },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "FOR", value: whomText },
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

const namedAtMost = 3;

function whomText({ auth: { anonymous, oidc } }: SandboxPort): string {
  if (anonymous === true) return "everybody";
  if (oidc === undefined || oidc.enabled === false) return "keys and links";
  if (oidc.everyone === true) return "keys, links and who signs in";
  const { emails = [], emailSuffixes = [], subjects = [] } = oidc;
  const people = [...emails, ...emailSuffixes.map((suffix) => `@${suffix.replace(/^@/, "")}`), ...subjects];
  const more = people.length - namedAtMost;
  const texts = [...people.slice(0, namedAtMost), ...(more > 0 ? [`${more} more`] : [])];
  return `keys, links, ${texts.join(", ")}`;
}

function sourceText({ ipAccessControl }: SandboxPort): string {
  if (ipAccessControl === undefined) return "everywhere";
  const { defaultAction, rules = [] } = ipAccessControl;
  const inOrder = rules.toSorted((one, other) => one.priority - other.priority);
  const texts = inOrder.map(({ action, sourceCidrs }) => `${action} ${sourceCidrs.join(" ")}`);
  return [...texts, `else ${defaultAction}`].join(", ");
}
