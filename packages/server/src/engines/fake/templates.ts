/** The fake host's templates: names alone. Machines that started from one stand on it, also asleep. */
import { createHash } from "node:crypto";
import { AlcoveError, type Size } from "@alcove/contract";
import type { DiskImage, TemplateFacts, Templates } from "../engine.js";
import type { FakeHost } from "./host.js";

export interface FakeTemplate extends Omit<TemplateFacts, "users" | "isCurrent"> {
  readonly disk: DiskImage;
  readonly size: Size;
  /** Machines that started from it, also those that are gone. */
  readonly started: Set<string>;
}

export function fakeTemplateKey({ digest }: DiskImage, size: Size): string {
  const text = `${digest} ${size.cpuMillicores} ${size.memoryMiB} ${size.diskMiB}`;
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

export function makeFakeTemplate(host: FakeHost, disk: DiskImage, size: Size): FakeTemplate {
  const key = fakeTemplateKey(disk, size);
  const now = Date.now();
  const made = { ...{ key, disk, size }, image: disk.name, bytes: 4_096, createdAt: now, lastUsedAt: now };
  const template = { ...made, started: new Set<string>() };
  host.templates.set(key, template);
  return template;
}

export function fakeTemplates(host: FakeHost): Templates {
  return {
    list: async () => [...host.templates.values()].map((template) => factsOf(host, template)),
    async remove(key) {
      const template = host.templates.get(key);
      if (template === undefined) return;
      const { length } = factsOf(host, template).users;
      if (length > 0) throw new AlcoveError("TemplateInUse", `${length} sandboxes stand on the template ${key}.`);
      host.templates.delete(key);
    },
    async rebuild(key) {
      const template = host.templates.get(key);
      if (template === undefined) throw new AlcoveError("TemplateNotFound", `There is no template ${key}.`);
      const made = makeFakeTemplate(host, template.disk, template.size);
      for (const id of template.started) made.started.add(id);
      return factsOf(host, made);
    },
  };
}

function factsOf(
  host: FakeHost,
  { key, image, size, bytes, createdAt, lastUsedAt, started }: FakeTemplate,
): TemplateFacts {
  const users = [...started].filter((id) => host.machines.has(id) || host.suspended.has(id));
  return { key, image, size, bytes, createdAt, lastUsedAt, isCurrent: true, users };
}
