/** The ports that a sandbox has after a change: pure. Errors: PortExists, PortNotFound, InvalidRequest. */
import { type AddPort, AlcoveError, type ChangePort, type PortRef, tcpFault } from "@alcove/contract";

type Ports = readonly AddPort[];
const most = 50;

export function withPort(ports: Ports, added: AddPort): AddPort[] {
  const { port, name } = added;
  if (ports.some((one) => one.port === port)) throw portExists("port", String(port));
  if (name !== undefined && ports.some((one) => isNamed(one, name))) throw portExists("name", name);
  if (ports.length >= most) {
    throw new AlcoveError("InvalidRequest", `The sandbox has ${most} ports open, which is as many as there may be.`, {
      field: "port",
    });
  }
  return [...ports, added];
}

export function withoutPort(ports: Ports, which: PortRef): AddPort[] {
  const found = findPort(ports, which);
  return ports.filter((one) => one !== found);
}

export function withChange(ports: Ports, { port, name, ...changes }: ChangePort): AddPort[] {
  const found = findPort(ports, { port, name });
  const entries = Object.entries({ ...found, ...withoutUndefined(changes) }).filter(([, value]) => value !== null);
  const changed = Object.fromEntries(entries) as AddPort;
  const fault = tcpFault(changed);
  if (fault !== undefined)
    throw new AlcoveError("InvalidRequest", `The port's ${fault.path.join(".")} ${fault.message}.`, {
      field: fault.path.join("."),
    });
  return ports.map((one) => (one === found ? changed : one));
}

export function findPort(ports: Ports, { port, name }: PortRef): AddPort {
  const found = ports.find((one) =>
    port === undefined ? name !== undefined && isNamed(one, name) : one.port === port,
  );
  if (found !== undefined) return found;
  const [field, value] = port === undefined ? ["name", name ?? ""] : ["port", String(port)];
  throw new AlcoveError("PortNotFound", `The sandbox has no port ${value} open.`, { field, value });
}

function isNamed(port: AddPort, name: string): boolean {
  return port.name?.toLowerCase() === name.toLowerCase();
}

function portExists(field: string, value: string): AlcoveError {
  return new AlcoveError("PortExists", `The sandbox has a port ${value} open already.`, { field, value });
}

function withoutUndefined(changes: object): object {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
