/**
 * Renews guests whose environment, or whose authority for opened TLS, is another than they were told: for programs that start from then on. It is of what is on
 * record when a guest's turn comes.
 */
import { createHash } from "node:crypto";
import { actionOf, type EgressPolicy, looksIntoRequests } from "@alcove/contract";
import type { Logger } from "pino";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { Store } from "../../store/store.js";
import { environmentOf, hostnameOf } from "../sandboxes/machine-spec.js";
import type { Machines } from "../sandboxes/machines.js";
import { hasPlaceholders } from "../secrets/secret-values.js";
import { addedEnvironment } from "./added-environment.js";
import type { Authorities } from "./authorities.js";
import { policyOf } from "./egress-choice.js";
import { GuestTelling, type Listener } from "./guest-telling.js";
import type { Told } from "./told.js";

interface Parts {
  readonly store: Store;
  readonly authorities: Authorities;
  readonly machines: Machines;
  readonly logger: Logger;
}

interface Due extends Pick<Told, "environment"> {
  /** So that the certificate belongs to it. */
  readonly opensTls: boolean;
}

export class GuestRenewals {
  readonly #parts: Parts;
  /** What guests have; nothing where nobody knows, as after a restart. */
  readonly #told = new Map<string, string>();
  readonly #telling: GuestTelling;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#telling = new GuestTelling({
      ...parts,
      say: (to, signal) => this.#say(to, signal),
      failure: "A sandbox could not be given its group's certificate and environment, and is told again",
    });
  }

  /** Its machine starts with it. */
  admitted(id: string, told: Told): void {
    this.#told.set(id, summaryOf(told.environment, told.certificates !== undefined));
  }

  forget(id: string): void {
    this.#told.delete(id);
  }

  /** The certificate is that of whoever opens its connections, where its policy or its secrets have some opened. */
  async toldTo(
    record: Pick<SandboxRecord, "id" | "group" | "egress">,
    uses: readonly SecretUse[] = this.#parts.store.secretUses.of(record.id),
  ): Promise<Told> {
    return await this.#withCertificate(record.group, this.#due(record, uses));
  }

  /** Fulfils when it has it, or did not answer; never rejects. */
  tell(id: string): Promise<void> {
    return this.#telling.tell(id);
  }

  async #say({ record, machine }: Listener, signal: AbortSignal): Promise<void> {
    const { id } = record;
    const due = this.#due(record, this.#parts.store.secretUses.of(id));
    const known = this.#told.get(id);
    // A certificate that is not needed any more does no harm.
    if (known === summaryOf(due.environment, true) || known === summaryOf(due.environment, due.opensTls)) return;
    const told = await this.#withCertificate(record.group, due);
    this.#told.delete(id);
    await machine.guest.renew(renewalOf(record, told), signal);
    this.#told.set(id, summaryOf(told.environment, told.certificates !== undefined));
  }

  #due(record: Pick<SandboxRecord, "id" | "group" | "egress">, uses: readonly SecretUse[]): Due {
    const { store } = this.#parts;
    const opensTls = mayOpenTls(policyOf(store, record.group, record.egress), hasPlaceholders(uses));
    return { environment: addedEnvironment(store, record, uses), opensTls };
  }

  async #withCertificate(group: string, { environment, opensTls }: Due): Promise<Told> {
    return opensTls
      ? { environment, certificates: await this.#parts.authorities.certificateOf(group) }
      : { environment };
  }
}

/** Of the same generation: it means nothing to the programs that run. The seed of a first start stays what programs are told. */
function renewalOf(record: SandboxRecord, told: Told) {
  const { id, generation, entropy } = record;
  return {
    ...{ hostname: hostnameOf(id), machineId: id.replaceAll("-", ""), environment: environmentOf(record, told) },
    ...(generation === 1 && entropy !== undefined && { entropy: Buffer.from(entropy, "hex") }),
    ...(told.certificates !== undefined && { certificates: told.certificates }),
    ...{ generation, thaw: false },
  };
}

/** Not the thing itself, which may hold secrets. */
function summaryOf(environment: Told["environment"], hasCertificates: boolean): string {
  return createHash("sha256").update(JSON.stringify({ environment, hasCertificates })).digest("hex");
}

/** Whether there is anything of which the requests are looked at. */
function mayOpenTls({ rules = [], trafficInspection }: EgressPolicy, hasPlaceholders: boolean): boolean {
  if (trafficInspection === "None") return false;
  if (trafficInspection === "Full" || hasPlaceholders) return true;
  return rules.some((rule) => looksIntoRequests(rule.match, actionOf(rule)));
}
