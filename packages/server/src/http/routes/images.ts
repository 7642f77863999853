import {
  AlcoveError,
  createImage,
  deleteImage,
  getImage,
  listImages,
  listPublicImages,
  parseBuildArgs,
  prepareImage,
  pruneImages,
  type SchemaOutput,
  writeImageContent,
} from "@alcove/contract";
import type { ImageControl } from "../../control/images/image-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";
import { selected, selector } from "../selector.js";

export function imageRoutes(routes: RouteTable, images: ImageControl): void {
  route(routes, listPublicImages, async ({ params }) => [...(await images.listPublic(params.group))]);
  route(routes, pruneImages, async ({ params, body }) => {
    const { deleted, freedBytes } = await images.prune(params.group, body);
    return { deleted: [...deleted], freedBytes };
  });
  route(routes, listImages, async ({ params, query: { labels, ...page } }) => [
    ...(await images.list(params.group, { ...page, ...selector(labels) })),
  ]);
  route(routes, getImage, ({ params, query }) => images.get(params.group, params.name, query));
  route(routes, createImage, ({ params, body, caller }) =>
    images.create(params.group, body, { isAdministrators: caller.isAdmin }),
  );
  route(routes, writeImageContent, ({ params, query, body, signal, caller }) =>
    images.writeContent(params, body, { ...writeOptions(query), isAdministrators: caller.isAdmin }, signal),
  );
  route(routes, deleteImage, ({ params }) => images.delete(params.group, params.name));
  route(routes, prepareImage, ({ params, query }) => images.prepare(params.group, params.name, query));
}

function writeOptions({
  labels,
  buildArgs,
  format = "archive",
  ...query
}: SchemaOutput<typeof writeImageContent.query>) {
  if (format !== "dockerfile") refuseDockerfileOptions({ ...query, ...(buildArgs !== undefined && { buildArgs }) });
  return {
    ...{ ...query, format },
    labels: selected(labels) ?? {},
    ...(buildArgs !== undefined && { buildArgs: parseBuildArgs(buildArgs) ?? {} }),
  };
}

function refuseDockerfileOptions(query: object): void {
  const [field] = Object.keys(query);
  if (field === undefined) return;
  throw new AlcoveError("InvalidRequest", `${field} goes with format=dockerfile alone.`, { field });
}
