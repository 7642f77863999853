/** The file tree of an image: packages installed by mmdebstrap, then what every sandbox has the same. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { RunError, type RunOptions, run } from "../host/run.js";
import { hostAptSources } from "./apt-sources.js";
import type { Owners } from "./owners.js";
import type { NamedRecipe } from "./recipe.js";

export interface TreePaths {
  readonly archive: string;
  readonly tree: string;
  /** Where mmdebstrap works; in a user namespace it must be reachable for other users. */
  readonly scratch: string;
}

const bootstrapTimeoutMs = 30 * 60_000;
/** unshare's, for a program that is not there. */
const notFoundExitCode = 127;

/** Installs the recipe's packages into an archive: owners and modes survive in it, whoever runs this. */
export async function bootstrap(
  recipe: NamedRecipe,
  owners: Owners,
  paths: TreePaths,
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const sources = await hostAptSources(recipe, options.signal);
  const args = [
    "--verbose",
    "--variant=minbase",
    `--mode=${owners.bootstrapMode}`,
    `--components=${recipe.components.join(",")}`,
    ...(recipe.packages.length === 0 ? [] : [`--include=${recipe.packages.join(",")}`]),
    ...recipe.leaveOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    ...recipe.keep.map((pattern) => `--dpkgopt=path-include=${pattern}`),
    ...sources.options.map((option) => `--aptopt=${option}`),
    recipe.suite,
    paths.archive,
    ...sources.lines,
  ];
  const { PATH = "" } = process.env;
  const environment = { PATH: `${PATH}:/usr/sbin:/sbin`, TMPDIR: paths.scratch, LC_ALL: "C", HOME: "/nonexistent" };
  const [program = "", ...rest] = [...fence(owners), "mmdebstrap", ...args];
  await run(program, rest, { ...options, environment, timeoutMs: bootstrapTimeoutMs }).catch(explain);
}

/**
 * As root mmdebstrap mounts /proc, /sys and the host's /dev/shm into the tree. In a mount namespace of its own they are
 * gone with its last process, however it ends; the other ways have one already, or mount nothing.
 */
function fence(owners: Owners): readonly string[] {
  return owners.way === "root" ? ["unshare", "--mount", "--propagation", "private", "--"] : [];
}

function explain(error: unknown): never {
  const isMissing = error instanceof RunError && (error.reason === "NotFound" || error.exitCode === notFoundExitCode);
  if (!isMissing) throw error;
  throw new AlcoveError("ImageNotReady", "mmdebstrap, which builds images, is not installed.", {
    hint: "Install it: sudo apt-get install mmdebstrap",
    cause: error,
  });
}

/** Unpacks the archive. Devices stay out: a sandbox's /dev is its kernel's. The host's apt settings stay out too. */
export async function unpack(owners: Owners, paths: TreePaths, options: RunOptions): Promise<void> {
  await mkdir(paths.tree);
  await chmod(paths.tree, 0o755);
  const leftOut = ["--exclude=./dev/*", "--exclude=./etc/apt/apt.conf.d/99mmdebstrap"];
  const attributes = owners.way === "fakeroot" ? [] : ["--xattrs", "--xattrs-include=*"];
  const args = ["-x", "-p", "--numeric-owner", ...attributes, ...leftOut, "-f", paths.archive, "-C", paths.tree];
  await owners.run("tar", args, options);
}

/** Files that mmdebstrap copied from the host, or that have to be there for the agent to fill. */
export async function settle(recipe: NamedRecipe, owners: Owners, tree: string, options: RunOptions): Promise<void> {
  const environment = Object.entries(recipe.environment).map(([name, value]) => `${name}="${value}"\n`);
  const files = {
    "etc/environment": environment.join(""),
    "etc/hostname": "sandbox\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    "etc/machine-id": "",
    "etc/resolv.conf": "# A sandbox has no network of its own.\n",
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(tree, path), content);
  const paths = Object.keys(files).map((path) => join(tree, path));
  await owners.run("chmod", ["0644", "--", ...paths], options);
}

/** Every installed package with its version, sorted: `name=version`. */
export async function installedPackages(tree: string, signal: AbortSignal): Promise<readonly string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const args = [`--admindir=${join(tree, "var/lib/dpkg")}`, "-W", "-f", "${Package}=${Version}\\n"];
  const { stdout } = await run("dpkg-query", args, { signal });
  return stdout.trim().split("\n").sort();
}
