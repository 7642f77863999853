import { expiredFailures, failureRetention } from "../../lifecycle/retention.js";
import type { ControlContext } from "../context.js";

/** Looked at in one go: more than are ever kept. */
const pageLength = failureRetention.keptCount * 2;

/** Forgets creations that failed long ago; nothing of them is left but the row. */
export function forgetOldFailures({ logger, register, store }: ControlContext, group: string): void {
  try {
    const failed = store.sandboxes.list({ group, state: "Failed" }, { limit: pageLength, offset: 0 });
    const failures = failed.map(({ id, createdAt, stateDetails }) => ({
      id,
      failedAt: stateDetails.stoppedAt === undefined ? createdAt : Date.parse(stateDetails.stoppedAt),
    }));
    for (const id of expiredFailures(failures, Date.now())) register.remove(id);
  } catch (error) {
    logger.error({ err: error }, "Old failures could not be forgotten");
  }
}
