/** Starts a machine from its disk alone: the guest boots, mounts it, and is renewed as any other. */
import { undone } from "../../../lib/undo.js";
import { type Booted, boot, bootPatience } from "./boot.js";
import { openExchangeFile } from "./exchange-file.js";
import { disksBelow } from "./footing.js";
import { MicrovmMachine } from "./machine.js";
import { cpuLimitsOf, diskBytesOf, type MachineHost } from "./machine-host.js";
import { machinePaths, shortId } from "./machine-paths.js";
import { writeMachineRecord } from "./machine-record.js";
import { removeMachine } from "./removal.js";
import { renewOnTime } from "./renewing.js";
import { devicesOf, type Making, machineRecord, makeFiles, type StartFrom, type StartHooks } from "./start.js";

export async function startFromDisk(
  host: MachineHost,
  start: Omit<StartFrom, "kept">,
  hooks: StartHooks,
  signal: AbortSignal,
): Promise<MicrovmMachine> {
  const { spec, footing } = start;
  const { id, generation } = spec;
  const uid = host.users?.claim();
  const making: Making = { ...start, kept: undefined, paths: machinePaths(host.roots, id), uid };
  host.holdings.hold({ kind: "machine", id }, footing);
  let booted: Booted | undefined;
  try {
    const groups = await makeFiles(host, making);
    hooks.mark("files");
    booted = await bootFrom(host, making, groups, signal);
    hooks.mark("connected");
    await booted.guest.prepare({ diskBytes: diskBytesOf(spec.size), warm: [] }, signal);
    await renewOnTime(booted.guest, spec, signal);
    hooks.mark("renewed");
    const { guest, qmp, program } = booted;
    await writeMachineRecord(making.paths.record, machineRecord(host, making, groups, program.identity));
    await host.cgroups?.limitCpu(shortId(id), cpuLimitsOf(spec.size.cpuMillicores));
    const parts = { id, uid, generation, footing, process: program.identity, guest, qmp, program };
    return new MicrovmMachine(host, parts, hooks.onEnded);
  } catch (error) {
    throw await undone(error, async () => {
      await booted?.end();
      await removeMachine(host, { id, process: booted?.program.identity, uid });
    });
  }
}

function bootFrom(host: MachineHost, making: Making, groups: readonly string[], signal: AbortSignal): Promise<Booted> {
  const { footing, paths, spec, uid } = making;
  const plan = {
    ...{ devices: devicesOf(host, making), uid, groups },
    memory: "private",
    ...bootPatience(host.installation.platform.accelerator),
    backing: disksBelow(host.roots, footing).map(({ path }) => path),
    openExchange: () => openExchangeFile(paths.exchange, uid),
    serveHost: host.serveHost?.(spec.id),
  } as const;
  return boot(host, plan, signal);
}
