/** Volumes for a new sandbox: NAME:DIRECTORY, or NAME:DIRECTORY:ro. */
import type { VolumesAt } from "alcove";
import { InvalidArgumentError } from "commander";

/** Gathers those of an option that is repeated. */
export function volumesAt(text: string, before: VolumesAt = {}): VolumesAt {
  const [, name, mountpoint, readOnly] = /^([^:]+):(\/[^:]*)(:ro)?$/.exec(text) ?? [];
  if (name === undefined || mountpoint === undefined)
    throw new InvalidArgumentError("It must be NAME:DIRECTORY, such as data:/data, or NAME:DIRECTORY:ro.");
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`The volume ${name} is given twice.`);
  return { ...before, [name]: readOnly === undefined ? mountpoint : { mountpoint, readOnly: true } };
}
