/** What every call passes first: the group is known, the daemon has taken up its sandboxes, and it is not stopping. */
import { AlcoveError } from "@alcove/contract";

export const defaultGroup = "default";

export class Gate {
  readonly #opened: Promise<void>;
  #open: () => void = () => undefined;
  #isClosed = false;

  constructor() {
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  /** From now on calls pass. */
  open(): void {
    this.#open();
  }

  /** From now on calls are turned away. */
  close(): void {
    this.#isClosed = true;
    this.#open();
  }

  async enter(group: string): Promise<void> {
    if (group !== defaultGroup) {
      throw new AlcoveError("GroupNotFound", `There is no group ${group}.`, { field: "group", value: group });
    }
    await this.#opened;
    if (this.#isClosed) throw new AlcoveError("DaemonStopping");
  }
}
