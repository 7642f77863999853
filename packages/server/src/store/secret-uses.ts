/**
 * Which of its group's secrets a sandbox was given, under which variable: references, never values. A snapshot has those of its sandbox. Where
 * programs get a placeholder it is there too, and so are those of its line that are only in its memory.
 */

import type Database from "better-sqlite3";
import type { Parameters } from "./statement.js";
import { all, write } from "./statement.js";

export interface SecretUse {
  readonly name: string;
  readonly secretId: string;
  readonly secretKey: string | undefined;
  readonly delivery: "Placeholder" | "Value";
  /** Empty where the value itself is delivered. */
  readonly placeholder: string;
  /** 0: of its own, and in the environment of what starts from now on. Else it came with the memory of so many copies ago. */
  readonly age: number;
}

export type SecretUseQueries = ReturnType<typeof secretUseQueries>;

/** They go with their sandbox or snapshot. */
export function secretUseQueries(database: Database.Database) {
  const of = all<Row>(database, "select * from secret_uses where owner = @owner order by name, placeholder");
  const put = write(
    database,
    `insert or replace into secret_uses (owner, group_name, name, secret_id, secret_key, delivery, placeholder, age)
     values (@owner, @group, @name, @secretId, @secretKey, @delivery, @placeholder, @age)`,
  );
  return {
    /** By name. */
    of: (owner: string): SecretUse[] => of({ owner }).map(toUse),
    put(owner: string, group: string, uses: readonly SecretUse[]): void {
      for (const use of uses) put({ owner, group, ...toRow(use) });
    },
  };
}

interface Row {
  readonly name: string;
  readonly secret_id: string;
  readonly secret_key: string | null;
  readonly delivery: SecretUse["delivery"];
  readonly placeholder: string;
  readonly age: number;
}

function toRow({ secretKey = undefined, ...use }: SecretUse): Parameters {
  return { ...use, secretKey: secretKey ?? null };
}

function toUse({ name, secret_id: secretId, secret_key: secretKey, delivery, placeholder, age }: Row): SecretUse {
  return { name, secretId, secretKey: secretKey ?? undefined, delivery, placeholder, age };
}
