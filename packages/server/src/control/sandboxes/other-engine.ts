/** A sandbox that another engine made: this daemon can delete it, and nothing else. */
import { AlcoveError } from "@alcove/contract";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";

/** EngineUnavailable where another engine made it. */
export function requireEngine({ engine }: Pick<ControlContext, "engine">, record: SandboxRecord): void {
  if (record.engine === engine.name) return;
  throw new AlcoveError("EngineUnavailable", `The sandbox ${record.id} ${madeBy(record)}`, {
    hint: `Start the daemon with the ${record.engine} engine, or delete the sandbox.`,
  });
}

/** The end of a sentence about it. */
export function madeBy({ engine }: Pick<SandboxRecord, "engine">): string {
  return `was made by the ${engine} engine, which this daemon does not run.`;
}
