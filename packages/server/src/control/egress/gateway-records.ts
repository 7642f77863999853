/** What the gateway asks of the daemon: to write down names, and to sign certificates. */
import { AlcoveError } from "@alcove/contract";
import type { NameEntry } from "../../egress/gateway.js";
import type { Store } from "../../store/store.js";
import type { Authorities } from "./authorities.js";

export function gatewayRecords(store: Store, authorities: Authorities) {
  return {
    /** It outlives the daemon. The memory in which its address may stand does not outlive the host, unless what is synced says so. */
    recordName(sandboxId: string, entry: NameEntry): void {
      if (store.unsyncedTransaction(() => store.egressNames.add(sandboxId, entry))) return;
      throw new AlcoveError("SandboxNotFound", `There is no sandbox ${sandboxId} that could know a name.`);
    },
    issueCertificate: (group: string, host: string) => authorities.issue(group, host),
  };
}
