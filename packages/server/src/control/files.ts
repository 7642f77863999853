/** Files: the guest's own, passed through once the sandbox is known to run. */
import type { GuestFiles } from "../guest/guest.js";
import type { ControlContext } from "./context.js";
import type { FileControl, SandboxRef } from "./control.js";

export function fileControl({ gate, machines }: ControlContext): FileControl {
  const filesOf = async (ref: SandboxRef): Promise<GuestFiles> => {
    await gate.enter(ref.group);
    return machines.require(ref).machine.guest.files;
  };
  return {
    read: async (ref, path, range, signal) => (await filesOf(ref)).read(path, range, signal),
    write: async (ref, path, content, options, signal) => (await filesOf(ref)).write(path, content, options, signal),
    delete: async (ref, path, options, signal) => (await filesOf(ref)).delete(path, options, signal),
    stat: async (ref, path, options, signal) => (await filesOf(ref)).stat(path, signal, options),
    watch: async (ref, path, options, signal) => (await filesOf(ref)).watch(path, options, signal),
    symlink: async (ref, path, target, signal) => (await filesOf(ref)).symlink(path, target, signal),
    list: async (ref, path, signal) => (await filesOf(ref)).list(path, signal),
    makeDirectory: async (ref, path, options, signal) => (await filesOf(ref)).makeDirectory(path, options, signal),
    move: async (ref, from, to, options, signal) => (await filesOf(ref)).move(from, to, options, signal),
    readArchive: async (ref, path, signal) => (await filesOf(ref)).readArchive(path, signal),
    writeArchive: async (ref, path, content, options, signal) =>
      (await filesOf(ref)).writeArchive(path, content, options, signal),
  };
}
