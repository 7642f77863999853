/**
 * Giving a sandbox its volumes. That it shall have one is on record before anything is done; a daemon that dies meanwhile leaves the rest to
 * the next. Each step may be done again: what is there already is left alone.
 */
import { AlcoveError, type VolumeMount } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import type { MountRecord } from "../../store/volumes.js";
import type { ControlContext } from "../context.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { takeOut } from "./detaching.js";
import { requireVolumes } from "./engine-volumes.js";
import { claimMounts } from "./mount-claims.js";

/** Of all that is done for one: nobody waits for an agent for ever. */
const attachMs = 60_000;

interface Attachment {
  readonly ref: SandboxRef;
  readonly mount: VolumeMount;
}

export async function attach(
  context: ControlContext,
  reach: Reach,
  asked: Attachment,
  signal: AbortSignal,
): Promise<void> {
  const { id } = asked.ref;
  await reach.awake(asked.ref, signal);
  // Not while it is stopped, or a snapshot is taken of it.
  await context.sandboxTurns.take(id, signal, () => attachNow(context, asked));
}

async function attachNow(context: ControlContext, { ref, mount }: Attachment): Promise<void> {
  const { crashPoint, machines, store } = context;
  const { machine } = machines.require(ref);
  const volumes = requireVolumes(context);
  const [record] = store.transaction(() => claimMounts(store, volumes, { ref, mounts: [mount], state: "Attaching" }));
  if (record === undefined) return;
  crashPoint("volume.afterAttach");
  await finishAttaching(context, machine, record);
}

/** Undoes it where it fails. */
export async function finishAttaching(context: ControlContext, machine: Machine, mount: MountRecord): Promise<void> {
  const { crashPoint, logger, store } = context;
  try {
    await putIn(context, machine, mount, AbortSignal.timeout(attachMs));
    crashPoint("volume.afterMount");
    store.volumes.setMountState(mount.volumeId, "Attached");
  } catch (error) {
    try {
      await takeOut(context, machine, mount, AbortSignal.timeout(attachMs));
      store.volumes.unmount(mount.volumeId);
    } catch (failure) {
      logger.error({ sandbox: machine.id, err: failure }, "A volume that could not be attached is not taken away");
    }
    throw error;
  }
}

/** All that is on record for a sandbox whose guest has just started, before its programs. */
export async function attachAll(context: ControlContext, machine: Machine, signal: AbortSignal): Promise<void> {
  for (const mount of context.store.volumes.mountsOf(machine.id)) await putIn(context, machine, mount, signal);
}

async function putIn(
  context: ControlContext,
  machine: Machine,
  { volumeId, slot, mountpoint: path, isReadOnly }: MountRecord,
  signal: AbortSignal,
): Promise<void> {
  const serial = requireVolumes(context).serials[slot];
  if (machine.attach === undefined || serial === undefined)
    throw new AlcoveError("EngineUnavailable", `The ${context.engine.name} engine gives a sandbox no volumes.`);
  await machine.attach({ volumeId, slot, isReadOnly }, signal);
  await machine.guest.volumes.mount({ serial, path, readOnly: isReadOnly }, signal);
}
