/**
 * QEMU's command line, as a pure function of what a machine is. The same devices in the same order stand in every use of a
 * template: what was saved fits only the machine that it was saved from.
 */

import { exchangeBytes } from "../../../guest/exchange/exchange.js";

export type Architecture = "x86-64" | "arm64";
export type Accelerator = "kvm" | "tcg";

export interface Platform {
  readonly architecture: Architecture;
  readonly accelerator: Accelerator;
  /** Major and minor version of QEMU. */
  readonly qemuVersion: readonly [number, number];
  /** The host's time stamp counter, which a guest under emulation cannot measure: x86-64 and tcg only. */
  readonly tscKhz?: number;
}

export interface MachineDevices {
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** The file that is the guest's memory; without it, it is in none. */
  readonly memoryFile?: string;
  readonly disk: string;
  /** A raw disk is one that is filled: it counts when it is whole, and is synced then. */
  readonly diskFormat?: "qcow2" | "raw";
  /** The file through which large contents go; without it the guest has an empty disk in its place. */
  readonly exchange?: string;
  /** Volumes behind its spare slots, from the first on, as block nodes; a slot without one is empty. */
  readonly volumes?: readonly (BlockNode | undefined)[];
  /** Paths of the channel's and the control's sockets. */
  readonly sockets: { readonly qmp: string; readonly agent: string; readonly host: string };
}

/**
 * A machine boots a kernel, and its memory becomes the file, or it maps the file privately as one that goes on does; or it goes on from a saved state
 * that it inherits as an open file: at once, or when it is told to, since its memory is put back first.
 */
export type Origin =
  | { readonly kind: "boot"; readonly kernel: string; readonly initramfs: string; readonly memory: "made" | "private" }
  | { readonly kind: "restore"; readonly stateDescriptor: number }
  | { readonly kind: "await" };

export const consoleDevice = "console";
export const consoleBytes = 64 * 1024;
/** The block device that sandboxes write to. */
export const rootDiskNode = "root";
/** Slots for disks that come later: virtio-mmio has no hot plug, what stands behind a slot can be changed. */
export const spareDiskNodes = ["spare0", "spare1"] as const;
/** By which the agent finds what is behind a slot. */
export const spareSerials = spareDiskNodes.map((node) => `alcove-${node}`);
/** The device in front of a slot, as QMP names it. */
export const spareDevicePath = (slot: number) => `/machine/peripheral/slot${slot}`;

/** As QMP's `blockdev-add` takes it. */
export interface BlockNode {
  readonly "node-name": string;
  readonly [option: string]: unknown;
}

const exchangeNode = "exchange";
/** By which the agent finds it. */
const exchangeSerial = "alcove-exchange";

export function qemuArguments(platform: Platform, devices: MachineDevices, origin: Origin): string[] {
  return [
    ...machine(platform, devices),
    ...memory(platform, devices, origin),
    ...confinement,
    ...control(devices),
    ...console_,
    ...channel(devices),
    ...disks(devices),
    ...start(platform, origin),
  ];
}

export function qemuProgram(architecture: Architecture): string {
  return architecture === "x86-64" ? "qemu-system-x86_64" : "qemu-system-aarch64";
}

function machine({ architecture, accelerator }: Platform, { vcpus, memoryMiB }: MachineDevices): string[] {
  const kind =
    architecture === "x86-64"
      ? "microvm,x-option-roms=off,rtc=on,acpi=on,pit=on,pic=on"
      : `virt,gic-version=${accelerator === "kvm" ? "host" : "3"},its=off`;
  return [
    ...["-M", `${kind},memory-backend=mem,suppress-vmdesc=on`],
    ...["-accel", accelerator === "tcg" ? "tcg,tb-size=128" : "kvm"],
    ...["-cpu", accelerator === "tcg" ? emulatedCpu[architecture] : "host"],
    ...["-smp", String(vcpus)],
    ...["-m", `${memoryMiB}M`],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-global", "migration.send-configuration=off"],
  ];
}

/**
 * While a template is made its memory goes to the file; every machine started from it maps the file privately and shares
 * the page cache. No balloon, no free-page reporting: they would punch holes into the file under every other machine.
 */
function memory({ qemuVersion }: Platform, { memoryMiB, memoryFile }: MachineDevices, origin: Origin): string[] {
  if (memoryFile === undefined) return ["-object", `memory-backend-ram,id=mem,size=${memoryMiB}M`];
  const isMade = makesMemory(origin);
  const share = isMade ? "on" : "off";
  const readOnly = !isMade && opensMemoryReadOnly(qemuVersion) ? ",readonly=on,rom=off" : "";
  return [
    "-object",
    `memory-backend-file,id=mem,size=${memoryMiB}M,mem-path=${quoted(memoryFile)},share=${share}${readOnly}`,
  ];
}

export function makesMemory(origin: Origin): boolean {
  return origin.kind === "boot" && origin.memory === "made";
}

/** Older ones map the memory as they open the file, and a guest whose memory cannot be written is dead. */
export function opensMemoryReadOnly([major, minor]: readonly [number, number]): boolean {
  return major > 8 || (major === 8 && minor >= 2);
}

const confinement = ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"];

function control({ sockets }: MachineDevices): string[] {
  return ["-qmp", `unix:${quoted(sockets.qmp)},server=on,wait=off`];
}

const console_ = [
  ...["-chardev", `ringbuf,id=${consoleDevice},size=${consoleBytes}`],
  ...["-serial", `chardev:${consoleDevice}`],
];

function channel({ sockets }: MachineDevices): string[] {
  const port = (name: "agent" | "host") => [
    ...["-chardev", `socket,id=${name},path=${quoted(sockets[name])},server=on,wait=off`],
    ...["-device", `virtserialport,chardev=${name},name=${name}`],
  ];
  return ["-device", "virtio-serial-device", ...port("agent"), ...port("host")];
}

function disks({ disk, diskFormat = "qcow2", exchange, volumes = [] }: MachineDevices): string[] {
  const flushing = diskFormat === "raw" ? ",cache.no-flush=on" : "";
  return [
    ...["-drive", `if=none,id=${rootDiskNode},file=${quoted(disk)},format=${diskFormat},discard=unmap${flushing}`],
    ...["-device", `virtio-blk-device,drive=${rootDiskNode}`],
    ...spareDiskNodes.flatMap((node, slot) => spareSlot(node, slot, volumes[slot])),
    ...exchangeDisk(exchange),
  ];
}

function spareSlot(node: string, slot: number, volume: BlockNode | undefined): string[] {
  const drive = volume?.["node-name"] ?? node;
  return [
    ...["-blockdev", `driver=null-co,node-name=${node},size=0,read-zeroes=on`],
    ...(volume === undefined ? [] : ["-blockdev", JSON.stringify(volume)]),
    ...["-device", `virtio-blk-device,id=slot${slot},drive=${drive},serial=${spareSerials[slot]}`],
  ];
}

/** Nothing on it has to outlive a transfer, and no failure of it stops the machine. */
function exchangeDisk(path: string | undefined): string[] {
  const backend =
    path === undefined
      ? `driver=null-co,node-name=${exchangeNode},size=${exchangeBytes},read-zeroes=on`
      : `driver=file,node-name=${exchangeNode},filename=${quoted(path)},cache.no-flush=on`;
  return [
    ...["-blockdev", backend],
    ...["-device", `virtio-blk-device,drive=${exchangeNode},serial=${exchangeSerial},rerror=report,werror=report`],
  ];
}

/** A restored machine needs no kernel: it is in its memory. It runs as soon as its state is read. */
function start(platform: Platform, origin: Origin): string[] {
  if (origin.kind === "restore") return ["-incoming", `fd:${origin.stateDescriptor}`];
  if (origin.kind === "await") return ["-incoming", "defer"];
  return [
    ...["-kernel", origin.kernel],
    ...["-initrd", origin.initramfs],
    ...["-append", kernelArguments(platform).join(" ")],
  ];
}

/**
 * The counter is said to be reliable: the kernel would otherwise compare it with timer ticks, which come late on a busy host,
 * and go over to counting those: its clock would then run behind.
 */
function kernelArguments({ architecture, accelerator, tscKhz }: Platform): string[] {
  return [
    architecture === "x86-64" ? "console=ttyS0" : "console=ttyAMA0",
    ...["reboot=t", "panic=-1", "quiet"],
    ...(accelerator === "tcg" ? emulatedKernelArguments : []),
    ...(tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`, "tsc=reliable"]),
  ];
}

/** Without the "fast" string instructions: emulation moves one byte at a time with them, eight or more without. */
export const emulatedCpu = { "x86-64": "max,-erms,-fsrm,-la57", arm64: "max" } as const satisfies Record<
  Architecture,
  string
>;

/**
 * What guards one process of a real processor from another's speculation has nothing to guard under emulation, and is slow
 * there. Random addresses would have the emulator translate the same program anew for every process: three times the cost of
 * an exec. Inside, `sysctl kernel.randomize_va_space=2` brings them back.
 */
const emulatedKernelArguments = ["mitigations=off", "norandmaps", "psi=0"];

/** In QEMU's option syntax a comma within a value is written twice. */
function quoted(value: string): string {
  return value.replaceAll(",", ",,");
}
