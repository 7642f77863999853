/** Which of an index's images runs here. */
import { AlcoveError } from "@alcove/contract";
import type { Descriptor } from "./documents.js";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export const hostArchitecture = architectures[process.arch] ?? process.arch;

/** Linux on this processor; what stands in the index without a platform only where it is the only one. */
export function chooseForHost(manifests: readonly Descriptor[], what: string): Descriptor {
  const fitting = manifests.filter(
    ({ platform }) => platform?.os === "linux" && platform.architecture === hostArchitecture,
  );
  const chosen =
    fitting[0] ?? (manifests.length === 1 && manifests[0]?.platform === undefined ? manifests[0] : undefined);
  if (chosen !== undefined) return chosen;
  const names = manifests.map(({ platform }) => (platform ? `${platform.os}/${platform.architecture}` : "unnamed"));
  const known = [...new Set(names)].slice(0, 10).join(", ").slice(0, 400);
  throw new AlcoveError("InvalidRequest", `${what} has no image for linux/${hostArchitecture}; it has: ${known}.`, {
    hint: `Build the image for linux/${hostArchitecture}, or use another tag.`,
  });
}
