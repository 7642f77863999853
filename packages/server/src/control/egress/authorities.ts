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
  certificateOf(group: string): string {
    return this.#of(group).certificate;
  }

  issue(group: string, host: string): LeafCertificate {
    return issue(this.#of(group), host);
  }

  /** With the group: whoever gets its name next gets another one. */
  remove(group: string): void {
    this.#known.delete(group);
    this.#store.egressAuthorities.remove(group);
  }

  #of(group: string): EgressAuthority {
    const known = this.#known.get(group);
    if (known !== undefined) return known;
    const { egressAuthorities, groups } = this.#store;
    // What is asked for a group that is gone leaves nothing to whoever gets its name next.
    if (groups.find(group)?.state === undefined) throw groupNotFound(group);
    const authority = egressAuthorities.find(group) ?? egressAuthorities.add(group, makeAuthority(group));
    this.#known.set(group, authority);
    return authority;
  }
}
