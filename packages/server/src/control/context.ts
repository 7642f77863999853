/** What the operations of control share. */
import type { Logger } from "pino";
import type { Engine } from "../engines/engine.js";
import type { Images } from "../images/image.js";
import type { KeyedTurns } from "../lib/keyed-turns.js";
import type { Demand } from "../lifecycle/capacity.js";
import type { SandboxRecord } from "../store/sandboxes.js";
import type { Store } from "../store/store.js";
import type { Admission } from "./admission.js";
import type { CrashPoint } from "./crash-points.js";
import type { Events } from "./events.js";
import type { Gate } from "./gate.js";
import type { HostFacts } from "./host-facts.js";
import type { ImageBuilds } from "./image-builds.js";
import type { ImagePreparations } from "./image-preparation.js";
import type { ImageRegister } from "./image-register.js";
import type { ImageUse } from "./image-use.js";
import type { Machines } from "./machines.js";
import type { PoolKeeper } from "./pool-keeper.js";
import type { SandboxRegister } from "./sandbox-register.js";
import type { SnapshotRegister } from "./snapshot-register.js";
import type { SnapshotRemovals } from "./snapshot-removal.js";
import type { UsageAccounts } from "./usage-accounts.js";
import type { Uses } from "./uses.js";

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
}

/** What a sandbox takes of the host. */
export function demandOf({ engine }: Pick<ControlContext, "engine">, size: SandboxRecord["size"]): Demand {
  return { memoryMiB: engine.cost(size).memoryMiB, cpuMillicores: size.cpuMillicores };
}
