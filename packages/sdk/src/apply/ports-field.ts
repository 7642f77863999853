/** The ports of a manifest: all that a sandbox has. */
import { AddPort, type Sandbox } from "@alcove/contract";
import { isSame } from "./sameness.js";

/** Whatever their order. */
export function hasPorts(wanted: readonly AddPort[], { ports = [] }: Sandbox): boolean {
  return isSame(inOrder(wanted), inOrder(ports));
}

const defaults = { protocol: "Http", auth: {}, activationMode: "OnDemand" } as const;

/** As they are asked for, without what the server adds. */
function inOrder(ports: readonly AddPort[]): AddPort[] {
  const known = Object.keys(AddPort.shape);
  const asked = ports.map((port) => Object.entries({ ...defaults, ...port }).filter(([name]) => known.includes(name)));
  return asked.map((entries) => Object.fromEntries(entries) as AddPort).sort((one, other) => one.port - other.port);
}
