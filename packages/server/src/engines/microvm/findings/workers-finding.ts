import { run } from "../../../host/run.js";
import type { Finding } from "../../engine.js";
import { sentenceFrom } from "./host-findings.js";

/** Whether host/worker.ts can start a process: in the same way, so that what a container or an old program refuses is seen. */
export async function workersFinding(signal: AbortSignal, setpriv = "setpriv"): Promise<Finding> {
  const check = "workers";
  try {
    await run(setpriv, ["--no-new-privs", "--", "/usr/bin/true"], { signal, timeoutMs: 10_000, environment: {} });
    return {
      check,
      level: "ok",
      sentence: "The gateway's and the relay's processes gain no rights by what they start.",
    };
  } catch (error) {
    signal.throwIfAborted();
    const why = String((error as Error).message).replace(/\s+/g, " ");
    const sentence = sentenceFrom("The gateway's and the relay's processes cannot be started: setpriv fails", why);
    return { check, level: "error", sentence, remedy: "sudo apt-get install --no-install-recommends util-linux" };
  }
}
