/**
 * Keeps what is in force at the gateway as it is on record. The record comes first: a daemon that dies in between leaves the
 * rest to the next one, which hands over all anew before it takes up a machine. Settings are read from the store in the moment
 * they are handed over, so that of two changes the later one stays.
 */
import { type EgressPolicy, looksIntoRequests } from "@alcove/contract";
import type { Logger } from "pino";
import type { EgressGateway } from "../../egress/gateway.js";
import type { MachineSpec } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";
import { hostnameOf } from "../sandboxes/machine-spec.js";
import type { Machines } from "../sandboxes/machines.js";
import type { SandboxRegister } from "../sandboxes/sandbox-register.js";
import type { Authorities } from "./authorities.js";
import { policyOf } from "./egress-choice.js";

interface Parts {
  readonly store: Store;
  readonly gateway: EgressGateway;
  readonly authorities: Authorities;
  readonly machines: Machines;
  readonly register: SandboxRegister;
  readonly logger: Logger;
}

/** What a guest is told when it is renewed. */
export type Told = Pick<MachineSpec, "certificates">;

/** A guest that does not answer keeps nobody from closing it off. */
const tellTimeoutMs = 3_000;

export class EgressKeeper {
  readonly #parts: Parts;
  /** Those whose guest has the certificate. */
  readonly #told = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.register.follow((id, before, after) => {
      // What goes back to a snapshot gives up its names as well: those on record come with what is handed over next.
      const givesUp = after?.state === "Resuming" && before?.state === "Running";
      if (after === undefined || hasNoMachine(after) || givesUp) this.#giveUp(id);
      // Its policy may be another one since it was admitted.
      else if (after.state === "Running" && before?.state !== "Running") queueMicrotask(() => void this.#tell(id));
    });
  }

  /** Before its machine starts: what it may reach is in force when this answers. */
  async admit({ id }: Pick<SandboxRecord, "id">): Promise<Told> {
    const record = this.#parts.store.sandboxes.find(id);
    if (record === undefined) return {};
    await this.#handOver(record);
    const told = await this.toldTo(this.#parts.store.sandboxes.find(id) ?? record);
    if (told.certificates !== undefined) this.#told.add(id);
    return told;
  }

  /** Before machines that run already are reached. One whose settings are not taken reaches nothing. */
  async takeUp(records: readonly SandboxRecord[]): Promise<void> {
    const { logger } = this.#parts;
    const failed = (id: string) => (error: unknown) =>
      logger.error({ sandbox: id, err: error }, "What a sandbox may reach is not in force; it reaches nothing");
    await Promise.all(records.map((record) => this.#handOver(record).catch(failed(record.id))));
  }

  /** The certificate of whoever opens its connections, where its policy has some opened. */
  async toldTo(record: Pick<SandboxRecord, "group" | "egress">): Promise<Told> {
    if (!this.#mayOpenTls(record)) return {};
    return { certificates: await this.#parts.authorities.certificateOf(record.group) };
  }

  /** What is on record of it is another now: in force when this answers, where it runs or starts. */
  async renew(id: string): Promise<void> {
    const record = this.#parts.store.sandboxes.find(id);
    if (record === undefined || hasNoMachine(record)) return;
    await Promise.all([this.#handOver(record), this.#tell(id)]);
  }

  async renewGroup(group: string): Promise<void> {
    const { sandboxes } = this.#parts.store;
    const everyOne = { limit: Number.MAX_SAFE_INTEGER, offset: 0 };
    const concerned = withMachines.flatMap((state) => sandboxes.list({ group, state }, everyOne));
    await Promise.all(concerned.map(({ id }) => this.renew(id)));
  }

  #giveUp(id: string): void {
    this.#told.delete(id);
    this.#parts.gateway.remove(id);
  }

  #handOver({ id, group, egress }: SandboxRecord): Promise<void> {
    const { gateway, store } = this.#parts;
    const policy = policyOf(store, group, egress);
    const settings = { group, policy, names: store.egressNames.of(id), ...store.egressPolicies.settingsOf(group) };
    return gateway.apply(id, settings);
  }

  #mayOpenTls({ group, egress }: Pick<SandboxRecord, "group" | "egress">): boolean {
    return mayOpenTls(policyOf(this.#parts.store, group, egress));
  }

  /** A renewal of the same generation means nothing to its programs, but the certificate is there for those that start from now on. */
  async #tell(id: string): Promise<void> {
    const { authorities, logger, machines, store } = this.#parts;
    const running = machines.find(id);
    if (running === undefined || running.isStopping || this.#told.has(id)) return;
    try {
      const record = store.sandboxes.find(id);
      if (record === undefined || !this.#mayOpenTls(record)) return;
      // At once: who asks while the authority is made has nothing to tell.
      this.#told.add(id);
      const { generation, imageConfig } = record;
      const certificates = await authorities.certificateOf(record.group);
      const environment = { ...imageConfig.environment, ...record.environment };
      const identity = { hostname: hostnameOf(id), machineId: id.replaceAll("-", ""), environment };
      // The seed of a first start stays what programs are told.
      const seed =
        generation === 1 && record.entropy !== undefined ? { entropy: Buffer.from(record.entropy, "hex") } : {};
      const renewal = { ...identity, ...seed, generation, thaw: false, certificates };
      await running.machine.guest.renew(renewal, AbortSignal.timeout(tellTimeoutMs));
    } catch (error) {
      this.#told.delete(id);
      logger.warn({ sandbox: id, err: error }, "A sandbox could not be given its group's certificate");
    }
  }
}

const withMachines = ["Creating", "Running", "Stopping", "Resuming"] as const;

function hasNoMachine({ state }: SandboxRecord): boolean {
  return state === "Stopped" || state === "Failed";
}

/** Whether there is anything of which the requests are looked at. */
function mayOpenTls({ rules = [], trafficInspection }: EgressPolicy): boolean {
  if (trafficInspection === "None") return false;
  if (trafficInspection === "Full") return true;
  return rules.some(({ match, action }) => looksIntoRequests(match, action));
}
