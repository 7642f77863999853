/** What sandboxes were given in confidence: read by name, for the exec that asked for it, and for nothing else. Encrypted. */
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";
import type { Vault } from "./vault/vault.js";

export type SecretQueries = ReturnType<typeof secretQueries>;

/** They go with their sandbox. */
export function secretQueries(database: Database.Database, vault: Vault) {
  const insert = write(
    database,
    "insert into sandbox_secrets (sandbox_id, name, value) values (@sandboxId, @name, @value)",
  );
  const names = all<{ name: string }>(
    database,
    "select name from sandbox_secrets where sandbox_id = @sandboxId order by name",
  );
  const find = one<{ value: Buffer }>(
    database,
    "select value from sandbox_secrets where sandbox_id = @sandboxId and name = @name",
  );
  return {
    insert(sandboxId: string, secrets: Readonly<Record<string, string>>): void {
      for (const [name, value] of Object.entries(secrets))
        insert({ sandboxId, name, value: vault.seal(placeOfSandboxSecret(sandboxId, name), value) });
    },
    names: (sandboxId: string): string[] => names({ sandboxId }).map(({ name }) => name),
    find(sandboxId: string, name: string): string | undefined {
      const row = find({ sandboxId, name });
      return row && vault.open(placeOfSandboxSecret(sandboxId, name), row.value);
    },
  };
}

export function placeOfSandboxSecret(sandboxId: string, name: string): readonly string[] {
  return ["sandbox", sandboxId, name];
}
