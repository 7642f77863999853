/** The values of secrets that rules name. One that has hosts goes to those alone, whatever names it. */
import { compileHosts } from "../../policy/egress/host-patterns.js";
import type { EgressSettings } from "../gateway.js";
import { ValueFailure } from "../http/value-failure.js";

export class SecretValues {
  readonly #secrets: ReadonlyMap<string, string>;
  readonly #isFor: ReadonlyMap<string, (host: string) => boolean>;

  constructor({ secrets = {}, secretHosts = {} }: Pick<EgressSettings, "secrets" | "secretHosts">) {
    this.#secrets = new Map(Object.entries(secrets));
    this.#isFor = new Map(Object.entries(secretHosts).map(([name, hosts]) => [name, compileHosts(hosts)]));
  }

  /** `host`: where the request goes, in normal form. @throws ValueFailure */
  valueFor(name: string, host: string): string {
    const value = this.#secrets.get(name);
    if (value === undefined)
      throw new ValueFailure(
        `the group has no value for the secret ${name}`,
        "The group's owner has to set the secret, and where it has several keys, to name one.",
      );
    const isFor = this.#isFor.get(name);
    if (isFor?.(host) === false)
      throw new ValueFailure(
        `the secret ${name} goes to its own hosts alone, not to ${host}`,
        "The group's owner has to add the host to the secret's hosts, if it may know the value.",
      );
    return value;
  }
}
