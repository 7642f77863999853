/** Templates: what the engine keeps so that sandboxes need not boot. */
import { AlcoveError, type Template } from "@alcove/contract";
import type { TemplateFacts, Templates } from "../../engines/engine.js";
import type { ControlContext } from "../context.js";
import { requireDiskSpace } from "../system/disk-space.js";
import type { EngineReadiness } from "../system/engine-readiness.js";
import type { TemplateControl } from "./template-control.js";

const usersShown = 100;

export function templateControl(context: ControlContext, readiness: EngineReadiness): TemplateControl {
  const enter = async (signal: AbortSignal) => {
    await context.gate.pass();
    await readiness.require(signal);
  };
  return {
    async list(signal) {
      await enter(signal);
      return (await factsOf(context, signal)).map(toTemplate);
    },
    async rebuild(key, signal) {
      await enter(signal);
      await requireDiskSpace(context);
      const { templates } = context.engine;
      if (templates === undefined) throw new AlcoveError("TemplateNotFound", `There is no template ${key}.`);
      return toTemplate(await templates.rebuild(key, { signal }));
    },
    async delete(key, signal) {
      await enter(signal);
      await context.engine.templates?.remove(key, signal);
    },
    async prune({ dryRun }, signal) {
      await enter(signal);
      const removed = await pruneTemplates(context, dryRun, signal);
      return { removed: removed.map(toTemplate), freedBytes: removed.reduce((sum, { bytes }) => sum + bytes, 0) };
    },
  };
}

/** Those that nothing stands on; one that somebody takes meanwhile stays. */
export async function pruneTemplates(
  context: Pick<ControlContext, "engine">,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<readonly TemplateFacts[]> {
  const unused = (await factsOf(context, signal)).filter(({ users }) => users.length === 0);
  const { templates } = context.engine;
  if (dryRun || templates === undefined) return unused;
  const removed: TemplateFacts[] = [];
  for (const facts of unused) if (await isRemoved(templates, facts, signal)) removed.push(facts);
  return removed;
}

async function isRemoved(templates: Templates, { key }: TemplateFacts, signal: AbortSignal): Promise<boolean> {
  try {
    await templates.remove(key, signal);
    return true;
  } catch (error) {
    if (error instanceof AlcoveError && error.code === "TemplateInUse") return false;
    throw error;
  }
}

async function factsOf(
  { engine }: Pick<ControlContext, "engine">,
  signal: AbortSignal,
): Promise<readonly TemplateFacts[]> {
  const found = (await engine.templates?.list(signal)) ?? [];
  return found.toSorted((one, other) => other.lastUsedAt - one.lastUsedAt);
}

function toTemplate({ size, createdAt, lastUsedAt, users, ...facts }: TemplateFacts): Template {
  const resources = size && {
    cpu: `${size.cpuMillicores}m`,
    memory: `${size.memoryMiB}Mi`,
    disk: `${size.diskMiB}Mi`,
  };
  return {
    ...facts,
    ...(resources && { resources }),
    createdAt: new Date(createdAt).toISOString(),
    lastUsedAt: new Date(lastUsedAt).toISOString(),
    users: users.length,
    usedBy: users.slice(0, usersShown),
  };
}
