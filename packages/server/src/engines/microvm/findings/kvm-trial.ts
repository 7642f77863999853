/**
 * Whether KVM runs guests here. A device that opens proves nothing, nor does a virtual machine that it makes: some hosts
 * have both and no guest ever starts. So a guest is booted to its agent's hello, and what came out is remembered.
 */
import { randomBytes } from "node:crypto";
import { access, chown, constants, mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { boot } from "../machine/boot.js";
import type { MachineHost } from "../machine/machine-host.js";
import { pathsIn, type Roots, shortId, socketsDirectory, templatesDirectory } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { releaseUser } from "../machine/removal.js";
import { unfinishedPrefix } from "../templates/template-making.js";
import type { GuestAssets } from "./guest-assets.js";
import { sentenceFrom } from "./host-findings.js";
import type { Qemu } from "./installation.js";
import { type KvmTrial, recallTrial, rememberTrial } from "./kvm-trial-memory.js";

/** Where KVM works a guest answers in about a second. */
const trialDeadlineMs = 8_000;
const diskBytes = 1024 * 1024;

interface Parts {
  readonly qemu: Qemu;
  readonly assets: GuestAssets;
  readonly roots: Roots;
  readonly hostBootId: string;
}

export async function tryKvm(
  describe: () => Promise<MachineHost>,
  { qemu, assets, roots, hostBootId }: Parts,
  signal: AbortSignal,
): Promise<KvmTrial> {
  const missing = await missingDevice();
  if (missing !== undefined) return missing;
  const key = [hostBootId, qemu.build, assets.digest].join(" ");
  const memory = join(roots.dataDirectory, "kvm-trial.json");
  const remembered = await recallTrial(memory, key, Date.now());
  if (remembered !== undefined) return remembered;
  const trial = await bootWithKvm(await describe(), signal);
  await rememberTrial(memory, key, trial, Date.now());
  return trial;
}

async function missingDevice(): Promise<KvmTrial | undefined> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== "ENOENT";
    return isThere
      ? { works: false, seen: "/dev/kvm is not open to this user", remedy: "sudo usermod -aG kvm $USER" }
      : { works: false, seen: "there is no /dev/kvm", remedy: "sudo modprobe -a kvm_intel kvm_amd" };
  }
}

async function bootWithKvm(host: MachineHost, signal: AbortSignal): Promise<KvmTrial> {
  const name = `${unfinishedPrefix}kvm-${randomBytes(4).toString("hex")}`;
  const paths = pathsIn(join(templatesDirectory(host.roots), name), join(socketsDirectory(host.roots), shortId(name)));
  const uid = host.users?.claim();
  try {
    await mkdir(paths.directory, { mode: 0o700 });
    await mkdir(paths.runtime, { mode: 0o700 });
    const base = join(paths.directory, "base.raw");
    await writeFile(base, "");
    await truncate(base, diskBytes);
    await writeOverlay(paths.overlay, { path: base, format: "raw" }, { virtualBytes: diskBytes });
    if (uid !== undefined) {
      await Promise.all([paths.directory, paths.runtime, base, paths.overlay].map((path) => chown(path, uid, uid)));
    }
    const devices = {
      vcpus: 1,
      memoryMiB: 256,
      memoryFile: join(paths.directory, "memory"),
      disk: paths.overlay,
      sockets: paths,
    };
    const began = performance.now();
    const plan = { devices, uid, groups: [], backing: [], deadlineMs: trialDeadlineMs, tries: 1 };
    const booted = await boot(host, plan, signal);
    await booted.end();
    return { works: true, seen: `a guest booted in ${Math.round(performance.now() - began)} ms` };
  } catch (error) {
    signal.throwIfAborted();
    return { works: false, seen: sentenceFrom("/dev/kvm opens, but no guest booted", error).slice(0, -1) };
  } finally {
    releaseUser(host, uid);
    await rm(paths.directory, { recursive: true, force: true });
    await rm(paths.runtime, { recursive: true, force: true });
  }
}
