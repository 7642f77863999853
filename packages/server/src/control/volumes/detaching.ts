/** Taking a volume away from a sandbox: on record first, then out of the guest, then out of the machine. */
import { AlcoveError } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { MountRecord } from "../../store/volumes.js";
import type { ControlContext } from "../context.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { requireSandbox } from "../snapshots/snapshot-taking.js";
import { requireVolumes } from "./engine-volumes.js";
import { requireVolume } from "./volume-finding.js";

const detachMs = 150_000;

type Detachment = SandboxRef & { readonly volumeName: string };

export async function detach(
  context: ControlContext,
  reach: Reach,
  ref: Detachment,
  signal: AbortSignal,
): Promise<void> {
  const { gate, sandboxTurns } = context;
  await gate.enter(ref.group);
  requireMount(context, ref);
  if (!holdsNothing(requireSandbox(context, ref))) await reach.awake(ref, signal);
  await sandboxTurns.take(ref.id, signal, () => detachNow(context, ref));
}

async function detachNow(context: ControlContext, ref: Detachment): Promise<void> {
  const { crashPoint, machines, store } = context;
  const mount = requireMount(context, ref);
  if (holdsNothing(requireSandbox(context, ref))) return store.volumes.unmount(mount.volumeId);
  const { machine } = machines.require(ref);
  store.volumes.setMountState(mount.volumeId, "Detaching");
  crashPoint("volume.afterDetach");
  await finishDetaching(context, machine, mount);
}

/** Where it fails the sandbox keeps it. */
export async function finishDetaching(context: ControlContext, machine: Machine, mount: MountRecord): Promise<void> {
  const { crashPoint, store } = context;
  try {
    await takeOut(context, machine, mount, AbortSignal.timeout(detachMs));
  } catch (error) {
    store.volumes.setMountState(mount.volumeId, "Attached");
    throw error;
  }
  crashPoint("volume.afterTakeOut");
  store.volumes.unmount(mount.volumeId);
}

export async function takeOut(
  context: ControlContext,
  machine: Machine,
  { volumeId, slot }: Pick<MountRecord, "volumeId" | "slot">,
  signal: AbortSignal,
): Promise<void> {
  const serial = requireVolumes(context).serials[slot];
  if (serial !== undefined) await machine.guest.volumes.unmount(serial, signal);
  await machine.detach?.(volumeId, signal);
}

/** Nothing of it is in a memory that knows of its volumes, now or when it goes on. A Failed one that has any has a machine that could not be ended. */
function holdsNothing({ state, suspension }: SandboxRecord): boolean {
  return state === "Stopped" && suspension?.mode !== "Memory";
}

function requireMount({ store }: ControlContext, { group, id, volumeName }: Detachment): MountRecord {
  const volume = requireVolume(store, { group, volumeName });
  const mount = store.volumes.mountOf(volume.id);
  if (mount?.sandboxId === id) return mount;
  throw new AlcoveError("VolumeNotFound", `The sandbox ${id} does not have the volume ${volumeName}.`, {
    field: "volumeName",
    value: volumeName,
    hint: "Who has it says `alcove volume get`.",
  });
}
