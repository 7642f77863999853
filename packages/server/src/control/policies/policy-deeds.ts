/** How what policies ask for is done: as when a user asks for it. */
import type { ControlContext } from "../context.js";
import type { Reconciler } from "../reconciler.js";
import { beginStop } from "../sandboxes/stop-and-resume.js";
import type { PolicyDeeds } from "./policy-keeper.js";

export function policyDeeds(context: ControlContext, reconciler: Reconciler): PolicyDeeds {
  const { register, store } = context;
  return {
    async suspend({ id }, { mode, isIdle }) {
      // Nothing is awaited between the last look and the record: a call that comes later finds it Stopping.
      if (store.sandboxes.find(id)?.state !== "Running" || !isIdle()) return false;
      beginStop(context, id, { mode, reason: "Idle" });
      await reconciler.close(id);
      return true;
    },
    delete({ id }) {
      register.markDeleted(id);
      reconciler.closeInBackground(id);
    },
  };
}
