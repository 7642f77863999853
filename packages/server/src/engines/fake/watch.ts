/** Tells what changes in a directory of the fake guest, as the agent does (agent/PROTOCOL.md). */
import { AlcoveError, type FileEvent } from "@alcove/contract";
import { writeAll } from "./frames.js";
import type { Request } from "./routes.js";

export async function watchFiles({ machine, stream, query, signal }: Request): Promise<void> {
  const path = query.get("path") ?? "";
  machine.files.find(path);
  if (machine.files.watchers >= mostWatches) throw new AlcoveError("TooManyRequests", "16 watches are open already.");
  const isRecursive = query.get("recursive") === "true";
  const isSeen = (changed: string) =>
    changed === path ||
    (changed.startsWith(`${path}/`) && (isRecursive || !changed.slice(path.length + 1).includes("/")));
  const told: FileEvent[] = [];
  const stop = machine.files.onChange((event) => {
    if (event.type !== "overflow" && isSeen(event.path)) told.push(event);
  });
  try {
    stream.respond({ ":status": 200, "content-type": "application/octet-stream" });
    while (!signal.aborted) {
      for (const event of told.splice(0)) await writeAll(stream, Buffer.from(`${JSON.stringify(event)}\n`));
      await machine.files.changed.until(() => told.length > 0, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stop();
  }
}

const mostWatches = 16;
