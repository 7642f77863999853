/** What the gateway's process said last of the listeners that it was told to have. */
import { Change } from "../../lib/change.js";
import type { TcpListening } from "../ingress.js";
import type { Tried } from "../worker/tcp-listeners.js";

/** A process that starts takes some time; nobody waits longer to be told of a port. */
const patienceMs = 30_000;

export class TcpTried {
  /** By sandbox: whether the port of the host listens; not there until it was tried. */
  readonly #bySandbox = new Map<string, Map<number, boolean>>();
  readonly #change = new Change();

  /** Of listeners that stay, what was said holds. */
  keepOnly(sandboxId: string, listeners: readonly TcpListening[]): void {
    const before = this.#bySandbox.get(sandboxId) ?? new Map<number, boolean>();
    const kept = [...before].filter(([hostPort]) => listeners.some((one) => one.hostPort === hostPort));
    this.#bySandbox.set(sandboxId, new Map(kept));
    if (listeners.length === 0) this.#bySandbox.delete(sandboxId);
    this.#change.announce();
  }

  take({ sandboxId, hostPort, reason }: Tried): void {
    this.#bySandbox.get(sandboxId)?.set(hostPort, reason === undefined);
    this.#change.announce();
  }

  /** The next process tries all of them. */
  forget(): void {
    for (const tried of this.#bySandbox.values()) tried.clear();
  }

  /** Those that do not listen, once all of them were tried. */
  async deaf(sandboxId: string, listeners: () => readonly TcpListening[]): Promise<number[]> {
    const said = ({ hostPort }: TcpListening) => this.#bySandbox.get(sandboxId)?.get(hostPort);
    const areTried = () => listeners().every((one) => said(one) !== undefined);
    await this.#change.until(areTried, AbortSignal.timeout(patienceMs)).catch(() => {});
    return listeners()
      .filter((one) => said(one) === false)
      .map(({ hostPort }) => hostPort);
  }
}
