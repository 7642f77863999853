/**
 * Everything that can be done, by noun: what the HTTP API, and later every other face, is a translation of.
 * Each call takes a signal; errors are AlcoveErrors with the contract's codes.
 */
import type { Readable } from "node:stream";
import type {
  AlcoveEvent,
  AuditQuery,
  AuditRecord,
  BatchResult,
  CommitSandbox,
  CreatedKey,
  CreateGroup,
  CreateGroupKey,
  CreateImage,
  CreateKey,
  CreateSandbox,
  Doctor,
  Entry,
  Exec,
  ExecResult,
  ExecuteCommand,
  ExecuteShellCommand,
  FileEvent,
  ForkSandbox,
  Group,
  GroupUsage,
  Health,
  Image,
  ImageFormat,
  Key,
  KeyScope,
  LabelChanges,
  Labels,
  Pool,
  PutPool,
  Quota,
  Role,
  RoleAssignment,
  Sandbox,
  SandboxProcess,
  SandboxState,
  SandboxStats,
  Sizes,
  Snapshot,
  StartExec,
  StopMode,
  Storage,
  TakeSnapshot,
  UpdateGroup,
  UpdateLifecycle,
  UsageRecords,
  UsageStep,
  Version,
  WhoAmI,
} from "@alcove/contract";
import type { KeptReason } from "../lifecycle/transitions.js";
import type { Caller, Demand, Verdict } from "../policy/access.js";

export type { Caller, Demand, Verdict };

export interface Control {
  readonly groups: GroupControl;
  readonly usage: UsageControl;
  readonly sandboxes: SandboxControl;
  readonly snapshots: SnapshotControl;
  readonly execs: ExecControl;
  readonly files: FileControl;
  readonly images: ImageControl;
  readonly events: EventControl;
  readonly system: SystemControl;
  readonly access: AccessControl;
  readonly keys: KeyControl;
  readonly roleAssignments: RoleAssignmentControl;
  readonly pools: PoolControl;
  readonly audit: AuditControl;
}

export interface PoolControl {
  list(group: string): Promise<readonly Pool[]>;
  get(group: string, name: string): Promise<Pool>;
  /** Answers at once; it is filled in the background. */
  put(group: string, name: string, body: PutPool): Promise<Pool>;
  /** Answers when nothing of it is left. */
  delete(group: string, name: string): Promise<void>;
}

/** Names one sandbox, as in a path. */
export interface SandboxRef {
  readonly group: string;
  readonly id: string;
}

export interface ExecRef extends SandboxRef {
  readonly execId: string;
}

export interface GroupControl {
  create(body: CreateGroup): Promise<Group>;
  /** By name; only those of `names` where it is given. */
  list(filter: {
    readonly names?: readonly string[] | undefined;
    readonly tags?: Labels | undefined;
    readonly after?: string;
    readonly page?: number;
    readonly pageSize?: number;
  }): Promise<readonly Group[]>;
  get(name: string): Promise<Group>;
  update(name: string, body: UpdateGroup): Promise<Group>;
  setQuota(name: string, quota: Quota): Promise<Group>;
  delete(name: string, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
}

export interface UsageControl {
  get(group: string): Promise<GroupUsage>;
  /** By the hour, by day or as one record; for each value of the label where one is named. */
  records(
    group: string,
    range: {
      readonly from?: string;
      readonly to?: string;
      readonly label?: string;
      readonly per?: UsageStep;
    },
  ): Promise<UsageRecords>;
}

export interface SandboxFilter {
  readonly labels?: Labels;
  readonly state?: SandboxState;
}

export interface SandboxControl {
  /** Answers when it is Running; with `wait: false`, when it is on record that it shall be. */
  create(
    group: string,
    body: CreateSandbox,
    signal: AbortSignal,
    options?: { readonly wait?: boolean },
  ): Promise<Sandbox>;
  /** Creates many of a kind, a few at a time. Throws what holds for all; what befalls single ones is in the result. */
  createBatch(group: string, count: number, body: CreateSandbox, signal: AbortSignal): Promise<BatchResult>;
  list(
    group: string,
    filter: SandboxFilter & { readonly before?: string; readonly page?: number; readonly pageSize?: number },
  ): Promise<readonly Sandbox[]>;
  count(group: string, filter: SandboxFilter): Promise<number>;
  get(ref: SandboxRef): Promise<Sandbox>;
  /** Merges the changes into its labels. */
  changeLabels(ref: SandboxRef, changes: LabelChanges): Promise<Sandbox>;
  /** Replaces the parts of its policy that the update names. */
  setLifecycle(ref: SandboxRef, update: UpdateLifecycle): Promise<Sandbox>;
  /** Answers when it is Stopped; with `wait: false`, while it is Stopping. */
  stop(ref: SandboxRef, options: StopOptions, signal: AbortSignal): Promise<Sandbox>;
  resume(ref: SandboxRef, options: ResumeOptions, signal: AbortSignal): Promise<Sandbox>;
  enable(ref: SandboxRef): Promise<Sandbox>;
  disable(ref: SandboxRef, signal: AbortSignal): Promise<Sandbox>;
  delete(ref: SandboxRef, signal: AbortSignal, options?: { readonly wait?: boolean }): Promise<void>;
  stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats>;
  processes(ref: SandboxRef, signal: AbortSignal): Promise<readonly SandboxProcess[]>;
  console(ref: SandboxRef): Promise<Uint8Array>;
}

export interface SnapshotRef {
  readonly group: string;
  readonly snapshotId: string;
}

export interface SnapshotFilter {
  readonly labels?: Labels;
  readonly sandboxId?: string;
}

export interface SnapshotControl {
  /** Of a running sandbox, with its memory; it goes on at once. */
  take(ref: SandboxRef, body: TakeSnapshot, signal: AbortSignal): Promise<Snapshot>;
  list(
    group: string,
    filter: SnapshotFilter & { readonly before?: string; readonly page?: number; readonly pageSize?: number },
  ): Promise<readonly Snapshot[]>;
  count(group: string, filter: SnapshotFilter): Promise<number>;
  get(ref: SnapshotRef): Promise<Snapshot>;
  /** Merges the changes into its labels. */
  changeLabels(ref: SnapshotRef, changes: LabelChanges): Promise<Snapshot>;
  delete(ref: SnapshotRef): Promise<void>;
  /** In place: what it is is given up. Answers when it runs. */
  rollback(ref: SandboxRef, snapshotId: string, signal: AbortSignal): Promise<Sandbox>;
  /** Begins to make an image of its disk. */
  commit(ref: SandboxRef, body: CommitSandbox, signal: AbortSignal): Promise<Image>;
  /** Copies of a running sandbox, of one instant. What befalls single ones is in the result. */
  fork(ref: SandboxRef, body: ForkSandbox, signal: AbortSignal): Promise<BatchResult>;
}

export interface StopOptions {
  /** Default Memory. */
  readonly mode?: StopMode | undefined;
  /** Default UserStopped. */
  readonly reason?: KeptReason;
  readonly wait?: boolean;
}

export interface ResumeOptions {
  /** Default: what it was stopped with. */
  readonly from?: StopMode | undefined;
}

/** What a stream of an exec carries: the contract's messages, with output as bytes. */
export type ExecMessage =
  | { readonly type: "started" | "end"; readonly exec: Exec }
  | {
      readonly type: "output";
      readonly stream: "stdout" | "stderr";
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "gap"; readonly from: number; readonly to: number }
  | { readonly type: "interrupted"; readonly stoppedAt: string; readonly resumedAt: string };

export interface LogOptions {
  readonly tailLines: number;
  readonly follow: boolean;
  readonly execId?: string;
}

/** A line with its end, if it has one, or word of output that is lost. */
export type LogItem =
  | {
      readonly stream: "stdout" | "stderr";
      readonly unixMs: number | undefined;
      readonly bytes: Uint8Array;
      readonly isPartial: boolean;
    }
  | { readonly lostBytes: number };

export interface ExecControl {
  runCommand(ref: SandboxRef, body: ExecuteCommand, signal: AbortSignal): Promise<ExecResult>;
  runShellCommand(ref: SandboxRef, body: ExecuteShellCommand, signal: AbortSignal): Promise<ExecResult>;
  /** Starts and follows. When the signal aborts, an exec whose id the client did not choose is deleted. Not reading holds the exec back. */
  stream(ref: SandboxRef, body: StartExec, signal: AbortSignal): AsyncIterable<ExecMessage>;
  start(ref: SandboxRef, body: StartExec, signal: AbortSignal): Promise<Exec>;
  /** The last lines of an exec's output, and with `follow` what comes until it ends. Default: the exec of the entrypoint. */
  logs(ref: SandboxRef, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<LogItem>>;
  list(ref: SandboxRef, signal: AbortSignal): Promise<readonly Exec[]>;
  get(ref: ExecRef, waitMs: number, signal: AbortSignal): Promise<Exec>;
  attach(ref: ExecRef, offset: number, signal: AbortSignal): AsyncIterable<ExecMessage>;
  writeStdin(
    ref: ExecRef,
    input: AsyncIterable<Uint8Array>,
    options: { readonly close: boolean },
    signal: AbortSignal,
  ): Promise<number>;
  signal(ref: ExecRef, name: string, signal: AbortSignal): Promise<void>;
  delete(ref: ExecRef, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
}

export interface FileControl {
  read(
    ref: SandboxRef,
    path: string,
    range: { readonly offset?: number; readonly length?: number },
    signal: AbortSignal,
  ): Promise<{
    readonly sizeBytes: number;
    /** Another one when the content is another. */
    readonly version: string;
    readonly content: Readable;
  }>;
  write(
    ref: SandboxRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly mode?: string; readonly user?: string; readonly createDirs: boolean },
    signal: AbortSignal,
  ): Promise<number>;
  delete(ref: SandboxRef, path: string, options: { readonly recursive: boolean }, signal: AbortSignal): Promise<void>;
  stat(
    ref: SandboxRef,
    path: string,
    options: { readonly followSymlinks: boolean },
    signal: AbortSignal,
  ): Promise<Entry>;
  /** Fulfils when changes are seen; ends when what is watched is gone. */
  watch(
    ref: SandboxRef,
    path: string,
    options: { readonly recursive: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileEvent>>;
  symlink(ref: SandboxRef, path: string, target: string, signal: AbortSignal): Promise<void>;
  list(
    ref: SandboxRef,
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly entries: readonly Entry[]; readonly truncated: boolean }>;
  makeDirectory(
    ref: SandboxRef,
    path: string,
    options: { readonly createParents: boolean; readonly mode?: string },
    signal: AbortSignal,
  ): Promise<void>;
  move(
    ref: SandboxRef,
    from: string,
    to: string,
    options: { readonly overwrite: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  readArchive(ref: SandboxRef, path: string, signal: AbortSignal): Promise<Readable>;
  writeArchive(
    ref: SandboxRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly user?: string },
    signal: AbortSignal,
  ): Promise<number>;
}

export interface WriteImageOptions {
  readonly format: ImageFormat;
  readonly labels: Labels;
  /** Of a Dockerfile: its path in the bytes. */
  readonly dockerfile?: string;
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly isAdministrators?: boolean;
}

export interface ImageControl {
  list(
    group: string,
    filter: { readonly labels?: Labels; readonly page?: number; readonly pageSize?: number },
  ): Promise<readonly Image[]>;
  /** The group's own, else the catalogue's. */
  get(group: string, name: string, options?: { readonly isPublic?: boolean }): Promise<Image>;
  listPublic(group: string): Promise<readonly Image[]>;
  /** Begins to pull, and answers at once. */
  /** What an administrator pulls may come from this very host. */
  create(group: string, body: CreateImage, options?: { readonly isAdministrators?: boolean }): Promise<Image>;
  /** Takes the bytes, looks whether they are an image, begins to build and answers. */
  writeContent(
    ref: { readonly group: string; readonly name: string },
    content: AsyncIterable<Uint8Array>,
    options: WriteImageOptions,
    signal: AbortSignal,
  ): Promise<Image>;
  /** Ends a build of it. ImageInUse while sandboxes stand on it. */
  delete(group: string, name: string): Promise<void>;
  prune(
    group: string,
    which: { readonly labels?: Labels; readonly olderThanSeconds?: number },
  ): Promise<{ readonly deleted: readonly string[]; readonly freedBytes: number }>;
  /** Starts building, or joins a build, and answers at once. */
  prepare(group: string, name: string, options?: { readonly isPublic?: boolean }): Promise<Image>;
}

export interface EventControl {
  /** Ends with the signal, or when the daemon stops. A reader that is too slow gets a `gap`. */
  follow(
    group: string,
    after: number | undefined,
    signal: AbortSignal,
    about?: { readonly sandboxId?: string; readonly labels?: Labels },
  ): AsyncIterable<AlcoveEvent>;
}

export interface SystemControl {
  /** What is told depends on who asks: only an administrator hears of the host and of every group. */
  health(viewer: Caller): Promise<Health>;
  version(viewer: Caller | undefined): Version;
  sizes(): Sizes;
  doctor(signal: AbortSignal): Promise<Doctor>;
  storage(signal: AbortSignal): Promise<Storage>;
  /** A tar archive of everything on record: docs/service.md says what is in it. */
  backup(): Promise<{ readonly sizeBytes: number; readonly content: Readable }>;
}

export interface AccessControl {
  /** Whoever opens the daemon's own socket. */
  readonly owner: Caller;
  /** Whom a token belongs to; undefined where it is not valid, for whatever reason. */
  authenticate(token: string): Promise<Caller | undefined>;
  /** The caller as it is now; undefined when it is not known any more. */
  renew(caller: Caller): Caller | undefined;
  decide(caller: Caller | undefined, demand: Demand): Verdict;
  whoAmI(caller: Caller): WhoAmI;
}

/** What was made for a group is that group's; what the administrator made is in no group's list. */
export interface KeyControl {
  create(body: CreateKey, caller: Caller): Promise<CreatedKey>;
  list(): Promise<readonly Key[]>;
  revoke(keyId: string): Promise<void>;
  createForGroup(group: string, body: CreateGroupKey, caller: Caller): Promise<CreatedKey>;
  listOfGroup(group: string): Promise<readonly Key[]>;
  revokeOfGroup(group: string, keyId: string): Promise<void>;
}

/** One call, for the audit log. */
export interface Deed extends Omit<AuditRecord, "sequence" | "at" | "count" | "group"> {
  readonly group: string | undefined;
}

/** A call that was turned away; its group only where the caller has a role there. */
export type Refusal = Deed;

export interface AuditControl {
  record(deed: Deed): void;
  refuse(refusal: Refusal): void;
  list(query: AuditQuery): Promise<readonly AuditRecord[]>;
  listOfGroup(group: string, query: AuditQuery): Promise<readonly AuditRecord[]>;
}

export interface RoleAssignmentControl {
  list(group: string): Promise<readonly RoleAssignment[]>;
  get(group: string, principal: string): Promise<RoleAssignment>;
  put(
    wanted: { readonly group: string; readonly principal: string; readonly role: Role },
    caller: Caller,
  ): Promise<RoleAssignment>;
  delete(group: string, principal: string): Promise<void>;
}

/** Whom a token of the OIDC issuer is about, and what its claims give; undefined where it is not valid. It never rejects. */
export type TokenVerifier = (token: string) => Promise<TokenClaims | undefined>;

export interface TokenClaims {
  readonly subject: string;
  readonly verifiedEmail: string | undefined;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly isAdmin: boolean;
  readonly scopes: readonly KeyScope[];
}
