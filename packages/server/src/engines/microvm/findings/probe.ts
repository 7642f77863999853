/** Looks at everything that microVMs need on this host, by trying where only trying tells. */
import { AlcoveError } from "@alcove/contract";
import { findCgroupHome } from "../../../host/cgroup-home.js";
import { Cgroups } from "../../../host/cgroups.js";
import { hostBootId } from "../../../host/host-identity.js";
import type { Finding } from "../../engine.js";
import type { Accelerator } from "../machine/command-line.js";
import type { MachineHost } from "../machine/machine-host.js";
import { makeRoots, shortId } from "../machine/machine-paths.js";
import { MachineUsers } from "../machine/machine-users.js";
import type { MicrovmOptions } from "../options.js";
import { Holdings } from "../saves/holdings.js";
import { LayerChains } from "../saves/layer-chains.js";
import { type GuestAssets, readGuestAssets } from "./guest-assets.js";
import { examineDisk, namespacesFinding, sentenceFrom } from "./host-findings.js";
import { describeInstallation, findQemu, hostArchitecture, type Qemu } from "./installation.js";
import { tryKvm } from "./kvm-trial.js";
import type { KvmTrial } from "./kvm-trial-memory.js";
import { memoryFinding } from "./memory-finding.js";
import { findShelter } from "./shelter.js";
import { workersFinding } from "./workers-finding.js";

export interface Examination {
  /** Undefined where no machine can run. */
  readonly host: MachineHost | undefined;
  readonly findings: readonly Finding[];
}

export async function examineHost(options: MicrovmOptions, signal: AbortSignal): Promise<Examination> {
  const findings: Finding[] = [];
  const [qemu, assets, cgroups, workers] = await Promise.all([
    examineQemu(findings, signal),
    examineAssets(options.guestDirectory, findings),
    examineCgroups(options.dataDirectory, findings),
    workersFinding(signal),
    examineDisk(options.dataDirectory).then((finding) => findings.push(finding)),
  ]);
  findings.push(workers);
  if (qemu === undefined || assets === undefined || workers.level === "error")
    return { host: undefined, findings: inOrder(findings) };
  try {
    const host = await setUp(options, { qemu, assets, cgroups }, findings, signal);
    return { host, findings: inOrder(findings) };
  } catch (error) {
    signal.throwIfAborted();
    findings.push({ check: "engine", level: "error", sentence: sentenceFrom("The engine cannot be set up", error) });
    return { host: undefined, findings: inOrder(findings) };
  }
}

interface Found {
  readonly qemu: Qemu;
  readonly assets: GuestAssets;
  readonly cgroups: Cgroups | undefined;
}

async function setUp(
  options: MicrovmOptions,
  { qemu, assets, cgroups }: Found,
  findings: Finding[],
  signal: AbortSignal,
): Promise<MachineHost> {
  await makeRoots(options);
  const bootId = await hostBootId();
  const holdings = new Holdings(options);
  const chains = new LayerChains({ quietMs: options.mergeQuietMs, onFailed: options.onMergeFailed });
  const hostWith = async (accelerator: Accelerator): Promise<MachineHost> => {
    const shelter = await findShelter({ agent: assets.agent, qemu: qemu.program, accelerator }, signal);
    return {
      ...shelter,
      roots: options,
      holdings,
      chains,
      serveHost: options.serveHost,
      relay: options.relay,
      hostBootId: bootId,
      cgroups,
      users: shelter.namespaces === "root" ? new MachineUsers() : undefined,
      installation: await describeInstallation({ qemu, assets, accelerator }, signal),
    };
  };
  const host = await chooseAccelerator(options, { qemu, assets, hostBootId: bootId }, hostWith, findings, signal);
  findings.push(await namespacesFinding(host.namespaces), await memoryFinding(host.namespaces));
  return host;
}

const order = ["kvm", "qemu", "kernel", "disk", "cgroups", "namespaces", "workers", "memory"];

function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((one, other) => order.indexOf(one.check) - order.indexOf(other.check));
}

async function examineQemu(findings: Finding[], signal: AbortSignal): Promise<Qemu | undefined> {
  const check = "qemu";
  try {
    const qemu = await findQemu(hostArchitecture(), signal);
    findings.push({ check, level: "ok", sentence: `${qemu.build}.` });
    return qemu;
  } catch (error) {
    signal.throwIfAborted();
    const debianPackage = process.arch === "arm64" ? "qemu-system-arm" : "qemu-system-x86";
    findings.push({
      check,
      level: "error",
      sentence: sentenceFrom("QEMU cannot be used", error),
      remedy: `sudo apt-get install --no-install-recommends ${debianPackage} qemu-utils`,
    });
    return undefined;
  }
}

async function examineAssets(directory: string, findings: Finding[]): Promise<GuestAssets | undefined> {
  const check = "kernel";
  try {
    const assets = await readGuestAssets(directory);
    findings.push({ check, level: "ok", sentence: `Guests boot Linux ${assets.kernelVersion}.` });
    return assets;
  } catch (error) {
    const sentence = sentenceFrom(`The guest's kernel and agent are not in ${directory}`, error);
    findings.push({ check, level: "error", sentence, remedy: "./dev assets" });
    return undefined;
  }
}

async function examineCgroups(dataDirectory: string, findings: Finding[]): Promise<Cgroups | undefined> {
  const check = "cgroups";
  try {
    const home = await findCgroupHome(`alcove-${shortId(dataDirectory)}`);
    const sentence = `Every sandbox is limited in processor, memory and processes (version ${home.version}).`;
    findings.push({ check, level: "ok", sentence });
    return new Cgroups(home);
  } catch (error) {
    findings.push({
      check,
      level: "warning",
      sentence: sentenceFrom(
        "No control groups can be made, so a sandbox may take more processor time than it was given",
        error,
      ),
      remedy: "systemd-run --user --scope --property=Delegate=yes npx alcove up",
    });
    return undefined;
  }
}

async function chooseAccelerator(
  options: MicrovmOptions,
  parts: { readonly qemu: Qemu; readonly assets: GuestAssets; readonly hostBootId: string },
  hostWith: (accelerator: Accelerator) => Promise<MachineHost>,
  findings: Finding[],
  signal: AbortSignal,
): Promise<MachineHost> {
  if (options.accelerator !== undefined) {
    const sentence = `Machines run with ${options.accelerator}, as configured.`;
    findings.push({ check: "kvm", level: "ok", sentence });
    return hostWith(options.accelerator);
  }
  const trial = await tryKvm(() => hostWith("kvm"), { ...parts, roots: options }, signal);
  findings.push(kvmFinding(trial));
  return hostWith(trial.works ? "kvm" : "tcg");
}

function kvmFinding({ works, seen, remedy }: KvmTrial): Finding {
  if (works) return { check: "kvm", level: "ok", sentence: `KVM runs guests: ${seen}.` };
  const sentence = `KVM does not run guests here (${seen}): sandboxes run under software emulation, several times slower.`;
  return { check: "kvm", level: "warning", sentence, ...(remedy === undefined ? {} : { remedy }) };
}

/** The error of a host on which no machine can run. */
export function unavailable(findings: readonly Finding[]): AlcoveError {
  const problem = findings.find(({ level }) => level === "error");
  return new AlcoveError(
    "EngineUnavailable",
    problem?.sentence,
    problem?.remedy === undefined ? {} : { hint: problem.remedy },
  );
}
