/** What a sandbox has in place of values, by the hosts that the values may go to. */
import { compileHosts } from "../../policy/egress/host-patterns.js";
import type { EgressSettings } from "../gateway.js";
import type { PlacedValue } from "../http/placed-values.js";

/** Of how many hosts it is remembered which they are for. */
const mostHosts = 256;

export class Placeholders {
  readonly #all: readonly { readonly placed: PlacedValue; readonly isFor: (host: string) => boolean }[];
  readonly #known = new Map<string, readonly PlacedValue[]>();

  /** Those whose secret has no value stay what they are. */
  constructor({ placeholders = [], secrets = {} }: Pick<EgressSettings, "placeholders" | "secrets">) {
    this.#all = placeholders.flatMap(({ text, secret, hosts }) => {
      const value = Object.hasOwn(secrets, secret) ? secrets[secret] : undefined;
      if (value === undefined) return [];
      return [{ placed: { text, value, source: `the secret ${secret}` }, isFor: compileHosts(hosts) }];
    });
  }

  areFor(host: string): boolean {
    return this.valuesFor(host).length > 0;
  }

  valuesFor(host: string): readonly PlacedValue[] {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const found = this.#all.filter(({ isFor }) => isFor(host)).map(({ placed }) => placed);
    if (this.#known.size >= mostHosts) this.#known.clear();
    this.#known.set(host, found);
    return found;
  }
}
