/** What lets somebody come to a port for a while: a link's parameter, and the cookie that a browser gets for it. Signed with the sandbox's key. */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface Pass {
  readonly kind: "link" | "cookie";
  readonly sandboxId: string;
  readonly port: number;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Of a link, in its query. */
export const passParameter = "alcove-pass";

export function signPass(pass: Pass, key: Uint8Array): string {
  return `${pass.expiresAt}.${macOf(pass, key).toString("base64url")}`;
}

export interface ReadPass {
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly isOver: boolean;
}

/** Undefined where it is not ours, or for something else. */
export function readPass(
  text: string,
  { now, key, ...pass }: Omit<Pass, "expiresAt"> & { readonly key: Uint8Array; readonly now: number },
): ReadPass | undefined {
  const [, seconds = "", mac = ""] = /^(\d{1,12})\.([\w-]{43})$/.exec(text) ?? [];
  const expiresAt = Number(seconds);
  if (seconds === "") return undefined;
  const isOurs = timingSafeEqual(Buffer.from(mac, "base64url"), macOf({ ...pass, expiresAt }, key));
  const until = expiresAt * 1_000;
  return isOurs ? { until, isOver: until <= now } : undefined;
}

function macOf({ kind, sandboxId, port, expiresAt }: Pass, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update(`alcove ${kind} ${sandboxId} ${port} ${expiresAt}`).digest();
}
