import { RunError, run } from "../../../host/run.js";
import type { Finding } from "../../engine.js";
import { sentenceFrom } from "./host-findings.js";

const check = "workers";
const cannotStart = "The gateway's and the relay's processes cannot be started";
/** The host has too little for one more process just now. */
const passingCodes = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"];

export interface WorkersTrial {
  readonly setpriv?: string;
  readonly timeoutMs?: number;
}

/** Whether host/worker.ts can start a process: in the same way, so that what a container or an old program refuses is seen. */
export async function workersFinding(
  signal: AbortSignal,
  { setpriv = "setpriv", timeoutMs = 10_000 }: WorkersTrial = {},
): Promise<Finding> {
  try {
    await run(setpriv, ["--no-new-privs", "--", process.execPath, "--version"], { signal, timeoutMs, environment: {} });
    return {
      check,
      level: "ok",
      sentence: "The gateway's and the relay's processes gain no rights by what they start.",
    };
  } catch (error) {
    signal.throwIfAborted();
    return faultOf(error);
  }
}

function faultOf(error: unknown): Finding {
  const why = String((error as Error).message).replace(/\s+/g, " ");
  const code = error instanceof RunError ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined;
  if (code === "ENOENT") {
    const remedy = "sudo apt-get install --no-install-recommends util-linux";
    return { check, level: "error", sentence: sentenceFrom(cannotStart, why), remedy };
  }
  const isPassing = passingCodes.includes(code ?? "") || (error instanceof RunError && error.reason === "TimedOut");
  if (!isPassing) return { check, level: "error", sentence: sentenceFrom(`${cannotStart}: setpriv fails`, why) };
  const sentence = sentenceFrom("Whether the gateway's and the relay's processes can be started was not seen", why);
  return { check, level: "warning", sentence };
}
