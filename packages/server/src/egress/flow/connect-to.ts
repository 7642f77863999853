/** One connection by TCP, within a time. */
import { connect, type Socket } from "node:net";
import { withDeadline } from "../../lib/deadline.js";
import { withResolvers } from "../../lib/with-resolvers.js";

export interface ConnectTarget {
  readonly address: string;
  readonly port: number;
  /** Of this host, to connect from; left out: as the system chooses. */
  readonly localAddress?: string | undefined;
}

/** The socket half-closes by itself only when it is told to. */
export function connectTo(
  { address, port, localAddress }: ConnectTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const deadline = withDeadline(signal, timeoutMs);
  const { promise, resolve, reject } = withResolvers<Socket>();
  const from = localAddress === undefined ? {} : { localAddress };
  const socket = connect({ host: address, port, allowHalfOpen: true, autoSelectFamily: false, ...from });
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

/** Half a sentence for people. */
export function reasonOf(error: unknown): string {
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
