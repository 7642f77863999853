/** Images: a group's own names, and the catalogue's. */
import { AlcoveError, type Image, type Labels } from "@alcove/contract";
import { hasLabels } from "../../lib/has-labels.js";
import { type ImageRecord, publicGroup } from "../../store/images.js";
import type { ControlContext } from "../context.js";
import { requireDiskSpace } from "../system/disk-space.js";
import type { EngineReadiness } from "../system/engine-readiness.js";
import { takeDockerfile } from "./dockerfiles.js";
import { collectContents } from "./image-collection.js";
import type { ImageControl } from "./image-control.js";
import { beginPull, refuseBusy, takeContent } from "./image-sources.js";
import type { NamedImage } from "./image-use.js";

const defaultPageSize = 100;
const usersNamed = 5;

export function imageControl(context: ControlContext, readiness: EngineReadiness): ImageControl {
  const { gate, images, imageBuilds, imagePreparations: preparations, imageUse, store } = context;
  const read = async (named: NamedImage) => preparations.show(named.group, await imageUse.read(named));
  const readWithLog = async (named: NamedImage): Promise<Image> => {
    const image = await read(named);
    return { ...image, log: imageBuilds.log({ ...named, ...(image.isPublic && { group: publicGroup }) }) };
  };
  return {
    async list(group, { labels = {}, page = 1, pageSize = defaultPageSize }) {
      await gate.enter(group);
      const found = store.images.list(group).filter((record) => hasLabels(record.labels, labels));
      const shown = found.slice((page - 1) * pageSize, page * pageSize);
      return Promise.all(shown.map(({ name }) => read({ group, name, isPublic: false })));
    },
    async listPublic(group) {
      await gate.enter(group);
      return Promise.all([...images.catalogue.keys()].map((name) => read({ group, name, isPublic: true })));
    },
    async get(group, name, { isPublic = false } = {}) {
      await gate.enter(group);
      return readWithLog({ group, name, isPublic });
    },
    async create(group, body, { isAdministrators = false } = {}) {
      await gate.enter(group);
      images.checkReference(body.source.imageUrl);
      await requireRoomToBuild(context, readiness);
      refuseBusy(context, { group, name: body.name });
      preparations.forget(group, body.name);
      beginPull(context, { group, body, isAdministrators });
      return read({ group, name: body.name, isPublic: false });
    },
    async writeContent({ group, name }, content, options, signal) {
      await gate.enter(group);
      refuseBusy(context, { group, name });
      await requireRoomToBuild(context, readiness);
      const { format, dockerfile = "Dockerfile", target, buildArgs = {}, labels, isAdministrators = false } = options;
      const sent = { group, name, content, labels };
      if (format === "dockerfile") {
        const asked = { dockerfile, buildArgs, isAdministrators, ...(target !== undefined && { target }) };
        await takeDockerfile(context, { ...sent, ...asked }, signal);
      } else await takeContent(context, { ...sent, format }, signal);
      preparations.forget(group, name);
      return read({ group, name, isPublic: false });
    },
    async delete(group, name) {
      await gate.enter(group);
      await remove(context, group, name);
      await collectContents(context, imageBuilds);
    },
    async prune(group, which) {
      await gate.enter(group);
      return prune(context, group, which);
    },
    async prepare(group, name, { isPublic = false } = {}) {
      await gate.enter(group);
      const named = { group, name, isPublic };
      await imageUse.read(named);
      await requireRoomToBuild(context, readiness);
      preparations.begin(named, await imageUse.read(named));
      return read(named);
    },
  };
}

async function requireRoomToBuild(context: ControlContext, readiness: EngineReadiness): Promise<void> {
  await readiness.require(context.stopping);
  await requireDiskSpace(context);
}

/** Whoever stands on it is named; with nobody there a build of it is ended, and the name goes. */
async function remove(context: ControlContext, group: string, name: string): Promise<void> {
  refuseWhileUsed(context, group, name);
  await context.imageBuilds.abort({ group, name });
  if (context.store.images.find(group, name) === undefined) return;
  refuseWhileUsed(context, group, name);
  context.imageRegister.remove({ group, name });
}

function refuseWhileUsed({ store }: ControlContext, group: string, name: string): void {
  if (store.images.find(group, name) === undefined) return;
  const { ids, count } = store.imageUsers.ofImage(group, name, usersNamed);
  if (count === 0) {
    refuseUnderSnapshots(store.imageUsers.snapshotsOfImage(group, name, usersNamed), name);
    return;
  }
  const more = count > ids.length ? ` and ${count - ids.length} more` : "";
  const noun = count === 1 ? "sandbox stands" : "sandboxes stand";
  throw new AlcoveError("ImageInUse", `${count} ${noun} on the image ${name}: ${ids.join(", ")}${more}.`);
}

function refuseUnderSnapshots(ids: readonly string[], name: string): void {
  if (ids.length === 0) return;
  throw new AlcoveError("ImageInUse", `Snapshots stand on the image ${name}: ${ids.join(", ")}.`);
}

async function prune(
  context: ControlContext,
  group: string,
  { labels = {}, olderThanSeconds = 0 }: { readonly labels?: Labels; readonly olderThanSeconds?: number },
) {
  const { imageBuilds, imageRegister, store } = context;
  const before = Date.now() - olderThanSeconds * 1_000;
  const unused = store.images
    .list(group)
    .filter((record) => (record.builtAt ?? record.createdAt) <= before && hasLabels(record.labels, labels))
    .filter((record) => isUnused(context, record));
  for (const record of unused) imageRegister.remove(record);
  const { freedBytes } = await collectContents(context, imageBuilds);
  return { deleted: unused.map(({ name }) => name), freedBytes };
}

/** No sandbox and no snapshot stands on it, and it is not being built. */
export function isUnused({ imageBuilds, store }: ControlContext, { group, name }: ImageRecord): boolean {
  const { imageUsers } = store;
  const isUsed = imageUsers.ofImage(group, name, 1).count + imageUsers.snapshotsOfImage(group, name, 1).length > 0;
  return !isUsed && !imageBuilds.isRunning({ group, name });
}
