/** The agent's errors, `{code, message}`, as the contract's. */
import { AlcoveError, type ErrorCode, isErrorCode } from "@alcove/contract";
import { z } from "zod";
import { printable } from "../lib/printable.js";
import { ProtocolBreak } from "./fault.js";
import { parseJson } from "./json.js";

export const maxRefusalBytes = 16_384;

const Refusal = z.object({ code: z.string().max(64), message: z.string().max(8_192) });

/** The error that a refusal stands for: one of those that the call may meet, else the guest is to blame. */
export function refusalOf(body: Buffer, allowed: readonly ErrorCode[]): AlcoveError {
  const { code, message } = parseJson(body, Refusal, "an error");
  if (isErrorCode(code) && allowed.includes(code)) return new AlcoveError(code, printable(message));
  if (knownToAgents.has(code))
    return new AlcoveError("GuestUnresponsive", `The sandbox's agent failed (${code}): ${printable(message)}`);
  throw new ProtocolBreak(`it answered with an error of its own making, ${printable(code, 40)}`);
}

/** Codes that a truthful agent may answer with where the call has no name for them. */
const knownToAgents: ReadonlySet<string> = new Set([
  "InternalError",
  "NotPrepared",
  "InvalidRequest",
  "DiskFull",
  "PermissionDenied",
]);
