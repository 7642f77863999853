import { AlcoveError, type EgressPolicy, type GroupEgress, type Sandbox } from "@alcove/contract";
import type { EgressChoice, EgressSettingsRecord } from "../../store/egress-policies.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { sandboxNotFound } from "../sandboxes/machines.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { toSandbox } from "../sandboxes/sandbox-view.js";
import { placeholderHosts } from "../secrets/secret-values.js";
import { secretWarnings } from "../secrets/secret-warnings.js";
import { requireBoundSecrets } from "../secrets/unbound-secrets.js";
import { defaultEgress, policyOf, requirePolicy, requireReferences } from "./egress-choice.js";
import type { EgressControl } from "./egress-control.js";
import { testedEgress } from "./egress-trial.js";
import { namedPolicies } from "./named-policies.js";
import { checkedCertificates } from "./upstream-certificates.js";
import { checkedRoutes, requireRoutes } from "./upstream-routes.js";

export function egressControl(context: ControlContext): EgressControl {
  const { decisions, gate, store } = context;
  return {
    async setPolicy(ref, policy, { ownsGroup = true } = {}) {
      await gate.enter(ref.group);
      if (!ownsGroup) requireBoundSecrets(store, ref.group, { egressPolicy: policy });
      return await choose(context, ref, { policy });
    },
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
      const record = find(context, ref);
      const policy = policyOf(store, record.group, record.egress);
      const warnings = secretWarnings(store, ref.group, policy);
      const { defaultRoute } = store.egressPolicies.settingsOf(record.group);
      return testedEgress(policy, asked, { placeholderHosts: placeholderHosts(store, record), warnings, defaultRoute });
    },
    async test(name, { policy, egressPolicyId, ...asked }) {
      const group = await gate.enter(name);
      if (policy !== undefined) requireRoutes(store, { group: name, policy, within: "policy." });
      const tested = policy ?? policyNamed(context, name, egressPolicyId, defaultEgress(group));
      const { defaultRoute } = store.egressPolicies.settingsOf(name);
      return testedEgress(tested, asked, { warnings: secretWarnings(store, name, tested), defaultRoute });
    },
    policies: namedPolicies(context),
    async settings(group) {
      await gate.enter(group);
      return settingsView(store.egressPolicies.settingsOf(group));
    },
    setSettings: (group, settings) => setSettings(context, group, settings),
  };
}

async function choose(context: ControlContext, ref: SandboxRef, choice: EgressChoice): Promise<Sandbox> {
  const { crashPoint, egress, gate, machines, register, store } = context;
  await gate.enter(ref.group);
  const record = find(context, ref);
  if ("policy" in choice) requireReferences(store, { group: ref.group, policy: choice.policy, within: "" });
  else requirePolicy(store, { group: ref.group, egress: choice });
  const changed = register.setEgress(record, choice, machines.holdOf(ref.id));
  crashPoint("egress.afterRecord");
  await egress.renew(ref.id);
  return { ...toSandbox(changed, machines.holdOf(ref.id)), ...egressView(context, changed) };
}

async function setSettings(context: ControlContext, group: string, settings: GroupEgress): Promise<GroupEgress> {
  const { crashPoint, egress, events, gate, store } = context;
  await gate.enter(group);
  const { resolverOverrides = {}, upstreamCertificates = "", defaultRoute } = settings;
  const certificates = checkedCertificates(upstreamCertificates);
  const checked = store.transaction(() => {
    const routes = checkedRoutes(store, group, settings);
    const checked = { resolverOverrides, upstreamCertificates: certificates, routes, defaultRoute };
    store.egressPolicies.setSettings(group, checked);
    events.append(group, { type: "egress.changed" });
    return checked;
  });
  events.announce();
  crashPoint("egress.afterRecord");
  await egress.renewGroup(group);
  return settingsView(checked);
}

function settingsView({ routes, defaultRoute, ...rest }: EgressSettingsRecord): GroupEgress {
  return { ...rest, routes: { ...routes }, ...(defaultRoute !== undefined && { defaultRoute }) };
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
