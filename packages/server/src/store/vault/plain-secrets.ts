/** Secrets of sandboxes that an earlier Alcove wrote in plain: encrypted, and the plain ones overwritten, once. */
import type Database from "better-sqlite3";
import { keepRoom } from "../database.js";
import { placeOfSandboxSecret } from "../secrets.js";
import { all, one } from "../statement.js";
import type { Vault } from "./vault.js";

/** A table that is there for as long as the log may still have pages as they were. */
const mark = "plain_secrets_in_log";

/** Throws where there is no key for them: then they stay. */
export function sealPlainSecrets(database: Database.Database, vault: Vault): void {
  if (hasTable(database, "sandbox_secrets_plain")) seal(database, vault);
  if (!hasTable(database, mark)) return;
  database.pragma("wal_checkpoint(TRUNCATE)");
  keepRoom(database);
  database.exec(`drop table ${mark}`);
}

function seal(database: Database.Database, vault: Vault): void {
  const plain = all<Plain>(database, "select * from sandbox_secrets_plain")();
  const insert = database.prepare("insert into sandbox_secrets (sandbox_id, name, value) values (?, ?, ?)");
  database.transaction(() => {
    for (const { sandbox_id: sandboxId, name, value } of plain)
      insert.run(sandboxId, name, vault.seal(placeOfSandboxSecret(sandboxId, name), value));
    database.exec("drop table sandbox_secrets_plain");
    if (plain.length > 0) database.exec(`create table ${mark} (id integer) strict`);
  })();
}

function hasTable(database: Database.Database, name: string): boolean {
  return one(database, "select 1 from sqlite_schema where name = :name")({ name }) !== undefined;
}

interface Plain {
  readonly sandbox_id: string;
  readonly name: string;
  readonly value: string;
}
