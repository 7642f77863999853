/** Which port of the host each port of a sandbox that speaks TCP gets: pure but for chance. Errors: TcpPortsOff, TcpPortsUsedUp. */
import { randomInt } from "node:crypto";
import { type AddPort, AlcoveError } from "@alcove/contract";
import type { TcpRange } from "../../ingress/ingress.js";
import type { StoredPort } from "../../store/sandbox-ports.js";

export interface HostPorts {
  readonly range: Pick<TcpRange, "first" | "last"> | undefined;
  /** What is not to be had: asked only where one is needed. */
  readonly taken: () => Iterable<number>;
}

/** One that has one keeps it, while it is in the range. */
export function withHostPorts(
  ports: readonly AddPort[],
  before: readonly StoredPort[],
  { range, taken }: HostPorts,
): StoredPort[] {
  const ownOf = ({ port }: AddPort) => {
    const own = before.find((one) => one.port === port)?.hostPort;
    return own !== undefined && (range === undefined || isInRange(range, own)) ? own : undefined;
  };
  const kept = new Set(ports.filter(isTcp).map(ownOf));
  let used: Set<number> | undefined;
  const next = () => {
    if (range === undefined) throw new AlcoveError("TcpPortsOff", undefined, { field: "protocol", value: "Tcp" });
    used ??= new Set([...taken()].filter((one) => kept.has(one) || !before.some(({ hostPort }) => hostPort === one)));
    const hostPort = free(range, used);
    used.add(hostPort);
    return hostPort;
  };
  return ports.map((stored) => {
    const { hostPort: _, ...port }: StoredPort = stored;
    return isTcp(port) ? { ...port, hostPort: ownOf(port) ?? next() } : port;
  });
}

export function isInRange({ first, last }: Pick<TcpRange, "first" | "last">, hostPort: number): boolean {
  return hostPort >= first && hostPort <= last;
}

function isTcp({ protocol }: AddPort): boolean {
  return protocol === "Tcp";
}

/** Any: the port of a sandbox that is gone is not the next one's at once, since its clients may come again. */
function free({ first, last }: Pick<TcpRange, "first" | "last">, used: ReadonlySet<number>): number {
  const size = last - first + 1;
  const start = randomInt(size);
  for (let step = 0; step < size; step++) {
    const hostPort = first + ((start + step) % size);
    if (!used.has(hostPort)) return hostPort;
  }
  throw new AlcoveError("TcpPortsUsedUp", `All ${size} listeners for ports that speak TCP are in use.`, {
    field: "protocol",
    value: "Tcp",
  });
}
