import type { Volume } from "@alcove/contract";
import { age, mebibytes } from "../output/table.js";
import type { View } from "../output/view.js";

export const volumeView: View<Volume> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "TYPE", value: ({ type }) => type },
    { heading: "SIZE", value: ({ size }) => size },
    { heading: "SANDBOX", value: ({ attachments }) => attachments.map(({ sandboxId }) => sandboxId).join(" ") },
    { heading: "MOUNTED ON", value: ({ attachments }) => attachments.map(whereOf).join(" ") },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
  ],
  details: [
    { heading: "USED", value: ({ usage }) => usage && mebibytes(usage.usedBytes) },
    {
      heading: "LABELS",
      value: ({ labels }) =>
        Object.entries(labels)
          .map((pair) => pair.join("="))
          .join(" "),
    },
  ],
};

function whereOf({ mountpoint, readOnly, state }: Volume["attachments"][number]): string {
  const notes = [...(readOnly ? ["read-only"] : []), ...(state === "Attached" ? [] : [state])];
  return notes.length === 0 ? mountpoint : `${mountpoint} (${notes.join(", ")})`;
}
