/**
 * Everything that can be done, by noun: what the HTTP API, and later every other face, is a translation of.
 * Each call takes a signal; errors are AlcoveErrors with the contract's codes.
 */
import type { AccessControl, AuditControl, KeyControl, RoleAssignmentControl } from "./access/access-control.js";
import type { EgressControl } from "./egress/egress-control.js";
import type { ExecControl } from "./execs/exec-control.js";
import type { FileControl } from "./files/file-control.js";
import type { GroupControl, UsageControl } from "./groups/group-control.js";
import type { IdentityControl } from "./identity/identity-control.js";
import type { ImageControl } from "./images/image-control.js";
import type { MetricsControl } from "./metrics/metrics.js";
import type { PoolControl } from "./pools/pool-control.js";
import type { PortControl } from "./ports/port-control.js";
import type { SandboxControl } from "./sandboxes/sandbox-control.js";
import type { SecretControl } from "./secrets/secret-control.js";
import type { SnapshotControl } from "./snapshots/snapshot-control.js";
import type { EventControl, SystemControl } from "./system/system-control.js";
import type { TemplateControl } from "./templates/template-control.js";
import type { TerminalControl } from "./terminals/terminal-control.js";
import type { VolumeControl } from "./volumes/volume-control.js";

export interface Control {
  readonly groups: GroupControl;
  readonly usage: UsageControl;
  readonly sandboxes: SandboxControl;
  readonly snapshots: SnapshotControl;
  readonly execs: ExecControl;
  readonly terminals: TerminalControl;
  readonly files: FileControl;
  readonly egress: EgressControl;
  readonly secrets: SecretControl;
  readonly identity: IdentityControl;
  readonly images: ImageControl;
  readonly events: EventControl;
  readonly system: SystemControl;
  readonly access: AccessControl;
  readonly keys: KeyControl;
  readonly roleAssignments: RoleAssignmentControl;
  readonly ports: PortControl;
  readonly pools: PoolControl;
  readonly templates: TemplateControl;
  readonly volumes: VolumeControl;
  readonly audit: AuditControl;
  readonly metrics: MetricsControl;
}
