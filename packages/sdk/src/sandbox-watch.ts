/** Sandboxes as they are, and then as they change. */
import type { Sandbox } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { ConnectionError } from "./errors.js";
import { openEvents } from "./events.js";
import type { Scope } from "./scope.js";

export type SandboxChange =
  | { readonly type: "changed"; readonly sandbox: Sandbox }
  /** It is deleted, or has not the labels any more. */
  | { readonly type: "gone"; readonly id: string };

export interface Watched {
  readonly sandboxId?: string | undefined;
  /** Those that there are now; asked for anew whenever changes may have been missed. */
  readonly read: () => AsyncIterable<Sandbox>;
  readonly isWanted: (sandbox: Sandbox) => boolean;
  readonly signal?: AbortSignal | undefined;
}

const maximumAttempts = 8;

/** Until the signal aborts or the iteration is left. What is told may be told again after the connection was lost. */
export async function* watchSandboxes(scope: Scope, watched: Watched): AsyncGenerator<SandboxChange> {
  const known = new Set<string>();
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const change of changes(scope, watched, known)) {
        attempt = 1;
        yield change;
      }
    } catch (error) {
      if (!(error instanceof ConnectionError) || attempt >= maximumAttempts) throw error;
    }
    await backOff(attempt, watched.signal);
  }
}

/** Ends where changes were missed. */
async function* changes(scope: Scope, watched: Watched, known: Set<string>): AsyncGenerator<SandboxChange> {
  const { sandboxId, signal, isWanted } = watched;
  const events = await openEvents(scope, { sandboxId, signal });
  const gone = new Set(known);
  for await (const sandbox of watched.read()) {
    gone.delete(sandbox.id);
    known.add(sandbox.id);
    yield { type: "changed", sandbox };
  }
  for (const id of gone) if (known.delete(id)) yield { type: "gone", id };
  for await (const event of events) {
    if (event.type === "gap") return;
    if (event.type === "sandbox.deleted" && known.delete(event.sandboxId)) yield { type: "gone", id: event.sandboxId };
    if (event.type !== "sandbox.changed") continue;
    const { sandbox } = event;
    if (isWanted(sandbox)) {
      known.add(sandbox.id);
      yield { type: "changed", sandbox };
    } else if (known.delete(sandbox.id)) yield { type: "gone", id: sandbox.id };
  }
}
