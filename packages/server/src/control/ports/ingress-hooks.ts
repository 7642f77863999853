/** What the ingress gateway asks of the daemon: a way into a sandbox, and whether a key lets somebody come. */
import { AlcoveError } from "@alcove/contract";
import type { IngressHooks } from "../../ingress/ingress.js";
import type { AccessControl } from "../access/access-control.js";
import type { ControlContext } from "../context.js";
import type { Reach } from "../sandboxes/reach.js";
import { applyPorts } from "./ports.js";

const wakeDeadlineMs = 120_000;

/** From now on the gateway has what is on record, and loses what is deleted. */
export function beginIngress(context: ControlContext, reach: Reach, access: AccessControl): void {
  const { ingress, register, store } = context;
  if (ingress === undefined) return;
  ingress.serve(hooksOf(context, reach, access));
  register.follow((id, _before, after) => {
    if (after === undefined || after.desiredState === "Deleted") ingress.remove(id);
  });
  for (const { sandboxId } of store.sandboxPorts.all()) applyPorts(context, sandboxId);
}

function hooksOf({ stopping, store, uses }: ControlContext, reach: Reach, access: AccessControl): IngressHooks {
  const refOf = (sandboxId: string) => {
    const record = store.sandboxes.find(sandboxId);
    return record && { group: record.group, id: sandboxId };
  };
  return {
    async reach(sandboxId, port) {
      const ref = refOf(sandboxId);
      const opened = store.sandboxPorts.find(sandboxId)?.ports.find((one) => one.port === port);
      if (ref === undefined || opened === undefined) throw new AlcoveError("PortNotFound");
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(wakeDeadlineMs)]);
      const { machine } = await reach.awake(ref, signal, opened.activationMode ?? "OnDemand");
      return await machine.guest.ports.openLine(signal);
    },
    async mayCome(sandboxId, key) {
      const group = refOf(sandboxId)?.group;
      const caller = await access.authenticate(key);
      return (
        caller !== undefined && group !== undefined && access.decide(caller, { access: "user", group }) === "allowed"
      );
    },
    begin(sandboxId) {
      const ref = refOf(sandboxId);
      return ref === undefined ? () => {} : uses.begin(ref, "session");
    },
  };
}
