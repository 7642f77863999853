/** The templates that are there, by key. A start asks here, and looks at no disk. */
import { randomBytes, randomUUID } from "node:crypto";
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Size } from "@alcove/contract";
import { syncPath } from "../../../host/write-durably.js";
import { SharedWork } from "../../../lib/shared-work.js";
import type { DiskImage, PrepareOptions } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import { pathsIn, shortId, socketsDirectory, templatesDirectory } from "../machine/machine-paths.js";
import { endProcesses } from "../machine/removal.js";
import { SharedProgress } from "./shared-progress.js";
import { makingOf, type Template, templateIn, templateKey } from "./template.js";
import { hasItsImage } from "./template-image.js";
import { makeTemplate, unfinishedPrefix } from "./template-making.js";
import {
  clockFits,
  fingerprintTemplate,
  readTemplateRecord,
  recordPath,
  removeTemplateRecord,
  type TemplateRecord,
} from "./template-record.js";

export class TemplateStore {
  readonly #host: MachineHost;
  readonly #ready = new Map<string, Template>();
  readonly #making = new SharedWork<string, Template>();
  readonly #progress = new SharedProgress();
  /** When each template's files were last changed before they were found to be good. */
  readonly #goodStamps = new Map<string, string>();
  readonly #rebuilding = new SharedWork<string, Template>();
  /** Found or made just now. */
  readonly #underWay = new Set<string>();
  readonly #removing = new Map<string, Promise<void>>();
  /** When each was last started from. */
  readonly #used = new Map<string, number>();

  constructor(host: MachineHost) {
    this.#host = host;
  }

  /** The template that is ready, or undefined; takes no time. */
  find(disk: DiskImage, size: Size): Template | undefined {
    const found = this.#ready.get(templateKey(this.#host.installation, disk, size));
    if (found !== undefined) this.#noteUse(found);
    return found;
  }

  async ensure(disk: DiskImage, size: Size, options: PrepareOptions): Promise<Template> {
    const key = templateKey(this.#host.installation, disk, size);
    const ready = this.find(disk, size);
    if (ready !== undefined) return ready;
    const progress = this.#progress.follow(key, options.onProgress);
    try {
      const work = (signal: AbortSignal) =>
        this.#findOrMake({ key, disk, size }, { signal, onProgress: progress.tell });
      return await this.#making.run(key, work, options.signal);
    } finally {
      progress.leave();
    }
  }

  /**
   * Looks at every template that is ready, and takes away each that is not what it was: byte for byte the first time, and again
   * when the system says that one of its files was changed since. It says so of a write through a mapping when the page was clean
   * before: so they are cleaned first. One whose image is deleted goes without a word: nothing is made of it any more.
   */
  async check(onDamaged: (sentence: string) => void, signal: AbortSignal): Promise<void> {
    for (const template of this.#ready.values()) {
      if (!(await hasItsImage(template))) {
        await this.#retire(template);
        continue;
      }
      const stamp = await stampOf(template);
      if (stamp !== undefined && stamp === this.#goodStamps.get(template.key)) continue;
      const record = await readTemplateRecord(template);
      const problem = record === undefined ? "has no record" : await compare(template, record, signal);
      if (problem === undefined) {
        if (stamp !== undefined) this.#goodStamps.set(template.key, stamp);
        continue;
      }
      const isHeld = this.#host.holdings.templateKeys().has(template.key);
      const what = isHeld
        ? "sandboxes or snapshots stand on its disk, which stays; another one is made at its next use"
        : "it is removed, and made anew at its next use";
      onDamaged(`The template ${template.key} ${problem}; ${what}.`);
      await this.#retire(template);
    }
  }

  /** Nothing starts from it any more. Where something stands on its disk that stays, without the record by which it would be found again. */
  async #retire(template: Template): Promise<void> {
    if (!this.#host.holdings.templateKeys().has(template.key)) return await this.#takeAway(template);
    this.#ready.delete(keyOf(template));
    this.#goodStamps.delete(template.key);
    await removeTemplateRecord(template);
  }

  /** Written down once a minute at the most, beside the start: for the daemon after this one. */
  #noteUse(template: Template): void {
    const now = Date.now();
    const before = this.#used.get(template.key) ?? 0;
    this.#used.set(template.key, now);
    const seconds = now / 1_000;
    if (now - before >= noteEveryMs) utimes(recordPath(template), seconds, seconds).catch(() => undefined);
  }

  /** Under a name that nobody takes for a template: one that is half removed would be found and started from. */
  async #takeAway(template: Template): Promise<void> {
    if (this.isReady(template)) this.#ready.delete(keyOf(template));
    this.#goodStamps.delete(template.key);
    this.#used.delete(template.key);
    const unfinished = join(templatesDirectory(this.#host.roots), `${unfinishedPrefix}removed-${randomUUID()}`);
    await rename(template.directory, unfinished).catch(unlessGone);
    await rm(unfinished, { recursive: true, force: true });
  }

  /** False where something stands on it, or it is being made. A start that found it a moment ago holds it by the loop's next turn. */
  async remove(key: string): Promise<boolean> {
    await this.#host.holdings.load();
    const template = templateIn(join(templatesDirectory(this.#host.roots), key), key);
    const found = this.#ready.get(keyOf(template));
    const isHeld = () => this.#host.holdings.templateKeys().has(key);
    if (isHeld() || this.#underWay.has(keyOf(template))) return false;
    const isReady = found?.directory === template.directory;
    if (isReady) this.#ready.delete(keyOf(template));
    const removal = (async () => {
      await setImmediate();
      if (!isHeld()) await this.#takeAway(template);
      else if (isReady) this.#ready.set(keyOf(template), template);
    })();
    this.#removing.set(keyOf(template), removal);
    await removal.finally(() => this.#removing.delete(keyOf(template)));
    return !isHeld();
  }

  /** Makes another one of the same image and size. What stands on the old one keeps it; it goes with the last. */
  async rebuild(
    order: { readonly key: string; readonly disk: DiskImage; readonly size: Size },
    options: PrepareOptions,
  ) {
    const key = templateKey(this.#host.installation, order.disk, order.size);
    const made = await this.#rebuilding.run(
      key,
      async (signal) => {
        const fresh = key + randomBytes(4).toString("hex");
        const template = await makeTemplate(this.#host, { ...order, key: fresh }, { ...options, signal });
        this.#ready.set(key, template);
        return template;
      },
      options.signal,
    );
    if (order.key !== made.key) await this.remove(order.key);
    return made;
  }

  /** Whether starts find this one. */
  isReady(template: Template): boolean {
    return this.#ready.get(keyOf(template))?.directory === template.directory;
  }

  /** When something was started from it last; undefined where nothing was since this daemon started. */
  usedAt({ key }: Template): number | undefined {
    return this.#used.get(key);
  }

  /** Finds the templates of earlier daemons, and removes what a killed one left half made. Answers what was removed. */
  async recover(signal: AbortSignal): Promise<readonly string[]> {
    const directory = templatesDirectory(this.#host.roots);
    const removed: string[] = [];
    for (const name of await byAge(directory)) {
      if (name.startsWith(unfinishedPrefix)) {
        await this.#removeUnfinished(name, signal);
        removed.push(`Removed the half-made template ${name}.`);
      } else {
        await this.#adopt(templateIn(join(directory, name), name));
      }
    }
    return removed;
  }

  /** Removes the templates that nothing can start from any more, but for those that a machine stands on. Answers what it did. */
  async removeStale(inUse: ReadonlySet<string>): Promise<readonly string[]> {
    const directory = templatesDirectory(this.#host.roots);
    const making = makingOf(this.#host.installation);
    const removed: string[] = [];
    for (const key of await readdir(directory)) {
      if (key.startsWith(unfinishedPrefix) || inUse.has(key)) continue;
      const template = templateIn(join(directory, key), key);
      const isOfThisHost = (await readTemplateRecord(template))?.making === making;
      if (isOfThisHost && (await hasItsImage(template))) continue;
      await this.#takeAway(template);
      const why = isOfThisHost ? "its image is deleted" : "it was made with another QEMU, kernel or agent";
      removed.push(`Removed the template ${key}: ${why}.`);
    }
    return removed;
  }

  async #findOrMake(order: { key: string; disk: DiskImage; size: Size }, options: PrepareOptions): Promise<Template> {
    this.#underWay.add(order.key);
    try {
      await this.#removing.get(order.key);
      return await this.#findOrMakeNow(order, options);
    } finally {
      this.#underWay.delete(order.key);
    }
  }

  async #findOrMakeNow(
    order: { key: string; disk: DiskImage; size: Size },
    options: PrepareOptions,
  ): Promise<Template> {
    const directory = join(templatesDirectory(this.#host.roots), order.key);
    const found = await this.#adopt(templateIn(directory, order.key));
    if (found !== undefined) return found;
    const isHeld = this.#host.holdings.templateKeys().has(order.key);
    if (!isHeld) await rm(directory, { recursive: true, force: true });
    const key = isHeld ? order.key + randomBytes(4).toString("hex") : order.key;
    const made = await makeTemplate(this.#host, { ...order, key }, options);
    this.#ready.set(order.key, made);
    return made;
  }

  async #adopt(template: Template): Promise<Template | undefined> {
    const record = await readTemplateRecord(template);
    if (record === undefined || !clockFits(record, this.#host.installation.platform.tscKhz)) return undefined;
    this.#ready.set(keyOf(template), template);
    return template;
  }

  async #removeUnfinished(name: string, signal: AbortSignal): Promise<void> {
    const directory = join(templatesDirectory(this.#host.roots), name);
    const runtime = join(socketsDirectory(this.#host.roots), shortId(name));
    await endProcesses({ id: name }, pathsIn(directory, runtime), signal);
    await this.#host.cgroups?.remove(shortId(name), signal);
    await rm(runtime, { recursive: true, force: true });
    await rm(directory, { recursive: true, force: true });
  }
}

/** A template that is made while another one of the same key cannot go has that key and some digits more. */
const keyDigits = 32;
const noteEveryMs = 60_000;

function keyOf({ key }: Template): string {
  return key.slice(0, keyDigits);
}

/** Oldest first: of two with the same key the later one counts. */
async function byAge(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const made = await Promise.all(
    names.map(async (name) => {
      const found = await stat(templateIn(join(directory, name), name).state).catch(() => undefined);
      return { name, at: found?.mtimeMs ?? 0 };
    }),
  );
  return made.sort((one, other) => one.at - other.at).map(({ name }) => name);
}

async function compare(template: Template, record: TemplateRecord, signal: AbortSignal): Promise<string | undefined> {
  try {
    for (const path of [template.memory, template.state, template.disk]) await syncPath(path);
    const seen = await fingerprintTemplate(template, signal);
    const changed = (["memory", "state", "disk"] as const).filter((file) => seen[file] !== record.fingerprint[file]);
    return changed.length === 0 ? undefined : `had its ${changed.join(" and ")} changed`;
  } catch (error) {
    signal.throwIfAborted();
    return `cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** Undefined where a file is gone. Taken before the files are read: what is changed meanwhile is found the next time. */
async function stampOf({ memory, state, disk }: Template): Promise<string | undefined> {
  try {
    const stats = await Promise.all([memory, state, disk].map((path) => stat(path, { bigint: true })));
    return stats.map(({ ino, size, ctimeNs }) => `${ino} ${size} ${ctimeNs}`).join(", ");
  } catch {
    return undefined;
  }
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
