/** What the daemon remembers: one object per noun over one database, and transactions across them. */
import type Database from "better-sqlite3";
import { type AuditQueries, auditQueries } from "./audit.js";
import { copyDatabase, type DatabaseCopy } from "./backup/copy.js";
import { openDatabase } from "./database.js";
import { type EgressAuthorityFiles, egressAuthorityFiles } from "./egress-authorities.js";
import { type EgressNameQueries, egressNameQueries } from "./egress-names.js";
import { type EgressPolicyQueries, egressPolicyQueries } from "./egress-policies.js";
import { type EventQueries, eventQueries } from "./events.js";
import { type ExecQueries, execQueries } from "./execs.js";
import { translated } from "./failures.js";
import { type GroupQueries, groupQueries } from "./groups.js";
import { type ImageUserQueries, imageUserQueries } from "./image-users.js";
import { type ImageQueries, imageQueries } from "./images.js";
import { type JournalQueries, journalQueries } from "./journal.js";
import { type KeyQueries, keyQueries } from "./keys.js";
import { type PoolQueries, poolQueries } from "./pools.js";
import { type RoleAssignmentQueries, roleAssignmentQueries } from "./role-assignments.js";
import { type SandboxQueries, sandboxQueries } from "./sandboxes.js";
import { type SecretQueries, secretQueries } from "./secrets.js";
import { type SnapshotQueries, snapshotQueries } from "./snapshots.js";
import { type UsageQueries, usageQueries } from "./usage.js";

export interface Store {
  readonly groups: GroupQueries;
  readonly sandboxes: SandboxQueries;
  readonly secrets: SecretQueries;
  readonly execs: ExecQueries;
  readonly journal: JournalQueries;
  readonly events: EventQueries;
  readonly keys: KeyQueries;
  readonly audit: AuditQueries;
  readonly roleAssignments: RoleAssignmentQueries;
  readonly usage: UsageQueries;
  readonly images: ImageQueries;
  readonly imageUsers: ImageUserQueries;
  readonly pools: PoolQueries;
  readonly snapshots: SnapshotQueries;
  readonly egressNames: EgressNameQueries;
  readonly egressPolicies: EgressPolicyQueries;
  readonly egressAuthorities: EgressAuthorityFiles;
  /** Everything the work writes is durable when this answers, or none of it is there when it throws. */
  transaction<T>(work: () => T): T;
  /**
   * The same for what is of no use once the host is down: it outlives the daemon, however that ends, but is not synced to the disk.
   * Not within another transaction.
   */
  unsyncedTransaction<T>(work: () => T): T;
  /** A consistent copy of everything, while work goes on. Its handle is the caller's to close. */
  copy(): Promise<DatabaseCopy>;
  close(): void;
}

export function openStore(directory: string): Store {
  const database = openDatabase(directory);
  return {
    groups: groupQueries(database),
    sandboxes: sandboxQueries(database),
    secrets: secretQueries(database),
    execs: execQueries(database),
    journal: journalQueries(database),
    events: eventQueries(database),
    keys: keyQueries(database),
    audit: auditQueries(database),
    roleAssignments: roleAssignmentQueries(database),
    usage: usageQueries(database),
    images: imageQueries(database),
    imageUsers: imageUserQueries(database),
    pools: poolQueries(database),
    snapshots: snapshotQueries(database),
    egressNames: egressNameQueries(database),
    egressPolicies: egressPolicyQueries(database),
    egressAuthorities: egressAuthorityFiles(directory),
    transaction: (work) => transact(database, work),
    unsyncedTransaction: (work) => transactUnsynced(database, work),
    copy: () => copyDatabase(database, directory),
    close: () => database.close(),
  };
}

/** In write-ahead mode SQLite then leaves the syncing to the next commit that asks for it. */
function transactUnsynced<T>(database: Database.Database, work: () => T): T {
  database.pragma("synchronous = NORMAL");
  try {
    return transact(database, work);
  } finally {
    database.pragma("synchronous = FULL");
  }
}

function transact<T>(database: Database.Database, work: () => T): T {
  return translated(() => database.transaction(work).immediate());
}
