/** Makes the sandbox that a manifest tells of be there and be so: created where there is none of its name, else changed. */
import { AlcoveError, manifestLabel, type Sandbox, type SandboxManifest } from "@alcove/contract";
import type { Abortable } from "../files.js";
import type { SandboxHandle } from "../sandbox-handle.js";
import type { CreateOptions, Sandboxes } from "../sandboxes.js";
import { type ManifestField, manifestFields } from "./manifest-fields.js";
import { besidesOf, handedOver } from "./volumes-field.js";

export interface ApplyOptions extends Abortable {
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean | undefined;
  /** Where something takes a new sandbox: creates that, then deletes the old one with everything in it. */
  readonly recreate?: boolean | undefined;
}

export interface Applied {
  readonly name: string;
  readonly action: "created" | "recreated" | "changed" | "unchanged";
  /** Absent for what would be created. */
  readonly id?: string;
  /** Fields that were changed. */
  readonly changed: readonly string[];
  /** Fields that are otherwise than the manifest says, and take a new sandbox. */
  readonly needsNew: readonly string[];
  /** Fields of which nobody can say, since they are never returned. */
  readonly notCompared: readonly string[];
  /** What the sandbox has that the manifest does not name: volumes, in words. It stays; where a new one was made, that has it not. */
  readonly besides: readonly string[];
}

/** Errors: InvalidRequest where several sandboxes have the name. */
export async function applyManifest(
  sandboxes: Sandboxes,
  manifest: SandboxManifest,
  options: ApplyOptions = {},
): Promise<Applied> {
  const found = await findByName(sandboxes, manifest.name, options);
  if (found === undefined) return create(sandboxes, manifest, options);
  const difference = differenceOf(manifest, found);
  const { recreate, dryRun, signal } = options;
  if (recreate === true && difference.needsNew.length + difference.notCompared.length > 0) {
    const old = sandboxes.connect(found.id);
    const created = await recreated(sandboxes, manifest, { ...options, old });
    if (dryRun !== true) await old.delete({ signal });
    const besides = besidesOf(manifest.volumes ?? [], found);
    return { ...created, action: "recreated", changed: [...difference.needsNew, ...difference.changed], besides };
  }
  if (dryRun !== true) await change(sandboxes.connect(found.id), manifest, { difference, signal });
  const action = difference.changed.length === 0 ? "unchanged" : "changed";
  return { name: manifest.name, action, id: found.id, ...difference };
}

async function findByName(sandboxes: Sandboxes, name: string, { signal }: Abortable): Promise<Sandbox | undefined> {
  const found = await sandboxes.list({ labels: { [manifestLabel]: name }, signal }).toArray();
  const [only, ...others] = found.filter(({ desiredState }) => desiredState !== "Deleted");
  if (only === undefined) return undefined;
  if (others.length === 0) return sandboxes.connect(only.id).info({ signal });
  const ids = [only, ...others].slice(0, 5).map(({ id }) => id);
  throw new AlcoveError("InvalidRequest", `${others.length + 1} sandboxes have the label ${manifestLabel}=${name}.`, {
    field: "name",
    value: name,
    hint: `Take the label away from those that are not meant, or delete them: ${ids.join(", ")}.`,
  });
}

async function create(
  sandboxes: Sandboxes,
  manifest: SandboxManifest,
  { dryRun, signal }: ApplyOptions,
): Promise<Applied> {
  const { name } = manifest;
  const nothing = { changed: [], needsNew: [], notCompared: [], besides: [] };
  if (dryRun === true) return { name, action: "created", ...nothing };
  const { id } = await sandboxes.create({ ...creationOf(manifest), signal });
  return { name, action: "created", id, ...nothing };
}

async function recreated(
  sandboxes: Sandboxes,
  manifest: SandboxManifest,
  { old, ...options }: ApplyOptions & { readonly old: SandboxHandle },
): Promise<Applied> {
  const again = () => create(sandboxes, manifest, options);
  return options.dryRun === true ? again() : handedOver(old, manifest.volumes ?? [], again);
}

/** What `create` takes. */
export function creationOf(manifest: SandboxManifest): Omit<CreateOptions, "signal" | "wait"> {
  const parts = fieldsOf(manifest).map(({ field, value }) => field.creation(value));
  const creation: Omit<CreateOptions, "signal" | "wait"> = Object.assign({}, ...parts);
  return { ...creation, labels: { ...creation.labels, [manifestLabel]: manifest.name } };
}

type Difference = Pick<Applied, "changed" | "needsNew" | "notCompared" | "besides">;

function differenceOf(manifest: SandboxManifest, sandbox: Sandbox): Difference {
  const looked = fieldsOf(manifest).map((each) => ({ ...each, isMet: each.field.isMet(each.value, sandbox) }));
  const named = (wanted: (each: (typeof looked)[number]) => boolean) => looked.filter(wanted).map(({ name }) => name);
  const isOver = sandbox.state === "Failed" || (sandbox.state === "Stopped" && sandbox.suspended === undefined);
  return {
    changed: named(({ isMet, field }) => isMet === false && field.change !== undefined),
    needsNew: [
      ...(isOver ? [`state: it is ${sandbox.state}`] : []),
      ...named(({ isMet, field }) => isMet === false && field.change === undefined),
    ],
    notCompared: named(({ isMet }) => isMet === undefined),
    besides: looked.flatMap(({ field, value }) => field.besides?.(value, sandbox) ?? []),
  };
}

async function change(
  sandbox: SandboxHandle,
  manifest: SandboxManifest,
  { difference, signal }: Abortable & { readonly difference: Difference },
): Promise<void> {
  for (const { name, field, value } of fieldsOf(manifest))
    if (difference.changed.includes(name)) await field.change?.(sandbox, value, { signal });
}

function fieldsOf(manifest: SandboxManifest) {
  const fields = Object.entries(manifestFields as Readonly<Record<string, ManifestField<unknown>>>);
  const values: Readonly<Record<string, unknown>> = manifest;
  return fields.flatMap(([name, field]) => (values[name] === undefined ? [] : [{ name, field, value: values[name] }]));
}
