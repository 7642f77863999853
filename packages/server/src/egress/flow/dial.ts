/** Connects to a server: its addresses are found once, each is checked, and one of those that passed is connected to, with no other look. */
import { connect, type Socket } from "node:net";
import { withDeadline } from "../../lib/deadline.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import type { CompiledEgress } from "../../policy/egress/compile.js";
import { mayLeadTo } from "../../policy/egress/transport.js";
import { DialFailure } from "../http/dial-failure.js";
import { isForbiddenAddress } from "./forbidden-addresses.js";
import type { Resolution } from "./resolution.js";

export interface DialContext {
  readonly resolution: Resolution;
  readonly overrides: Readonly<Record<string, string>>;
  /** The policy of this instant. */
  readonly compiled: () => CompiledEgress;
}

export interface Dialled {
  /** Half-closes by itself only when it is told to. */
  readonly socket: Socket;
  readonly address: string;
}

const connectTimeoutMs = 10_000;
/** Of one address where there are others. */
const attemptTimeoutMs = 4_000;
const maximumAttempts = 4;

/** @throws DialFailure */
export async function dial(
  { resolution, overrides, compiled }: DialContext,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Dialled> {
  const addresses = await resolution.addressesOf(host, overrides, signal);
  const mayReach = (each: string) => mayLeadTo(compiled(), each, { port, isRefused: isForbiddenAddress });
  const permitted = addresses.filter(mayReach);
  if (permitted.length === 0) throw forbidden(host, addresses[0]);
  using deadline = withDeadline(signal, connectTimeoutMs);
  const attempts = permitted.slice(0, maximumAttempts);
  let last: unknown = forbidden(host, attempts[0]);
  for (const address of attempts) {
    if (!mayReach(address)) continue;
    try {
      const timeoutMs = attempts.length > 1 ? attemptTimeoutMs : connectTimeoutMs;
      const socket = await connectTo(address, port, timeoutMs, deadline.signal);
      // The policy may be another one since.
      if (mayReach(address)) return { socket, address };
      socket.destroy();
      last = forbidden(host, address);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
      if (deadline.expired) break;
    }
  }
  if (last instanceof DialFailure) throw last;
  throw new DialFailure("unreachable", `${host}:${port} could not be connected to: ${reasonOf(last)}`, { cause: last });
}

function forbidden(host: string, address: string | undefined): DialFailure {
  return new DialFailure("forbidden-address", `${host} leads to ${address}, which nothing is sent to`);
}

function connectTo(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const deadline = withDeadline(signal, timeoutMs);
  const { promise, resolve, reject } = withResolvers<Socket>();
  const socket = connect({ host, port, allowHalfOpen: true, autoSelectFamily: false });
  const giveUp = () => socket.destroy(deadline.signal.reason);
  deadline.signal.addEventListener("abort", giveUp, { once: true });
  if (deadline.signal.aborted) giveUp();
  socket.once("error", reject);
  socket.once("connect", () => {
    socket.off("error", reject).on("error", () => {});
    socket.setNoDelay(true).setKeepAlive(true, 60_000);
    resolve(socket);
  });
  return promise.finally(() => {
    deadline.signal.removeEventListener("abort", giveUp);
    deadline[Symbol.dispose]();
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "nobody answered";
  const code = "code" in error ? String(error.code) : "";
  return reasons[code] ?? (error.name === "TimeoutError" ? "no answer in time" : "it failed");
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "it refused",
  ECONNRESET: "it hung up",
  ENETUNREACH: "there is no way to its network",
  EHOSTUNREACH: "there is no way to it",
  ETIMEDOUT: "no answer in time",
};
