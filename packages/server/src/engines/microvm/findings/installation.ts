/** What this host's microVMs are made of: QEMU, the guest's kernel and agent, and how the processor is used. */
import { arch } from "node:os";
import { z } from "zod";
import { hostCpuModel } from "../../../host/host-identity.js";
import { run } from "../../../host/run.js";
import {
  type Accelerator,
  type Architecture,
  emulatedCpu,
  type Platform,
  qemuProgram,
} from "../machine/command-line.js";
import type { GuestAssets } from "./guest-assets.js";

export interface Qemu {
  readonly program: string;
  readonly version: readonly [number, number];
  /** The whole version line, the distribution's build included. */
  readonly build: string;
}

export interface Installation {
  readonly qemu: Qemu;
  readonly assets: GuestAssets;
  readonly platform: Platform;
  /** The processor that the guest sees, as far as it decides whether a saved machine can go on here. */
  readonly cpuModel: string;
}

export async function describeInstallation(
  parts: { readonly qemu: Qemu; readonly assets: GuestAssets; readonly accelerator: Accelerator },
  signal: AbortSignal,
): Promise<Installation> {
  const architecture = hostArchitecture();
  const needsTsc = parts.accelerator === "tcg" && architecture === "x86-64";
  return {
    qemu: parts.qemu,
    assets: parts.assets,
    cpuModel: parts.accelerator === "tcg" ? emulatedCpu[architecture] : await hostCpuModel(),
    platform: {
      architecture,
      accelerator: parts.accelerator,
      qemuVersion: parts.qemu.version,
      ...(needsTsc ? { tscKhz: await measureTsc(parts.assets, signal) } : {}),
    },
  };
}

export function hostArchitecture(): Architecture {
  const architecture = arch();
  if (architecture === "x64") return "x86-64";
  if (architecture === "arm64") return "arm64";
  throw new Error(`microVMs run on x86-64 and arm64 hosts; this one is ${architecture}`);
}

/** Throws a sentence where QEMU is missing. */
export async function findQemu(architecture: Architecture, signal: AbortSignal): Promise<Qemu> {
  const program = qemuProgram(architecture);
  const { stdout } = await run(program, ["--version"], { signal, timeoutMs: 10_000 });
  const build = stdout.split("\n")[0]?.trim() ?? "";
  const version = /version (\d+)\.(\d+)/.exec(build);
  if (version === null) throw new Error(`${program} --version said ${JSON.stringify(build.slice(0, 100))}`);
  return { program, version: [Number(version[1]), Number(version[2])], build };
}

const TscKhz = z.coerce.number().int().min(100_000).max(20_000_000);

/** Node cannot read the counter; the agent can. */
async function measureTsc(assets: GuestAssets, signal: AbortSignal): Promise<number> {
  const { stdout } = await run(assets.agent, ["host", "tsc-khz"], { signal, timeoutMs: 10_000 });
  return TscKhz.parse(stdout.trim());
}
