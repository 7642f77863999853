import {
  deleteFile,
  listFiles,
  makeDirectory,
  moveFile,
  readArchive,
  readFile,
  statFile,
  writeArchive,
  writeFile,
} from "@alcove/contract";
import type { FileControl } from "../../control/control.js";
import { type Bytes, route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function fileRoutes(routes: RouteTable, files: FileControl): void {
  route(routes, readFile, async ({ params, query: { path, ...range }, signal }) =>
    part(await files.read(params, path, range, signal), range),
  );
  route(routes, writeFile, async ({ params, query: { path, createDirs = false, ...options }, body, signal }) => ({
    bytesWritten: await files.write(params, path, body, { ...options, createDirs }, signal),
  }));
  route(routes, deleteFile, ({ params, query, signal }) =>
    files.delete(params, query.path, { recursive: query.recursive ?? false }, signal),
  );
  route(routes, statFile, ({ params, query, signal }) => files.stat(params, query.path, signal));
  route(routes, listFiles, async ({ params, query, signal }) => {
    const listing = await files.list(params, query.path, signal);
    return { ...listing, entries: [...listing.entries] };
  });
  route(routes, makeDirectory, ({ params, body: { path, createParents = false, ...options }, signal }) =>
    files.makeDirectory(params, path, { ...options, createParents }, signal),
  );
  route(routes, moveFile, ({ params, body, signal }) =>
    files.move(params, body.from, body.to, { overwrite: body.overwrite ?? false }, signal),
  );
  route(routes, readArchive, async ({ params, query, signal }) => ({
    content: await files.readArchive(params, query.path, signal),
    type: "application/x-tar",
  }));
  route(routes, writeArchive, async ({ params, query: { path, ...options }, body, signal }) => ({
    entries: await files.writeArchive(params, path, body, options, signal),
  }));
}

/** The length of what is read; unknown where a file says that it has no size, as those of /proc do. */
function part(
  file: { readonly sizeBytes: number; readonly content: Bytes["content"] },
  range: { readonly offset?: number; readonly length?: number },
): Bytes {
  if (file.sizeBytes === 0) return { content: file.content };
  const rest = Math.max(0, file.sizeBytes - (range.offset ?? 0));
  return { content: file.content, length: Math.min(rest, range.length ?? rest) };
}
