import { randomBytes } from "node:crypto";
import type { GroupIdentity } from "@alcove/contract";
import type { GroupRecord } from "../../store/groups.js";
import type { ControlContext } from "../context.js";
import { subjectOf } from "./group-tokens.js";
import type { IdentityControl } from "./identity-control.js";

const defaultLifetimeSeconds = 900;
const headerBytes = 16;

export function identityControl(context: ControlContext): IdentityControl {
  const { crashPoint, egress, events, gate, groupTokens, store } = context;
  const { issuer } = groupTokens;
  return {
    get: async (group) => viewOf(context, await gate.enter(group)),
    async set(group, { audiences, tokenLifetimeSeconds = defaultLifetimeSeconds }) {
      const record = await gate.enter(group);
      store.transaction(() => {
        const header = randomBytes(headerBytes).toString("hex");
        store.groupIdentities.put({ group, audiences: [...new Set(audiences)], tokenLifetimeSeconds, header });
        events.append(group, { type: "identity.changed" });
      });
      events.announce();
      crashPoint("identity.afterRecord");
      await egress.renewGroup(group);
      return viewOf(context, record);
    },
    async token(group, resource) {
      await gate.enter(group);
      const { token, expiresAt } = await groupTokens.issue({ group, audience: resource });
      return { token, resource, expiresAt: new Date(expiresAt * 1_000).toISOString() };
    },
    async rotate() {
      await gate.pass();
      return await issuer.rotate();
    },
    discovery: () => issuer.discovery(),
    keySet: () => issuer.keySet(),
  };
}

function viewOf({ groupTokens, store }: ControlContext, { name, incarnation }: GroupRecord): GroupIdentity {
  const { audiences = [], tokenLifetimeSeconds = defaultLifetimeSeconds } = store.groupIdentities.find(name) ?? {};
  const { url: issuer } = groupTokens.issuer;
  return {
    ...{ audiences: [...audiences], tokenLifetimeSeconds },
    ...{ subject: subjectOf(name, incarnation), clientId: incarnation, ...(issuer !== undefined && { issuer }) },
  };
}
