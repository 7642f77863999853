/** Every endpoint, by id: what the routes, OpenAPI, `alcove api` and the tests walk over. */

import * as audit from "./audit.js";
import * as egressPolicies from "./egress-policies.js";
import * as egressTrials from "./egress-trials.js";
import type { Endpoint } from "./endpoint.js";
import * as events from "./events.js";
import * as execs from "./execs.js";
import * as fileEvents from "./file-events.js";
import * as files from "./files.js";
import * as groupEgress from "./group-egress.js";
import * as groups from "./groups.js";
import * as identity from "./identity.js";
import * as images from "./images.js";
import * as issuer from "./issuer.js";
import * as keys from "./keys.js";
import * as logs from "./logs.js";
import * as pools from "./pools.js";
import * as roleAssignments from "./role-assignments.js";
import * as sandboxBatches from "./sandbox-batches.js";
import * as sandboxEgress from "./sandbox-egress.js";
import * as sandboxInsights from "./sandbox-insights.js";
import * as sandboxLifecycle from "./sandbox-lifecycle.js";
import * as sandboxPorts from "./sandbox-ports.js";
import * as sandboxes from "./sandboxes.js";
import * as secrets from "./secrets.js";
import * as snapshots from "./snapshots.js";
import * as storage from "./storage.js";
import * as suspension from "./suspension.js";
import * as system from "./system.js";
import * as templates from "./templates.js";
import * as terminals from "./terminals.js";
import * as usage from "./usage.js";
import * as volumes from "./volumes.js";
import * as whoami from "./whoami.js";

export const endpoints: readonly Endpoint[] = [
  system.getHealth,
  system.getVersion,
  system.getDoctor,
  system.backUpServer,
  storage.getStorage,
  storage.pruneSystem,
  templates.listTemplates,
  templates.pruneTemplates,
  templates.rebuildTemplate,
  templates.deleteTemplate,
  system.getSizes,
  groups.createGroup,
  groups.listGroups,
  groups.getGroup,
  groups.updateGroup,
  groups.setGroupQuota,
  groups.setSnapshotRetention,
  groups.deleteGroup,
  groupEgress.getGroupEgress,
  groupEgress.setGroupEgress,
  identity.getGroupIdentity,
  identity.setGroupIdentity,
  identity.issueGroupToken,
  issuer.rotateIssuerKeys,
  issuer.getOpenidConfiguration,
  issuer.getKeySet,
  egressTrials.testEgress,
  egressPolicies.listEgressPolicies,
  egressPolicies.getEgressPolicy,
  egressPolicies.putEgressPolicy,
  egressPolicies.deleteEgressPolicy,
  secrets.listSecrets,
  secrets.getSecret,
  secrets.listSecretKeys,
  secrets.putSecret,
  secrets.peekSecret,
  secrets.deleteSecret,
  usage.getGroupUsage,
  usage.listUsageRecords,
  sandboxes.createSandbox,
  sandboxBatches.createSandboxes,
  sandboxes.listSandboxes,
  sandboxes.countSandboxes,
  sandboxes.getSandbox,
  sandboxes.updateSandbox,
  sandboxLifecycle.setLifecycle,
  sandboxEgress.setEgressPolicy,
  sandboxEgress.setEgressPolicyId,
  sandboxEgress.getEgressDecisions,
  sandboxEgress.streamEgressDecisions,
  egressTrials.testSandboxEgress,
  sandboxes.deleteSandbox,
  suspension.stopSandbox,
  suspension.stopSandboxAsync,
  suspension.disableSandbox,
  suspension.enableSandbox,
  suspension.resumeSandbox,
  sandboxInsights.getSandboxStats,
  sandboxInsights.streamSandboxStats,
  sandboxInsights.listProcesses,
  sandboxInsights.streamProcesses,
  sandboxInsights.getConsole,
  snapshots.takeSnapshot,
  snapshots.forkSandbox,
  snapshots.rollbackSandbox,
  snapshots.commitSandbox,
  snapshots.listSnapshots,
  snapshots.countSnapshots,
  snapshots.getSnapshot,
  snapshots.updateSnapshot,
  snapshots.exportSnapshot,
  snapshots.importSnapshot,
  snapshots.deleteSnapshot,
  execs.executeCommand,
  execs.executeShellCommand,
  execs.streamExec,
  execs.startExec,
  execs.listExecs,
  execs.getExec,
  execs.attachExec,
  execs.writeStdin,
  execs.signalExec,
  execs.deleteExec,
  terminals.streamTerminal,
  terminals.attachTerminal,
  logs.streamLogs,
  sandboxPorts.listPorts,
  sandboxPorts.addPort,
  sandboxPorts.removePort,
  sandboxPorts.replacePorts,
  sandboxPorts.changePort,
  sandboxPorts.linkPort,
  sandboxPorts.connectPort,
  files.readFile,
  files.writeFile,
  files.deleteFile,
  files.statFile,
  files.listFiles,
  fileEvents.watchFiles,
  files.makeDirectory,
  files.makeSymlink,
  files.moveFile,
  files.readArchive,
  files.writeArchive,
  images.listPublicImages,
  images.pruneImages,
  images.listImages,
  images.createImage,
  images.getImage,
  images.deleteImage,
  images.writeImageContent,
  images.prepareImage,
  pools.listPools,
  pools.getPool,
  pools.putPool,
  pools.deletePool,
  events.streamEvents,
  whoami.whoAmI,
  keys.createKey,
  keys.listKeys,
  keys.revokeKey,
  keys.createGroupKey,
  keys.listGroupKeys,
  keys.revokeGroupKey,
  roleAssignments.listRoleAssignments,
  roleAssignments.getRoleAssignment,
  roleAssignments.putRoleAssignment,
  roleAssignments.deleteRoleAssignment,
  audit.listAudit,
  audit.listGroupAudit,
  volumes.createVolume,
  volumes.listVolumes,
  volumes.getVolume,
  volumes.forkVolume,
  volumes.deleteVolume,
  volumes.attachVolume,
  volumes.detachVolume,
];
