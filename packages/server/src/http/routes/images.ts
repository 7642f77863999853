import { getImage, listImages, prepareImage } from "@alcove/contract";
import type { ImageControl } from "../../control/control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function imageRoutes(routes: RouteTable, images: ImageControl): void {
  route(routes, listImages, async ({ params }) => [...(await images.list(params.group))]);
  route(routes, getImage, ({ params }) => images.get(params.group, params.name));
  route(routes, prepareImage, ({ params }) => images.prepare(params.group, params.name));
}
