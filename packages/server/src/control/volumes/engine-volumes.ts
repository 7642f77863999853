import { AlcoveError } from "@alcove/contract";
import type { Volumes } from "../../engines/engine.js";
import type { ControlContext } from "../context.js";

export function requireVolumes({ engine }: Pick<ControlContext, "engine">): Volumes {
  if (engine.volumes !== undefined) return engine.volumes;
  throw new AlcoveError("EngineUnavailable", `The ${engine.name} engine has no volumes.`, {
    hint: "Use the microvm engine.",
  });
}
