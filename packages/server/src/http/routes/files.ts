import {
  deleteFile,
  listFiles,
  makeDirectory,
  makeSymlink,
  moveFile,
  readArchive,
  readFile,
  statFile,
  watchFiles,
  writeArchive,
  writeFile,
} from "@alcove/contract";
import type { FileControl } from "../../control/files/file-control.js";
import { fileContent } from "../file-content.js";
import { jsonLines } from "../json-lines.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function fileRoutes(routes: RouteTable, files: FileControl): void {
  route(routes, readFile, (call) => fileContent(files, call));
  route(routes, writeFile, async ({ params, query: { path, createDirs = false, ...options }, body, signal }) => ({
    bytesWritten: await files.write(params, path, body, { ...options, createDirs }, signal),
  }));
  route(routes, deleteFile, ({ params, query, signal }) =>
    files.delete(params, query.path, { recursive: query.recursive ?? false }, signal),
  );
  route(routes, statFile, ({ params, query, signal }) =>
    files.stat(params, query.path, { followSymlinks: query.followSymlinks ?? false }, signal),
  );
  route(routes, listFiles, async ({ params, query, signal }) => {
    const listing = await files.list(params, query.path, signal);
    return { ...listing, entries: [...listing.entries] };
  });
  route(routes, makeDirectory, ({ params, body: { path, createParents = false, ...options }, signal }) =>
    files.makeDirectory(params, path, { ...options, createParents }, signal),
  );
  route(routes, watchFiles, async ({ params, query: { path, recursive = false }, signal }) =>
    jsonLines(await files.watch(params, path, { recursive }, signal)),
  );
  route(routes, makeSymlink, ({ params, body, signal }) => files.symlink(params, body.path, body.target, signal));
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
