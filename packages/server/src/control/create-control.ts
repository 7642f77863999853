/** Builds control out of its parts, and gives it a beginning and an end. */
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import type { EgressGateway } from "../egress/gateway.js";
import type { Engine } from "../engines/engine.js";
import type { Images } from "../images/image.js";
import type { IngressGateway } from "../ingress/ingress.js";
import type { Alarm } from "../lib/due-queue.js";
import { KeyedTurns } from "../lib/keyed-turns.js";
import { memoryLimits } from "../lifecycle/capacity.js";
import type { Store } from "../store/store.js";
import { accessControl } from "./access/access.js";
import type { TokenVerifier } from "./access/access-control.js";
import { startAudit } from "./access/audit.js";
import { Gate } from "./access/gate.js";
import { keyControl } from "./access/keys.js";
import { roleAssignmentControl } from "./access/role-assignments.js";
import type { ControlContext } from "./context.js";
import type { Control } from "./control.js";
import { type CrashPoint, noCrash } from "./crash-points.js";
import { Authorities } from "./egress/authorities.js";
import type { DecisionFileOptions } from "./egress/decision-file.js";
import { DecisionLog } from "./egress/decision-log.js";
import { noteDecisions } from "./egress/decisions-noted.js";
import { egressControl } from "./egress/egress.js";
import { EgressKeeper } from "./egress/egress-keeper.js";
import { tellRefusals } from "./egress/refusals-told.js";
import { TrafficTotals } from "./egress/traffic-totals.js";
import { tracedExecs, tracedTerminals } from "./execs/exec-spans.js";
import { execControl } from "./execs/execs.js";
import { fileControl } from "./files/files.js";
import { GroupDeletions } from "./groups/group-deletion.js";
import { groupControl } from "./groups/groups.js";
import { usageControl } from "./groups/usage.js";
import { UsageAccounts } from "./groups/usage-accounts.js";
import { type Clocks, hostClocks } from "./groups/usage-clock.js";
import { GroupTokens } from "./identity/group-tokens.js";
import { identityControl } from "./identity/identity.js";
import { Issuer } from "./identity/issuer.js";
import { BuilderTurns } from "./images/builder-turns.js";
import { ImageBuilds } from "./images/image-builds.js";
import { collectContents } from "./images/image-collection.js";
import { ImagePreparations } from "./images/image-preparation.js";
import { takeUpImages } from "./images/image-recovery.js";
import { ImageRegister } from "./images/image-register.js";
import { ImageUse } from "./images/image-use.js";
import { imageControl } from "./images/images.js";
import type { WorkerRestarts } from "./metrics/gateway-metrics.js";
import { metricsControl } from "./metrics/metrics.js";
import { policyDeeds } from "./policies/policy-deeds.js";
import { PolicyKeeper } from "./policies/policy-keeper.js";
import { Uses } from "./policies/uses.js";
import { countedExecs, countedFiles, countedSnapshots, countedTerminals } from "./policies/uses-counted.js";
import { PoolKeeper } from "./pools/pool-keeper.js";
import { poolControl } from "./pools/pools.js";
import { beginIngress } from "./ports/ingress-hooks.js";
import { portControl } from "./ports/ports.js";
import { Reconciler } from "./reconciler.js";
import { recover } from "./recovery.js";
import { Admission } from "./sandboxes/admission.js";
import { Machines } from "./sandboxes/machines.js";
import { Reach } from "./sandboxes/reach.js";
import { SandboxRegister } from "./sandboxes/sandbox-register.js";
import { sandboxControl } from "./sandboxes/sandboxes.js";
import { StopAndResume } from "./sandboxes/stop-and-resume.js";
import { secretControl } from "./secrets/secrets.js";
import { SnapshotRegister } from "./snapshots/snapshot-register.js";
import { SnapshotRemovals } from "./snapshots/snapshot-removal.js";
import { SnapshotRetentions } from "./snapshots/snapshot-retentions.js";
import { snapshotControl } from "./snapshots/snapshots.js";
import { hostAlarm } from "./system/alarm.js";
import { EngineReadiness } from "./system/engine-readiness.js";
import { Events, eventControl } from "./system/events.js";
import type { HostFacts, TcpFacts } from "./system/host-facts.js";
import { systemControl } from "./system/system.js";
import { templateControl } from "./templates/templates.js";
import { terminalControl } from "./terminals/terminals.js";
import { volumeControl } from "./volumes/volumes.js";

export interface ControlOptions {
  readonly store: Store;
  readonly engine: Engine;
  readonly images: Images;
  /** What connects sandboxes with the world; the caller's to close, after control. */
  readonly gateway: EgressGateway;
  /** By which others come to ports of sandboxes; the caller's to close, after control. */
  readonly ingress?: IngressGateway;
  /** The same that signs what the gateway asks for. */
  readonly authorities?: Authorities;
  /** The same that the gateway asks for tokens; left out: no tokens are issued. */
  readonly groupTokens?: GroupTokens;
  /** Where every decision is written down; nowhere if left out. */
  readonly decisionFile?: Omit<DecisionFileOptions, "logger">;
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
  /** Of the processes beside the daemon. */
  readonly workerRestarts?: WorkerRestarts;
  /** A bearer that reads the metrics, and nothing else. */
  readonly metricsToken?: string;
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
const noWorkers = () => ({});
const defaultBuildTimeoutMs = 1_800_000;

export function createControl(options: ControlOptions): RunningControl {
  const stopping = new AbortController();
  const context = contextOf(options, stopping.signal);
  const audit = startAudit(context, options.auditKept ?? defaultAuditKept);
  const noting = noteDecisions(context, options);
  const stopTelling = tellRefusals(context, options.gateway);
  const reconciler = new Reconciler(context);
  const { alarm = hostAlarm, clocks = hostClocks } = options;
  const policies = new PolicyKeeper({ context, deeds: policyDeeds(context, reconciler), alarm, wall: clocks.wall });
  const retentions = new SnapshotRetentions({ context, alarm, wall: clocks.wall });
  const takeUp = async (signal: AbortSignal) => {
    await recover(context, reconciler, signal);
    context.usage.begin();
    context.pools.begin();
    policies.begin();
    retentions.begin();
  };
  const readiness = new EngineReadiness({ engine: context.engine, takeUp, stopping: stopping.signal });
  const stopAndResume = new StopAndResume({ context, reconciler, readiness });
  const deletions = new GroupDeletions(context, { reconciler, readiness });
  const reach = new Reach(context, stopAndResume);
  const access = accessControl(context, options);
  const helpers = { reconciler, reach, readiness, policies, stopAndResume };
  return {
    control: {
      groups: groupControl(context, { deletions, onRetention: () => retentions.begin() }),
      usage: usageControl(context),
      sandboxes: sandboxControl(context, helpers),
      snapshots: countedSnapshots(snapshotControl(context, helpers, options.version), context.uses),
      execs: countedExecs(tracedExecs(execControl(context, reach)), context.uses),
      terminals: countedTerminals(tracedTerminals(terminalControl(context, reach)), context.uses),
      files: countedFiles(fileControl(context, reach), context.uses),
      egress: egressControl(context),
      secrets: secretControl(context),
      identity: identityControl(context),
      images: imageControl(context, readiness),
      events: eventControl(context.events, context.gate),
      system: systemControl(context, { readiness, version: options.version, tcp: options.tcp ?? (() => undefined) }),
      access,
      keys: keyControl(context),
      roleAssignments: roleAssignmentControl(context),
      ports: portControl(context, reach),
      pools: poolControl(context),
      templates: templateControl(context, readiness),
      volumes: volumeControl(context, { reach, readiness }),
      audit: audit.control,
      metrics: metricsControl({ context, ...options, workerRestarts: options.workerRestarts ?? noWorkers }),
    },
    async start() {
      await readiness.require(stopping.signal).catch((error: unknown) => logFailure(context, error));
      deletions.resume();
      beginIngress(context, reach, access);
      await takeUpImages(context).catch((error: unknown) => logFailure(context, error));
      context.gate.open();
    },
    async close() {
      context.gate.close();
      context.events.end();
      audit.close();
      context.decisions.end();
      stopping.abort(new AlcoveError("DaemonStopping"));
      const { imageBuilds, imagePreparations, pools } = context;
      const work = [reconciler.settled(), deletions.settled(), imageBuilds.allSettled(), imagePreparations.settled()];
      await Promise.all([...work, pools.close(), policies.close(), context.snapshotRemovals.settled()]);
      retentions.close();
      context.usage.end();
      stopTelling();
      await noting.close();
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
  const register = new SandboxRegister(store, events, usage);
  const machines = new Machines(store);
  const { gateway, authorities = new Authorities(store), groupTokens = noTokens(store) } = options;
  const egress = new EgressKeeper({ store, gateway, authorities, machines, register, logger });
  const removalParts = { store, engine, logger, crashPoint, stopping, register: snapshotRegister };
  const snapshots = { snapshotRegister, snapshotRemovals: new SnapshotRemovals(removalParts) };
  const poolParts = { store, engine, host, freeSpaceMarkBytes, logger, admission, crashPoint, events, egress };
  return {
    ...{ store, engine, images, host, logger, freeSpaceMarkBytes, crashPoint, stopping, events, usage },
    imageBuildTimeoutMs,
    ...parts,
    pools: new PoolKeeper({ ...poolParts, ...parts, ...snapshots }),
    gate: new Gate(store),
    ...{ register, machines, admission, egress, authorities, groupTokens, decisions: new DecisionLog() },
    traffic: new TrafficTotals(gateway, register, (id) => store.sandboxes.find(id) !== undefined),
    ...snapshots,
    sandboxTurns: new KeyedTurns(),
    ingress: options.ingress,
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

function noTokens(store: Store): GroupTokens {
  return new GroupTokens(store, new Issuer({ keys: store.issuerKeys, url: () => undefined }));
}

function logFailure({ logger, stopping }: ControlContext, error: unknown): void {
  if (!stopping.aborted) logger.error({ err: error }, "The engine does not work; the daemon answers without it");
}
