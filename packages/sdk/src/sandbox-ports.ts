/** The ports of one sandbox that others may come to, and connections to any of its ports. */
import {
  type AddPort,
  AlcoveError,
  addPort,
  type ChangePort,
  changePort,
  linkPort,
  listPorts,
  type PortRef,
  type PreviewLink,
  removePort,
  replacePorts,
  type SandboxPort,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { PortConnection } from "./port-connection.js";
import type { SandboxAddress } from "./scope.js";

/** Null takes away what was set; what is left out stays. */
export type PortChanges = Omit<ChangePort, "port" | "name">;

export interface LinkOptions extends Abortable {
  /** Default 3,600; at most a week. */
  readonly expiresInSeconds?: number | undefined;
}

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * await using sandbox = await alcove.sandboxes.create({ image: "debian", ports: [{ port: 3000, name: "web" }] });
 * await sandbox.ports.add({ port: 8080, auth: { anonymous: true } });
 * for (const { port, url } of await sandbox.ports.list()) console.log(port, url);
 * const link = await sandbox.ports.link("web", { expiresInSeconds: 600 });
 * console.log(link.url, link.expiresAt);
 * await sandbox.ports.remove(8080);
 * ```
 */
export class SandboxPorts {
  readonly #address: SandboxAddress;

  /** Made by a sandbox's handle. */
  constructor(address: SandboxAddress) {
    this.#address = address;
  }

  async list({ signal }: Abortable = {}): Promise<SandboxPort[]> {
    const { transport, params } = this.#address;
    return (await call(transport, listPorts, { params, signal })).ports;
  }

  /** One of them, by its number or name, with its `url`. PortNotFound where it is not open. */
  async get(which: number | string, options: Abortable = {}): Promise<SandboxPort> {
    return found(await this.list(options), which);
  }

  /** Opens one, and answers it with its `url`. PortExists where its number or name is there already. */
  async add(port: AddPort, { signal }: Abortable = {}): Promise<SandboxPort> {
    const { transport, params } = this.#address;
    return found((await call(transport, addPort, { params, body: port, signal })).ports, port.port);
  }

  /** Changes one, by its number or name. */
  async update(which: number | string, changes: PortChanges, { signal }: Abortable = {}): Promise<SandboxPort> {
    const { transport, params } = this.#address;
    const { ports } = await call(transport, changePort, { params, body: { ...changes, ...refOf(which) }, signal });
    return found(ports, which);
  }

  /** Replaces all of them: those that are not named are closed. */
  async replace(ports: readonly AddPort[], { signal }: Abortable = {}): Promise<SandboxPort[]> {
    const { transport, params } = this.#address;
    return (await call(transport, replacePorts, { params, body: { ports: [...ports] }, signal })).ports;
  }

  /** Closes one, by its number or name: its URL answers nothing more, and all links of this sandbox end. */
  async remove(which: number | string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, removePort, { params, body: refOf(which), signal });
  }

  /** A link with which anybody can come to it for a while. PreviewsOff where the server serves none. */
  async link(which: number | string, { expiresInSeconds, signal }: LinkOptions = {}): Promise<PreviewLink> {
    const { transport, params } = this.#address;
    const port = typeof which === "number" ? which : (await this.get(which, { signal })).port;
    return call(transport, linkPort, { params, body: { port, expiresInSeconds }, signal });
  }

  /**
   * Connects to TCP on a port, whether it is open to others or not; a sandbox that sleeps is woken. Aborting breaks the connection off.
   * PortRefused where nothing listens there.
   */
  connect(port: number, { signal }: Abortable = {}): Promise<PortConnection> {
    return PortConnection.open(this.#address, port, signal);
  }
}

function refOf(which: number | string): PortRef {
  return typeof which === "number" ? { port: which } : { name: which };
}

function found(ports: readonly SandboxPort[], which: number | string): SandboxPort {
  const isIt = ({ port, name }: SandboxPort) =>
    typeof which === "number" ? port === which : name?.toLowerCase() === which.toLowerCase();
  const one = ports.find(isIt);
  if (one !== undefined) return one;
  const [field, value] = [typeof which === "number" ? "port" : "name", String(which)];
  throw new AlcoveError("PortNotFound", `The sandbox has no port ${value} open.`, { field, value });
}
