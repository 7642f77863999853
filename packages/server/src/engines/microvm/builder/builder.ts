/**
 * Builders: machines that unpack the layers of an image onto its disk. What is in a layer is hostile, and so is QEMU once a layer
 * got out of its guest: it runs as every machine does, as a user of its own that sees nothing but its directory. There the disk has
 * a second name; the first, which counts, is out of its reach.
 */
import { chown, link, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, type Size } from "@alcove/contract";
import { freeSpace } from "../../../host/free-space.js";
import { undone } from "../../../lib/undo.js";
import type { DiskBuild, DiskBuilder } from "../../engine.js";
import { type Booted, boot, bootPatience } from "../machine/boot.js";
import { makeExchangeFile, openExchangeFile } from "../machine/exchange-file.js";
import { cpuLimitsOf, limitsOf, type MachineHost, vcpusOf } from "../machine/machine-host.js";
import { builderPaths, buildersDirectory, type MachinePaths, shortId } from "../machine/machine-paths.js";
import { endProcesses, releaseUser } from "../machine/removal.js";
import { StallGuard } from "./builder-stall.js";

/** A second processor lets the guest's kernel write while the agent unpacks. */
export const builderSize: Size = { cpuMillicores: 2_000, memoryMiB: 768, diskMiB: 0 };
const removalTimeoutMs = 30_000;
/** A layer may grow as it is unpacked: what others on this host need of its disk is left to them. */
const leftFreeBytes = 256 * 1024 * 1024;
const bytesBetweenLooks = 64 * 1024 * 1024;

interface Place extends DiskBuild {
  readonly paths: MachinePaths;
  readonly uid: number | undefined;
  readonly stallMs: number | undefined;
}

export async function openBuilder(
  host: MachineHost,
  build: DiskBuild,
  { onEnded, stallMs }: { readonly onEnded: () => void; readonly stallMs: number | undefined },
  signal: AbortSignal,
): Promise<DiskBuilder> {
  const place = { ...build, paths: builderPaths(host.roots, build.id), uid: host.users?.claim(), stallMs };
  const end = async () => {
    await removePlace(host, place);
    onEnded();
  };
  let booted: Booted | undefined;
  try {
    signal.throwIfAborted();
    booted = await bootBuilder(host, place, await makePlace(host, place), signal);
    await host.cgroups?.limitCpu(shortId(build.id), cpuLimitsOf(builderSize.cpuMillicores));
    await booted.guest.disk.open(signal);
    return new MicrovmBuilder(place, booted, end);
  } catch (error) {
    throw await undone(error, async () => {
      await booted?.end();
      await end();
    });
  }
}

/** Removes what daemons before left of theirs, `own` are this one's. Answers what it did. */
export async function removeLeftBuilders(host: MachineHost, own: ReadonlySet<string>): Promise<readonly string[]> {
  const ids = (await readdir(buildersDirectory(host.roots))).filter((id) => !own.has(id));
  for (const id of ids) await removeFiles(host, id, builderPaths(host.roots, id));
  return ids.map((id) => `Removed the builder ${id}, which an earlier daemon left.`);
}

/** Answers the directories of its control groups. */
async function makePlace(host: MachineHost, { id, diskPath, paths, uid }: Place): Promise<readonly string[]> {
  for (const directory of [paths.directory, paths.runtime]) {
    await mkdir(directory, { mode: 0o700 });
    if (uid !== undefined) await chown(directory, uid, uid);
  }
  await link(diskPath, diskIn(paths)).catch(explainLink);
  if (uid !== undefined) await chown(diskPath, uid, uid);
  await makeExchangeFile(paths.exchange, uid);
  return (await host.cgroups?.create(shortId(id), limitsOf(builderSize))) ?? [];
}

function explainLink(error: NodeJS.ErrnoException): never {
  if (error.code !== "EXDEV") throw error;
  const sentence = "An image's disk must lie on the file system of the data directory, to be built there.";
  throw new AlcoveError("InternalError", sentence, { cause: error });
}

function diskIn(paths: MachinePaths): string {
  return join(paths.directory, "disk.raw");
}

function bootBuilder(
  host: MachineHost,
  { paths, uid }: Place,
  groups: readonly string[],
  signal: AbortSignal,
): Promise<Booted> {
  const devices = {
    vcpus: vcpusOf(builderSize),
    memoryMiB: builderSize.memoryMiB,
    disk: diskIn(paths),
    diskFormat: "raw",
    exchange: paths.exchange,
    sockets: paths,
  } as const;
  const patience = bootPatience(host.installation.platform.accelerator);
  const openExchange = () => openExchangeFile(paths.exchange, uid);
  return boot(host, { devices, uid, groups, backing: [], openExchange, ...patience }, signal);
}

class MicrovmBuilder implements DiskBuilder {
  readonly #place: Place;
  readonly #booted: Booted;
  readonly #remove: () => Promise<void>;
  /** Aborts when nothing can come of it any more, with why. */
  readonly #over = new AbortController();
  #ended: Promise<void> | undefined;

  constructor(place: Place, booted: Booted, remove: () => Promise<void>) {
    this.#place = place;
    this.#booted = booted;
    this.#remove = remove;
    booted.qmp.onEvent(({ event, data }) => {
      if (event === "BLOCK_IO_ERROR" && data.action === "stop") this.#over.abort(hostIsFull());
    });
    void booted.program.ended.then((how) => this.#over.abort(unresponsive(`its machine is gone: ${how}`)));
  }

  async apply(layer: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    const stalled = async (seconds: number) =>
      unresponsive(`it took nothing of the layer for ${seconds} s${await this.#booted.lastLines()}`);
    using guard = new StallGuard([signal, this.#over.signal], stalled, this.#place.stallMs);
    return await this.#booted.guest.disk.apply(guard.watch(this.#whileThereIsRoom(layer)), guard.signal);
  }

  async finish(signal: AbortSignal) {
    const either = AbortSignal.any([signal, this.#over.signal]);
    return await this.#booted.guest.disk.finish(either);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#over.abort(unresponsive("it was ended"));
    await this.#booted.end();
    await this.#remove();
  }

  async *#whileThereIsRoom(layer: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let unlooked = bytesBetweenLooks;
    for await (const piece of layer) {
      unlooked += piece.length;
      if (unlooked >= bytesBetweenLooks) {
        unlooked = 0;
        if ((await freeSpace(this.#place.paths.directory)).freeBytes < leftFreeBytes) throw hostIsFull();
      }
      yield piece;
    }
  }
}

function hostIsFull(): AlcoveError {
  return new AlcoveError("DiskFull", "The host's disk is full: the image's disk could not be written.");
}

function unresponsive(why: string): AlcoveError {
  return new AlcoveError("GuestUnresponsive", `The builder of the image failed: ${why}.`);
}

/** Once the machine is gone the disk is ours again: by the name that it never had. */
async function removePlace(host: MachineHost, { id, diskPath, paths, uid }: Place): Promise<void> {
  try {
    await removeFiles(host, id, paths);
    if (uid !== undefined) await chown(diskPath, process.getuid?.() ?? 0, process.getgid?.() ?? 0).catch(unlessGone);
  } finally {
    releaseUser(host, uid);
  }
}

/** The directory goes last: as long as it is there, the rest is looked for. */
async function removeFiles(host: MachineHost, id: string, paths: MachinePaths): Promise<void> {
  const signal = AbortSignal.timeout(removalTimeoutMs);
  await endProcesses({ id }, paths, signal);
  await host.cgroups?.remove(shortId(id), signal);
  await rm(paths.runtime, { recursive: true, force: true });
  await rm(paths.directory, { recursive: true, force: true });
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
