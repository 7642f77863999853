/** A full disk may keep what has happened from being written: it is tried until it is, or until the signal aborts. */
import { Backoff } from "../lib/backoff.js";
import type { ControlContext } from "./context.js";

export async function untilRecorded<T>(
  { logger }: Pick<ControlContext, "logger">,
  sandboxId: string,
  record: () => T,
  signal: AbortSignal,
): Promise<T> {
  const backoff = new Backoff({ firstMs: 250, lastMs: 10_000 });
  for (;;) {
    try {
      return record();
    } catch (error) {
      logger.error(
        { sandbox: sandboxId, err: error },
        "What became of a sandbox could not be recorded; it is tried again",
      );
      await backoff.wait(signal);
    }
  }
}
