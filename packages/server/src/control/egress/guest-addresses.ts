/**
 * Tells guests which connections they may refuse by themselves. It is a courtesy: what a guest does with it, and whether it hears it, changes nothing of
 * what the gateway lets through. But one that still refuses what is allowed by now is to hear it.
 */
import type { Logger } from "pino";
import type { Machine } from "../../engines/engine.js";
import { addressRules } from "../../policy/egress/address-rules.js";
import { compileEgress } from "../../policy/egress/compile.js";
import type { Store } from "../../store/store.js";
import type { Machines } from "../sandboxes/machines.js";
import { policyOf } from "./egress-choice.js";
import { GuestTelling, type Listener } from "./guest-telling.js";

interface Parts {
  readonly store: Store;
  readonly machines: Machines;
  readonly logger: Logger;
}

export class GuestAddresses {
  readonly #parts: Parts;
  /** What guests have; nothing where nobody knows, as after a restart. Each life of a sandbox has a machine of its own, and begins without. */
  readonly #told = new WeakMap<Machine, string>();
  readonly #telling: GuestTelling;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#telling = new GuestTelling({
      ...parts,
      say: (to, signal) => this.#say(to, signal),
      failure: "A guest was not told what it may refuse, and is told again",
    });
  }

  /** Fulfils when it has what follows from its policy of now, or did not answer; never rejects. */
  tell(id: string): Promise<void> {
    return this.#telling.tell(id);
  }

  async #say({ record, machine }: Listener, signal: AbortSignal): Promise<void> {
    const { store } = this.#parts;
    const rules = addressRules(compileEgress(policyOf(store, record.group, record.egress)));
    const said = JSON.stringify(rules);
    if (this.#told.get(machine) === said) return;
    this.#told.delete(machine);
    await machine.guest.setAddressRules(rules, signal);
    this.#told.set(machine, said);
  }
}
