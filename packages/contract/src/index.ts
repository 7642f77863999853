export { type Access, Role, reaches, roles } from "./access.js";
export { type Address, type AddressRange, formatAddress, parseAddress, rangeHas, readRange } from "./addresses.js";
export { AuditQuery, AuditRecord, listAudit, listGroupAudit } from "./audit.js";
export { EgressAction, EgressDecision, EgressHook, EgressPolicy, EgressRule, HeaderChange } from "./egress.js";
export { AdobeEgress, adobeEgressIn, fromAdobe } from "./egress-adobe.js";
export { hopByHopHeaders } from "./egress-header-faults.js";
export {
  deleteEgressPolicy,
  getEgressPolicy,
  listEgressPolicies,
  NamedEgressPolicy,
  PutEgressPolicy,
  putEgressPolicy,
} from "./egress-policies.js";
export { actionOf, changesRequests, looksIntoRequests, type RuleAction, schemeOf } from "./egress-rules.js";
export { egressPolicySchema } from "./egress-schema.js";
export { EgressTest, TestEgress, TestSandboxEgress, testEgress, testSandboxEgress } from "./egress-trials.js";
export {
  type Endpoint,
  endpoint,
  type Method,
  type Payload,
  type PayloadInput,
  type PayloadValue,
  type Schema,
  type SchemaInput,
  type SchemaOutput,
} from "./endpoint.js";
export { endpoints } from "./endpoints.js";
export { commonErrors, type ErrorCode, errorCatalogue, errorCodes, isErrorCode } from "./errors.js";
export { AlcoveEvent, streamEvents } from "./events.js";
export {
  attachExec,
  defaultOutputLimitBytes,
  deleteExec,
  Exec,
  ExecResult,
  ExecStreamReceive,
  ExecStreamSend,
  ExecuteCommand,
  ExecuteShellCommand,
  executeCommand,
  executeShellCommand,
  getExec,
  listExecs,
  StartExec,
  signalExec,
  startExec,
  streamExec,
  writeStdin,
} from "./execs.js";
export { faultWords } from "./fault-words.js";
export { FileEvent, watchFiles } from "./file-events.js";
export {
  deleteFile,
  Entry,
  listFiles,
  makeDirectory,
  makeSymlink,
  moveFile,
  readArchive,
  readFile,
  statFile,
  writeArchive,
  writeFile,
} from "./files.js";
export { GroupEgress, getGroupEgress, setGroupEgress } from "./group-egress.js";
export {
  CreateGroup,
  createGroup,
  deleteGroup,
  Group,
  GroupDefaults,
  GroupState,
  getGroup,
  listGroups,
  Quota,
  QuotaUse,
  SnapshotRetention,
  setGroupQuota,
  setSnapshotRetention,
  Tags,
  UpdateGroup,
  updateGroup,
} from "./groups.js";
export { type Host, normalizeHost, readHostPattern } from "./hosts.js";
export {
  GroupIdentity,
  GroupToken,
  getGroupIdentity,
  issueGroupToken,
  SetGroupIdentity,
  setGroupIdentity,
} from "./identity.js";
export {
  CreateImage,
  createImage,
  deleteImage,
  getImage,
  Image,
  ImageConfig,
  ImageFormat,
  ImageSource,
  ImageState,
  listImages,
  listPublicImages,
  PruneResult,
  parseBuildArgs,
  prepareImage,
  pruneImages,
  type RegistryCredentials,
  writeImageContent,
} from "./images.js";
export {
  getKeySet,
  getOpenidConfiguration,
  KeySet,
  OpenidConfiguration,
  RotatedKeys,
  rotateIssuerKeys,
} from "./issuer.js";
export {
  CreatedKey,
  CreateGroupKey,
  CreateKey,
  createGroupKey,
  createKey,
  defaultRequestsPerMinute,
  Key,
  KeyId,
  KeyScope,
  listGroupKeys,
  listKeys,
  revokeGroupKey,
  revokeKey,
} from "./keys.js";
export {
  Activity,
  AutoDeletePolicy,
  AutoSuspendPolicy,
  AwakeReason,
  KeepAwake,
  LifecyclePolicy,
  UpdateLifecycle,
} from "./lifecycle.js";
export { type LiteralTemplate, literalTemplates } from "./literal-templates.js";
export { LogEntry, streamLogs } from "./logs.js";
export { manifestLabel, manifestSchema, SandboxManifest } from "./manifest.js";
export {
  EgressPolicyId,
  Environment,
  ExecId,
  GroupName,
  GuestPath,
  ImageName,
  LabelChanges,
  LabelSelector,
  Labels,
  maximumLabels,
  parseLabelSelector,
  SandboxId,
  SecretId,
  SecretKey,
  SnapshotId,
} from "./names.js";
export { errorsOf, openApi, tagOf } from "./openapi.js";
export { parseUrl } from "./parse-url.js";
export { deletePool, getPool, listPools, Pool, PoolName, PutPool, putPool } from "./pools.js";
export { PortIpAccessControl } from "./port-access.js";
export { PortAuth, PortOidc } from "./port-auth.js";
export {
  AddPort,
  ChangePort,
  PortCors,
  PortName,
  PortNumber,
  PortRef,
  PreviewLink,
  SandboxPort,
  SandboxPorts,
  tcpFault,
} from "./ports.js";
export { AlcoveError, type ErrorContext, fromProblem, Problem, toProblem } from "./problem.js";
export {
  deleteRoleAssignment,
  getRoleAssignment,
  listRoleAssignments,
  Principal,
  putRoleAssignment,
  RoleAssignment,
} from "./role-assignments.js";
export { type BatchResult, createSandboxes } from "./sandbox-batches.js";
export {
  EgressDecisionLine,
  EgressDecisions,
  getEgressDecisions,
  setEgressPolicy,
  setEgressPolicyId,
  streamEgressDecisions,
} from "./sandbox-egress.js";
export {
  type GuestStats,
  getConsole,
  getSandboxStats,
  listProcesses,
  NetworkStats,
  ProcessList,
  SandboxProcess,
  SandboxStats,
  streamProcesses,
  streamSandboxStats,
} from "./sandbox-insights.js";
export { setLifecycle } from "./sandbox-lifecycle.js";
export {
  addPort,
  changePort,
  connectPort,
  linkPort,
  listPorts,
  PortReceive,
  PortSend,
  removePort,
  replacePorts,
} from "./sandbox-ports.js";
export {
  ActivationMode,
  SandboxState,
  StateDetails,
  StopMode,
  StoppedReason,
  Suspended,
  sandboxStates,
} from "./sandbox-state.js";
export {
  CreateSandbox,
  countSandboxes,
  createSandbox,
  deleteSandbox,
  getSandbox,
  listSandboxes,
  Sandbox,
  SourcesRef,
  updateSandbox,
} from "./sandboxes.js";
export {
  deleteSecret,
  getSecret,
  listSecretKeys,
  listSecrets,
  PutSecret,
  peekSecret,
  putSecret,
  Secret,
  SecretValues,
} from "./secrets.js";
export {
  defaultSize,
  grid,
  parseCpu,
  parseMiB,
  Resources,
  roundUp,
  type Size,
  sizeOf,
  type Tier,
  tiers,
} from "./sizes.js";
export {
  type CommitSandbox,
  commitSandbox,
  countSnapshots,
  deleteSnapshot,
  exportSnapshot,
  type ForkSandbox,
  forkSandbox,
  getSnapshot,
  importSnapshot,
  listSnapshots,
  type RollbackSandbox,
  rollbackSandbox,
  Snapshot,
  SnapshotStatus,
  TakeSnapshot,
  takeSnapshot,
  updateSnapshot,
} from "./snapshots.js";
export { getStorage, PrunedItem, PrunedSystem, PruneSystem, pruneSystem, Storage } from "./storage.js";
export {
  disableSandbox,
  enableSandbox,
  ResumeSandbox,
  resumeSandbox,
  StopSandbox,
  stopSandbox,
  stopSandboxAsync,
} from "./suspension.js";
export { backUpServer, Doctor, getDoctor, getHealth, getSizes, getVersion, Health, Sizes, Version } from "./system.js";
export {
  deleteTemplate,
  listTemplates,
  PrunedTemplates,
  pruneTemplates,
  rebuildTemplate,
  Template,
} from "./templates.js";
export {
  attachTerminal,
  StartTerminal,
  streamTerminal,
  TerminalReceive,
  TerminalSend,
  TerminalSize,
} from "./terminals.js";
export { UpstreamRoute, UpstreamRoutes } from "./upstream-routes.js";
export { GroupUsage, getGroupUsage, listUsageRecords, UsageAmounts, UsageRecords, UsageStep } from "./usage.js";
export { Audience, IdentityRef, nameOfSecret, SandboxSecrets, SecretRef, sourceOf, ValueRef } from "./value-refs.js";
export { mountFault, VolumeMount } from "./volume-mounts.js";
export {
  attachVolume,
  CreateVolume,
  createVolume,
  deleteVolume,
  detachVolume,
  ForkVolume,
  forkVolume,
  getVolume,
  listVolumes,
  Volume,
} from "./volumes.js";
export { WhoAmI, whoAmI } from "./whoami.js";
