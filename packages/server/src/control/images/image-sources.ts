/** Where a group's images come from: a registry, with the caller's own credentials, or the bytes that the caller sends. */
import { AlcoveError, type CreateImage, type ImageFormat, type Labels } from "@alcove/contract";
import type { BuiltImage, ImageOrder } from "../../images/image.js";
import type { ImageRecord } from "../../store/images.js";
import type { ControlContext } from "../context.js";
import { requireQuota } from "../groups/quotas.js";
import type { ImageName } from "./image-builds.js";

interface Pull {
  readonly group: string;
  readonly body: CreateImage;
  readonly isAdministrators: boolean;
}

export function beginPull(context: ControlContext, asked: Pull): void {
  requireRoomForName(context, { group: asked.group, name: asked.body.name });
  pull(context, asked);
}

function pull(context: ControlContext, { group, body, isAdministrators }: Pull): void {
  const { name, source, labels = {}, entrypoint, cmd } = body;
  const { imageUrl, authentication } = source;
  const isOverridden = entrypoint !== undefined || cmd !== undefined;
  const order: ImageOrder = {
    ...{ kind: "registry", imageUrl, isAdministrators, known: knownTo(context, group) },
    ...(authentication && { credentials: authentication.registryCredentials }),
  };
  context.imageBuilds.begin({
    ...{ group, name, labels, order, fingerprint: "", override: { entrypoint, cmd } },
    source: {
      ...{ kind: "registry", imageUrl },
      ...(authentication && { isAuthenticated: true }),
      ...(isOverridden && { isOverridden }),
    },
  });
}

/** What a daemon before had begun; whether an administrator asked for it is not on record. */
export function pullAgain(context: ControlContext, { group, name, labels, source }: ImageRecord): void {
  const { imageUrl = "" } = source;
  const body: CreateImage = { name, labels, source: { kind: "registry", imageUrl } };
  pull(context, { group, body, isAdministrators: false });
}

interface Sent extends ImageName {
  readonly content: AsyncIterable<Uint8Array>;
  readonly format: Exclude<ImageFormat, "dockerfile">;
  readonly labels: Labels;
}

/** Nothing is recorded before the bytes are there and are an image. */
export async function takeContent(context: ControlContext, sent: Sent, signal: AbortSignal): Promise<void> {
  const { group, name, content, format, labels } = sent;
  requireRoomForName(context, { group, name });
  const upload = await context.images.receive(content, format, signal);
  try {
    requireRoomForName(context, { group, name });
    const source = { kind: format };
    context.imageBuilds.begin({ group, name, labels, source, fingerprint: "", order: { kind: "upload", upload } });
  } catch (error) {
    await upload[Symbol.asyncDispose]();
    throw error;
  }
}

/** A name that the group has already takes no more room. */
export function requireRoomForName({ gate, store }: ControlContext, { group, name }: ImageName): void {
  const record = gate.require(group);
  if (store.images.find(group, name) === undefined) requireQuota(record, { images: 1 });
}

export function refuseBusy({ imageBuilds }: ControlContext, of: ImageName): void {
  if (imageBuilds.isRunning(of)) throw new AlcoveError("ImageBusy", `The image ${of.name} is being built.`);
}

/** The group has pulled this very manifest before, and has it still: it need not come again. */
function knownTo({ images, store }: ControlContext, group: string) {
  return async (manifestDigest: string): Promise<BuiltImage | undefined> => {
    const record = store.images
      .list(group)
      .find(
        ({ source, contentKey }) =>
          source.manifestDigest === manifestDigest && contentKey !== "" && !source.isOverridden,
      );
    const content = record && (await images.find(record.contentKey));
    return record && content && { content, config: record.config, source: record.source };
  };
}
