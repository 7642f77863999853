/** Many creations for one call: each takes its turn as if it came by itself, and what befalls one does not touch the others. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type BatchResult, type Sandbox, toProblem } from "@alcove/contract";
import type { ControlContext } from "../context.js";

/** So many of one batch are under way at once: enough to keep every host busy, few enough to leave others their turn. */
const underWay = 32;

/** One that waited for room in vain speaks for those behind it; else a batch too large for its host would wait for each of them. */
const endsBatch: ReadonlySet<string> = new Set(["CapacityExceeded", "DaemonStopping"]);

export async function createBatch(
  { logger }: Pick<ControlContext, "logger">,
  count: number,
  create: (index: number) => Promise<Sandbox>,
): Promise<BatchResult> {
  const created = new Map<number, Sandbox>();
  const errors: BatchResult["errors"] = [];
  let next = 0;
  let holdsForAll: AlcoveError | undefined;
  const work = async () => {
    for (let index = next++; index < count; index = next++) {
      try {
        if (holdsForAll) throw holdsForAll;
        created.set(index, await create(index));
      } catch (error) {
        const shown = known(error, (fields) => logger.error(fields, "A creation failed"));
        if (endsBatch.has(shown.code)) holdsForAll ??= shown;
        errors.push({ index, problem: toProblem(shown) });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(underWay, count) }, work));
  errors.sort((a, b) => a.index - b.index);
  const sandboxes = [...created].sort(([a], [b]) => a - b).map(([, sandbox]) => sandbox);
  return { totalRequested: count, succeeded: sandboxes.length, failed: errors.length, sandboxes, errors };
}

/** Faults of ours show as an incident, as they do by themselves. */
function known(error: unknown, log: (fields: object) => void): AlcoveError {
  if (error instanceof AlcoveError && error.code !== "InternalError") return error;
  const incidentId = randomUUID();
  log({ err: error, incidentId });
  return new AlcoveError("InternalError", undefined, { incidentId });
}
