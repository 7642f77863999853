/** A machine's memory, as its QEMU has mapped it. */
import { AlcoveError } from "@alcove/contract";
import { MappedFile } from "../../../host/process-memory.js";

export async function openMapped(pid: number, base: string): Promise<MappedFile> {
  try {
    return await MappedFile.open(pid, base);
  } catch (error) {
    if (!["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    const message = `The kernel does not let this user reach the memory of QEMU's process ${pid}, so the machine's memory can be neither kept nor put back.`;
    throw new AlcoveError("EngineUnavailable", message, {
      cause: error,
      hint: "Let user namespaces be made, or set kernel.yama.ptrace_scope to 0, and start a new sandbox; or stop it in mode Disk.",
    });
  }
}
