/** What this machine's architecture is called by Debian and by Go; Node has a third name for it. */
export const architecture = nameOf(process.arch);

function nameOf(arch: string): "amd64" | "arm64" {
  if (arch === "x64") return "amd64";
  if (arch === "arm64") return "arm64";
  throw new Error(`Alcove runs on x86-64 and arm64; this is ${arch}.`);
}
