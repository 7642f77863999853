/** The volumes of a manifest: mounted where they are not; none is taken away. */
import { AlcoveError, type Sandbox, type VolumeMount } from "@alcove/contract";
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
  const moved = volumes.filter((present) => isNamed(missing, present.volumeName));
  const mounted: VolumeMount[] = [];
  const taken: VolumeMount[] = [];
  try {
    for (const mount of moved) {
      await sandbox.volumes.detach(mount.volumeName, options);
      taken.push(mount);
    }
    for (const mount of missing) {
      await attach(sandbox, mount, options);
      mounted.push(mount);
    }
  } catch (error) {
    const left = taken.filter(({ volumeName }) => !isNamed(mounted, volumeName));
    throw await givenBack(sandbox, left, error);
  }
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
    throw await givenBack(old, taken, error);
  }
}

/** Mounts them where they were. Answers with what failed, which then also tells of those that are off now. */
async function givenBack(sandbox: SandboxHandle, taken: readonly VolumeMount[], failure: unknown): Promise<unknown> {
  const off: string[] = [];
  for (const mount of taken) {
    const attached = attach(sandbox, mount, {}).then(
      () => undefined,
      (error: Error) => `${mount.volumeName}, which was on ${mount.mountpoint}: ${error.message}`,
    );
    const why = await attached;
    if (why !== undefined) off.push(why);
  }
  return off.length === 0
    ? failure
    : told(failure, `Volumes of ${sandbox.id} are not mounted any more: ${off.join(" ")}`);
}

function told(failure: unknown, sentence: string): Error {
  const message = `${failure instanceof Error ? failure.message : String(failure)} ${sentence}`;
  if (!(failure instanceof AlcoveError)) return new Error(message, { cause: failure });
  const { code, field, value, hint } = failure;
  const about = { ...(field !== undefined && { field }), ...(value !== undefined && { value }) };
  return new AlcoveError(code, message, { ...about, hint, cause: failure });
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
