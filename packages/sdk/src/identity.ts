/** What a group is to the outside: whom its tokens may be for, and a token to try it with. */
import {
  type GroupIdentity,
  type GroupToken,
  getGroupIdentity,
  issueGroupToken,
  type SetGroupIdentity,
  setGroupIdentity,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { identity } = alcove.defaultGroup;
 * await identity.set({ audiences: ["https://vault.example.com"] });
 * const { subject } = await identity.get();
 * console.log(`trust ${subject}`);
 * await identity.set({ audiences: [] });
 * ```
 */
export class Identity {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  get({ signal }: Abortable = {}): Promise<GroupIdentity> {
    const { transport, params } = this.#scope;
    return call(transport, getGroupIdentity, { params, signal });
  }

  /** Replaces it; without audiences the group has none. It is in force in the group's sandboxes when this answers. */
  set(identity: SetGroupIdentity, { signal }: Abortable = {}): Promise<GroupIdentity> {
    const { transport, params } = this.#scope;
    return call(transport, setGroupIdentity, { params, body: identity, signal });
  }

  /** As the group's sandboxes get them; it names no sandbox. */
  token(resource: string, { signal }: Abortable = {}): Promise<GroupToken> {
    const { transport, params } = this.#scope;
    return call(transport, issueGroupToken, { params, body: { resource }, signal });
  }
}
