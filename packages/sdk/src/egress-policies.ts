/** What the sandboxes of a group may reach: policies with names, which they refer to, and how the world looks from there. */
import {
  deleteEgressPolicy,
  type EgressPolicy,
  type EgressTest,
  type GroupEgress,
  getEgressPolicy,
  getGroupEgress,
  listEgressPolicies,
  type NamedEgressPolicy,
  putEgressPolicy,
  setGroupEgress,
  testEgress,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { TestEgressOptions } from "./sandbox-egress.js";
import type { Scope } from "./scope.js";

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { egressPolicies, sandboxes } = alcove.defaultGroup;
 * await egressPolicies.set("packages", {
 *   defaultAction: "Deny",
 *   hostRules: [{ pattern: "registry.npmjs.org", action: "Allow" }],
 * });
 * const { verdict, reason } = await egressPolicies.test("https://example.com/", "packages");
 * console.log(verdict, reason);
 * const sandbox = await sandboxes.create({ image: "debian", egressPolicy: "packages" });
 * await sandbox.delete();
 * await egressPolicies.delete("packages");
 * ```
 */
export class EgressPolicies {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** By name. */
  list({ signal }: Abortable = {}): Promise<NamedEgressPolicy[]> {
    const { transport, params } = this.#scope;
    return call(transport, listEgressPolicies, { params, signal });
  }

  get(name: string, { signal }: Abortable = {}): Promise<NamedEgressPolicy> {
    const { transport, params } = this.#scope;
    return call(transport, getEgressPolicy, { params: { ...params, egressPolicyId: name }, signal });
  }

  /** Makes it, or replaces it for every sandbox that refers to it: it is in force when this answers. */
  set(
    name: string,
    policy: EgressPolicy,
    { description, signal }: Abortable & { readonly description?: string | undefined } = {},
  ): Promise<NamedEgressPolicy> {
    const { transport, params } = this.#scope;
    const body = { description, policy };
    return call(transport, putEgressPolicy, { params: { ...params, egressPolicyId: name }, body, signal });
  }

  /** Refused with EgressPolicyInUse while something refers to it. */
  async delete(name: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deleteEgressPolicy, { params: { ...params, egressPolicyId: name }, signal });
  }

  /** What a policy, one of these by its name, or the group's default would decide; nothing is sent. */
  test(url: string, policy?: EgressPolicy | string, { method, signal }: TestEgressOptions = {}): Promise<EgressTest> {
    const { transport, params } = this.#scope;
    const which = typeof policy === "string" ? { egressPolicyId: policy } : { policy };
    return call(transport, testEgress, { params, body: { url, method, ...which }, signal });
  }

  /** Resolver overrides, and authorities that are believed upstream. */
  settings({ signal }: Abortable = {}): Promise<GroupEgress> {
    const { transport, params } = this.#scope;
    return call(transport, getGroupEgress, { params, signal });
  }

  /** Replaces both: what is left out is none. */
  setSettings(settings: GroupEgress, { signal }: Abortable = {}): Promise<GroupEgress> {
    const { transport, params } = this.#scope;
    return call(transport, setGroupEgress, { params, body: settings, signal });
  }
}
