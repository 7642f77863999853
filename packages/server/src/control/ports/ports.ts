/** The ports of a sandbox that others may come to: on record first, then in force at the gateway. */
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
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

const linkKeyBytes = 32;
const usualLinkSeconds = 3_600;

export function portControl(context: ControlContext, reach: Reach): PortControl {
  const { gate, ingress, store, uses } = context;
  const view = async ({ id }: SandboxRef): Promise<SandboxPort[]> => {
    const { ports = [] } = store.sandboxPorts.find(id) ?? {};
    const address = ports.length === 0 ? ingress?.known : await ingress?.address();
    return ports.map((port) => toSandboxPort(id, port, address));
  };
  const change = async (ref: SandboxRef, ports: (before: readonly AddPort[]) => readonly AddPort[]) => {
    await gate.enter(ref.group);
    store.transaction(() => {
      requireSandbox(context, ref);
      putPorts(context, ref, ports(store.sandboxPorts.find(ref.id)?.ports ?? []));
    });
    applyPorts(context, ref.id);
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
      findPort(record?.ports ?? [], { port });
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
export async function openPorts(context: Pick<ControlContext, "ingress" | "store">, sandboxId: string): Promise<void> {
  applyPorts(context, sandboxId);
  await context.ingress?.address();
}

/** What a sandbox's record is shown with. */
export function portsView(
  { ingress, store }: Pick<ControlContext, "ingress" | "store">,
  id: string,
): { ports?: SandboxPort[] } {
  const { ports = [] } = store.sandboxPorts.find(id) ?? {};
  return ports.length === 0 ? {} : { ports: ports.map((port) => toSandboxPort(id, port, ingress?.known)) };
}

/** Within a transaction. With a port its links go: all of the sandbox's are signed with one key, which is another one from then on. */
export function putPorts(
  { ingress, store }: Pick<ControlContext, "ingress" | "store">,
  { id, group }: SandboxRef,
  ports: readonly AddPort[],
): void {
  const before = store.sandboxPorts.find(id);
  for (const port of ports)
    if (!before?.ports.some((one) => isDeepStrictEqual(one, port))) requireSignIn(ingress, port);
  const allStay = before?.ports.every(({ port }) => ports.some((one) => one.port === port)) === true;
  const linkKey = before !== undefined && allStay ? before.linkKey : randomBytes(linkKeyBytes);
  store.sandboxPorts.put({ sandboxId: id, group, ports, linkKey });
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

/** What is on record is in force from now on. */
export function applyPorts({ ingress, store }: Pick<ControlContext, "ingress" | "store">, sandboxId: string): void {
  const record = store.sandboxPorts.find(sandboxId);
  if (record === undefined || record.ports.length === 0) ingress?.remove(sandboxId);
  else ingress?.apply(sandboxId, { ports: record.ports, linkKey: Buffer.from(record.linkKey).toString("base64url") });
}

function requireSandbox({ store }: ControlContext, ref: SandboxRef): void {
  const record = store.sandboxes.find(ref.id);
  if (record?.group !== ref.group) throw sandboxNotFound(ref.id);
}
