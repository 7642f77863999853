/** What is mounted below a path, as this process sees it. */
import { readFile } from "node:fs/promises";

/** Mount points at the path or under it. Removing such a tree would remove what is mounted there: the host's own files. */
export async function mountsBelow(path: string): Promise<readonly string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  const points = lines.map((line) => unescapeOctal(line.split(" ")[4] ?? ""));
  return points.filter((point) => point === path || point.startsWith(`${path}/`));
}

/** The kernel writes blanks and backslashes in a path as \040 and the like. */
function unescapeOctal(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
