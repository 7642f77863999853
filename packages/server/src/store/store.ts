/** What the daemon remembers: one object per noun over one database, and transactions across them. */
import { join } from "node:path";
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
import { type GroupIdentityQueries, groupIdentityQueries } from "./group-identities.js";
import { type GroupSecretQueries, groupSecretQueries } from "./group-secrets.js";
import { type GroupQueries, groupQueries } from "./groups.js";
import { type ImageUserQueries, imageUserQueries } from "./image-users.js";
import { type ImageQueries, imageQueries } from "./images.js";
import { type IssuerKeyFiles, issuerKeyFiles } from "./issuer-keys.js";
import { type JournalQueries, journalQueries } from "./journal.js";
import { type KeyQueries, keyQueries } from "./keys.js";
import { type PoolQueries, poolQueries } from "./pools.js";
import { type RoleAssignmentQueries, roleAssignmentQueries } from "./role-assignments.js";
import { type SandboxPortQueries, sandboxPortQueries } from "./sandbox-ports.js";
import { type SandboxQueries, sandboxQueries } from "./sandboxes.js";
import { type SecretUseQueries, secretUseQueries } from "./secret-uses.js";
import { type SecretQueries, secretQueries } from "./secrets.js";
import { type SnapshotQueries, snapshotQueries } from "./snapshots.js";
import { one } from "./statement.js";
import { type UsageQueries, usageQueries } from "./usage.js";
import { MasterKey } from "./vault/master-key.js";
import { sealPlainSecrets } from "./vault/plain-secrets.js";
import { createVault, type Vault } from "./vault/vault.js";
import { type VolumeQueries, volumeQueries } from "./volumes.js";

export interface Store {
  readonly groups: GroupQueries;
  readonly sandboxes: SandboxQueries;
  readonly sandboxPorts: SandboxPortQueries;
  readonly secrets: SecretQueries;
  readonly groupSecrets: GroupSecretQueries;
  readonly secretUses: SecretUseQueries;
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
  readonly groupIdentities: GroupIdentityQueries;
  readonly issuerKeys: IssuerKeyFiles;
  readonly volumes: VolumeQueries;
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

export interface StoreOptions {
  /** What secrets are encrypted with; default `secrets/master.key` in the data directory. */
  readonly secretsKeyFile?: string;
}

export function openStore(directory: string, { secretsKeyFile }: StoreOptions = {}): Store {
  const database = openDatabase(directory);
  const vault = openVault(database, secretsKeyFile ?? join(directory, "secrets", "master.key"));
  return {
    groups: groupQueries(database),
    sandboxes: sandboxQueries(database),
    sandboxPorts: sandboxPortQueries(database),
    secrets: secretQueries(database, vault),
    groupSecrets: groupSecretQueries(database, vault),
    secretUses: secretUseQueries(database),
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
    groupIdentities: groupIdentityQueries(database),
    issuerKeys: issuerKeyFiles(directory),
    volumes: volumeQueries(database),
    transaction: (work) => transact(database, work),
    unsyncedTransaction: (work) => transactUnsynced(database, work),
    copy: () => copyDatabase(database, directory),
    close: () => database.close(),
  };
}

function openVault(database: Database.Database, keyFile: string): Vault {
  try {
    const sealed = one(database, "select 1 from sandbox_secrets union all select 1 from group_secret_values limit 1");
    const vault = createVault(new MasterKey(keyFile, () => sealed() !== undefined));
    sealPlainSecrets(database, vault);
    return vault;
  } catch (error) {
    database.close();
    throw error;
  }
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
