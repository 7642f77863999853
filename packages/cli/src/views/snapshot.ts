import type { Snapshot } from "@alcove/contract";
import { age } from "../output/table.js";
import { labelText, type View } from "../output/view.js";

export const snapshotView: View<Snapshot> = {
  name: ({ id }) => id,
  columns: [
    { heading: "ID", value: ({ id }) => id },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "STATUS", value: ({ status }) => status },
    { heading: "SANDBOX", value: ({ sandboxId }) => sandboxId },
    { heading: "MODE", value: ({ mode }) => mode },
    { heading: "SIZE", value: ({ ownBytes }) => `${(ownBytes / 2 ** 20).toFixed(1)} MiB` },
    { heading: "USED BY", value: ({ usedBy }) => usedBy.length },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "LABELS", value: ({ labels }) => labelText(labels) },
  ],
  details: [
    { heading: "USED BY", value: ({ usedBy }) => usedBy.join(" ") || undefined },
    { heading: "PARENT", value: ({ parentId }) => parentId },
    { heading: "IMAGE", value: ({ image }) => image },
    { heading: "FROZEN", value: ({ isFrozen }) => (isFrozen ? "yes" : "no: some process may notice") },
    { heading: "PAUSED", value: ({ pausedMs }) => `${pausedMs.toFixed(0)} ms` },
    { heading: "SHARED", value: ({ sharedBytes }) => `${(sharedBytes / 2 ** 20).toFixed(1)} MiB` },
    { heading: "CREATED", value: ({ createdAt }) => createdAt },
  ],
};
