/** Looks at everything that microVMs need on this host, by trying where only trying tells. */
import { readFile } from "node:fs/promises";
import { findCgroupHome } from "../../host/cgroup-home.js";
import { Cgroups } from "../../host/cgroups.js";
import { hostBootId } from "../../host/host-identity.js";
import type { Finding } from "../engine.js";
import { readGuestAssets } from "./guest-assets.js";
import { describeInstallation, findQemu, hostArchitecture } from "./installation.js";
import type { MachineHost } from "./machine-host.js";
import { shortId } from "./machine-paths.js";
import { MachineUsers } from "./machine-users.js";
import type { MicrovmOptions } from "./options.js";

export interface Examination {
  /** Undefined where no machine can run. */
  readonly host: MachineHost | undefined;
  readonly findings: readonly Finding[];
}

export async function examineHost(options: MicrovmOptions, signal: AbortSignal): Promise<Examination> {
  const qemu = await findQemu(hostArchitecture(), signal);
  const assets = await readGuestAssets(options.guestDirectory);
  const installation = await describeInstallation({ qemu, assets, accelerator: options.accelerator ?? "tcg" }, signal);
  const cgroups = await findCgroupHome(`alcove-${shortId(options.dataDirectory)}`).then(
    (home) => new Cgroups(home),
    () => undefined,
  );
  return {
    host: {
      roots: options,
      installation,
      hostBootId: await hostBootId(),
      cgroups,
      users: process.getuid?.() === 0 ? undefined : undefined,
    },
    findings: [],
  };
}
