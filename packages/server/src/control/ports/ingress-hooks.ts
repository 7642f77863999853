/** What the ingress gateway asks of the daemon: a way into a sandbox, and whether a key lets somebody come. */
import { AlcoveError } from "@alcove/contract";
import type { IngressHooks } from "../../ingress/ingress.js";
import type { SandboxPortsRecord } from "../../store/sandbox-ports.js";
import type { AccessControl } from "../access/access-control.js";
import type { ControlContext } from "../context.js";
import type { Reach } from "../sandboxes/reach.js";
import { isInRange } from "./host-ports.js";
import { applyPorts, putPorts } from "./ports-in-force.js";

const wakeDeadlineMs = 120_000;

/** From now on the gateway has what is on record, and loses what is deleted. */
export function beginIngress(context: ControlContext, reach: Reach, access: AccessControl): void {
  const { ingress, register, store } = context;
  if (ingress === undefined) return;
  ingress.serve(hooksOf(context, reach, access));
  register.follow((id, _before, after) => {
    if (after === undefined || after.desiredState === "Deleted") ingress.remove(id);
  });
  for (const record of store.sandboxPorts.all()) {
    moveIntoRange(context, record);
    applyPorts(context, record.sandboxId);
  }
}

/** The administrator may have chosen another one. */
function moveIntoRange(context: ControlContext, { sandboxId: id, group, ports }: SandboxPortsRecord): void {
  const { ingress, logger, store } = context;
  const range = ingress?.tcp;
  if (range === undefined || ports.every(({ hostPort }) => hostPort === undefined || isInRange(range, hostPort)))
    return;
  try {
    store.transaction(() => putPorts(context, { id, group }, { ports }));
  } catch (error) {
    logger.error({ sandbox: id, err: error }, "A port that speaks TCP has no listener in the range");
  }
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
