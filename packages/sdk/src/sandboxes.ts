/** The sandboxes of a group: create, find, count. */
import {
  type AddPort,
  type AlcoveError,
  type CreateSandbox,
  countSandboxes,
  createSandbox,
  createSandboxes,
  type EgressPolicy,
  fromProblem,
  getSandbox,
  type LifecyclePolicy,
  listSandboxes,
  type SandboxManifest,
  type Sandbox as SandboxRecord,
  type SandboxSecrets,
  type Tier,
} from "@alcove/contract";
import { type Applied, type ApplyOptions, applyManifest } from "./apply/apply.js";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { labelSelector } from "./label-selector.js";
import { Paginated } from "./paginated.js";
import { SandboxHandle } from "./sandbox-handle.js";
import { type SandboxChange, watchSandboxes } from "./sandbox-watch.js";
import type { Scope } from "./scope.js";
import { mountsIn, type VolumesAt } from "./volumes.js";

export interface CreateOptions extends Abortable {
  /** An image's name, such as debian. Default: the group's, if it has one. */
  readonly image?: string | undefined;
  /** A snapshot's id, instead of an image: then its size, env, program and cwd come along, and are left out here. */
  readonly snapshot?: string | undefined;
  /** Of a snapshot: Disk boots from its disk, whether its memory was kept or not. Default: what it has. */
  readonly from?: "Memory" | "Disk" | undefined;
  /** A size by name, instead of cpu, memory and disk. */
  readonly tier?: Tier | undefined;
  /** Cores, such as 2 or 0.5; rounded up to the grid of sizes. Default: the group's, else 1. */
  readonly cpu?: number | string | undefined;
  /** Such as 512Mi or 4Gi; default: the group's, else 2Gi. */
  readonly memory?: string | undefined;
  /** Such as 40Gi; default: the group's, else 20Gi. */
  readonly disk?: string | undefined;
  /** Given to every command. Never returned. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Given to no command but those that ask for it by name: `secrets` of `exec` and `spawn`. Never returned. */
  readonly secretEnv?: Readonly<Record<string, string>> | undefined;
  /** Which of the group's secrets its commands use, by variable. A copy has them too, if who made the one makes the other. */
  readonly secrets?: SandboxSecrets | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** A program that is started with the sandbox: entrypoint, then cmd. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  /** Names of `secretEnv` that this program gets. */
  readonly entrypointSecrets?: readonly string[] | undefined;
  /** Where commands start unless they say otherwise. */
  readonly cwd?: string | undefined;
  /** When it is suspended and deleted by itself; each part that is left out is the group's, else off. */
  readonly lifecycle?: LifecyclePolicy | undefined;
  /** Default OnDemand: when it is stopped, the next call that needs it resumes it. Manual: `resume` alone does. */
  readonly activationMode?: "OnDemand" | "Manual" | undefined;
  /** What it may reach: a policy, or the name of one of the group's. Default: the snapshot's, else the group's, else nothing. */
  readonly egressPolicy?: EgressPolicy | string | undefined;
  /** Volumes of the group, and where they are mounted before the program starts. */
  readonly volumes?: VolumesAt | undefined;
  /** Which of its ports others may come to; nothing needs to listen there yet. `sandbox.ports` tells where they are reached. */
  readonly ports?: readonly AddPort[] | undefined;
  /** With `false` it answers while the sandbox is Creating: `info` tells when it is Running. Default true. */
  readonly wait?: boolean | undefined;
}

export interface BatchOutcome {
  readonly sandboxes: SandboxHandle[];
  /** One for each that is not there, by its number in the batch, from 0. */
  readonly errors: readonly { readonly index: number; readonly error: AlcoveError }[];
}

export interface ListOptions extends Abortable {
  /** Only those that have all of these. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly state?: SandboxRecord["state"] | undefined;
  /** How many are asked for at once, 1 to 1,000; default 100. */
  readonly pageSize?: number | undefined;
}

const defaultPageSize = 100;

export class Sandboxes {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /**
   * Creates a sandbox and starts it. Repeated only when nothing was sent; when the connection breaks afterwards, or the
   * signal aborts, the sandbox may be there all the same: give it a label to find it by.
   */
  async create({ signal, wait, ...options }: CreateOptions): Promise<SandboxHandle> {
    const { transport, params } = this.#scope;
    const record = await call(transport, createSandbox, { params, query: { wait }, body: bodyOf(options), signal });
    return this.#handle(record.id, true);
  }

  /** Creates 1 to 1,000 of a kind. Those that could not be created are in `errors`, the others in `sandboxes`, which are yours to delete. */
  async createMany(count: number, { signal, ...options }: Omit<CreateOptions, "wait">): Promise<BatchOutcome> {
    const { transport, params } = this.#scope;
    const body = { count, sandbox: bodyOf(options) };
    const { sandboxes, errors } = await call(transport, createSandboxes, { params, body, signal });
    return {
      sandboxes: sandboxes.map(({ id }) => this.#handle(id, true)),
      errors: errors.map(({ index, problem }) => ({ index, error: fromProblem(problem) })),
    };
  }

  /**
   * Makes the sandbox of a manifest (docs/manifest.md) be there and be so: created where none has its name, else changed as far as that goes.
   * What takes a new sandbox is in `needsNew`, and left as it is unless `recreate` says otherwise.
   */
  apply(manifest: SandboxManifest, options: ApplyOptions = {}): Promise<Applied> {
    return applyManifest(this, manifest, options);
  }

  async get(id: string, { signal }: Abortable = {}): Promise<SandboxHandle> {
    const { transport, params } = this.#scope;
    await call(transport, getSandbox, { params: { ...params, id }, signal });
    return this.#handle(id, false);
  }

  connect(id: string): SandboxHandle {
    return this.#handle(id, false);
  }

  /** Newest first: to iterate over, page by page as they are asked for, or `toArray()`. */
  list({ signal, pageSize = defaultPageSize, ...filter }: ListOptions = {}): Paginated<SandboxRecord> {
    const { transport, params } = this.#scope;
    return new Paginated({
      read: (page) => call(transport, listSandboxes, { params, query: { ...queryOf(filter), ...page }, signal }),
      idOf: ({ id }) => id,
      createdAt: ({ createdAt }) => createdAt,
      pageSize,
    });
  }

  /** First those that there are, then each as it changes, until the signal aborts or the iteration is left. */
  watch({ labels, signal }: Pick<ListOptions, "labels" | "signal"> = {}): AsyncIterable<SandboxChange> {
    const read = () => this.list({ labels, signal });
    const wanted = Object.entries(labels ?? {});
    const isWanted = (sandbox: SandboxRecord) => wanted.every(([key, value]) => sandbox.labels[key] === value);
    return watchSandboxes(this.#scope, { read, isWanted, signal });
  }

  async count({ signal, ...filter }: Omit<ListOptions, "pageSize"> = {}): Promise<number> {
    const { transport, params } = this.#scope;
    return (await call(transport, countSandboxes, { params, query: queryOf(filter), signal })).count;
  }

  #handle(id: string, isOwned: boolean): SandboxHandle {
    const { transport, params } = this.#scope;
    return new SandboxHandle({ transport, params: { ...params, id } }, { isOwned });
  }
}

function bodyOf(options: Omit<CreateOptions, "signal" | "wait">): CreateSandbox {
  const { tier, cpu, memory, disk, env, secretEnv, labels, entrypoint, entrypointSecrets, cmd, cwd } = options;
  const resources = { tier, cpu: cpu === undefined ? undefined : String(cpu), memory, disk };
  return {
    ...sourceOf(options),
    ...(Object.values(resources).every((size) => size === undefined) ? {} : { resources }),
    labels,
    environment: env,
    secretEnvironment: secretEnv,
    secrets: options.secrets,
    entrypoint: entrypoint === undefined ? undefined : [...entrypoint],
    cmd: cmd === undefined ? undefined : [...cmd],
    entrypointSecrets: entrypointSecrets === undefined ? undefined : [...entrypointSecrets],
    workingDirectory: cwd,
    lifecycle: options.lifecycle,
    activationMode: options.activationMode,
    ...egressOf(options.egressPolicy),
    volumes: options.volumes && mountsIn(options.volumes),
    ports: options.ports && [...options.ports],
  };
}

function egressOf(policy: CreateOptions["egressPolicy"]): Pick<CreateSandbox, "egressPolicy" | "egressPolicyId"> {
  return typeof policy === "string" ? { egressPolicyId: policy } : { egressPolicy: policy };
}

/** Both are sent where both are given: the server refuses that. */
function sourceOf({ image, snapshot, from }: Omit<CreateOptions, "signal">): Pick<CreateSandbox, "sourcesRef"> {
  if (image === undefined && snapshot === undefined) return {};
  return {
    sourcesRef: {
      ...(image === undefined ? {} : { diskImage: { name: image } }),
      ...(snapshot === undefined ? {} : { snapshot: { id: snapshot, from } }),
    },
  };
}

function queryOf({ labels, state }: Pick<ListOptions, "labels" | "state">) {
  return { labels: labelSelector(labels), state };
}
