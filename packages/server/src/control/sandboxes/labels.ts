import { AlcoveError, type LabelChanges, type Labels, maximumLabels } from "@alcove/contract";

/** The labels after the changes. Refuses more than there may be. */
export function mergedLabels(
  { id, labels, what = "sandbox" }: { readonly id: string; readonly labels: Labels; readonly what?: string },
  changes: LabelChanges,
) {
  const merged = new Map(Object.entries(labels));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  if (merged.size <= maximumLabels) return Object.fromEntries(merged);
  const detail = `The ${what} ${id} would have ${merged.size} labels; it may have ${maximumLabels}.`;
  throw new AlcoveError("InvalidRequest", detail, {
    field: "labels",
    value: String(merged.size),
    hint: "Take labels away in the same call: a label that is null is taken away.",
  });
}
