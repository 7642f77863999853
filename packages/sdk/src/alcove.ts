/**
 * A server, as a program sees it. What belongs to the whole server is a member here; what lives in a group is in `group.ts`,
 * which opens with the recipe.
 */
import {
  type AlcoveEvent,
  type AuditRecord,
  backUpServer,
  type Doctor,
  getDoctor,
  getHealth,
  getSizes,
  getStorage,
  getVersion,
  type Health,
  type Method,
  type PrunedSystem,
  type PruneSystem,
  pruneSystem,
  type RotatedKeys,
  rotateIssuerKeys,
  type Sizes,
  type Storage,
  type Version,
  type WhoAmI,
  whoAmI,
} from "@alcove/contract";
import { fromEnvironment, transportOf } from "#platform";
import { type AuditOptions, serverAudit } from "./audit.js";
import { ByteStream } from "./byte-stream.js";
import { call, throwProblem } from "./call.js";
import type { EventOptions } from "./events.js";
import type { Abortable } from "./files.js";
import { Group } from "./group.js";
import { Groups } from "./groups.js";
import type { Images } from "./images.js";
import { Keys } from "./keys.js";
import type { AlcoveOptions } from "./options.js";
import type { Paginated } from "./paginated.js";
import type { Sandboxes } from "./sandboxes.js";
import type { Snapshots } from "./snapshots.js";
import { Templates } from "./templates.js";
import type { Transport, TransportRequest, TransportResponse } from "./transport.js";
import { observedTransport } from "./transport-observed.js";

export interface RawRequest extends Abortable {
  readonly method: Method;
  /** With its query: `/v1/health`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export class Alcove implements Disposable {
  /** The group that is meant where none is named. */
  readonly defaultGroup: Group;
  readonly groups: Groups;
  readonly keys: Keys;
  /** What sandboxes start from: for the administrator. */
  readonly templates: Templates;
  readonly #transport: Transport;

  constructor(options: AlcoveOptions = {}) {
    const transport = transportOf(options);
    this.#transport = options.onRequest === undefined ? transport : observedTransport(transport, options.onRequest);
    this.groups = new Groups(this.#transport);
    this.keys = new Keys(this.#transport);
    this.templates = new Templates(this.#transport);
    this.defaultGroup = this.group(options.group ?? fromEnvironment("ALCOVE_GROUP") ?? "default");
  }

  /** A group by its name; the server is not asked whether it is there. */
  group(name: string): Group {
    return new Group({ transport: this.#transport, params: { group: name } });
  }

  /** Those of the default group. */
  get sandboxes(): Sandboxes {
    return this.defaultGroup.sandboxes;
  }

  /** Those of the default group. */
  get images(): Images {
    return this.defaultGroup.images;
  }

  /** Those of the default group. */
  get snapshots(): Snapshots {
    return this.defaultGroup.snapshots;
  }

  /** Who this server takes the caller for, and what it may do. */
  whoAmI({ signal }: Abortable = {}): Promise<WhoAmI> {
    return call(this.#transport, whoAmI, { params: {}, signal });
  }

  /** Who changed what on this server, and who was turned away, newest first: for its administrator. */
  audit(options: AuditOptions = {}): Paginated<AuditRecord> {
    return serverAudit(this.#transport, options);
  }

  health({ signal }: Abortable = {}): Promise<Health> {
    return call(this.#transport, getHealth, { params: {}, signal });
  }

  version({ signal }: Abortable = {}): Promise<Version> {
    return call(this.#transport, getVersion, { params: {}, signal });
  }

  /** The sizes that sandboxes come in. */
  sizes({ signal }: Abortable = {}): Promise<Sizes> {
    return call(this.#transport, getSizes, { params: {}, signal });
  }

  /** What the daemon's host has and lacks. */
  doctor({ signal }: Abortable = {}): Promise<Doctor> {
    return call(this.#transport, getDoctor, { params: {}, signal });
  }

  /** What the server keeps on its host's disk, by kind: for its administrator. */
  storage({ signal }: Abortable = {}): Promise<Storage> {
    return call(this.#transport, getStorage, { params: {}, signal });
  }

  /** Signs groups' tokens with a new key from now on; those of the former stay good: for the server's administrator. */
  rotateIssuerKeys({ signal }: Abortable = {}): Promise<RotatedKeys> {
    return call(this.#transport, rotateIssuerKeys, { params: {}, body: {}, signal });
  }

  /** Removes what nobody needs any more, or with `dryRun` only says what that is: for the server's administrator. */
  prune({ signal, ...which }: Abortable & PruneSystem = {}): Promise<PrunedSystem> {
    return call(this.#transport, pruneSystem, { params: {}, body: which, signal });
  }

  /**
   * Everything on record as a tar archive: what `alcove server restore` takes. It holds the environment of sandboxes: keep it
   * as you keep secrets. Its length is known before; an answer that breaks off throws.
   */
  async backup({ signal }: Abortable = {}): Promise<ByteStream> {
    const { body } = await call(this.#transport, backUpServer, { params: {}, signal });
    return new ByteStream(body);
  }

  /** What changes in the default group from now on, or behind a sequence number, until the signal aborts. */
  events(options: EventOptions = {}): AsyncIterable<AlcoveEvent> {
    return this.defaultGroup.events(options);
  }

  /** A raw call, sent once: for what this SDK has no method for. Throws the error that the answer tells. */
  async request({ method, path, body, signal }: RawRequest): Promise<TransportResponse> {
    if (!path.startsWith("/")) throw new TypeError("path must begin with a slash, such as /v1/health.");
    const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const request: TransportRequest = { method, path, signal, ...(body === undefined ? { headers: {} } : json) };
    const response = await this.send(request);
    await throwProblem(response);
    return response;
  }

  /** A request exactly as it is given, with the key added, sent once; whatever the answer is, it is answered. */
  send(request: TransportRequest): Promise<TransportResponse> {
    return this.#transport.request(request);
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#transport.close();
  }
}

let local: Alcove | undefined;

/** The daemon of this machine, for `Sandbox.create` and its like. */
export function localAlcove(): Alcove {
  local ??= new Alcove();
  return local;
}
