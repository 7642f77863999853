/** The fake guest's process table. */
import type { SandboxProcess } from "@alcove/contract";

export class ProcessTable {
  readonly #processes = new Map<number, SandboxProcess>();
  #nextPid = 2;

  /** Lists a process until it is disposed of. */
  begin(
    process: Pick<SandboxProcess, "parentPid" | "user" | "command" | "execId">,
  ): Disposable & { readonly pid: number } {
    const pid = this.#nextPid++;
    const now = Date.now();
    this.#processes.set(pid, { ...process, pid, state: "S", startedAtUnixMs: now, cpuUsec: 0, residentBytes: 4_096 });
    return { pid, [Symbol.dispose]: () => void this.#processes.delete(pid) };
  }

  list(): SandboxProcess[] {
    return [...this.#processes.values()];
  }
}
