/** What is kept of a stopped sandbox takes less with time: its layers are merged, its memory is compressed. */
import type { SavedSize } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";

/** As the disk has it now; undefined where nothing is kept, or that cannot be told now. */
export async function keptNow(
  { engine }: Pick<ControlContext, "engine">,
  { id, state, suspension, engine: name }: SandboxRecord,
): Promise<SavedSize | undefined> {
  if (state !== "Stopped" || suspension?.kept === undefined || name !== engine.name) return undefined;
  return engine.saves?.sizeOf({ kind: "suspended", sandboxId: id }).catch(() => undefined);
}

export function withKept(record: SandboxRecord, kept: SavedSize | undefined): SandboxRecord {
  const { state, suspension } = record;
  if (kept === undefined || state !== "Stopped" || suspension?.kept === undefined) return record;
  return { ...record, suspension: { ...suspension, kept } };
}
