/**
 * HTTP/2 sessions that reset streams between reads. Node sends a reset at once, also while its library reads what has come: then the library
 * goes on with a stream that it has freed, and any peer can have that happen (https://github.com/nodejs/node/issues/64113, mended in no Node 20;
 * of the same making is https://github.com/nodejs/node/issues/64850). Sessions of the server are made here alone.
 */
import http2, {
  type ClientHttp2Session,
  type ClientSessionOptions,
  type Http2Session,
  type Http2Stream,
  type ServerHttp2Session,
  type ServerOptions,
} from "node:http2";
import type { Duplex } from "node:stream";

/** The client's side, on a socket that is connected. */
export function connectHttp2(authority: string, socket: Duplex, options: ClientSessionOptions): ClientHttp2Session {
  const session = http2.connect(authority, { ...options, createConnection: () => socket });
  const reads = guardSession(session);
  const request = session.request.bind(session);
  session.request = (...asked) => {
    const stream = request(...asked);
    guardStream(stream, reads);
    return stream;
  };
  return session;
}

/** The server's side. */
export function serveHttp2(socket: Duplex, options: ServerOptions): ServerHttp2Session {
  const session = http2.performServerHandshake(socket, options);
  const reads = guardSession(session);
  session.prependListener("stream", (stream) => guardStream(stream, reads));
  const close = session.close.bind(session);
  // A stream that comes once it is closing would be refused while it is read.
  session.close = (callback) => reads.after(() => close(callback));
  return session;
}

/** Acts in a turn of the event loop in which the session's library does not read. */
export function betweenReads(session: Http2Session, act: () => void): void {
  const reads = known.get(session);
  if (reads === undefined) setImmediate(act);
  else reads.after(act);
}

const known = new WeakMap<Http2Session, Reads>();

/** Runs what must not happen while the library reads, at once if it surely does not, else in the event loop's next turn. */
class Reads {
  /** Whatever still comes is nobody's. */
  isOver = false;
  #isBetween = false;

  after(act: () => void): void {
    if (this.#isBetween) act();
    else setImmediate(() => this.between(act));
  }

  between(act: () => void): void {
    this.begin();
    try {
      act();
    } finally {
      this.end();
    }
  }

  begin(): void {
    this.#isBetween = true;
  }

  end(): void {
    this.#isBetween = false;
  }
}

function guardSession(session: Http2Session): Reads {
  const reads = new Reads();
  known.set(session, reads);
  const destroy = session.destroy.bind(session);
  session.destroy = (error, code) => {
    reads.isOver = true;
    reads.after(() => destroy(error, code));
  };
  // The session's own listener closes all streams and, in the same moment, what they would be closed by. No socket closes during a read.
  session.socket.prependListener("close", () => reads.begin());
  session.socket.on("close", () => reads.end());
  return reads;
}

function guardStream(stream: Http2Stream, reads: Reads): void {
  const { close, destroy, push } = stream;
  let due: { readonly error: Error | undefined } | undefined;
  stream.close = (...how) => reads.after(() => close.apply(stream, how));
  stream.destroy = (error) => {
    if (stream.closed || stream.destroyed) return destroy.call(stream, error ?? due?.error);
    due ??= { error };
    reads.after(() => {
      const { error: first } = due ?? {};
      due = undefined;
      destroy.call(stream, first);
    });
    return stream;
  };
  // Nobody reads on what was given up.
  stream.push = (...chunk) => due === undefined && !reads.isOver && push.apply(stream, chunk);
}
