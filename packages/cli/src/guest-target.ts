/** `ID:/path`, or `KEY=VALUE:/path`, names a file of a sandbox, `-` a standard stream, and everything else a local file. */
import { UsageError } from "./exit-codes.js";

export type Target =
  | { readonly kind: "sandbox"; readonly sandbox: string; readonly path: string }
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "stream" };

export function parseTarget(text: string): Target {
  if (text === "-") return { kind: "stream" };
  const [, sandbox, path] = /^([0-9a-f][0-9a-f-]*|[^/:=]+=[^:]*):(.*)$/s.exec(text) ?? [];
  if (sandbox === undefined || path === undefined) return { kind: "local", path: text };
  if (!path.startsWith("/")) {
    throw new UsageError(
      `A path in a sandbox is absolute; seen ${JSON.stringify(text)}.`,
      `Write ${sandbox}:/${path}; a local file of that name is ./${text}.`,
    );
  }
  return { kind: "sandbox", sandbox, path };
}
