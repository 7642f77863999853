/** What changes, as it changes. */
import { type AlcoveEvent, streamEvents } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import { ConnectionError } from "./errors.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";

export interface EventOptions extends Abortable {
  /** Begin behind this sequence number; default: with what happens from now on. */
  readonly after?: number | undefined;
  /** Only what is about this sandbox. */
  readonly sandboxId?: string | undefined;
}

const maximumAttempts = 8;

/** Events until the signal aborts or the iteration is left. A broken stream is opened again behind the last event. */
export async function* followEvents(scope: Scope, { after, ...options }: EventOptions): AsyncGenerator<AlcoveEvent> {
  let last = after;
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const event of await openEvents(scope, { after: last, ...options })) {
        last = event.sequence;
        attempt = 1;
        yield event;
      }
    } catch (error) {
      if (!(error instanceof ConnectionError) || attempt >= maximumAttempts) throw error;
    }
    await backOff(attempt, options.signal);
  }
}

/** One stream of events; fulfils when the daemon has begun it. */
export async function openEvents(
  { transport, params }: Scope,
  { signal, ...query }: EventOptions,
): Promise<AsyncGenerator<AlcoveEvent>> {
  const response = await call(transport, streamEvents, { params, query, signal });
  return parsed(new ByteStream(response.body));
}

async function* parsed(stream: ByteStream): AsyncGenerator<AlcoveEvent> {
  for await (const line of stream.lines()) if (line !== "") yield JSON.parse(line) as AlcoveEvent;
}
