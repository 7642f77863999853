/** Warm pools as their group's owner sets them; `pool-keeper.ts` has what is in them. */
import { AlcoveError, type Pool, type PutPool, roundUp, sizeOf } from "@alcove/contract";
import type { PoolRecord } from "../../store/pools.js";
import { type ControlContext, demandOf } from "../context.js";
import type { PoolControl } from "./pool-control.js";
import { toPool } from "./pool-view.js";

const maximumOfGroup = 16;

export function poolControl(context: ControlContext): PoolControl {
  const { events, gate, pools, store } = context;
  const view = (record: PoolRecord) => toPool(record, pools.stateOf(record));
  return {
    async list(group) {
      await gate.enter(group);
      return store.pools.ofGroup(group).map(view);
    },
    async get(group, name) {
      await gate.enter(group);
      return view(find(context, group, name));
    },
    put: (group, name, body) => put(context, { group, name }, body),
    async delete(group, name) {
      await gate.enter(group);
      store.transaction(() => {
        if (!store.pools.remove(group, name)) throw notFound(group, name);
        events.append(group, { type: "pool.deleted", name });
      });
      events.announce();
      await pools.remove({ group, name });
    },
  };
}

async function put(
  context: ControlContext,
  { group: groupName, name }: { readonly group: string; readonly name: string },
  { sourcesRef, resources = {}, minimum, maximum = Math.max(1, minimum), prime = [] }: PutPool,
): Promise<Pool> {
  const { events, gate, pools, store } = context;
  const { defaults } = await gate.enter(groupName);
  const { name: image, isPublic: imageIsPublic = false } = sourcesRef.diskImage;
  await requireImage(context, { group: groupName, name: image, isPublic: imageIsPublic });
  const size = roundUp({ ...sizeOf(defaults.resources ?? {}), ...sizeOf(resources) });
  context.admission.checkSize(demandOf(context, size));
  gate.require(groupName);
  const record = { group: groupName, name, image, imageIsPublic, size, minimum, maximum, prime, createdAt: Date.now() };
  const recorded = store.transaction(() => {
    requireRoom(context, groupName, name);
    store.pools.put(record);
    const put = find(context, groupName, name);
    events.append(groupName, { type: "pool.changed", pool: toPool(put, pools.stateOf(put)) });
    return put;
  });
  events.announce();
  pools.put(recorded);
  return toPool(recorded, pools.stateOf(recorded));
}

async function requireImage(
  { imageUse }: ControlContext,
  named: { readonly group: string; readonly name: string; readonly isPublic: boolean },
): Promise<void> {
  try {
    await imageUse.read(named);
  } catch (error) {
    if (!(error instanceof AlcoveError) || error.code !== "ImageNotFound") throw error;
    const where = { field: "sourcesRef.diskImage.name", value: named.name, hint: error.hint, cause: error };
    throw new AlcoveError("ImageNotFound", error.message, where);
  }
}

function requireRoom({ store }: ControlContext, group: string, name: string): void {
  const present = store.pools.ofGroup(group);
  if (present.length < maximumOfGroup || present.some((pool) => pool.name === name)) return;
  const detail = `The group ${group} has ${maximumOfGroup} pools, which is as many as there may be.`;
  throw new AlcoveError("PoolLimitReached", detail);
}

function find({ store }: ControlContext, group: string, name: string): PoolRecord {
  const record = store.pools.find(group, name);
  if (record === undefined) throw notFound(group, name);
  return record;
}

function notFound(group: string, name: string): AlcoveError {
  return new AlcoveError("PoolNotFound", `There is no pool ${name} in the group ${group}.`, {
    field: "name",
    value: name,
  });
}
