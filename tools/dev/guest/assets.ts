/**
 * What guests boot with: `vmlinuz`, `initramfs`, `agent` and `guest.json`, which names what they were made from. As long
 * as that is the same, nothing is done.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { run } from "../../../packages/server/src/host/run.js";
import { cacheDirectory, checkout, guestDirectory } from "../checkout.js";
import type { StepProgress } from "../progress.js";
import { architecture } from "./architecture.js";
import { findGo, goEnvironment } from "./go.js";
import { findKernel, type Kernel } from "./kernel.js";

const Description = z.object({
  kernelVersion: z.string(),
  agentVersion: z.string(),
  /** sha256 of kernel and initramfs. */
  digest: z.string(),
  /** sha256 of what they were made from. */
  inputs: z.string(),
});

export interface AssetOptions {
  readonly newKernel: boolean;
  readonly progress: StepProgress;
  readonly signal: AbortSignal;
}

/** Whether `makeAssets` has nothing to do. */
export async function areAssetsFresh(): Promise<boolean> {
  const text = await readFile(join(guestDirectory, "guest.json"), "utf8").catch(() => "{}");
  const description = Description.safeParse(JSON.parse(text));
  return description.success && description.data.inputs === (await inputsDigest());
}

export async function makeAssets(options: AssetOptions): Promise<void> {
  const inputs = await inputsDigest();
  const kernel = await findKernel(cacheDirectory, { ...options, newest: options.newKernel });
  const work = `${guestDirectory}.${process.pid}`;
  await mkdir(work, { recursive: true });
  try {
    await buildAgent(join(work, "agent"), options);
    options.progress.say("writing the initramfs");
    await assemble(work, kernel, inputs, options.signal);
    await replaceDirectory(work, guestDirectory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function buildAgent(path: string, { progress, signal }: AssetOptions): Promise<void> {
  const go = await findGo(progress, signal);
  progress.say("building the agent");
  const environment = { ...goEnvironment(), GOARCH: architecture };
  const args = ["build", "-ldflags=-s -w", "-o", path, "."];
  await run(go, args, { signal, environment, workingDirectory: join(checkout, "agent") });
}

async function assemble(work: string, kernel: Kernel, inputs: string, signal: AbortSignal): Promise<void> {
  const initramfs = join(work, "initramfs");
  await copyFile(kernel.image, join(work, "vmlinuz"));
  const args = ["host", "initramfs", "--out", initramfs, "--kernel-modules", kernel.modules];
  await run(join(work, "agent"), args, { signal });
  const description: z.infer<typeof Description> = {
    kernelVersion: kernel.version,
    agentVersion: await productVersion(),
    digest: await digestOfFiles([join(work, "vmlinuz"), initramfs]),
    inputs,
  };
  await writeFile(join(work, "guest.json"), `${JSON.stringify(description, null, 2)}\n`);
}

/** Readers that hold the old files open keep them. */
async function replaceDirectory(from: string, to: string): Promise<void> {
  const old = `${to}.old.${process.pid}`;
  if (await exists(to)) await rename(to, old);
  await rename(from, to);
  await rm(old, { recursive: true, force: true });
}

/** The agent's source, and the way assets are made. */
async function inputsDigest(): Promise<string> {
  const agent = await filesBelow(join(checkout, "agent"), /\.(?:go|s|mod|sum)$/, /_test\.go$/);
  const tool = await filesBelow(join(checkout, "tools/dev/guest"), /\.ts$/);
  return digestOfFiles([...agent, ...tool].sort());
}

async function filesBelow(directory: string, wanted: RegExp, unwanted?: RegExp): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && wanted.test(entry.name) && !unwanted?.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function digestOfFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    const content = await readFile(path);
    hash.update(`${basename(path)} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

async function productVersion(): Promise<string> {
  const text = await readFile(join(checkout, "packages/server/package.json"), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
