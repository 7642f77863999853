/**
 * A group, as a program sees it: one member for each noun that lives in groups.
 *
 * To add a noun of a group: 1. `src/<noun>.ts`: a class that is given a `Scope`, one method for each endpoint of the
 * contract, each a `call`  2. a member of it here  3. its public types in index.ts and browser.ts  4. an example in docs/,
 * which a test runs. What belongs to the whole server goes the same way into `alcove.ts`, what belongs to one sandbox into
 * `sandbox-handle.ts`.
 */
import {
  type AlcoveEvent,
  type AuditRecord,
  type GroupUsage,
  getGroupUsage,
  listUsageRecords,
  type UsageRecords,
  type UsageStep,
} from "@alcove/contract";
import { type AuditOptions, groupAudit } from "./audit.js";
import { call } from "./call.js";
import { EgressPolicies } from "./egress-policies.js";
import { type EventOptions, followEvents } from "./events.js";
import type { Abortable } from "./files.js";
import { Identity } from "./identity.js";
import { Images } from "./images.js";
import { GroupKeys } from "./keys.js";
import type { Paginated } from "./paginated.js";
import { Pools } from "./pools.js";
import { RoleAssignments } from "./role-assignments.js";
import { Sandboxes } from "./sandboxes.js";
import type { Scope } from "./scope.js";
import { Secrets } from "./secrets.js";
import { Snapshots } from "./snapshots.js";
import { Volumes } from "./volumes.js";

export interface UsageOptions extends Abortable {
  /** Default: 24 hours before `to`. */
  readonly from?: Date | string | undefined;
  /** Default: now. */
  readonly to?: Date | string | undefined;
  /** Tell the values of this label apart. */
  readonly label?: string | undefined;
  /** A record for each hour, each day, or one for all; default hour. */
  readonly per?: UsageStep | undefined;
}

export class Group {
  readonly name: string;
  readonly sandboxes: Sandboxes;
  readonly images: Images;
  readonly snapshots: Snapshots;
  readonly keys: GroupKeys;
  readonly roleAssignments: RoleAssignments;
  readonly pools: Pools;
  readonly egressPolicies: EgressPolicies;
  /** What the group is to the outside. */
  readonly identity: Identity;
  readonly secrets: Secrets;
  readonly volumes: Volumes;
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.name = scope.params.group;
    this.#scope = scope;
    this.sandboxes = new Sandboxes(scope);
    this.images = new Images(scope);
    this.snapshots = new Snapshots(scope);
    this.keys = new GroupKeys(scope);
    this.roleAssignments = new RoleAssignments(scope);
    this.pools = new Pools(scope);
    this.egressPolicies = new EgressPolicies(scope);
    this.identity = new Identity(scope);
    this.secrets = new Secrets(scope);
    this.volumes = new Volumes(scope);
  }

  /** What changes in the group from now on, or behind a sequence number, until the signal aborts. */
  events(options: EventOptions = {}): AsyncIterable<AlcoveEvent> {
    return followEvents(this.#scope, options);
  }

  /** Who changed what in the group, and who was turned away, newest first. */
  audit(options: AuditOptions = {}): Paginated<AuditRecord> {
    return groupAudit(this.#scope, options);
  }

  /** What is used now, the quota, and what was used this month. */
  usage({ signal }: Abortable = {}): Promise<GroupUsage> {
    const { transport, params } = this.#scope;
    return call(transport, getGroupUsage, { params, signal });
  }

  /** What was used, by time and by a label's values: core-seconds, GiB-seconds of memory and of disk. */
  usageRecords({ signal, from, to, ...query }: UsageOptions = {}): Promise<UsageRecords> {
    const { transport, params } = this.#scope;
    const time = (at: Date | string | undefined) => (at instanceof Date ? at.toISOString() : at);
    return call(transport, listUsageRecords, { params, query: { ...query, from: time(from), to: time(to) }, signal });
  }
}
