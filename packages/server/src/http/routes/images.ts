import {
  createImage,
  deleteImage,
  getImage,
  listImages,
  listPublicImages,
  parseLabelSelector,
  prepareImage,
  pruneImages,
  writeImageContent,
} from "@alcove/contract";
import type { ImageControl } from "../../control/control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function imageRoutes(routes: RouteTable, images: ImageControl): void {
  route(routes, listPublicImages, async ({ params }) => [...(await images.listPublic(params.group))]);
  route(routes, pruneImages, async ({ params, body }) => {
    const { deleted, freedBytes } = await images.prune(params.group, body);
    return { deleted: [...deleted], freedBytes };
  });
  route(routes, listImages, async ({ params, query: { labels, ...page } }) => {
    const selected = labels === undefined ? undefined : parseLabelSelector(labels);
    return [...(await images.list(params.group, { ...page, ...(selected && { labels: selected }) }))];
  });
  route(routes, getImage, ({ params, query }) => images.get(params.group, params.name, query));
  route(routes, createImage, ({ params, body, caller }) =>
    images.create(params.group, body, { isAdministrators: caller.isAdmin }),
  );
  route(routes, writeImageContent, ({ params, query: { format = "archive", labels }, body, signal }) =>
    images.writeContent(
      params,
      body,
      { format, labels: (labels === undefined ? undefined : parseLabelSelector(labels)) ?? {} },
      signal,
    ),
  );
  route(routes, deleteImage, ({ params }) => images.delete(params.group, params.name));
  route(routes, prepareImage, ({ params, query }) => images.prepare(params.group, params.name, query));
}
