import type { EgressGateway } from "../../egress/gateway.js";
import type { ControlContext } from "../context.js";

/** Tells followers of a group which of its sandboxes has no network for a while. Answers how to stop. */
export function tellRefusals({ events, store }: Pick<ControlContext, "events" | "store">, gateway: EgressGateway) {
  return gateway.onRefused((sandboxId, until) => {
    const group = store.sandboxes.find(sandboxId)?.group;
    if (group === undefined) return;
    events.append(group, { type: "egress.refused", sandboxId, until: new Date(until).toISOString() });
    events.announce();
  });
}
