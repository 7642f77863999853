/** The terminals of a sandbox that are there already: a terminal goes on when it is left. */
import { deleteExec, type Exec, listExecs } from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { SandboxAddress } from "./scope.js";
import { type AttachTerminalOptions, TerminalHandle } from "./terminal-handle.js";

export class SandboxTerminals {
  readonly #address: SandboxAddress;

  constructor(address: SandboxAddress) {
    this.#address = address;
  }

  /** Those whose programs run. */
  async list({ signal }: Abortable = {}): Promise<Exec[]> {
    const { transport, params } = this.#address;
    const execs = await call(transport, listExecs, { params, signal });
    return execs.filter(({ terminal, state }) => terminal !== undefined && state === "Running");
  }

  /** Shows what it has shown, as far as that is kept, and goes on. */
  attach(id: string, options: AttachTerminalOptions = {}): Promise<TerminalHandle> {
    return TerminalHandle.attach(this.#address, id, options);
  }

  /** Hangs up: its programs hear SIGHUP, and are killed where they stay. */
  async close(id: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, deleteExec, { params: { ...params, execId: id }, signal });
  }
}
