/** What goes wrong with a guest, as errors. */
import { AlcoveError } from "@alcove/contract";

/** The channel's session is over; what was under way on it may be tried again on the next one. */
export class ChannelLost extends Error {
  override readonly name = "ChannelLost";
}

/** The guest broke the protocol: said something that an agent never says. */
export class ProtocolBreak extends Error {
  override readonly name = "ProtocolBreak";
}

/** The agent gave one call up without an answer; the session goes on. */
export class CallDropped extends Error {
  override readonly name = "CallDropped";
}

/** Our own bound on what one sandbox may have under way. */
export class TooManyCalls extends Error {
  override readonly name = "TooManyCalls";
}

/** The error that callers see; errors that are for them already, and reasons of an abort, stay what they are. */
export function callerError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted && error === signal.reason) return error;
  if (error instanceof AlcoveError) return error;
  if (error instanceof TooManyCalls) return new AlcoveError("TooManyRequests", `${error.message}.`, { cause: error });
  if (!(error instanceof Error)) return error;
  return new AlcoveError("GuestUnresponsive", `The sandbox's agent does not answer as it should: ${error.message}.`, {
    cause: error,
  });
}
