/** What templates there are and who stands on them, and how they are removed and made anew; for those above the engine. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, type Size } from "@alcove/contract";
import { bytesIn } from "../../../host/disk-use.js";
import type { DiskImage, PrepareOptions, TemplateFacts, Templates } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import { templatesDirectory } from "../machine/machine-paths.js";
import { type Template, templateIn } from "./template.js";
import { hasItsImage } from "./template-image.js";
import { templatesToGo } from "./template-limit.js";
import { unfinishedPrefix } from "./template-making.js";
import { readTemplateRecord, recordPath } from "./template-record.js";
import type { TemplateStore } from "./template-store.js";

interface Keeping {
  readonly host: MachineHost;
  readonly templates: TemplateStore;
}

export function templateUpkeep(ready: (signal: AbortSignal) => Promise<Keeping>): Templates {
  return {
    async list(signal) {
      return await listTemplates(await ready(signal));
    },
    async remove(key, signal) {
      const { host, templates } = await ready(signal);
      if (!(await templates.remove(key))) throw inUse(key, host.holdings.ofTemplate(key).users.length);
    },
    async rebuild(key, options) {
      return await rebuild(await ready(options.signal), key, options);
    },
  };
}

/** Takes away what is too much; a template that is wanted meanwhile stays. Answers a sentence for each. */
export async function trimTemplates(keeping: Keeping, maximumBytes: number): Promise<readonly string[]> {
  const told: string[] = [];
  for (const { key, image } of templatesToGo(await listTemplates(keeping), { maximumBytes, now: Date.now() })) {
    if (await keeping.templates.remove(key))
      told.push(
        `Removed the template ${key} of ${image}: nothing stands on it, and room was wanted or it was replaced.`,
      );
  }
  return told;
}

export async function listTemplates({ host, templates }: Keeping): Promise<readonly TemplateFacts[]> {
  await host.holdings.load();
  const directory = templatesDirectory(host.roots);
  const names = (await readdir(directory)).filter((name) => !name.startsWith(unfinishedPrefix));
  const found = await Promise.all(
    names.map((name) => factsOf(host, templates, templateIn(join(directory, name), name))),
  );
  return found.filter((facts) => facts !== undefined);
}

/** Undefined where it is gone by now. */
async function factsOf(
  { holdings }: MachineHost,
  templates: TemplateStore,
  template: Template,
): Promise<TemplateFacts | undefined> {
  const createdAt = await modifiedAt(template.state);
  if (createdAt === undefined) return undefined;
  const record = await readTemplateRecord(template);
  const { users, made } = holdings.ofTemplate(template.key);
  const usedAt = templates.usedAt(template) ?? (await modifiedAt(recordPath(template))) ?? createdAt;
  return {
    key: template.key,
    image: record?.image.name ?? made?.image.name ?? "unknown",
    size: record?.size ?? made?.size,
    bytes: await bytesIn(template.directory, new Set()),
    createdAt,
    lastUsedAt: Math.max(createdAt, usedAt),
    isCurrent: templates.isReady(template) && (await hasItsImage(template)),
    users,
  };
}

async function rebuild(keeping: Keeping, key: string, options: PrepareOptions): Promise<TemplateFacts> {
  const { host, templates } = keeping;
  const order = await orderOf(host, key);
  const made = await templates.rebuild({ key, ...order }, options);
  const facts = await factsOf(host, templates, made);
  if (facts === undefined) throw notFound(made.key);
  return facts;
}

async function orderOf({ roots, holdings }: MachineHost, key: string): Promise<{ disk: DiskImage; size: Size }> {
  await holdings.load();
  const template = templateIn(join(templatesDirectory(roots), key), key);
  if ((await modifiedAt(template.state)) === undefined) throw notFound(key);
  const { image, size } = (await readTemplateRecord(template)) ?? {};
  const { made } = holdings.ofTemplate(key);
  const disk = image?.path === undefined ? made?.image : { ...image, path: image.path, warm: image.warm ?? [] };
  const sizeOfIt = size ?? made?.size;
  if (disk === undefined || sizeOfIt === undefined) {
    throw new AlcoveError("TemplateNotFound", `Nobody knows any more what the template ${key} was made of.`, {
      hint: "Remove it: it is made anew at its next use.",
    });
  }
  if ((await modifiedAt(disk.path)) === undefined)
    throw new AlcoveError("ImageNotReady", `The image ${disk.name} that the template ${key} was made of is gone.`);
  return { disk, size: sizeOfIt };
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}

function notFound(key: string): AlcoveError {
  return new AlcoveError("TemplateNotFound", `There is no template ${key}.`, { field: "key", value: key });
}

function inUse(key: string, users: number): AlcoveError {
  const what = users === 0 ? "It is being made or started from" : `${users} sandboxes or snapshots stand on it`;
  return new AlcoveError("TemplateInUse", `The template ${key} stays: ${what.toLowerCase()}.`, {
    field: "key",
    value: key,
  });
}
