/**
 * The guest's kernel: the distribution's own for virtual machines, out of its package, which is unpacked and not installed.
 * Works as any user. What was unpacked once is used again; `./dev assets --new-kernel` looks for a newer one.
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "../../../packages/server/src/host/run.js";
import type { StepProgress } from "../progress.js";
import { AptDownloads } from "./apt-downloads.js";
import { architecture } from "./architecture.js";

export interface Kernel {
  readonly version: string;
  readonly image: string;
  /** As in /lib/modules/VERSION, nothing compressed. */
  readonly modules: string;
}

/** Packages that depend on the newest kernel of the right kind: Debian's, Ubuntu's. */
const kinds = [`linux-image-cloud-${architecture}`, "linux-image-virtual"];

export async function findKernel(
  cache: string,
  options: { readonly newest: boolean; readonly progress: StepProgress; readonly signal: AbortSignal },
): Promise<Kernel> {
  const unpacked = join(cache, "kernel");
  if (options.newest) await rm(unpacked, { recursive: true, force: true });
  const known = await kernelIn(unpacked);
  if (known !== undefined) return known;
  try {
    await unpackKernel(cache, unpacked, options);
  } catch (error) {
    options.signal.throwIfAborted();
    return (await kernelIn("/")) ?? noKernel(error);
  }
  return (await kernelIn(unpacked)) ?? noKernel(new Error(`There is no kernel in what was unpacked to ${unpacked}.`));
}

/** The newest kernel for virtual machines below a root directory. */
async function kernelIn(root: string): Promise<Kernel | undefined> {
  const kind = root === "/" ? /^vmlinuz-(.*-(?:cloud-(?:amd64|arm64)|virtual|kvm))$/ : /^vmlinuz-(.*)$/;
  const versions = (await namesIn(join(root, "boot"))).flatMap((name) => kind.exec(name)?.[1] ?? []);
  const version = versions.sort(new Intl.Collator("en", { numeric: true }).compare).at(-1);
  if (version === undefined) return undefined;
  const modules = (await namesIn(join(root, "usr/lib/modules"))).includes(version) ? "usr/lib/modules" : "lib/modules";
  return { version, image: join(root, "boot", `vmlinuz-${version}`), modules: join(root, modules, version) };
}

async function unpackKernel(
  cache: string,
  target: string,
  options: { readonly progress: StepProgress; readonly signal: AbortSignal },
): Promise<void> {
  const work = join(cache, `kernel.${process.pid}`);
  const tree = join(work, "tree");
  await mkdir(tree, { recursive: true });
  try {
    const downloads = new AptDownloads(work, join(cache, "apt"), options.signal);
    const packages = await kernelPackages(downloads);
    for (const name of packages) {
      options.progress.say(`downloading ${name}`);
      const file = await downloads.download(name);
      options.progress.say(`unpacking ${basename(file)}`);
      await run("dpkg-deb", ["-x", file, tree], options);
    }
    await decompressModules(tree, options.signal);
    await rename(tree, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The image and, where they are apart as in Ubuntu, its modules. */
async function kernelPackages(downloads: AptDownloads): Promise<readonly string[]> {
  for (const kind of kinds) {
    const image = (await downloads.dependencies(kind)).find((name) => /^linux-image-(?:unsigned-)?\d/.test(name));
    if (image === undefined) continue;
    const modules = (await downloads.dependencies(image)).filter((name) => /^linux-modules-\d/.test(name));
    return [image, ...modules];
  }
  throw new Error(`apt knows neither ${kinds.join(" nor ")}.`);
}

async function decompressModules(tree: string, signal: AbortSignal): Promise<void> {
  await run("find", [tree, "-name", "*.ko.xz", "-exec", "xz", "-d", "{}", "+"], { signal });
  await run("find", [tree, "-name", "*.ko.zst", "-exec", "zstd", "-d", "-q", "--rm", "{}", "+"], { signal });
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}

function noKernel(cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new Error(
    `No kernel for guests: ${why}\nIt comes from the package ${kinds.join(" or ")}. ` +
      "If apt has no package lists, run: sudo apt-get update; or install the package.",
    { cause },
  );
}
