/** Volumes of the fake host: file trees that outlive machines. What a machine writes is on its volume when it is synced or let go of. */
import { AlcoveError } from "@alcove/contract";
import type { DataDisk, Volumes } from "../engine.js";
import { packDirectory, unpackInto } from "./archive.js";
import type { FakeHost } from "./host.js";
import type { FakeMachine } from "./machine.js";
import { packTar } from "./tar.js";

export interface FakeVolume {
  tree: Buffer;
}

/** A volume behind one of a machine's slots. */
export interface FakeSlot {
  readonly volumeId: string;
  readonly volume: FakeVolume;
  readonly isReadOnly: boolean;
  mountedOn?: string | undefined;
}

/** What a volume was at one instant, and where. */
export interface FakeFrozen {
  readonly volumeId: string;
  readonly serial: string;
  readonly mountedOn: string | undefined;
  readonly tree: Buffer;
}

const serials = ["alcove-spare0", "alcove-spare1"];

export function fakeVolumes(host: FakeHost): Volumes {
  return {
    serials,
    create: async (id) => void host.volumes.set(id, { tree: packTar([]) }),
    copy: async (from, to) => void host.volumes.set(to, { tree: find(host, from).tree }),
    restore: async (snapshotId, { from, to }) => {
      host.volumes.set(to, { tree: findFrozen(host, snapshotId, from).tree });
    },
    isAsIn: async (snapshotId, { from, to }) => find(host, to).tree.equals(findFrozen(host, snapshotId, from).tree),
    remove: async (id) => void host.volumes.delete(id),
    usedBytes: async (id) => find(host, id).tree.length,
  };
}

export function attachFakeVolume(host: FakeHost, machine: FakeMachine, { volumeId, slot, isReadOnly }: DataDisk): void {
  const serial = serials[slot] ?? "";
  if (machine.slots.has(serial)) return;
  machine.slots.set(serial, { volumeId, volume: find(host, volumeId), isReadOnly });
}

export function detachFakeVolume(machine: FakeMachine, volumeId: string): void {
  for (const [serial, slot] of machine.slots) if (slot.volumeId === volumeId) machine.slots.delete(serial);
}

export function fakeDataDisks({ slots }: FakeMachine): DataDisk[] {
  return [...slots].map(([serial, { volumeId, isReadOnly }]) => ({
    volumeId,
    slot: serials.indexOf(serial),
    isReadOnly,
  }));
}

export function mountFakeVolume(machine: FakeMachine, { serial, path }: { serial: string; path: string }) {
  const slot = machine.slots.get(serial);
  if (slot === undefined) throw new AlcoveError("InvalidRequest", `There is no disk ${serial}.`);
  if (slot.mountedOn === path) return {};
  if (slot.mountedOn !== undefined) throw new AlcoveError("VolumeBusy", `It is mounted on ${slot.mountedOn} already.`);
  machine.files.makeDirectory(path, { createParents: true });
  unpackInto(machine.files, path, slot.volume.tree, undefined);
  slot.mountedOn = path;
  return {};
}

export function unmountFakeVolume(machine: FakeMachine, { serial }: { serial: string }) {
  const slot = machine.slots.get(serial);
  if (slot?.mountedOn === undefined) return {};
  const path = slot.mountedOn;
  write(machine, slot);
  for (const { name } of machine.files.list(path)) machine.files.delete(`${path}/${name}`, true);
  slot.mountedOn = undefined;
  return {};
}

export function syncFakeVolumes(machine: FakeMachine) {
  for (const slot of machine.slots.values()) write(machine, slot);
  return {};
}

export function freezeFakeVolumes(machine: FakeMachine): FakeFrozen[] {
  syncFakeVolumes(machine);
  return [...machine.slots].map(([serial, { volumeId, volume, mountedOn }]) => ({
    ...{ volumeId, serial, mountedOn },
    tree: volume.tree,
  }));
}

/** Of a machine that sleeps, or has none in its memory. */
export function frozenAtRest(
  host: FakeHost,
  disks: readonly DataDisk[],
  asleep: readonly FakeFrozen[],
): readonly FakeFrozen[] {
  return disks.map(({ volumeId, slot }) => {
    const known = asleep.find((other) => other.volumeId === volumeId);
    return known ?? { volumeId, serial: serials[slot] ?? "", mountedOn: undefined, tree: find(host, volumeId).tree };
  });
}

/** Of a machine that goes on: what was behind a slot when it was saved is another volume now, mounted as that one was. */
export function goOnWithVolumes(
  host: FakeHost,
  machine: FakeMachine,
  { disks, frozen }: { readonly disks: readonly DataDisk[]; readonly frozen: readonly FakeFrozen[] },
): void {
  for (const disk of disks) {
    attachFakeVolume(host, machine, disk);
    const serial = serials[disk.slot] ?? "";
    const path = frozen.find((other) => other.serial === serial)?.mountedOn;
    if (path !== undefined) mountFakeVolume(machine, { serial, path });
  }
}

/** As the disk looks that they are mounted over. */
export function withoutFakeVolumes<T>(machine: FakeMachine, look: () => T): T {
  const mounted = [...machine.slots].flatMap(([serial, { mountedOn: path }]) =>
    path === undefined ? [] : [{ serial, path }],
  );
  for (const { serial } of mounted) unmountFakeVolume(machine, { serial });
  const seen = look();
  for (const mount of mounted) mountFakeVolume(machine, mount);
  return seen;
}

/** It will boot without them. */
export function letGoOfVolumes(machine: FakeMachine): void {
  for (const serial of [...machine.slots.keys()]) unmountFakeVolume(machine, { serial });
  machine.slots.clear();
}

export function removeLeftVolumes(host: FakeHost, owned: ReadonlySet<string> | undefined): string[] {
  const left = [...host.volumes.keys()].filter((id) => owned !== undefined && !owned.has(id));
  for (const id of left) host.volumes.delete(id);
  return left.map((id) => `volume ${id}`);
}

function write({ files }: FakeMachine, { volume, isReadOnly, mountedOn }: FakeSlot): void {
  if (mountedOn !== undefined && !isReadOnly) volume.tree = packDirectory(files, mountedOn);
}

function find(host: FakeHost, id: string): FakeVolume {
  const volume = host.volumes.get(id);
  if (volume !== undefined) return volume;
  throw new AlcoveError("EngineUnavailable", `The disk of the volume ${id} is not there.`);
}

function findFrozen(host: FakeHost, snapshotId: string, volume: string): FakeFrozen {
  const frozen = host.snapshots.get(snapshotId)?.volumes.find(({ volumeId }) => volumeId === volume);
  if (frozen !== undefined) return frozen;
  throw new AlcoveError("SnapshotIncompatible", `The snapshot ${snapshotId} has nothing of the volume ${volume}.`);
}
