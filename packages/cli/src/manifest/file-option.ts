import type { SandboxManifest } from "@alcove/contract";

export const fileOption = [
  "-f, --file <file>",
  "manifests, as YAML or JSON; - is standard input",
  "alcove.yaml",
] as const;

/** YAML is loaded when it is needed: other commands start without it. */
export async function manifestsOf(file: string): Promise<SandboxManifest[]> {
  return (await import("./manifest-file.js")).readManifests(file === "-" ? 0 : file);
}
