import type { EgressSettings } from "../../egress/gateway.js";
import type { Store } from "../../store/store.js";

/** What the gateway is told of a group's identity; undefined where it has none. */
export function identityOf(store: Pick<Store, "groupIdentities">, group: string): EgressSettings["identity"] {
  const { audiences = [], header = "" } = store.groupIdentities.find(group) ?? {};
  return audiences.length === 0 ? undefined : { header };
}
