/** Builds control out of its parts, and gives it a beginning and an end. */
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import type { Engine } from "../engines/engine.js";
import type { Images } from "../images/image.js";
import type { Alarm } from "../lib/due-queue.js";
import { KeyedTurns } from "../lib/keyed-turns.js";
import { memoryLimits } from "../lifecycle/capacity.js";
import type { Store } from "../store/store.js";
import { accessControl } from "./access.js";
import { Admission } from "./admission.js";
import { hostAlarm } from "./alarm.js";
import { startAudit } from "./audit.js";
import { BuilderTurns } from "./builder-turns.js";
import type { ControlContext } from "./context.js";
import type { Control, TokenVerifier } from "./control.js";
import { type CrashPoint, noCrash } from "./crash-points.js";
import { EngineReadiness } from "./engine-readiness.js";
import { Events, eventControl } from "./events.js";
import { execControl } from "./execs.js";
import { fileControl } from "./files.js";
import { Gate } from "./gate.js";
import { GroupDeletions } from "./group-deletion.js";
import { groupControl } from "./groups.js";
import type { HostFacts, TcpFacts } from "./host-facts.js";
import { ImageBuilds } from "./image-builds.js";
import { collectContents } from "./image-collection.js";
import { ImagePreparations } from "./image-preparation.js";
import { takeUpImages } from "./image-recovery.js";
import { ImageRegister } from "./image-register.js";
import { ImageUse } from "./image-use.js";
import { imageControl } from "./images.js";
import { keyControl } from "./keys.js";
import { Machines } from "./machines.js";
import { policyDeeds } from "./policy-deeds.js";
import { PolicyKeeper } from "./policy-keeper.js";
import { PoolKeeper } from "./pool-keeper.js";
import { poolControl } from "./pools.js";
import { Reach } from "./reach.js";
import { Reconciler } from "./reconciler.js";
import { recover } from "./recovery.js";
import { roleAssignmentControl } from "./role-assignments.js";
import { SandboxRegister } from "./sandbox-register.js";
import { sandboxControl } from "./sandboxes.js";
import { SnapshotRegister } from "./snapshot-register.js";
import { SnapshotRemovals } from "./snapshot-removal.js";
import { snapshotControl } from "./snapshots.js";
import { StopAndResume } from "./stop-and-resume.js";
import { systemControl } from "./system.js";
import { usageControl } from "./usage.js";
import { UsageAccounts } from "./usage-accounts.js";
import { type Clocks, hostClocks } from "./usage-clock.js";
import { Uses } from "./uses.js";
import { countedExecs, countedFiles, countedSnapshots } from "./uses-counted.js";

export interface ControlOptions {
  readonly store: Store;
  readonly engine: Engine;
  readonly images: Images;
  readonly host: HostFacts;
  readonly logger: Logger;
  readonly version: string;
  readonly capacity: {
    readonly reservedMemoryMiB: number;
    readonly memoryOvercommit: number;
    readonly maxConcurrentCreates: number;
    readonly queueTimeoutMs: number;
  };
  readonly freeSpaceMarkBytes: number;
  /** How long a Dockerfile's build may take; default 30 minutes. */
  readonly imageBuildTimeoutMs?: number;
  /** Records of the audit log that are kept, of the server and of each group. */
  readonly auditKept?: number;
  /** For tokens of an OIDC issuer. */
  readonly verifyToken?: TokenVerifier;
  readonly tcp?: () => TcpFacts | undefined;
  /** How long records of usage are kept; default 90 days. */
  readonly usageRetentionDays?: number;
  readonly clocks?: Clocks;
  readonly alarm?: Alarm;
  readonly crashPoint?: CrashPoint;
}

export interface RunningControl {
  readonly control: Control;
  /** Takes up what an earlier daemon left; calls wait until this answers. It never rejects: health says what is wrong. */
  start(): Promise<void>;
  /** Turns calls away, undoes creations that are under way (the next daemon makes them), ends streams. Sandboxes go on running. */
  close(): Promise<void>;
}

const defaultRetentionDays = 90;
const defaultAuditKept = 100_000;
const defaultBuildTimeoutMs = 1_800_000;

export function createControl(options: ControlOptions): RunningControl {
  const stopping = new AbortController();
  const context = contextOf(options, stopping.signal);
  const audit = startAudit(context, options.auditKept ?? defaultAuditKept);
  const reconciler = new Reconciler(context);
  const { alarm = hostAlarm, clocks = hostClocks } = options;
  const policies = new PolicyKeeper({ context, deeds: policyDeeds(context, reconciler), alarm, wall: clocks.wall });
  const takeUp = async (signal: AbortSignal) => {
    await recover(context, reconciler, signal);
    context.usage.begin();
    context.pools.begin();
    policies.begin();
  };
  const readiness = new EngineReadiness({ engine: context.engine, takeUp, stopping: stopping.signal });
  const stopAndResume = new StopAndResume({ context, reconciler, readiness });
  const deletions = new GroupDeletions(context, { reconciler, readiness });
  const reach = new Reach(context, stopAndResume);
  const helpers = { reconciler, reach, readiness, policies, stopAndResume };
  return {
    control: {
      groups: groupControl(context, deletions),
      usage: usageControl(context),
      sandboxes: sandboxControl(context, helpers),
      snapshots: countedSnapshots(snapshotControl(context, helpers), context.uses),
      execs: countedExecs(execControl(context, reach), context.uses),
      files: countedFiles(fileControl(reach), context.uses),
      images: imageControl(context, readiness),
      events: eventControl(context.events, context.gate),
      system: systemControl(context, { readiness, version: options.version, tcp: options.tcp ?? (() => undefined) }),
      access: accessControl(context, options.verifyToken),
      keys: keyControl(context),
      roleAssignments: roleAssignmentControl(context),
      pools: poolControl(context),
      audit: audit.control,
    },
    async start() {
      await readiness.require(stopping.signal).catch((error: unknown) => logFailure(context, error));
      deletions.resume();
      await takeUpImages(context).catch((error: unknown) => logFailure(context, error));
      context.gate.open();
    },
    async close() {
      context.gate.close();
      context.events.end();
      audit.close();
      stopping.abort(new AlcoveError("DaemonStopping"));
      const { imageBuilds, imagePreparations, pools } = context;
      const work = [reconciler.settled(), deletions.settled(), imageBuilds.allSettled(), imagePreparations.settled()];
      await Promise.all([...work, pools.close(), policies.close(), context.snapshotRemovals.settled()]);
      context.usage.end();
    },
  };
}

function contextOf(options: ControlOptions, stopping: AbortSignal): ControlContext {
  const { store, engine, images, host, logger, freeSpaceMarkBytes, crashPoint = noCrash } = options;
  const { usageRetentionDays: keptDays = defaultRetentionDays, clocks = hostClocks } = options;
  const { imageBuildTimeoutMs = defaultBuildTimeoutMs } = options;
  const events = new Events(store);
  const usage = new UsageAccounts({ store, logger, clocks, keptDays });
  const admission = admissionOf(options);
  const parts = imageParts(options, { events, admission, stopping });
  const snapshotRegister = new SnapshotRegister(store, events);
  const removalParts = { store, engine, logger, crashPoint, stopping };
  return {
    ...{ store, engine, images, host, logger, freeSpaceMarkBytes, crashPoint, stopping, events, usage },
    imageBuildTimeoutMs,
    ...parts,
    pools: new PoolKeeper({ store, engine, host, freeSpaceMarkBytes, logger, admission, crashPoint, ...parts }),
    gate: new Gate(store),
    register: new SandboxRegister(store, events, usage),
    machines: new Machines(store),
    admission,
    snapshotRegister,
    snapshotRemovals: new SnapshotRemovals({ ...removalParts, register: snapshotRegister }),
    sandboxTurns: new KeyedTurns(),
    uses: new Uses(options.alarm ?? hostAlarm),
  };
}

function imageParts(
  { store, engine, images, logger }: ControlOptions,
  { events, admission, stopping }: Pick<ControlContext, "events" | "admission" | "stopping">,
) {
  const imageRegister = new ImageRegister(store, events, logger);
  const collect = () => {
    if (stopping.aborted) return;
    collectContents({ images, store }, imageBuilds).catch((error: unknown) =>
      logger.error({ err: error }, "Contents of images could not be collected"),
    );
  };
  const builders = new BuilderTurns(admission, engine);
  const parts = { store, images, register: imageRegister, logger, stopping, builders };
  const imageBuilds = new ImageBuilds({ ...parts, onEnd: collect });
  const imageUse = new ImageUse({ store, images, builds: imageBuilds, register: imageRegister });
  const imagePreparations = new ImagePreparations({ engine, imageRegister, imageUse, logger, stopping });
  return { imageRegister, imageBuilds, imageUse, imagePreparations };
}

function admissionOf({ capacity, host }: ControlOptions): Admission {
  const { reservedMemoryMiB: reservedMiB, memoryOvercommit: overcommit } = capacity;
  return new Admission({
    limits: {
      ...memoryLimits({ totalMiB: host.totalMemoryMiB, reservedMiB, overcommit }),
      cores: host.cores,
      concurrentStarts: capacity.maxConcurrentCreates,
    },
    availableMemoryMiB: host.availableMemoryMiB,
    timeoutMs: capacity.queueTimeoutMs,
  });
}

function logFailure({ logger, stopping }: ControlContext, error: unknown): void {
  if (!stopping.aborted) logger.error({ err: error }, "The engine does not work; the daemon answers without it");
}
