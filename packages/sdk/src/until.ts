/** Waits until something of a group has become as wanted: by its events, and by looking again where they do not come. */
import { AlcoveError, type AlcoveEvent } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { ConnectionError } from "./errors.js";
import { openEvents } from "./events.js";
import type { Scope } from "./scope.js";

export interface Wish<Value> {
  readonly scope: Scope;
  /** How it is now. */
  readonly read: (signal: AbortSignal) => Promise<Value>;
  /** How it is by an event; undefined where the event is about something else. */
  readonly pick: (event: AlcoveEvent) => Value | undefined;
  /** Whether it is as wanted. Throws when it cannot come to be so any more. */
  readonly isFulfilled: (value: Value) => boolean;
  readonly signal: AbortSignal;
}

/** So often it is looked at when no event comes: a proxy may hold events back, a key may not be allowed to see them. */
const lookAgainMs = 5_000;
/** So often in a row the server may be out of reach. */
const maximumFailures = 8;

/** Fulfils with the first value that is as wanted; rejects with the signal's reason when that is aborted before. */
export async function until<Value>(wish: Wish<Value>): Promise<Value> {
  const { signal } = wish;
  for (let failures = 0, shortTurns = 0; ; ) {
    signal.throwIfAborted();
    const begunAt = performance.now();
    try {
      const value = await watch(wish);
      if (value !== undefined) return value.fulfilled;
      failures = 0;
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      if (!(error instanceof ConnectionError && error.isPassing) || failures === maximumFailures) throw error;
    }
    shortTurns = performance.now() - begunAt < lookAgainMs / 2 ? shortTurns + 1 : 0;
    if (shortTurns > 0) await backOff(shortTurns, signal);
  }
}

/** One turn: undefined when it is time to look again. */
async function watch<Value>({ scope, read, pick, isFulfilled, signal }: Wish<Value>) {
  const watching = new AbortController();
  const turn = AbortSignal.any([watching.signal, signal]);
  const timer = setTimeout(() => watching.abort(), lookAgainMs);
  try {
    // Before the reading, so that nothing happens between the two unseen.
    const events = await openEvents(scope, { signal: turn }).catch(withoutEvents);
    const value = await read(turn);
    if (isFulfilled(value)) return { fulfilled: value };
    for await (const event of events) {
      if (event.type === "gap") return undefined;
      const told = pick(event);
      if (told !== undefined && isFulfilled(told)) return { fulfilled: told };
    }
    return undefined;
  } catch (error) {
    if (watching.signal.aborted && !signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    watching.abort();
  }
}

/** A server that refuses the events is asked again and again instead. */
function withoutEvents(error: unknown): readonly AlcoveEvent[] {
  if (error instanceof AlcoveError && error.status !== 401 && error.status !== 404) return [];
  throw error;
}
