/**
 * The schema, as the steps that led to it. To change it: add a file with the next number to migrations/ and name it here;
 * those that were released are never edited.
 */
import { AlcoveError } from "@alcove/contract";
import type Database from "better-sqlite3";
import { sandboxesMigration } from "./migrations/1-sandboxes.js";
import { accessMigration } from "./migrations/2-access.js";
import { groupsMigration } from "./migrations/3-groups.js";
import { imagesMigration } from "./migrations/4-images.js";
import { secretsMigration } from "./migrations/5-secrets.js";
import { groupEventsMigration } from "./migrations/6-group-events.js";
import { poolsMigration } from "./migrations/7-pools.js";
import { lifecycleMigration } from "./migrations/8-lifecycle.js";
import { snapshotsMigration } from "./migrations/9-snapshots.js";
import { suspensionMigration } from "./migrations/10-suspension.js";
import { snapshotFromMigration } from "./migrations/11-snapshot-from.js";
import { snapshotRetentionMigration } from "./migrations/12-snapshot-retention.js";
import { egressMigration } from "./migrations/13-egress.js";
import { vaultMigration } from "./migrations/14-vault.js";
import { identityMigration } from "./migrations/15-identity.js";
import { upstreamRoutesMigration } from "./migrations/16-upstream-routes.js";
import { volumesMigration } from "./migrations/17-volumes.js";
import { portsMigration } from "./migrations/18-ports.js";
import { snapshotVolumesMigration } from "./migrations/19-snapshot-volumes.js";

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

export const migrations: readonly Migration[] = [
  sandboxesMigration,
  accessMigration,
  groupsMigration,
  imagesMigration,
  secretsMigration,
  groupEventsMigration,
  poolsMigration,
  lifecycleMigration,
  snapshotsMigration,
  suspensionMigration,
  snapshotFromMigration,
  snapshotRetentionMigration,
  egressMigration,
  vaultMigration,
  identityMigration,
  upstreamRoutesMigration,
  volumesMigration,
  portsMigration,
  snapshotVolumesMigration,
];

/** Brings the schema up to date, each migration whole or not at all. A schema of a newer Alcove is refused. */
export function migrate(database: Database.Database, steps: readonly Migration[] = migrations): void {
  const present = schemaOf(database);
  checkSchema(present, steps);
  for (const step of steps.filter(({ number }) => number > present)) {
    database.transaction(() => {
      database.exec(step.sql);
      database.pragma(`user_version = ${step.number}`);
    })();
  }
}

/** The schema that a database with something in it has and is to leave; undefined where nothing changes. */
export function needsMigration(
  database: Database.Database,
  steps: readonly Migration[] = migrations,
): number | undefined {
  const present = schemaOf(database);
  return present > 0 && steps.some(({ number }) => number > present) ? present : undefined;
}

/** Throws where the schema is of a newer Alcove. */
export function checkSchema(present: number, steps: readonly Migration[] = migrations): void {
  const newest = steps.at(-1)?.number ?? 0;
  if (present > newest) throw tooNew(present, newest);
}

function schemaOf(database: Database.Database): number {
  return Number(database.pragma("user_version", { simple: true }));
}

function tooNew(present: number, newest: number): AlcoveError {
  return new AlcoveError(
    "InternalError",
    `The database has schema ${present}; this Alcove knows schemas up to ${newest}.`,
    {
      hint: "Start the newer Alcove that wrote it, put back the copy that it made before it changed the schema (docs/service.md), or use another data directory.",
    },
  );
}
