/** Images: what sandboxes start from. Read-only until images can be built by request. */
import { z } from "zod";
import { endpoint } from "./endpoint.js";
import { GroupName, ImageName } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";

export const ImageState = z.enum(["Missing", "Building", "Ready", "Failed"]).meta({ id: "ImageState" });
export type ImageState = z.infer<typeof ImageState>;

export const Image = z
  .object({
    name: ImageName,
    /** Missing: its recipe is known; the first use builds it. */
    state: ImageState,
    /** A sentence: what is done now, or why it failed. */
    message: z.string(),
    /** 0 to 1 while Building. */
    progress: z.number().min(0).max(1),
    /** sha256 of the recipe and what went into it; empty until Ready. */
    digest: z.string(),
    sizeBytes: z.number().int(),
    builtAt: z.iso.datetime().optional(),
    /** The last lines of the build, at most 64 KiB; only where one image is read. */
    log: z.string().optional(),
  })
  .meta({ id: "Image" });
export type Image = z.infer<typeof Image>;

export const listImages = endpoint({
  id: "listImages",
  method: "GET",
  path: "/v1/groups/:group/diskimages",
  access: "reader",
  summary: "List images",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: z.array(Image),
});

export const getImage = endpoint({
  id: "getImage",
  method: "GET",
  path: "/v1/groups/:group/diskimages/:name",
  access: "reader",
  summary: "Read one image, with the log of its build",
  params: z.strictObject({ group: GroupName, name: ImageName }),
  query: NoQuery,
  body: "none",
  result: Image,
  errors: ["ImageNotFound"],
});

export const prepareImage = endpoint({
  id: "prepareImage",
  method: "POST",
  path: "/v1/groups/:group/diskimages/:name/prepare",
  access: "user",
  summary: "Build an image from its recipe, and the template of the default size",
  description:
    "Answers at once with the state; events and the image itself show the progress. A repeat joins the build under way.",
  params: z.strictObject({ group: GroupName, name: ImageName }),
  query: NoQuery,
  body: z.strictObject({}),
  result: Image,
  status: 202,
  errors: ["ImageNotFound", "EngineUnavailable", "DiskFull"],
  isIdempotent: true,
});
