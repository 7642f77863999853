/** The volumes of a manifest: mounted where they are not; none is taken away. */
import type { Sandbox, VolumeMount } from "@alcove/contract";
import type { Abortable } from "../files.js";
import type { SandboxHandle } from "../sandbox-handle.js";
import type { VolumesAt } from "../volumes.js";

export function volumesAt(mounts: readonly VolumeMount[]): VolumesAt {
  const at = ({ mountpoint, readOnly = false }: VolumeMount) => ({ mountpoint, readOnly });
  return Object.fromEntries(mounts.map((mount) => [mount.volumeName, at(mount)]));
}

export function hasVolumes(wanted: readonly VolumeMount[], { volumes = [] }: Sandbox): boolean {
  return wanted.every((mount) => volumes.some((present) => isAlike(mount, present)));
}

export function besidesOf(wanted: readonly VolumeMount[], { volumes = [] }: Sandbox): string[] {
  const besides = volumes.filter(({ volumeName }) => !isNamed(wanted, volumeName));
  return besides.map(({ volumeName, mountpoint }) => `the volume ${volumeName} on ${mountpoint}`);
}

/** One that is mounted otherwise is taken away first: VolumeBusy where programs use it. */
export async function mountAll(
  sandbox: SandboxHandle,
  wanted: readonly VolumeMount[],
  options: Abortable,
): Promise<void> {
  const { volumes = [] } = await sandbox.info(options);
  const missing = wanted.filter((mount) => !volumes.some((present) => isAlike(mount, present)));
  for (const { volumeName } of volumes.filter((present) => isNamed(missing, present.volumeName)))
    await sandbox.volumes.detach(volumeName, options);
  for (const mount of missing) await attach(sandbox, mount, options);
}

/**
 * A volume is in one sandbox at a time: those that the new one needs are taken from the old one while it is created, and given back
 * where that fails.
 */
export async function handedOver<T>(
  old: SandboxHandle,
  wanted: readonly VolumeMount[],
  create: () => Promise<T>,
): Promise<T> {
  const { volumes = [] } = await old.info();
  const taken: VolumeMount[] = [];
  try {
    for (const mount of volumes.filter(({ volumeName }) => isNamed(wanted, volumeName))) {
      await old.volumes.detach(mount.volumeName);
      taken.push(mount);
    }
    return await create();
  } catch (error) {
    for (const mount of taken) await attach(old, mount, {}).catch(() => undefined);
    throw error;
  }
}

function attach(sandbox: SandboxHandle, { volumeName, mountpoint, readOnly }: VolumeMount, { signal }: Abortable) {
  return sandbox.volumes.attach(volumeName, mountpoint, { readOnly, signal });
}

function isNamed(mounts: readonly VolumeMount[], name: string): boolean {
  return mounts.some(({ volumeName }) => volumeName === name);
}

function isAlike(one: VolumeMount, other: VolumeMount): boolean {
  const { volumeName, mountpoint, readOnly = false } = one;
  return volumeName === other.volumeName && mountpoint === other.mountpoint && readOnly === (other.readOnly ?? false);
}
