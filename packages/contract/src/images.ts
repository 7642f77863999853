/**
 * Images: what sandboxes start from. A name belongs to a group; the catalogue's names are public, for every group to read
 * and start from. Routes and `source` after ACA's disk images.
 */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Flag, GroupName, ImageName, LabelSelector, Labels, wholeNumber } from "./names.js";
import { Argv, GroupParams, NoQuery } from "./sandboxes.js";

export const ImageState = z.enum(["Missing", "Building", "Ready", "Failed"]).meta({ id: "ImageState" });
export type ImageState = z.infer<typeof ImageState>;

/** Where an image came from; never with credentials. */
export const ImageSource = z
  .object({
    /** recipe: one of the catalogue's; registry: pulled; archive, tar: sent by a client; dockerfile: built of what a client sent; commit: a sandbox's disk. */
    kind: z.enum(["recipe", "registry", "archive", "tar", "dockerfile", "commit"]),
    /** Of a registry: the reference that was asked for. */
    imageUrl: z.string().optional(),
    /** Of a registry: the digest of the manifest that was pulled, `sha256:…`. */
    manifestDigest: z.string().optional(),
    /** Of a commit: whose disk it was. */
    sandboxId: z.string().optional(),
    /** Of a registry: credentials were given. */
    isAuthenticated: z.boolean().optional(),
    /** Entrypoint or cmd were given instead of the image's own. */
    isOverridden: z.boolean().optional(),
  })
  .meta({ id: "ImageSource" });
export type ImageSource = z.infer<typeof ImageSource>;

/** What the image itself says about how it is run. */
export const ImageConfig = z
  .object({
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
    environment: z.record(z.string(), z.string()),
    /** A name or number, with or without `:group`; root when absent. */
    user: z.string().optional(),
    workingDirectory: z.string().optional(),
    /** Such as `8080/tcp`. */
    exposedPorts: z.array(z.string()),
    /** A sandbox needs at least this disk; every size will do when absent. */
    minimumDiskMiB: z.number().int().optional(),
    /** As OCI calls it: amd64, arm64. */
    architecture: z.string().optional(),
  })
  .meta({ id: "ImageConfig" });
export type ImageConfig = z.infer<typeof ImageConfig>;

export const Image = z
  .object({
    name: ImageName,
    /** Of the catalogue: every group may use it, and none may change it. */
    isPublic: z.boolean(),
    /** Of the catalogue: a sentence about what is in it. */
    description: z.string().optional(),
    /** Missing, of the catalogue only: the first use builds it. */
    state: ImageState,
    /** A sentence: what is done now, or why it failed. */
    message: z.string(),
    /** Of a build that failed: what to do next. */
    hint: z.string().optional(),
    /** 0 to 1 while Building. */
    progress: z.number().min(0).max(1),
    /** Names the disk; empty until there is one. An image that is built anew keeps its disk until the new one is there. */
    digest: z.string(),
    sizeBytes: z.number().int(),
    source: ImageSource,
    config: ImageConfig,
    labels: Labels,
    createdAt: z.iso.datetime().optional(),
    builtAt: z.iso.datetime().optional(),
    /** The last lines of the build, at most 64 KiB, kept until the daemon ends; only where one image is read. */
    log: z.string().optional(),
  })
  .meta({ id: "Image" });
export type Image = z.infer<typeof Image>;

/** Used for this pull alone: never stored, logged or returned. */
const RegistryCredentials = z
  .strictObject({ username: z.string().min(1).max(256), token: z.string().min(1).max(16_384) })
  .meta({ id: "RegistryCredentials" });
export type RegistryCredentials = z.infer<typeof RegistryCredentials>;

/** A name that a group gives; some are taken by the API's own paths. */
export const NewImageName = ImageName.refine(
  (name) => name !== "public" && name !== "prune",
  "must not be public or prune",
);

export const CreateImage = z
  .strictObject({
    name: NewImageName,
    source: z.strictObject({
      kind: z.literal("registry"),
      /** `registry.example.com/team/tools:1.2`, with a digest instead of a tag or beside it. Without a host: the configured `catalogueRegistry`. */
      imageUrl: z.string().min(1).max(1_024),
      authentication: z.strictObject({ registryCredentials: RegistryCredentials }).optional(),
    }),
    labels: Labels.optional(),
    /** Instead of the image's own. */
    entrypoint: Argv.optional(),
    cmd: Argv.optional(),
  })
  .meta({ id: "CreateImage" });
export type CreateImage = z.infer<typeof CreateImage>;

/** What `content` holds: an OCI or docker archive, the root file system as a tar, or a directory with a Dockerfile as a tar. */
export const ImageFormat = z.enum(["archive", "tar", "dockerfile"]).meta({ id: "ImageFormat" });
export type ImageFormat = z.infer<typeof ImageFormat>;

export const PruneResult = z
  .object({ deleted: z.array(z.string()), freedBytes: z.number().int() })
  .meta({ id: "PruneResult" });
export type PruneResult = z.infer<typeof PruneResult>;

const maximumBuildArgs = 256;
/** What a query can hold. */
const maximumBuildArgsLength = 8_192;

/** `{"NAME":"value"}` as JSON, percent-encoded as all of a query is. */
export const BuildArgs = z
  .string()
  .max(maximumBuildArgsLength)
  .refine((text) => parseBuildArgs(text) !== undefined, "must be a JSON object of names and strings")
  .meta({ id: "BuildArgs" });

const BuildArgValues = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
    z.string().refine((value) => !value.includes("\0")),
  )
  .refine((values) => Object.keys(values).length <= maximumBuildArgs);

export function parseBuildArgs(text: string): Record<string, string> | undefined {
  try {
    return BuildArgValues.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const ImageParams = z.strictObject({ group: GroupName, name: ImageName });
const path = "/v1/groups/:group/diskimages";

export const listPublicImages = endpoint({
  id: "listPublicImages",
  method: "GET",
  path: `${path}/public`,
  access: "reader",
  summary: "List the catalogue: images that every group may use",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: z.array(Image),
});

export const pruneImages = endpoint({
  id: "pruneImages",
  method: "POST",
  path: `${path}/prune`,
  access: "owner",
  summary: "Delete the group's images that no sandbox uses",
  description:
    "Images that are being built stay. What no image and no sandbox needs any more is removed from the disk.",
  params: GroupParams,
  query: NoQuery,
  body: z.strictObject({
    /** Only those that have all of these. */
    labels: Labels.exactOptional(),
    /** Only those that were made or built longer ago. */
    olderThanSeconds: z.number().int().min(0).exactOptional(),
  }),
  result: PruneResult,
});

export const listImages = endpoint({
  id: "listImages",
  method: "GET",
  path,
  access: "reader",
  summary: "List the group's own images, newest first",
  params: GroupParams,
  query: z.strictObject({
    labels: LabelSelector.exactOptional(),
    /** From 1. */
    page: wholeNumber(1, 1_000_000).exactOptional(),
    /** Default 100. */
    pageSize: wholeNumber(1, 1_000).exactOptional(),
  }),
  body: "none",
  result: z.array(Image),
});

export const getImage = endpoint({
  id: "getImage",
  method: "GET",
  path: `${path}/:name`,
  access: "reader",
  summary: "Read one image, with the log of its build",
  description: "The group's own, else the catalogue's: as a sandbox that names it would find it.",
  params: ImageParams,
  query: z.strictObject({
    /** The catalogue's, whatever the group has. */
    isPublic: Flag.exactOptional(),
  }),
  body: "none",
  result: Image,
  errors: ["ImageNotFound"],
});

export const createImage = endpoint({
  id: "createImage",
  method: "POST",
  path,
  access: "user",
  summary: "Pull an image from a registry",
  description:
    "Answers at once with state Building; events and the image itself show the progress. Where the name is there already, its disk stays until the new one is whole.",
  params: GroupParams,
  query: NoQuery,
  body: CreateImage,
  result: Image,
  status: 202,
  errors: ["ImageBusy", "QuotaExceeded", "EngineUnavailable", "DiskFull"],
});

export const writeImageContent = endpoint({
  id: "writeImageContent",
  method: "PUT",
  path: `${path}/:name/content`,
  access: "user",
  summary: "Make an image of bytes: an archive, a root file system, or a directory with a Dockerfile",
  description:
    "Bytes may be compressed with gzip or zstd. An OCI and a docker archive are told apart by what is in them. A Dockerfile is built in a machine of its own that has no network; its base images are pulled first. Answers with state Building when all bytes are there and are an archive at all.",
  params: z.strictObject({ group: GroupName, name: NewImageName }),
  query: z.strictObject({
    /** Default archive. */
    format: ImageFormat.exactOptional(),
    /** The image's, as a selector writes them. */
    labels: LabelSelector.exactOptional(),
    /** Of a Dockerfile: its path in the tar; default Dockerfile. */
    dockerfile: z.string().min(1).max(1_024).exactOptional(),
    /** Of a Dockerfile: the stage to build; default the last. */
    target: z
      .string()
      .max(128)
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)
      .exactOptional(),
    buildArgs: BuildArgs.exactOptional(),
  }),
  body: "bytes",
  result: Image,
  status: 202,
  errors: ["ImageBusy", "QuotaExceeded", "EngineUnavailable", "DiskFull", "Timeout"],
});

export const deleteImage = endpoint({
  id: "deleteImage",
  method: "DELETE",
  path: `${path}/:name`,
  access: "user",
  summary: "Delete an image of the group",
  description:
    "Refused while sandboxes stand on it. A build under way is ended. Deleting one that is gone succeeds too. Its bytes go when nothing else needs them.",
  params: ImageParams,
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["ImageInUse"],
});

export const prepareImage = endpoint({
  id: "prepareImage",
  method: "POST",
  path: `${path}/:name/prepare`,
  access: "user",
  summary: "Build an image of the catalogue, and any image's template of the default size",
  description:
    "Answers at once with the state; events and the image itself show the progress. A repeat joins the build under way.",
  params: ImageParams,
  query: z.strictObject({ isPublic: Flag.exactOptional() }),
  body: z.strictObject({}),
  result: Image,
  status: 202,
  errors: ["ImageNotFound", "EngineUnavailable", "DiskFull"],
  isIdempotent: true,
});
