/** What the gateway asks of the daemon: to write down names, and to sign certificates and tokens. */
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import type { TokenAsked, TokenIssued } from "../../egress/daemon/create-gateway.js";
import type { NameEntry } from "../../egress/gateway.js";
import { TokenBucket } from "../../lib/token-bucket.js";
import type { Store } from "../../store/store.js";
import type { GroupTokens } from "../identity/group-tokens.js";
import type { Authorities } from "./authorities.js";

export interface RecordParts {
  readonly store: Store;
  readonly authorities: Authorities;
  readonly groupTokens: GroupTokens;
  readonly logger: Pick<Logger, "error" | "warn">;
}

/** How often it is logged that tokens are asked for and none are issued. */
const offPerMinute = 1 / 10;

export function gatewayRecords({ store, authorities, groupTokens, logger }: RecordParts) {
  const offTold = new TokenBucket({ capacity: 1, perMinute: offPerMinute, now: performance.now() });
  return {
    /** It outlives the daemon. The memory in which its address may stand does not outlive the host, unless what is synced says so. */
    recordName(sandboxId: string, entry: NameEntry): void {
      if (store.unsyncedTransaction(() => store.egressNames.add(sandboxId, entry))) return;
      throw new AlcoveError("SandboxNotFound", `There is no sandbox ${sandboxId} that could know a name.`);
    },
    issueCertificate: (group: string, host: string) => authorities.issue(group, host),
    async issueToken({ group, sandboxId, resource }: TokenAsked): Promise<TokenIssued> {
      try {
        const { token: value, ...signed } = await groupTokens.issue({ group, sandboxId, audience: resource });
        return { token: { value, ...signed } };
      } catch (error) {
        if (!(error instanceof AlcoveError)) throw error;
        if (error.code === "AudienceNotAllowed") return { fault: "resource" };
        if (error.code !== "IssuerOff") return { fault: "unavailable" };
        if (offTold.take(performance.now()) === 0)
          logger.warn(
            { group, sandbox: sandboxId },
            "Sandboxes ask for tokens, and there are none: issuerUrl is not set",
          );
        return { fault: "off" };
      }
    },
  };
}
