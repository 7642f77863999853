/** What a recipe installs, as one tar: packages by mmdebstrap, and the recipe's environment. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { RunError, type RunOptions, run } from "../host/run.js";
import { hostAptSources } from "./apt-sources.js";
import { refuseLostCapabilities } from "./bootstrap-mode.js";
import type { NamedRecipe } from "./recipe.js";
import type { Workplace } from "./workplace.js";

export interface Bootstrapped {
  /** A tar whose owners, modes and attributes are the packages' own, whoever made it; without /dev. */
  readonly archive: string;
  /** Every installed package, sorted: `name=version`. */
  readonly packages: readonly string[];
}

const bootstrapTimeoutMs = 30 * 60_000;
/** unshare's, for a program that is not there. */
const notFoundExitCode = 127;
const statusFile = "/var/lib/dpkg/status";
/** Of the host and of the build, in a tree that mmdebstrap made. */
const cleaning = `rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/apt.conf.d/99mmdebstrap"`;

export async function bootstrap(
  recipe: NamedRecipe,
  place: Workplace,
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<Bootstrapped> {
  const archive = join(place.directory, "tree.tar");
  const files = { environment: join(place.scratch, "environment"), dpkg: join(place.scratch, "dpkg") };
  await mkdir(files.dpkg);
  await writeFile(files.environment, environmentFile(recipe), { mode: 0o644 });
  const { PATH = "" } = process.env;
  const environment = { PATH: `${PATH}:/usr/sbin:/sbin`, TMPDIR: place.scratch, LC_ALL: "C", HOME: "/nonexistent" };
  const args = await argumentsOf(recipe, { place, archive, files }, options.signal);
  const [program = "", ...rest] = [...fence(place), "mmdebstrap", ...args];
  await run(program, rest, { ...options, environment, timeoutMs: bootstrapTimeoutMs }).catch(explain);
  const packages = await installedPackages(files.dpkg, options.signal);
  refuseLostCapabilities(place.mode, packages);
  return { archive, packages };
}

async function argumentsOf(
  recipe: NamedRecipe,
  { place, archive, files }: { place: Workplace; archive: string; files: { environment: string; dpkg: string } },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const sources = await hostAptSources(recipe, signal);
  return [
    "--verbose",
    "--variant=minbase",
    "--format=tar",
    `--mode=${place.mode}`,
    "--skip=output/dev",
    `--components=${recipe.components.join(",")}`,
    ...(recipe.packages.length === 0 ? [] : [`--include=${recipe.packages.join(",")}`]),
    ...recipe.leaveOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    ...recipe.keep.map((pattern) => `--dpkgopt=path-include=${pattern}`),
    ...sources.options.map((option) => `--aptopt=${option}`),
    `--customize-hook=upload ${files.environment} /etc/environment`,
    `--customize-hook=download ${statusFile} ${join(files.dpkg, "status")}`,
    `--customize-hook=chmod 0644 "$1/etc/environment" && ${cleaning}`,
    recipe.suite,
    archive,
    ...sources.lines,
  ];
}

/**
 * As root mmdebstrap mounts /proc, /sys and the host's /dev/shm into the tree. In a mount namespace of its own they are
 * gone with its last process, however it ends; the other ways have one already, or mount nothing.
 */
function fence({ mode }: Workplace): readonly string[] {
  return mode === "root" ? ["unshare", "--mount", "--propagation", "private", "--"] : [];
}

function explain(error: unknown): never {
  const isMissing = error instanceof RunError && (error.reason === "NotFound" || error.exitCode === notFoundExitCode);
  if (!isMissing) throw error;
  throw new AlcoveError("ImageNotReady", "mmdebstrap, which builds images, is not installed.", {
    hint: "Install it: sudo apt-get install mmdebstrap",
    cause: error,
  });
}

function environmentFile({ environment }: NamedRecipe): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}="${value}"\n`)
    .join("");
}

async function installedPackages(dpkg: string, signal: AbortSignal): Promise<readonly string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const { stdout } = await run("dpkg-query", [`--admindir=${dpkg}`, "-W", "-f", "${Package}=${Version}\\n"], {
    signal,
  });
  return stdout.trim().split("\n").sort();
}
