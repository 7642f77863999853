/** The ports of a sandbox on record, and in force at the gateway. */
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type AddPort, AlcoveError } from "@alcove/contract";
import type { PreviewRoute, TcpRange } from "../../ingress/ingress.js";
import type { SandboxPortsRecord, StoredPort } from "../../store/sandbox-ports.js";
import type { ControlContext } from "../context.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { isInRange, withHostPorts } from "./host-ports.js";

const linkKeyBytes = 32;

/**
 * Within a transaction. With a port its links go: all of the sandbox's are signed with one key, which is another one from then on. Answers the
 * ports that have another port of the host than before; `avoid` has those that none gets.
 */
export function putPorts(
  { ingress, store }: Pick<ControlContext, "ingress" | "store">,
  { id, group }: SandboxRef,
  { ports, avoid = new Set() }: { readonly ports: readonly AddPort[]; readonly avoid?: ReadonlySet<number> },
): number[] {
  const record = store.sandboxPorts.find(id);
  const before = record?.ports ?? [];
  for (const port of ports)
    if (!before.some((one) => isDeepStrictEqual(withoutHostPort(one), withoutHostPort(port))))
      requireSignIn(ingress, port);
  const stays = ({ port }: AddPort) => ports.some((one) => one.port === port);
  const linkKey = record !== undefined && before.every(stays) ? record.linkKey : randomBytes(linkKeyBytes);
  const usable = before.filter(({ hostPort }) => hostPort === undefined || !avoid.has(hostPort));
  const taken = () => [...store.sandboxPorts.hostPorts(), ...avoid];
  const stored = withHostPorts(ports, usable, { range: ingress?.tcp, taken });
  store.sandboxPorts.put({ sandboxId: id, group, ports: stored, linkKey });
  const isNew = ({ hostPort }: { readonly hostPort?: number | undefined }) =>
    hostPort !== undefined && !before.some((one) => one.hostPort === hostPort);
  return stored.filter(isNew).map(({ port }) => port);
}

/** What is on record is in force from now on. */
export function applyPorts({ ingress, store }: Pick<ControlContext, "ingress" | "store">, sandboxId: string): void {
  const record = store.sandboxPorts.find(sandboxId);
  if (record === undefined || record.ports.length === 0) ingress?.remove(sandboxId);
  else ingress?.apply(sandboxId, routeOf(record, ingress.tcp));
}

function routeOf({ ports, linkKey }: SandboxPortsRecord, range: TcpRange | undefined): PreviewRoute {
  return {
    ports: ports.map(withoutHostPort),
    linkKey: Buffer.from(linkKey).toString("base64url"),
    tcp: ports.flatMap(({ port, hostPort }) =>
      hostPort !== undefined && range !== undefined && isInRange(range, hostPort) ? [{ port, hostPort }] : [],
    ),
  };
}

function withoutHostPort({ hostPort: _, ...port }: StoredPort): AddPort {
  return port;
}

function requireSignIn(ingress: ControlContext["ingress"], { port, auth }: AddPort): void {
  if (auth?.oidc === undefined || ingress?.signsIn === true) return;
  throw new AlcoveError(
    "InvalidRequest",
    `People cannot sign in to port ${port}: this server has no provider for that.`,
    {
      field: "auth.oidc",
      hint: "Its administrator configures one with previewSignIn; see docs/ports.md.",
    },
  );
}
