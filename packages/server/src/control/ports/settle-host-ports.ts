/** A port of the host that the record gives to a sandbox may be another program's: it is another one then, while nobody was told of it. */
import { AlcoveError } from "@alcove/contract";
import type { StoredPort } from "../../store/sandbox-ports.js";
import type { ControlContext } from "../context.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { applyPorts, putPorts } from "./ports-in-force.js";

const most = 16;

type Context = Pick<ControlContext, "ingress" | "store">;

/** Of the sandbox's ports that are new: until all listen. Errors: TcpPortsUsedUp, where that often others were tried in vain. */
export async function settleHostPorts(context: Context, ref: SandboxRef, added: readonly number[]): Promise<void> {
  const avoid = new Set<number>();
  if (added.length === 0) return;
  for (let tries = 0; ; tries++) {
    const deaf = await deafPorts(context, ref, added);
    if (deaf.length === 0) return;
    if (tries === most) throw takenByOthers(avoid.size + deaf.length);
    for (const { hostPort } of deaf) avoid.add(hostPort);
    context.store.transaction(() => {
      const { ports = [] } = context.store.sandboxPorts.find(ref.id) ?? {};
      putPorts(context, ref, { ports, avoid });
    });
    applyPorts(context, ref.id);
  }
}

/** What was asked for and cannot be had is not on record afterwards. */
export async function closeDeaf(context: Context, ref: SandboxRef, added: readonly number[]): Promise<void> {
  const deaf = await deafPorts(context, ref, added);
  if (deaf.length === 0) return;
  context.store.transaction(() => {
    const { ports = [] } = context.store.sandboxPorts.find(ref.id) ?? {};
    putPorts(context, ref, { ports: ports.filter(({ port }) => !deaf.some((one) => one.port === port)) });
  });
  applyPorts(context, ref.id);
}

function takenByOthers(count: number): AlcoveError {
  const message = `Other programs have all ${count} ports of the host that were tried as listeners for ports that speak TCP.`;
  return new AlcoveError("TcpPortsUsedUp", message, {
    ...{ field: "protocol", value: "Tcp" },
    hint: "Have the administrator give tcpPortsListen a range that no other program listens in.",
  });
}

async function deafPorts({ ingress, store }: Context, { id }: SandboxRef, among: readonly number[]) {
  const deaf = (await ingress?.deafTo(id)) ?? [];
  const { ports = [] } = store.sandboxPorts.find(id) ?? {};
  const isDeaf = (port: StoredPort): port is StoredPort & { hostPort: number } =>
    among.includes(port.port) && port.hostPort !== undefined && deaf.includes(port.hostPort);
  return ports.filter(isDeaf);
}
