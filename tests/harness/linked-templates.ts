/**
 * Gives a data directory whose images are linked the templates of the other as well, which take a boot each to make. A template names its
 * image by path: its disk and its record are written anew, and its memory, by far the most of it and never changed, is linked.
 */
import { copyFile, link, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  keyOfMaking,
  type Template,
  templateIn,
} from "../../packages/server/src/engines/microvm/templates/template.js";
import {
  fingerprintFile,
  readTemplateRecord,
  recordPath,
  type TemplateRecord,
} from "../../packages/server/src/engines/microvm/templates/template-record.js";
import { run } from "../../packages/server/src/host/run.js";

export async function linkTemplates(from: string, to: string): Promise<void> {
  for (const name of await readdir(join(from, "templates")).catch(() => [])) {
    const template = templateIn(join(from, "templates", name), name);
    const record = await readTemplateRecord(template);
    const path = record?.image.path;
    if (record !== undefined && path?.startsWith(join(from, "images/"))) {
      const image = { ...record.image, path: join(to, path.slice(from.length)) };
      await linkTemplate(template, { ...record, image }, to);
    }
  }
}

async function linkTemplate(template: Template, record: TemplateRecord, to: string): Promise<void> {
  const { image, making, size } = record;
  const { path, warm } = image;
  if (path === undefined || warm === undefined || size === undefined) return;
  const key = keyOfMaking(making, { digest: image.digest, path, warm }, size);
  const linked = templateIn(join(to, "templates", key), key);
  await mkdir(linked.directory, { recursive: true, mode: 0o700 });
  await link(template.memory, linked.memory);
  await link(template.state, linked.state);
  await copyFile(template.disk, linked.disk);
  const options = { timeoutMs: 20_000 };
  await run("qemu-img", ["rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", path, linked.disk], options);
  const fingerprint = { ...record.fingerprint, disk: await fingerprintFile(linked.disk) };
  await writeFile(recordPath(linked), JSON.stringify({ ...record, fingerprint }, null, 2), { mode: 0o600 });
}
