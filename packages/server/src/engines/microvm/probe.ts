/** Looks at everything that microVMs need on this host, by trying where only trying tells. */
import { AlcoveError } from "@alcove/contract";
import { findCgroupHome } from "../../host/cgroup-home.js";
import { Cgroups } from "../../host/cgroups.js";
import { hostBootId } from "../../host/host-identity.js";
import type { Finding } from "../engine.js";
import type { Accelerator } from "./command-line.js";
import { type GuestAssets, readGuestAssets } from "./guest-assets.js";
import { examineDisk, examineNamespaces, sentenceFrom } from "./host-findings.js";
import { describeInstallation, findQemu, hostArchitecture, type Installation, type Qemu } from "./installation.js";
import { type KvmTrial, tryKvm } from "./kvm-trial.js";
import type { MachineHost } from "./machine-host.js";
import { makeRoots, shortId } from "./machine-paths.js";
import { MachineUsers } from "./machine-users.js";
import type { MicrovmOptions } from "./options.js";

export interface Examination {
  /** Undefined where no machine can run. */
  readonly host: MachineHost | undefined;
  readonly findings: readonly Finding[];
}

export async function examineHost(options: MicrovmOptions, signal: AbortSignal): Promise<Examination> {
  const findings: Finding[] = [];
  const [qemu, assets, cgroups] = await Promise.all([
    examineQemu(findings, signal),
    examineAssets(options.guestDirectory, findings),
    examineCgroups(options.dataDirectory, findings),
    examineDisk(options.dataDirectory).then((finding) => findings.push(finding)),
    examineNamespaces(signal).then((finding) => findings.push(finding)),
  ]);
  if (qemu === undefined || assets === undefined) return { host: undefined, findings: inOrder(findings) };
  try {
    await makeRoots(options);
    const hostParts = {
      roots: options,
      hostBootId: await hostBootId(),
      cgroups,
      users: process.getuid?.() === 0 ? new MachineUsers() : undefined,
    };
    const trial = await chooseAccelerator(options, { qemu, assets, hostParts }, signal);
    findings.push(trial.finding);
    const installation = await describeInstallation({ qemu, assets, accelerator: trial.accelerator }, signal);
    return { host: { ...hostParts, installation }, findings: inOrder(findings) };
  } catch (error) {
    signal.throwIfAborted();
    findings.push({ check: "engine", level: "error", sentence: sentenceFrom("The engine cannot be set up", error) });
    return { host: undefined, findings: inOrder(findings) };
  }
}

const order = ["kvm", "qemu", "kernel", "disk", "cgroups", "namespaces"];

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
    findings.push({ check, level: "error", sentence, remedy: "./dev up" });
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
  parts: {
    readonly qemu: Qemu;
    readonly assets: GuestAssets;
    readonly hostParts: Omit<MachineHost, "installation">;
  },
  signal: AbortSignal,
): Promise<{ readonly accelerator: Accelerator; readonly finding: Finding }> {
  if (options.accelerator !== undefined) {
    const sentence = `Machines run with ${options.accelerator}, as configured.`;
    return { accelerator: options.accelerator, finding: { check: "kvm", level: "ok", sentence } };
  }
  const withKvm = (installation: Installation): MachineHost => ({ ...parts.hostParts, installation });
  const describe = () => describeInstallation({ ...parts, accelerator: "kvm" }, signal);
  const trial = await tryKvm(async () => withKvm(await describe()), parts, signal);
  return { accelerator: trial.works ? "kvm" : "tcg", finding: kvmFinding(trial) };
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
