import type { Archive } from "../../store/backup/archive.js";
import { packArchive } from "../../store/backup/archive.js";
import type { ControlContext } from "../context.js";
import { requireDiskSpace } from "./disk-space.js";

/** The store as an archive. The copy takes room on the disk of the data directory until the archive has been read. */
export async function backup(context: ControlContext, version: string): Promise<Archive> {
  await requireDiskSpace(context);
  const copy = await context.store.copy();
  const records = context.store.sandboxes.all();
  const images = [...new Set(records.map(({ image }) => image))].sort();
  return packArchive(copy, { version, sandboxes: records.length, images });
}
