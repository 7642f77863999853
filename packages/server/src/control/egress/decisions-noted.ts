import type { EgressGateway } from "../../egress/gateway.js";
import type { ControlContext } from "../context.js";
import { DecisionFile, type DecisionFileOptions } from "./decision-file.js";

interface Parts {
  readonly gateway: EgressGateway;
  readonly decisionFile?: Omit<DecisionFileOptions, "logger">;
}

/** Takes down what the gateway decides, until it is closed: for who asks, who follows, and the file. */
export function noteDecisions(
  { decisions, logger, register, store }: ControlContext,
  { gateway, decisionFile }: Parts,
): { close(): Promise<void> } {
  const file = decisionFile && new DecisionFile({ ...decisionFile, logger });
  const groups = new Map<string, string>();
  register.follow((id, _before, after) => {
    if (after !== undefined) return;
    decisions.forget(id);
    groups.delete(id);
  });
  const groupOf = (id: string) => {
    const group = groups.get(id) ?? store.sandboxes.find(id)?.group;
    if (group !== undefined) groups.set(id, group);
    return group;
  };
  const stopOmitted = gateway.onOmitted((sandboxId, omitted) => {
    const group = groupOf(sandboxId);
    if (group === undefined) return;
    decisions.omit(sandboxId, omitted);
    file?.writeOmitted({ group, sandboxId }, omitted);
  });
  const stop = gateway.onDecision((sandboxId, decision) => {
    const group = groupOf(sandboxId);
    if (group === undefined) return;
    decisions.note(sandboxId, decision);
    file?.write({ group, sandboxId }, decision);
  });
  return {
    async close() {
      stop();
      stopOmitted();
      await file?.close();
    },
  };
}
