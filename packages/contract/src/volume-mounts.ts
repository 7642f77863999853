/** Where a sandbox has which volumes. */
import * as z from "zod";
import { GuestPath, VolumeName } from "./names.js";

const reserved = ["/proc", "/sys", "/dev", "/run/alcove"];

/** Where a volume is in a sandbox: as short as can be, and nothing of the system's. */
export const MountPoint = GuestPath.refine((path) => path !== "/", "must not be /, which is the sandbox's own disk")
  .refine(isShortest, "must have no empty part, no . or .., and no slash at its end")
  .refine(
    (path) => !reserved.some((place) => path === place || path.startsWith(`${place}/`)),
    `must not lie in ${reserved.join(", ")}`,
  )
  .meta({ id: "MountPoint" });

/** A volume in a sandbox. */
export const VolumeMount = z
  .strictObject({
    volumeName: VolumeName,
    /** Made where it is missing. */
    mountpoint: MountPoint,
    /** Nothing that the sandbox does changes the volume, whoever does it. Default false. */
    readOnly: z.boolean().optional(),
  })
  .meta({ id: "VolumeMount" });
export type VolumeMount = z.infer<typeof VolumeMount>;

const mostMounts = 16;

export const VolumeMounts = z
  .array(VolumeMount)
  .max(mostMounts)
  .superRefine((mounts, context) => {
    const fault = mountFault(mounts);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

/** What is wrong with so many of them in one sandbox. */
export function mountFault(mounts: readonly VolumeMount[]): string | undefined {
  for (const [index, { volumeName, mountpoint }] of mounts.entries()) {
    for (const other of mounts.slice(0, index)) {
      if (other.volumeName === volumeName) return `has the volume ${volumeName} twice`;
      const isInside = `${mountpoint}/`.startsWith(`${other.mountpoint}/`);
      if (isInside || `${other.mountpoint}/`.startsWith(`${mountpoint}/`))
        return `has mount points that lie in each other: ${other.mountpoint} and ${mountpoint}`;
    }
  }
  return undefined;
}

function isShortest(path: string): boolean {
  if (path === "/") return true;
  return path
    .slice(1)
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== "..");
}
