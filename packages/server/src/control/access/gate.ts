/** What every call passes first: the group is there, the daemon has taken up its sandboxes, and it is not stopping. */
import { AlcoveError } from "@alcove/contract";
import type { GroupRecord } from "../../store/groups.js";
import type { Store } from "../../store/store.js";

export class Gate {
  readonly #store: Store;
  readonly #opened: Promise<void>;
  #open: () => void = () => undefined;
  #isClosed = false;

  constructor(store: Store) {
    this.#store = store;
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

  /** For what concerns no group. */
  async pass(): Promise<void> {
    await this.#opened;
    if (this.#isClosed) throw new AlcoveError("DaemonStopping");
  }

  /** Answers the group as it is now. One that is being deleted counts as gone. */
  async enter(name: string): Promise<GroupRecord> {
    if (this.#isClosed) throw new AlcoveError("DaemonStopping");
    this.require(name);
    await this.pass();
    return this.require(name);
  }

  /** The group as it is now, where others may have changed it since the call came in. */
  require(name: string): GroupRecord {
    const group = this.#store.groups.find(name);
    if (group?.state !== "Ready") throw groupNotFound(name);
    return group;
  }
}

/** The one sentence, whether the group is not there or the caller may not know of it. */
export function groupNotFound(group: string): AlcoveError {
  const shown = group.slice(0, 80);
  return new AlcoveError("GroupNotFound", `There is no group ${shown}.`, { field: "group", value: shown });
}
