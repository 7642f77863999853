import { chmod, link, mkdir, mkdtemp, readdir } from "node:fs/promises";
import { join } from "node:path";

/** A new data directory beside another, with its images: they are linked, not copied. Whoever asks for it removes it. */
export async function linkedData(other: string, purpose: string): Promise<string> {
  const directory = await mkdtemp(`${other}-${purpose}-`);
  await chmod(directory, 0o711);
  await linkTree(join(other, "images"), join(directory, "images"));
  return directory;
}

/** The same files under another directory; nothing where there are none. */
async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await linkTree(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) await link(join(from, entry.name), join(to, entry.name));
  }
}
