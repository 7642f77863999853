/** Sandboxes by what is typed: the beginning of an id, or labels that they have. */
import { type Labels, parseLabelSelector } from "@alcove/contract";
import type { Alcove, Sandbox } from "alcove";
import { UsageError } from "./exit-codes.js";

const idPattern = /^[0-9a-f]{1,8}(?:-[0-9a-f-]*)?$/;
const idLength = 36;

/** `key=value,key2=value2`, where it is that: an id has no equals sign. */
export function labelsOf(text: string): Labels | undefined {
  if (!text.includes("=")) return undefined;
  const labels = parseLabelSelector(text);
  if (labels !== undefined) return labels;
  throw new UsageError(`${JSON.stringify(text)} is no selector.`, "Write KEY=VALUE, or KEY=VALUE,KEY2=VALUE2.");
}

/** The one sandbox that is meant. Refuses what cannot be one before it asks for the server. */
export async function findSandbox(open: () => Promise<Alcove>, text: string, signal: AbortSignal): Promise<Sandbox> {
  const labels = labelsOf(text);
  if (labels === undefined) return findById(open, text, signal);
  const [only, ...others] = await findByLabels(open, labels, signal);
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined) throw failure(`No sandbox has ${text}.`, "`alcove list` shows the labels.");
  const ids = [only, ...others].slice(0, 5).map(({ id }) => id);
  throw failure(`${others.length + 1} sandboxes have ${text}; this takes one.`, `Say which: ${ids.join(", ")}.`);
}

/** All that have the labels. */
export async function findByLabels(
  open: () => Promise<Alcove>,
  labels: Labels,
  signal: AbortSignal,
): Promise<Sandbox[]> {
  const { sandboxes } = await open();
  const found: Sandbox[] = [];
  for await (const { id, desiredState } of sandboxes.list({ labels, signal })) {
    if (desiredState !== "Deleted") found.push(sandboxes.connect(id));
  }
  return found;
}

async function findById(open: () => Promise<Alcove>, text: string, signal: AbortSignal): Promise<Sandbox> {
  if (!idPattern.test(text)) {
    throw new UsageError(
      `${JSON.stringify(text)} is not the beginning of a sandbox's id.`,
      "`alcove list` shows the ids.",
    );
  }
  const alcove = await open();
  if (text.length === idLength) return alcove.sandboxes.connect(text);
  const ids: string[] = [];
  for await (const { id } of alcove.sandboxes.list({ signal })) if (id.startsWith(text)) ids.push(id);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return alcove.sandboxes.connect(only);
  const seen =
    ids.length === 0 ? `No sandbox's id begins with ${text}.` : `${ids.length} sandboxes' ids begin with ${text}.`;
  const hint = ids.length === 0 ? "`alcove list` shows the ids." : `Write more of it: ${ids.slice(0, 5).join(", ")}.`;
  throw failure(seen, hint);
}

function failure(sentence: string, hint: string): Error {
  return Object.assign(new Error(sentence), { hint });
}
