/** API keys: what programs show to be known over TCP. */
import {
  type CreatedKey,
  type CreateGroupKey,
  type CreateKey,
  createGroupKey,
  createKey,
  type Key,
  listGroupKeys,
  listKeys,
  revokeGroupKey,
  revokeKey,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { type PageSource, Paginated } from "./paginated.js";
import type { Scope } from "./scope.js";
import type { Transport } from "./transport.js";

export interface ListKeysOptions extends Abortable {
  /** How many are asked for at once, 1 to 1,000; default 100. */
  readonly pageSize?: number | undefined;
}

const defaultPageSize = 100;

/** Every key of a server, for its administrator. */
export class Keys {
  readonly #transport: Transport;

  /** Made by `new Alcove()`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** For any groups, or an administrator's. The secret is in the answer, and nowhere else. */
  create(key: CreateKey, { signal }: Abortable = {}): Promise<CreatedKey> {
    return call(this.#transport, createKey, { params: {}, body: key, signal });
  }

  /** Newest first: to iterate over, page by page as they are asked for, or `toArray()`. */
  list({ signal, pageSize = defaultPageSize }: ListKeysOptions = {}): Paginated<Key> {
    return paginated((query) => call(this.#transport, listKeys, { params: {}, query, signal }), pageSize);
  }

  /** What the key has under way ends within seconds. */
  async revoke(keyId: string, { signal }: Abortable = {}): Promise<void> {
    await call(this.#transport, revokeKey, { params: { keyId }, signal });
  }
}

/**
 * The keys that were made for a group, for its owners.
 *
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { keys } = alcove.defaultGroup;
 * const { id, key } = await keys.create({ name: "ci", role: "user" });
 * console.log(key.startsWith(`alc_${id}_`), (await keys.list().toArray()).length);
 * await keys.revoke(id);
 * ```
 */
export class GroupKeys {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** The secret is in the answer, and nowhere else. */
  create(key: CreateGroupKey, { signal }: Abortable = {}): Promise<CreatedKey> {
    const { transport, params } = this.#scope;
    return call(transport, createGroupKey, { params, body: key, signal });
  }

  /** Newest first: to iterate over, page by page as they are asked for, or `toArray()`. */
  list({ signal, pageSize = defaultPageSize }: ListKeysOptions = {}): Paginated<Key> {
    const { transport, params } = this.#scope;
    return paginated((query) => call(transport, listGroupKeys, { params, query, signal }), pageSize);
  }

  /** What the key has under way ends within seconds. */
  async revoke(keyId: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, revokeGroupKey, { params: { ...params, keyId }, signal });
  }
}

function paginated(read: PageSource<Key>["read"], pageSize: number): Paginated<Key> {
  return new Paginated({ read, idOf: ({ id }) => id, createdAt: ({ createdAt }) => createdAt, pageSize });
}
