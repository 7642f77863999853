/** The ports of a sandbox that others may come to: on record first, then in force at the gateway. */
import type { AddPort, SandboxPort } from "@alcove/contract";
import { AlcoveError } from "@alcove/contract";
import { previewUrl } from "../../ingress/ingress.js";
import { passParameter, signPass } from "../../ingress/signed-pass.js";
import type { ControlContext } from "../context.js";
import { sandboxNotFound } from "../sandboxes/machines.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { findPort, withChange, withoutPort, withPort } from "./changed-ports.js";
import type { PortControl } from "./port-control.js";
import { toSandboxPort } from "./port-view.js";
import { applyPorts, putPorts } from "./ports-in-force.js";
import { closeDeaf, settleHostPorts } from "./settle-host-ports.js";

const usualLinkSeconds = 3_600;

export function portControl(context: ControlContext, reach: Reach): PortControl {
  const { gate, ingress, store, uses } = context;
  const view = async ({ id }: SandboxRef): Promise<SandboxPort[]> => {
    const { ports = [] } = store.sandboxPorts.find(id) ?? {};
    const preview = ports.length === 0 ? ingress?.known : await ingress?.address();
    return ports.map((port) => toSandboxPort(id, port, { preview, tcp: ingress?.tcp }));
  };
  const change = async (ref: SandboxRef, ports: (before: readonly AddPort[]) => readonly AddPort[]) => {
    await gate.enter(ref.group);
    const added = store.transaction(() => {
      requireSandbox(context, ref);
      return putPorts(context, ref, { ports: ports(store.sandboxPorts.find(ref.id)?.ports ?? []) });
    });
    applyPorts(context, ref.id);
    await settleHostPorts(context, ref, added).catch(async (error: unknown) => {
      await closeDeaf(context, ref, added);
      throw error;
    });
    return await view(ref);
  };
  return {
    async list(ref) {
      await gate.enter(ref.group);
      requireSandbox(context, ref);
      return await view(ref);
    },
    add: (ref, port) => change(ref, (before) => withPort(before, port)),
    remove: (ref, which) => change(ref, (before) => withoutPort(before, which)),
    replace: (ref, ports) => change(ref, () => ports),
    change: (ref, changes) => change(ref, (before) => withChange(before, changes)),
    async link(ref, { port, expiresInSeconds = usualLinkSeconds }) {
      await gate.enter(ref.group);
      requireSandbox(context, ref);
      const record = store.sandboxPorts.find(ref.id);
      requirePreview(findPort(record?.ports ?? [], { port }));
      const address = await ingress?.address();
      if (record === undefined || address === undefined) throw new AlcoveError("PreviewsOff");
      const expiresAt = Math.ceil(Date.now() / 1_000) + expiresInSeconds;
      const pass = signPass({ kind: "link", sandboxId: ref.id, port, expiresAt }, record.linkKey);
      const url = `${previewUrl(address, ref.id, port)}?${passParameter}=${pass}`;
      return { url, expiresAt: new Date(expiresAt * 1_000).toISOString() };
    },
    async connect(ref, port, signal) {
      const end = uses.begin(ref, "session");
      try {
        const { machine } = await reach.awake(ref, signal);
        return (await machine.guest.ports.connect(port, signal)).once("close", end);
      } catch (error) {
        end();
        throw error;
      }
    },
  };
}

/** Of a new sandbox: where they are reached is known when this answers. */
export async function openPorts(
  context: Pick<ControlContext, "ingress" | "store">,
  ref: SandboxRef,
  added: readonly number[],
): Promise<void> {
  applyPorts(context, ref.id);
  await context.ingress?.address();
  // The sandbox is on record already: it begins without a port that cannot be had.
  await settleHostPorts(context, ref, added).catch(() => closeDeaf(context, ref, added));
}

/** What a sandbox's record is shown with. */
export function portsView(
  { ingress, store }: Pick<ControlContext, "ingress" | "store">,
  id: string,
): { ports?: SandboxPort[] } {
  const { ports = [] } = store.sandboxPorts.find(id) ?? {};
  const addresses = { preview: ingress?.known, tcp: ingress?.tcp };
  return ports.length === 0 ? {} : { ports: ports.map((port) => toSandboxPort(id, port, addresses)) };
}

function requirePreview({ port, protocol }: AddPort): void {
  if (protocol !== "Tcp") return;
  throw new AlcoveError("InvalidRequest", `Port ${port} speaks TCP, and there are no links to it.`, {
    field: "port",
    value: String(port),
    hint: "Its tcp has the address; ipAccessControl says from where one may come.",
  });
}

function requireSandbox({ store }: ControlContext, ref: SandboxRef): void {
  const record = store.sandboxes.find(ref.id);
  if (record?.group !== ref.group) throw sandboxNotFound(ref.id);
}
