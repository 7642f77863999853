/** How what policies ask for is done: as when a user asks for it. */
import type { ControlContext } from "./context.js";
import type { PolicyDeeds } from "./policy-keeper.js";
import type { Reconciler } from "./reconciler.js";

export function policyDeeds({ register }: ControlContext, reconciler: Reconciler): PolicyDeeds {
  return {
    delete({ id }) {
      register.markDeleted(id);
      reconciler.closeInBackground(id);
    },
  };
}
