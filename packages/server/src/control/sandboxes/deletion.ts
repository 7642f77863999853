/** Taking a sandbox away: its machine and everything of it first, its row last. */
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { flushVolumes } from "../volumes/flushing.js";
import { dropOwnVolumes, removeDisks } from "../volumes/snapshot-volumes.js";

export async function removeSandbox(context: ControlContext, { id }: SandboxRecord): Promise<void> {
  const { admission, crashPoint, engine, machines, register, store } = context;
  crashPoint("delete.beforeDestroy");
  await flushVolumes(context, id);
  await machines.get(id)?.destroy();
  await engine.saves?.remove({ kind: "suspended", sandboxId: id });
  crashPoint("delete.afterDestroy");
  admission.release(id);
  crashPoint("delete.beforeRemove");
  const volumes = store.transaction(() => {
    const own = dropOwnVolumes(store, id);
    register.remove(id);
    return own;
  });
  machines.forget(id);
  crashPoint("delete.afterRemove");
  await removeDisks(context, volumes);
}
