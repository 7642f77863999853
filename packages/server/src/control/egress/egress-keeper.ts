/**
 * Keeps what is in force at the gateway as it is on record. The record comes first: a daemon that dies in between leaves the
 * rest to the next one, which hands over all anew before it takes up a machine. Settings are read from the store in the moment
 * they are handed over, so that of two changes the later one stays.
 */
import type { Logger } from "pino";
import type { EgressGateway, EgressSettings } from "../../egress/gateway.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { Store } from "../../store/store.js";
import { identityOf } from "../identity/identity-settings.js";
import type { Machines } from "../sandboxes/machines.js";
import type { SandboxRegister } from "../sandboxes/sandbox-register.js";
import { gatewaySecrets } from "../secrets/secret-values.js";
import type { Authorities } from "./authorities.js";
import { policyOf } from "./egress-choice.js";
import { GuestAddresses } from "./guest-addresses.js";
import { GuestRenewals } from "./guest-renewals.js";
import { routesInForce } from "./routes-in-force.js";
import type { Told } from "./told.js";

interface Parts {
  readonly store: Store;
  readonly gateway: EgressGateway;
  readonly authorities: Authorities;
  readonly machines: Machines;
  readonly register: SandboxRegister;
  readonly logger: Logger;
}

export class EgressKeeper {
  readonly #parts: Parts;
  readonly #addresses: GuestAddresses;
  readonly #guests: GuestRenewals;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#addresses = new GuestAddresses(parts);
    this.#guests = new GuestRenewals(parts);
    parts.register.follow((id, before, after) => {
      // What goes back to a snapshot gives up its names as well: those on record come with what is handed over next.
      const givesUp = after?.state === "Resuming" && before?.state === "Running";
      if (after === undefined || hasNoMachine(after) || givesUp) this.#giveUp(id);
      // Its policy may be another one since it was admitted.
      else if (after.state === "Running" && before?.state !== "Running") queueMicrotask(() => void this.#tellAll(id));
    });
  }

  /** Before its machine starts: what it may reach is in force when this answers. */
  async admit({ id }: Pick<SandboxRecord, "id">): Promise<Told> {
    const record = this.#parts.store.sandboxes.find(id);
    if (record === undefined) return { environment: {} };
    await this.#handOver(record);
    const told = await this.toldTo(this.#parts.store.sandboxes.find(id) ?? record);
    this.#guests.admitted(id, told);
    return told;
  }

  /** Before machines that run already are reached. One whose settings are not taken reaches nothing. */
  async takeUp(records: readonly SandboxRecord[]): Promise<void> {
    const { logger } = this.#parts;
    const failed = (id: string) => (error: unknown) =>
      logger.error({ sandbox: id, err: error }, "What a sandbox may reach is not in force; it reaches nothing");
    await Promise.all(records.map((record) => this.#handOver(record).catch(failed(record.id))));
  }

  /** Machines that run already are reached: an earlier daemon may have died before it told them. */
  takenUp(ids: readonly string[]): void {
    for (const id of ids) void this.#tellAll(id);
  }

  /** `uses`: its secrets, where they are not on record yet. */
  toldTo(record: Pick<SandboxRecord, "id" | "group" | "egress">, uses?: readonly SecretUse[]): Promise<Told> {
    return this.#guests.toldTo(record, uses);
  }

  /** What is on record of it is another now: in force when this answers, where it runs or starts. */
  async renew(id: string): Promise<void> {
    const record = this.#parts.store.sandboxes.find(id);
    if (record === undefined || hasNoMachine(record)) return;
    await Promise.all([this.#handOver(record), this.#tellAll(id)]);
  }

  async renewGroup(group: string): Promise<void> {
    const { sandboxes } = this.#parts.store;
    const everyOne = { limit: Number.MAX_SAFE_INTEGER, offset: 0 };
    const concerned = withMachines.flatMap((state) => sandboxes.list({ group, state }, everyOne));
    await Promise.all(concerned.map(({ id }) => this.renew(id)));
  }

  #giveUp(id: string): void {
    this.#guests.forget(id);
    this.#parts.gateway.remove(id);
  }

  /** Where it cannot be told what it may reach, that is nothing: what was told last may be more. */
  async #handOver(record: SandboxRecord): Promise<void> {
    const { gateway } = this.#parts;
    let settings: EgressSettings;
    try {
      settings = this.#settingsOf(record);
    } catch (error) {
      gateway.remove(record.id);
      throw error;
    }
    await gateway.apply(record.id, settings);
  }

  #settingsOf({ id, group, egress }: SandboxRecord): EgressSettings {
    const { logger, store } = this.#parts;
    const policy = policyOf(store, group, egress);
    const identity = identityOf(store, group);
    const onUnreadable = (error: unknown) =>
      logger.error({ sandbox: id, err: error }, "A secret cannot be read; requests that need it are refused");
    const onUnusable = (route: string, why: string) =>
      logger.warn({ sandbox: id, route, why }, "An upstream route cannot be used; nothing leaves by it");
    const settings = store.egressPolicies.settingsOf(group);
    const { resolverOverrides, upstreamCertificates } = settings;
    return {
      ...{ group, policy, names: store.egressNames.of(id), resolverOverrides, upstreamCertificates },
      ...routesInForce(store, group, { policy, settings, onUnreadable, onUnusable }),
      ...gatewaySecrets(store, { id, group }, { policy, onUnreadable }),
      ...(identity && { identity }),
    };
  }

  async #tellAll(id: string): Promise<void> {
    await Promise.all([this.#guests.tell(id), this.#addresses.tell(id)]);
  }
}

const withMachines = ["Creating", "Running", "Stopping", "Resuming"] as const;

function hasNoMachine({ state }: SandboxRecord): boolean {
  return state === "Stopped" || state === "Failed";
}
