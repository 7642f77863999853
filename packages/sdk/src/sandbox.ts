/** Sandboxes of this machine's daemon, or of another where one is named. */
import type { Sandbox as SandboxRecord } from "@alcove/contract";
import { type Alcove, localAlcove } from "./alcove.js";
import type { Abortable } from "./files.js";
import type { Paginated } from "./paginated.js";
import type { SandboxHandle } from "./sandbox-handle.js";
import type { CreateOptions, ListOptions } from "./sandboxes.js";

export type Sandbox = SandboxHandle;

/** Which daemon; default: the one of this machine, started if need be. */
interface OnAlcove {
  readonly alcove?: Alcove | undefined;
}

export const Sandbox = {
  /** Creates a sandbox and starts it. With `await using` it is deleted at the end of its scope. */
  create({ alcove = localAlcove(), ...options }: CreateOptions & OnAlcove): Promise<Sandbox> {
    return alcove.sandboxes.create(options);
  },

  /** A sandbox that is there already; SandboxNotFound where it is not. Disposing of it does not delete it. */
  get(id: string, { alcove = localAlcove(), ...options }: Abortable & OnAlcove = {}): Promise<Sandbox> {
    return alcove.sandboxes.get(id, options);
  },

  /** As `get`, but without asking the daemon whether it is there. */
  connect(id: string, { alcove = localAlcove() }: OnAlcove = {}): Sandbox {
    return alcove.sandboxes.connect(id);
  },

  /** What the daemon has on record about them, newest first, page by page as they are asked for. */
  list({ alcove = localAlcove(), ...options }: ListOptions & OnAlcove = {}): Paginated<SandboxRecord> {
    return alcove.sandboxes.list(options);
  },

  count({ alcove = localAlcove(), ...options }: Omit<ListOptions, "pageSize"> & OnAlcove = {}): Promise<number> {
    return alcove.sandboxes.count(options);
  },
};
