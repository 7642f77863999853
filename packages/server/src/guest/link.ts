/**
 * Keeps one direction of the channel connected: a session after the other, with a pause that grows while they fail, and a long
 * one for a guest that breaks the protocol again and again.
 */
import { Backoff, waitFor } from "../lib/backoff.js";
import { ProtocolBreak } from "./fault.js";
import { Strikes } from "./strikes.js";

export interface Session {
  /** Fulfils with what ended it. */
  readonly ended: Promise<Error>;
  readonly isOver: boolean;
  end(fault: Error): void;
}

export class Link<S extends Session> {
  readonly #connect: (signal: AbortSignal) => Promise<S>;
  readonly #stop = new AbortController();
  readonly #strikes = new Strikes();
  #session: S | undefined;
  #waiters = new Set<Waiter<S>>();
  #running: Promise<void> | undefined;

  constructor(connect: (signal: AbortSignal) => Promise<S>) {
    this.#connect = connect;
  }

  /** Connects for the first time, and answers or fails with that; from then on it keeps connected by itself. */
  async open(signal: AbortSignal): Promise<void> {
    const session = await this.#connect(signal);
    this.#running = this.#keep(session);
  }

  /** Keeps connected without waiting for the first time. */
  openLater(): void {
    this.#running = this.#keep(undefined);
  }

  /** The session there is, or the next one; rejects when the guest is not talked to any more. */
  session(signal: AbortSignal): S | Promise<S> {
    if (this.#session !== undefined && !this.#session.isOver) return this.#session;
    const fault =
      this.#strikes.penalty ?? (this.#stop.signal.aborted ? new Error("the connection was closed") : undefined);
    if (fault !== undefined) return Promise.reject(fault);
    return this.#nextSession(signal);
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error("the connection was closed"));
    this.#session?.end(new Error("the connection was closed"));
    await this.#running;
  }

  async #keep(first: S | undefined): Promise<void> {
    const backoff = new Backoff({ firstMs: 20, lastMs: 5_000 });
    let session = first;
    while (!this.#stop.signal.aborted) {
      session ??= await this.#tryConnect();
      if (session !== undefined) {
        const began = performance.now();
        await this.#use(session);
        if (performance.now() - began > 5_000) backoff.reset();
      }
      session = undefined;
      await this.#recover(backoff);
    }
    this.#refuseWaiters(new Error("the connection was closed"));
  }

  async #tryConnect(): Promise<S | undefined> {
    try {
      return await this.#connect(this.#stop.signal);
    } catch (error) {
      if (error instanceof ProtocolBreak) this.#strikes.add(error);
      return undefined;
    }
  }

  async #use(session: S): Promise<void> {
    this.#session = session;
    if (this.#stop.signal.aborted) session.end(this.#stop.signal.reason);
    for (const waiter of this.#waiters) waiter.resolve(session);
    const fault = await session.ended;
    this.#session = undefined;
    if (fault instanceof ProtocolBreak) this.#strikes.add(fault);
  }

  async #recover(backoff: Backoff): Promise<void> {
    const penalty = this.#strikes.penalty;
    if (penalty !== undefined) this.#refuseWaiters(penalty);
    try {
      await backoff.wait(this.#stop.signal);
      await waitFor(() => this.#strikes.remainingMs === 0 || undefined, this.#stop.signal, {
        firstMs: 500,
        lastMs: 5_000,
      });
    } catch {
      // Closed meanwhile: the loop looks.
    }
  }

  #nextSession(signal: AbortSignal): Promise<S> {
    return new Promise((resolve, reject) => {
      const onAbort = () => waiter.reject(signal.reason);
      const done = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter<S> = {
        resolve: (session) => {
          done();
          resolve(session);
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }

  #refuseWaiters(fault: Error): void {
    for (const waiter of this.#waiters) waiter.reject(fault);
  }
}

interface Waiter<S> {
  readonly resolve: (session: S) => void;
  readonly reject: (reason: unknown) => void;
}
