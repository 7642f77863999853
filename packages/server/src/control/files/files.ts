/** Files: the guest's own, passed through once the sandbox runs. */
import type { GuestFiles } from "../../guest/guest.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import type { FileControl } from "./file-control.js";

export function fileControl(reach: Reach): FileControl {
  const filesOf = async (ref: SandboxRef, signal: AbortSignal): Promise<GuestFiles> =>
    (await reach.awake(ref, signal)).machine.guest.files;
  return {
    read: async (ref, path, range, signal) => (await filesOf(ref, signal)).read(path, range, signal),
    write: async (ref, path, content, options, signal) =>
      (await filesOf(ref, signal)).write(path, content, options, signal),
    delete: async (ref, path, options, signal) => (await filesOf(ref, signal)).delete(path, options, signal),
    stat: async (ref, path, options, signal) => (await filesOf(ref, signal)).stat(path, signal, options),
    async watch(ref, path, options, signal) {
      return (await reach.asItIs(ref)).machine.guest.files.watch(path, options, signal);
    },
    symlink: async (ref, path, target, signal) => (await filesOf(ref, signal)).symlink(path, target, signal),
    list: async (ref, path, signal) => (await filesOf(ref, signal)).list(path, signal),
    makeDirectory: async (ref, path, options, signal) =>
      (await filesOf(ref, signal)).makeDirectory(path, options, signal),
    move: async (ref, from, to, options, signal) => (await filesOf(ref, signal)).move(from, to, options, signal),
    readArchive: async (ref, path, signal) => (await filesOf(ref, signal)).readArchive(path, signal),
    writeArchive: async (ref, path, content, options, signal) =>
      (await filesOf(ref, signal)).writeArchive(path, content, options, signal),
  };
}
