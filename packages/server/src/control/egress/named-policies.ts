/** The egress policies of a group that have names, as its owner sets them. */
import { AlcoveError, type NamedEgressPolicy } from "@alcove/contract";
import type { EgressPolicyRecord } from "../../store/egress-policies.js";
import type { ControlContext } from "../context.js";
import { requireUnused } from "../in-use.js";
import { policyNotFound, requireReferences } from "./egress-choice.js";
import type { EgressPolicyControl, EgressPolicyRef } from "./egress-control.js";

const maximumOfGroup = 100;

export function namedPolicies(context: ControlContext): EgressPolicyControl {
  const { crashPoint, egress, events, gate, store } = context;
  const { egressPolicies } = store;
  return {
    async list(group) {
      await gate.enter(group);
      return egressPolicies.ofGroup(group).map(view);
    },
    async get(ref) {
      await gate.enter(ref.group);
      return view(find(context, ref));
    },
    async put({ group, egressPolicyId: name }, { description, policy }) {
      await gate.enter(group);
      const at = Date.now();
      store.transaction(() => {
        requireReferences(store, { group, policy, within: "policy." });
        requireRoom(context, group, name);
        egressPolicies.put({ group, name, description, policy, createdAt: at, updatedAt: at });
        events.append(group, { type: "egress.changed", egressPolicyId: name });
      });
      events.announce();
      crashPoint("egress.afterRecord");
      await Promise.all(egressPolicies.sandboxes(group, name).map((id) => egress.renew(id)));
      return view(find(context, { group, egressPolicyId: name }));
    },
    async delete(ref) {
      await gate.enter(ref.group);
      const { group, egressPolicyId } = ref;
      store.transaction(() => {
        find(context, ref);
        requirePolicyUnused(context, ref);
        egressPolicies.remove(group, egressPolicyId);
        events.append(group, { type: "egress.changed", egressPolicyId, isDeleted: true });
      });
      events.announce();
    },
  };
}

function requireRoom({ store }: ControlContext, group: string, name: string): void {
  const { egressPolicies } = store;
  if (egressPolicies.count(group) < maximumOfGroup || egressPolicies.find(group, name) !== undefined) return;
  const detail = `The group ${group} has ${maximumOfGroup} egress policies, which is as many as there may be.`;
  throw new AlcoveError("EgressPolicyLimitReached", detail);
}

function requirePolicyUnused({ gate, store }: ControlContext, { group, egressPolicyId }: EgressPolicyRef): void {
  const { egressPolicies } = store;
  const users = [
    ...(gate.require(group).defaults.egressPolicyId === egressPolicyId ? ["the group's defaults"] : []),
    ...egressPolicies.sandboxes(group, egressPolicyId).map((id) => `the sandbox ${id}`),
    ...egressPolicies.snapshots(group, egressPolicyId).map((id) => `the snapshot ${id}`),
  ];
  const called = `the egress policy ${egressPolicyId}`;
  requireUnused(users, { code: "EgressPolicyInUse", called, field: "egressPolicyId", value: egressPolicyId });
}

function find({ store }: ControlContext, { group, egressPolicyId }: EgressPolicyRef): EgressPolicyRecord {
  const record = store.egressPolicies.find(group, egressPolicyId);
  if (record === undefined) throw policyNotFound(group, egressPolicyId, "egressPolicyId");
  return record;
}

function view({ group, name, description, policy, createdAt, updatedAt }: EgressPolicyRecord): NamedEgressPolicy {
  return {
    ...{ group, name, policy },
    ...(description === undefined ? {} : { description }),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}
