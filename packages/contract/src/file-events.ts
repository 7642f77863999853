/** Following what changes in a directory of a sandbox, as it changes. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { fileErrors, filesPath } from "./files.js";
import { Flag, GuestPath } from "./names.js";
import { SandboxParams } from "./sandboxes.js";

export const FileEvent = z
  .discriminatedUnion("type", [
    z.object({ type: z.enum(["created", "modified", "deleted"]), path: z.string(), isDir: z.boolean() }),
    /** Within what is watched; what moves into it is created, what moves out of it deleted. */
    z.object({ type: z.literal("moved"), path: z.string(), from: z.string(), isDir: z.boolean() }),
    /** More changed than could be told: look at the directory anew. */
    z.object({ type: z.literal("overflow") }),
  ])
  .meta({ id: "FileEvent" });
export type FileEvent = z.infer<typeof FileEvent>;

export const watchFiles = endpoint({
  id: "watchFiles",
  method: "GET",
  path: `${filesPath}/watch`,
  access: "user",
  summary: "Follow what changes in a directory, or with a file",
  description:
    "JSON lines (application/x-ndjson), a FileEvent each, and an empty line every 15 s; the answer begins when changes are seen from then on, and ends when the directory is gone. Changes are told within some 50 ms, each `modified` at most once in that time. With `recursive` all below it is watched, at most 8,192 directories; a sandbox has at most 16 watches. A file that is written through the API is told as `created`. Symbolic links are not followed.",
  params: SandboxParams,
  query: z.strictObject({ path: GuestPath, recursive: Flag.exactOptional() }),
  body: "none",
  result: "bytes",
  errors: fileErrors,
});
