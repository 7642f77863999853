/** What tells one host, or one start of it, from another. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** Differs after every start of the host. */
export async function hostBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Equal where a guest that sees the host's own processor can go on: same maker, model and features. */
export async function hostCpuModel(): Promise<string> {
  const firstProcessor = (await readFile("/proc/cpuinfo", "utf8")).split("\n\n")[0] ?? "";
  const telling = firstProcessor
    .split("\n")
    .filter((line) => /^(vendor_id|cpu family|model|model name|stepping|flags|CPU \w+|Features)\s*:/.test(line));
  return createHash("sha256").update(telling.join("\n")).digest("hex").slice(0, 16);
}
