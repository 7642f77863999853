/** Files: the guest's own, passed through once the sandbox runs. */
import type { GuestFiles } from "../../guest/guest.js";
import type { ControlContext } from "../context.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { tellOfStop } from "./cut-transfers.js";
import type { FileControl } from "./file-control.js";

export function fileControl(context: Pick<ControlContext, "store">, reach: Reach): FileControl {
  const filesOf = async (ref: SandboxRef, signal: AbortSignal): Promise<GuestFiles> =>
    (await reach.awake(ref, signal)).machine.guest.files;
  return {
    read: (ref, path, range, signal) =>
      tellOfStop(context, { ref, what: `The download of ${path}` }, async () =>
        (await filesOf(ref, signal)).read(path, range, signal),
      ),
    write: (ref, path, content, options, signal) =>
      tellOfStop(context, { ref, what: `The upload of ${path}` }, async () =>
        (await filesOf(ref, signal)).write(path, content, options, signal),
      ),
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
    readArchive: (ref, path, signal) =>
      tellOfStop(context, { ref, what: `The download of ${path}` }, async () =>
        (await filesOf(ref, signal)).readArchive(path, signal),
      ),
    writeArchive: (ref, path, content, options, signal) =>
      tellOfStop(context, { ref, what: `The upload of an archive to ${path}` }, async () =>
        (await filesOf(ref, signal)).writeArchive(path, content, options, signal),
      ),
  };
}
