/** Secrets of a group: values that policies and sandboxes refer to, and that nobody who has no need of them sees. */
import {
  deleteSecret,
  getSecret,
  listSecrets,
  peekSecret,
  putSecret,
  type Secret,
  type SecretValues,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";

export interface SetSecretOptions extends Abortable {
  /** Towards which hosts the gateway puts values in the place of placeholders: patterns such as api.example.com. Default: as before. */
  readonly hosts?: readonly string[] | undefined;
}

export interface PeekOptions extends Abortable {
  /** One of the last ten. Default: the newest. */
  readonly version?: number | undefined;
}

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { secrets, sandboxes } = alcove.defaultGroup;
 * await secrets.set("example-api", { token: "t0p-s3cret" }, { hosts: ["api.example.com"] });
 * const sandbox = await sandboxes.create({ image: "debian", secrets: { API_TOKEN: { secretId: "example-api" } } });
 * const { stdout } = await sandbox.exec("echo $API_TOKEN");
 * console.log(stdout.startsWith("alcove-secret-"));
 * await sandbox.delete();
 * await secrets.delete("example-api");
 * ```
 */
export class Secrets {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** By id, without their values. */
  list({ signal }: Abortable = {}): Promise<Secret[]> {
    const { transport, params } = this.#scope;
    return call(transport, listSecrets, { params, signal });
  }

  get(id: string, { signal }: Abortable = {}): Promise<Secret> {
    const { transport, params } = this.#scope;
    return call(transport, getSecret, { params: { ...params, secretId: id }, signal });
  }

  /** Makes the secret, or a new version of it, which has these keys and no others. The gateway has them when this answers. */
  set(id: string, values: Readonly<Record<string, string>>, { signal, hosts }: SetSecretOptions = {}): Promise<Secret> {
    const { transport, params } = this.#scope;
    const body = { values, hosts: hosts === undefined ? undefined : [...hosts] };
    return call(transport, putSecret, { params: { ...params, secretId: id }, body, signal });
  }

  /** Its values: for owners, and in the audit log. */
  peek(id: string, { signal, version }: PeekOptions = {}): Promise<SecretValues> {
    const { transport, params } = this.#scope;
    return call(transport, peekSecret, { params: { ...params, secretId: id }, body: { version }, signal });
  }

  /** Refused while anything refers to it. */
  async delete(id: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deleteSecret, { params: { ...params, secretId: id }, signal });
  }
}
