/**
 * Makes a template: boots, mounts, warms, hangs up, waits until the guest is idle, stops it, saves its devices, and keeps
 * memory, devices and disk. All of it in a directory that gets its name when everything is on the disk.
 */
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, type Size } from "@alcove/contract";
import { freeSpace } from "../../../host/free-space.js";
import { type ProcessIdentity, processCpuMs } from "../../../host/processes.js";
import { syncPath } from "../../../host/write-durably.js";
import { waitFor } from "../../../lib/backoff.js";
import { withDeadline } from "../../../lib/deadline.js";
import { undone } from "../../../lib/undo.js";
import type { DiskImage, PrepareOptions } from "../../engine.js";
import { type Booted, boot, bootPatience } from "../machine/boot.js";
import { opensMemoryReadOnly } from "../machine/command-line.js";
import { diskBytesOf, limitsOf, type MachineHost, vcpusOf } from "../machine/machine-host.js";
import { type MachinePaths, pathsIn, shortId, socketsDirectory, templatesDirectory } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { endProcesses, releaseUser } from "../machine/removal.js";
import type { Qmp } from "../qmp/qmp.js";
import { type Template, templateIn } from "./template.js";
import { fingerprintTemplate, writeTemplateRecord } from "./template-record.js";

export const unfinishedPrefix = ".making-";
const idleDeadlineMs = 10_000;
/** What a guest has written by the time it is warm, at the most; its memory file is sparse. */
const spareBytes = 1024 * 1024 * 1024;

export interface TemplateOrder {
  readonly key: string;
  readonly disk: DiskImage;
  readonly size: Size;
}

export async function makeTemplate(
  host: MachineHost,
  order: TemplateOrder,
  options: PrepareOptions,
): Promise<Template> {
  await refuseWithoutRoom(host, order);
  const making = `${unfinishedPrefix}${order.key.slice(0, 8)}-${randomBytes(4).toString("hex")}`;
  const paths = pathsIn(
    join(templatesDirectory(host.roots), making),
    join(socketsDirectory(host.roots), shortId(making)),
  );
  const uid = host.users?.claim();
  const undo = () => clear(host, making, paths, uid);
  let template: Template;
  try {
    await mkdir(paths.directory, { mode: 0o700 });
    await mkdir(paths.runtime, { mode: 0o700 });
    const groups = (await host.cgroups?.create(shortId(making), limitsOf(order.size))) ?? [];
    await build(host, { order, paths, uid, groups }, options);
    template = await keep(host, order, paths);
  } catch (error) {
    throw await undone(diskFullOr(error, order), undo);
  }
  await undo();
  return template;
}

interface Build {
  readonly order: TemplateOrder;
  readonly paths: MachinePaths;
  readonly uid: number | undefined;
  readonly groups: readonly string[];
}

async function build(host: MachineHost, { order, paths, uid, groups }: Build, options: PrepareOptions): Promise<void> {
  const { signal } = options;
  const { disk, size } = order;
  const files = templateIn(paths.directory, order.key);
  await writeOverlay(files.disk, { path: disk.path, format: "raw" }, { virtualBytes: diskBytesOf(size) });
  if (uid !== undefined)
    await Promise.all([paths.directory, paths.runtime, files.disk].map((path) => chown(path, uid, uid)));
  const devices = {
    vcpus: vcpusOf(size),
    memoryMiB: size.memoryMiB,
    memoryFile: files.memory,
    disk: files.disk,
    sockets: paths,
  };
  const onTry = (attempt: number) =>
    options.onProgress?.(attempt === 1 ? "Booting the guest" : `Booting the guest, try ${attempt}`, 0.05);
  const patience = bootPatience(host.installation.platform.accelerator);
  const booted = await boot(host, { devices, uid, groups, backing: [disk.path], ...patience, onTry }, signal);
  try {
    options.onProgress?.(`Mounting the image and running ${disk.warm.length} programs once`, 0.4);
    await mount(booted, order, signal);
    options.onProgress?.("Saving the machine", 0.8);
    await save(booted, files, signal);
  } finally {
    await booted.end();
  }
}

async function mount({ guest, lastLines }: Booted, { disk, size }: TemplateOrder, signal: AbortSignal): Promise<void> {
  try {
    await guest.prepare({ diskBytes: diskBytesOf(size), warm: disk.warm }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    const message = `The guest could not prepare the image ${disk.name}: ${why}${await lastLines()}`;
    throw new AlcoveError("EngineUnavailable", message, { cause: error });
  }
}

/** The agent must have noticed that nobody is behind its channel before its memory is kept: a guest that is idle has. */
async function save(booted: Booted, files: Template, signal: AbortSignal): Promise<void> {
  await booted.guest.close();
  await untilIdle(booted.program.identity, signal);
  await booted.qmp.execute("stop", {}, signal);
  await booted.qmp.execute("xen-save-devices-state", { filename: files.state, live: false }, signal);
  await quit(booted.qmp, signal);
  await booted.program.ended;
}

/** QEMU hangs up instead of answering. */
async function quit(qmp: Qmp, signal: AbortSignal): Promise<void> {
  await qmp.execute("quit", {}, signal).catch((error: unknown) => {
    if (!qmp.isClosed) throw error;
  });
}

/** Idle: less than a tenth of one processor, three looks in a row. A guest that never comes to rest is taken as it is. */
async function untilIdle(program: ProcessIdentity, signal: AbortSignal): Promise<void> {
  using deadline = withDeadline(signal, idleDeadlineMs);
  let before = Number.NaN;
  let quietLooks = 0;
  const look = async () => {
    const now = await processCpuMs(program);
    quietLooks = now - before <= 10 ? quietLooks + 1 : 0;
    before = now;
    return quietLooks >= 3 ? true : undefined;
  };
  try {
    await waitFor(look, deadline.signal, { firstMs: 100, lastMs: 100 });
  } catch (error) {
    if (!deadline.expired) throw error;
  }
}

/** From here on the files are only read; the name says that all of them are whole. */
async function keep(host: MachineHost, order: TemplateOrder, paths: MachinePaths): Promise<Template> {
  const making = templateIn(paths.directory, order.key);
  const finished = templateIn(join(templatesDirectory(host.roots), order.key), order.key);
  const fingerprint = await fingerprintTemplate(making);
  await writeTemplateRecord(making, { order, fingerprint, installation: host.installation });
  const owner = process.getuid?.() ?? 0;
  for (const [path, mode] of [
    [making.memory, memoryMode(host)],
    [making.state, 0o400],
    [making.disk, 0o444],
  ] as const) {
    await syncPath(path);
    if (host.users !== undefined) await chown(path, owner, owner);
    await chmod(path, mode);
  }
  await syncPath(paths.directory);
  if (host.users !== undefined) await chown(paths.directory, owner, owner);
  await rename(paths.directory, finished.directory);
  await syncPath(templatesDirectory(host.roots));
  return finished;
}

/** An older QEMU opens the memory for writing, though it never writes to it: as the user of its sandbox, or as ours. */
export function memoryMode(host: MachineHost): number {
  if (opensMemoryReadOnly(host.installation.platform.qemuVersion)) return 0o444;
  return host.users === undefined ? 0o600 : 0o666;
}

async function clear(host: MachineHost, making: string, paths: MachinePaths, uid: number | undefined): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  await endProcesses({ id: making }, paths, signal);
  try {
    await host.cgroups?.remove(shortId(making), signal);
    await rm(paths.runtime, { recursive: true, force: true });
    await rm(paths.directory, { recursive: true, force: true });
  } finally {
    releaseUser(host, uid);
  }
}

async function refuseWithoutRoom(host: MachineHost, { size, disk }: TemplateOrder): Promise<void> {
  const directory = templatesDirectory(host.roots);
  const { freeBytes } = await freeSpace(directory);
  const wanted = Math.min(size.memoryMiB * 1024 * 1024, spareBytes) + spareBytes / 4;
  if (freeBytes >= wanted) return;
  throw diskFull(disk, `${mebibytes(freeBytes)} MiB are free in ${directory}, ${mebibytes(wanted)} MiB are needed`);
}

function diskFullOr(error: unknown, { disk }: TemplateOrder): unknown {
  const isFull = error instanceof Error && /ENOSPC|No space left/.test(error.message);
  return isFull ? diskFull(disk, error.message) : error;
}

function diskFull(disk: DiskImage, seen: string): AlcoveError {
  return new AlcoveError("DiskFull", `There is not enough disk space for a template of ${disk.name}: ${seen}.`);
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
