/** Ports for a new sandbox: [NAME=]PORT, with :anonymous for everybody. */
import { type AddPort, PortName } from "@alcove/contract";
import { InvalidArgumentError } from "commander";
import { portNumber } from "./port-number.js";

/** Gathers those of an option that is repeated. */
export function newPorts(text: string, before: readonly AddPort[] = []): AddPort[] {
  const [, name, port, anonymous] = /^(?:([^=:]*)=)?([^=:]+)(:anonymous)?$/.exec(text) ?? [];
  if (port === undefined)
    throw new InvalidArgumentError("It must be [NAME=]PORT, such as 3000 or web=3000, with :anonymous for everybody.");
  if (name !== undefined && !PortName.safeParse(name).success)
    throw new InvalidArgumentError(`${JSON.stringify(name)} is no name of a port: letters, digits and hyphens are.`);
  const added = { port: portNumber(port), ...(name !== undefined && { name }) };
  return [...before, anonymous === undefined ? added : { ...added, auth: { anonymous: true } }];
}
