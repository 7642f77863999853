/** What the operations of control share. */
import type { Logger } from "pino";
import type { Engine } from "../engines/engine.js";
import type { Images } from "../images/image.js";
import type { IngressGateway } from "../ingress/ingress.js";
import type { KeyedTurns } from "../lib/keyed-turns.js";
import type { Demand } from "../lifecycle/capacity.js";
import type { SandboxRecord } from "../store/sandboxes.js";
import type { Store } from "../store/store.js";
import type { Gate } from "./access/gate.js";
import type { CrashPoint } from "./crash-points.js";
import type { Authorities } from "./egress/authorities.js";
import type { DecisionLog } from "./egress/decision-log.js";
import type { EgressKeeper } from "./egress/egress-keeper.js";
import type { TrafficTotals } from "./egress/traffic-totals.js";
import type { UsageAccounts } from "./groups/usage-accounts.js";
import type { GroupTokens } from "./identity/group-tokens.js";
import type { ImageBuilds } from "./images/image-builds.js";
import type { ImagePreparations } from "./images/image-preparation.js";
import type { ImageRegister } from "./images/image-register.js";
import type { ImageUse } from "./images/image-use.js";
import type { Uses } from "./policies/uses.js";
import type { PoolKeeper } from "./pools/pool-keeper.js";
import type { Admission } from "./sandboxes/admission.js";
import type { Machines } from "./sandboxes/machines.js";
import type { SandboxRegister } from "./sandboxes/sandbox-register.js";
import type { SnapshotRegister } from "./snapshots/snapshot-register.js";
import type { SnapshotRemovals } from "./snapshots/snapshot-removal.js";
import type { Events } from "./system/events.js";
import type { HostFacts } from "./system/host-facts.js";

export interface ControlContext {
  readonly store: Store;
  readonly engine: Engine;
  readonly images: Images;
  readonly host: HostFacts;
  readonly freeSpaceMarkBytes: number;
  /** How long a Dockerfile's build may take. */
  readonly imageBuildTimeoutMs: number;
  readonly logger: Logger;
  readonly crashPoint: CrashPoint;
  /** Aborts when the daemon stops. */
  readonly stopping: AbortSignal;
  readonly gate: Gate;
  readonly events: Events;
  readonly register: SandboxRegister;
  readonly imageRegister: ImageRegister;
  readonly imageBuilds: ImageBuilds;
  readonly imageUse: ImageUse;
  readonly imagePreparations: ImagePreparations;
  readonly machines: Machines;
  readonly admission: Admission;
  readonly pools: PoolKeeper;
  readonly usage: UsageAccounts;
  readonly snapshotRegister: SnapshotRegister;
  readonly snapshotRemovals: SnapshotRemovals;
  /** What keeps, stops or replaces a sandbox's machine takes turns. */
  readonly sandboxTurns: KeyedTurns;
  readonly uses: Uses;
  readonly egress: EgressKeeper;
  /** Left out: nobody comes to ports but through the API. */
  readonly ingress?: IngressGateway | undefined;
  readonly decisions: DecisionLog;
  readonly traffic: TrafficTotals;
  readonly authorities: Authorities;
  readonly groupTokens: GroupTokens;
}

/** What a sandbox takes of the host. */
export function demandOf({ engine }: Pick<ControlContext, "engine">, size: SandboxRecord["size"]): Demand {
  return { memoryMiB: engine.cost(size).memoryMiB, cpuMillicores: size.cpuMillicores };
}
