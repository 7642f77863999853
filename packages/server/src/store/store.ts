/** What the daemon remembers: one object per noun over one database, and transactions across them. */
import type Database from "better-sqlite3";
import { openDatabase } from "./database.js";
import { type EventQueries, eventQueries } from "./events.js";
import { type ExecQueries, execQueries } from "./execs.js";
import { translated } from "./failures.js";
import { type JournalQueries, journalQueries } from "./journal.js";
import { type SandboxQueries, sandboxQueries } from "./sandboxes.js";

export interface Store {
  readonly sandboxes: SandboxQueries;
  readonly execs: ExecQueries;
  readonly journal: JournalQueries;
  readonly events: EventQueries;
  /** Everything the work writes is durable when this answers, or none of it is there when it throws. */
  transaction<T>(work: () => T): T;
  close(): void;
}

export function openStore(directory: string): Store {
  const database = openDatabase(directory);
  return {
    sandboxes: sandboxQueries(database),
    execs: execQueries(database),
    journal: journalQueries(database),
    events: eventQueries(database),
    transaction: (work) => transact(database, work),
    close: () => database.close(),
  };
}

function transact<T>(database: Database.Database, work: () => T): T {
  return translated(() => database.transaction(work).immediate());
}
