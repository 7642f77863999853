/** Where a daemon listens, and what it means when it cannot be reached there. */
import { ConnectionError } from "./errors.js";
import type { ServerSettings } from "./options.js";

export type DaemonAddress = { readonly socketPath: string } | Pick<ServerSettings, "origin" | "basePath">;

export function placeOf(address: DaemonAddress): string {
  return "socketPath" in address ? address.socketPath : address.origin;
}

/** An error of Node's, with what was tried; nothing was sent where the connection itself was refused. */
export function connectionError(address: DaemonAddress, error: Error): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const place = placeOf(address);
  const { code, syscall } = error as Error & { readonly code?: string; readonly syscall?: string };
  const isUnsent = syscall === "connect" || code === "ENOTFOUND";
  const what = isUnsent ? `No daemon listens on ${place}` : `The connection to ${place} broke`;
  // A server elsewhere is nothing that `alcove up` starts.
  const hint = "origin" in address ? { hint: `See that the server runs, and that ${place} is its address.` } : {};
  return new ConnectionError(`${what} (${code ?? error.message}).`, { isUnsent, cause: error, ...hint });
}
