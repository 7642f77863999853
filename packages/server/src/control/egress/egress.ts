import { AlcoveError, type EgressPolicy, type GroupEgress, type Sandbox } from "@alcove/contract";
import type { EgressChoice } from "../../store/egress-policies.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { sandboxNotFound } from "../sandboxes/machines.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { toSandbox } from "../sandboxes/sandbox-view.js";
import { defaultEgress, policyOf, requirePolicy } from "./egress-choice.js";
import type { EgressControl } from "./egress-control.js";
import { testedEgress } from "./egress-trial.js";
import { namedPolicies } from "./named-policies.js";
import { checkedCertificates } from "./upstream-certificates.js";

export function egressControl(context: ControlContext): EgressControl {
  const { decisions, gate, store } = context;
  return {
    setPolicy: (ref, policy) => choose(context, ref, { policy }),
    setPolicyId: (ref, policyId) => choose(context, ref, { policyId }),
    async decisions(ref) {
      await gate.enter(ref.group);
      return decisions.of(find(context, ref).id);
    },
    async followDecisions(ref, signal) {
      await gate.enter(ref.group);
      const lines = decisions.follow(find(context, ref).id, signal);
      if (lines === undefined)
        throw new AlcoveError("TooManyRequests", `The decisions of the sandbox ${ref.id} are followed by too many.`);
      return lines;
    },
    async testSandbox(ref, asked) {
      await gate.enter(ref.group);
      const { group, egress: choice } = find(context, ref);
      return testedEgress(policyOf(store, group, choice), asked);
    },
    async test(name, { policy, egressPolicyId, ...asked }) {
      const group = await gate.enter(name);
      return testedEgress(policy ?? policyNamed(context, name, egressPolicyId, defaultEgress(group)), asked);
    },
    policies: namedPolicies(context),
    async settings(group) {
      await gate.enter(group);
      return { ...store.egressPolicies.settingsOf(group) };
    },
    setSettings: (group, settings) => setSettings(context, group, settings),
  };
}

async function choose(context: ControlContext, ref: SandboxRef, choice: EgressChoice): Promise<Sandbox> {
  const { crashPoint, egress, gate, machines, register, store } = context;
  await gate.enter(ref.group);
  const record = find(context, ref);
  requirePolicy(store, { group: ref.group, egress: choice });
  const changed = register.setEgress(record, choice, machines.holdOf(ref.id));
  crashPoint("egress.afterRecord");
  await egress.renew(ref.id);
  return { ...toSandbox(changed, machines.holdOf(ref.id)), ...egressView(context, changed) };
}

async function setSettings(context: ControlContext, group: string, settings: GroupEgress): Promise<GroupEgress> {
  const { crashPoint, egress, events, gate, store } = context;
  await gate.enter(group);
  const { resolverOverrides = {}, upstreamCertificates = "" } = settings;
  const checked = { resolverOverrides, upstreamCertificates: checkedCertificates(upstreamCertificates) };
  store.transaction(() => {
    store.egressPolicies.setSettings(group, checked);
    events.append(group, { type: "egress.changed" });
  });
  events.announce();
  crashPoint("egress.afterRecord");
  await egress.renewGroup(group);
  return checked;
}

function policyNamed(
  { store }: ControlContext,
  group: string,
  egressPolicyId: string | undefined,
  otherwise: EgressChoice,
): EgressPolicy {
  const choice = egressPolicyId === undefined ? otherwise : { policyId: egressPolicyId };
  requirePolicy(store, { group, egress: choice });
  return policyOf(store, group, choice);
}

/** The part of a sandbox's answer that is left out of lists and events: it may be large. */
export function egressView(
  { store }: Pick<ControlContext, "store">,
  { group, egress }: SandboxRecord,
): Pick<Sandbox, "egressPolicy"> {
  return { egressPolicy: policyOf(store, group, egress) };
}

function find({ store }: ControlContext, ref: SandboxRef): SandboxRecord {
  const record = store.sandboxes.find(ref.id);
  if (record === undefined || record.group !== ref.group) throw sandboxNotFound(ref.id);
  return record;
}
