/** Following something over WebSockets: when one breaks, or the daemon restarts, the next goes on where it was. */
import { AlcoveError } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { maximumRetryAfterMs } from "./call.js";
import { ConnectionError } from "./errors.js";
import type { TransportSocket } from "./transport.js";

export interface Followed<End> {
  /** Starts it; left out where it is there already. */
  readonly openStarted?: (() => Promise<TransportSocket>) | undefined;
  /** From the offset that was reached. */
  readonly openAttached: () => Promise<TransportSocket>;
  /** Reads until the end. */
  readonly receive: (socket: TransportSocket) => Promise<End>;
  /** Whether it was heard that it runs. */
  readonly isStarted: () => boolean;
  readonly signal: AbortSignal;
  readonly onBroken?: (() => void) | undefined;
}

/** For so long a broken stream is mended before the follower gives up. */
const mendingMs = 60_000;
/** A stream that could never be opened is given up as soon as any call. */
const firstAttempts = 4;

export async function followMended<End>(followed: Followed<End>): Promise<End> {
  const { openStarted, openAttached, receive, isStarted, signal, onBroken } = followed;
  let open = openStarted ?? openAttached;
  let brokenSince: number | undefined;
  let askedMs: number | undefined;
  let wasOpen = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const socket = await open();
      wasOpen = true;
      if (brokenSince !== undefined) [brokenSince, attempt] = [undefined, 1];
      return await receive(socket);
    } catch (error) {
      signal.throwIfAborted();
      askedMs = error instanceof AlcoveError ? error.retryAfterMs : undefined;
      const isUnknown = error instanceof AlcoveError && error.code === "ExecNotFound" && !isStarted();
      if (!isUnknown && !isMendable(error)) throw error;
      if (wasOpen && brokenSince === undefined) onBroken?.();
      brokenSince ??= Date.now();
      if (wasOpen ? Date.now() - brokenSince > mendingMs : attempt === firstAttempts) throw error;
      open = isUnknown ? (openStarted ?? openAttached) : openAttached;
    }
    await backOff(attempt, signal, askedMs);
  }
}

function isMendable(error: unknown): boolean {
  if (error instanceof ConnectionError) return error.isPassing;
  if (!(error instanceof AlcoveError) || (error.retryAfterMs ?? 0) > maximumRetryAfterMs) return false;
  return error.code === "DaemonStopping" || error.code === "TooManyRequests";
}
