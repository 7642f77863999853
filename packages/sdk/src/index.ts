/// <reference lib="esnext.disposable" preserve="true" />
export {
  type AddPort,
  type AdobeEgress,
  AlcoveError,
  type AlcoveEvent,
  type EgressDecision,
  type EgressPolicy,
  type Entry,
  type ErrorCode,
  type Exec,
  type FileEvent,
  fromAdobe,
  type Image,
  type LogEntry,
  type SandboxPort,
} from "@alcove/contract";
export { Alcove, type RawRequest } from "./alcove.js";
export type { Applied, ApplyOptions } from "./apply/apply.js";
export type { AuditOptions } from "./audit.js";
export { ByteStream } from "./byte-stream.js";
export { Code, type CodeOptions, type CodeResult, type RunOptions } from "./code/code.js";
export type { CodeSandbox, Language } from "./code/interpreter.js";
export type { CodeError } from "./code/result-file.js";
export type { EgressPolicies } from "./egress-policies.js";
export {
  CertificateError,
  CodeUnavailableError,
  ConnectionError,
  ExecError,
  NoAnswerError,
  StartError,
  StopError,
  WaitError,
} from "./errors.js";
export type { EventOptions } from "./events.js";
export type { Command, ExecOptions, ExecOutcome, ProcessOptions } from "./exec.js";
export { type AttachOptions, type ExecEnd, ExecHandle, type SpawnOptions } from "./exec-handle.js";
export type { ExecInput } from "./exec-input.js";
export type { Abortable, Content, ReadOptions, SandboxFiles, WriteOptions } from "./files.js";
export { Group, type UsageOptions } from "./group.js";
export type { GroupListOptions, Groups } from "./groups.js";
export type { Identity } from "./identity.js";
export type {
  BuildImageOptions,
  Images,
  ImportDirectoryOptions,
  ImportOptions,
  ListImagesOptions,
  PrepareOptions,
  PruneOptions,
  PullOptions,
} from "./images.js";
export type { Interruption } from "./interruption.js";
export type { GroupKeys, Keys, ListKeysOptions } from "./keys.js";
export { localSocketPath, restoreLocalBackup, runtimeDirectory, startLocalDaemon } from "./local.js";
export { stopLocalDaemon } from "./local-stop.js";
export type { LogOptions } from "./logs.js";
export type { AlcoveOptions } from "./options.js";
export { Paginated } from "./paginated.js";
export type { PoolOptions, Pools } from "./pools.js";
export type { PortConnection } from "./port-connection.js";
export type { RoleAssignments } from "./role-assignments.js";
export { Sandbox } from "./sandbox.js";
export type { FollowDecisions, TestEgressOptions } from "./sandbox-egress.js";
export {
  type CommitOptions,
  type ForkOptions,
  type ForkOutcome,
  type ResumeOptions,
  SandboxExecs,
  SandboxHandle,
  type StopOptions,
} from "./sandbox-handle.js";
export type { FollowOptions } from "./sandbox-insights.js";
export type { LinkOptions, PortChanges, SandboxPorts } from "./sandbox-ports.js";
export type { SandboxTerminals } from "./sandbox-terminals.js";
export type { AttachVolumeOptions, SandboxVolumes } from "./sandbox-volumes.js";
export type { WaitOptions } from "./sandbox-wait.js";
export type { SandboxChange } from "./sandbox-watch.js";
export type { BatchOutcome, CreateOptions, ListOptions, Sandboxes } from "./sandboxes.js";
export type { PeekOptions, Secrets, SetSecretOptions } from "./secrets.js";
export type { ListSnapshotsOptions, SnapshotOptions, Snapshots } from "./snapshots.js";
export type { Templates } from "./templates.js";
export {
  type AttachTerminalOptions,
  type TerminalEnd,
  type TerminalEvents,
  TerminalHandle,
  type TerminalOptions,
  type TerminalSize,
} from "./terminal-handle.js";
export type { Transport, TransportRequest, TransportResponse, TransportSocket } from "./transport.js";
export type { RequestSeen } from "./transport-observed.js";
export type { CreateVolumeOptions, ListVolumesOptions, Volumes, VolumesAt } from "./volumes.js";
