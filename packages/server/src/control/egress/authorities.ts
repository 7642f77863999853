/** Each group's authority, made when it is needed first: what signs the certificates with which the gateway opens TLS. */
import { issue, type LeafCertificate, makeAuthority } from "../../egress/certificates/authority.js";
import type { EgressAuthority } from "../../store/egress-authorities.js";
import type { Store } from "../../store/store.js";
import { groupNotFound } from "../access/gate.js";

export class Authorities {
  readonly #store: Pick<Store, "egressAuthorities" | "groups">;
  readonly #known = new Map<string, EgressAuthority>();

  constructor(store: Pick<Store, "egressAuthorities" | "groups">) {
    this.#store = store;
  }

  /** PEM. */
  async certificateOf(group: string): Promise<string> {
    return (await this.#of(group)).certificate;
  }

  async issue(group: string, host: string): Promise<LeafCertificate> {
    return issue(await this.#of(group), host);
  }

  /** With the group: whoever gets its name next gets another one. */
  remove(group: string): void {
    this.#known.delete(group);
    this.#store.egressAuthorities.remove(group);
  }

  async #of(group: string): Promise<EgressAuthority> {
    const kept = this.#kept(group);
    if (kept !== undefined) return kept;
    const made = await makeAuthority(group);
    // Meanwhile another one may have been kept, or the group may have gone.
    return this.#kept(group) ?? this.#keep(group, this.#store.egressAuthorities.add(group, made));
  }

  #kept(group: string): EgressAuthority | undefined {
    const known = this.#known.get(group);
    if (known !== undefined) return known;
    const { egressAuthorities, groups } = this.#store;
    // What is asked for a group that is gone leaves nothing to whoever gets its name next.
    if (groups.find(group)?.state === undefined) throw groupNotFound(group);
    const found = egressAuthorities.find(group);
    return found && this.#keep(group, found);
  }

  #keep(group: string, authority: EgressAuthority): EgressAuthority {
    this.#known.set(group, authority);
    return authority;
  }
}
