import { describe, expect, it } from "vitest";
import { type MachineDevices, type Platform, qemuArguments } from "./command-line.js";

const emulated: Platform = { architecture: "x86-64", accelerator: "tcg", qemuVersion: [7, 2], tscKhz: 2_000_000 };
const devices: MachineDevices = {
  vcpus: 2,
  memoryMiB: 512,
  memoryFile: "/data/templates/k/memory",
  disk: "/data/sandboxes/s/overlay.qcow2",
  sockets: { qmp: "/run/m/s/qmp", agent: "/run/m/s/agent", host: "/run/m/s/host" },
};
const boot = { kind: "boot", kernel: "/guest/vmlinuz", initramfs: "/guest/initramfs", memory: "made" } as const;
const restore = { kind: "restore", stateDescriptor: 3 } as const;

describe("QEMU's command line", () => {
  it("has the same devices in the same order for a template and for what starts from it", () => {
    const devicesOf = (args: readonly string[]) =>
      args.filter((_, index) =>
        ["-device", "-chardev", "-serial", "-smp", "-m", "-M", "-cpu"].includes(args[index - 1] ?? ""),
      );
    expect(devicesOf(qemuArguments(emulated, devices, boot))).toEqual(
      devicesOf(qemuArguments(emulated, devices, restore)),
    );
  });

  it("shares the memory file only while the template is made", () => {
    expect(optionOf(qemuArguments(emulated, devices, boot), "-object")).toContain("share=on");
    expect(optionOf(qemuArguments(emulated, devices, restore), "-object")).toContain("share=off");
  });

  it("opens a finished template's memory read-only where QEMU can", () => {
    const newer: Platform = { ...emulated, qemuVersion: [8, 2] };
    expect(optionOf(qemuArguments(newer, devices, restore), "-object")).toContain("readonly=on,rom=off");
    expect(optionOf(qemuArguments(newer, devices, boot), "-object")).not.toContain("readonly");
    expect(optionOf(qemuArguments(emulated, devices, restore), "-object")).not.toContain("readonly");
  });

  it("tells an emulated guest the counter's rate, and one under KVM nothing", () => {
    const underKvm: Platform = { architecture: "x86-64", accelerator: "kvm", qemuVersion: [7, 2] };
    expect(optionOf(qemuArguments(emulated, devices, boot), "-append")).toContain("tsc_early_khz=2000000 tsc=reliable");
    expect(optionOf(qemuArguments(underKvm, devices, boot), "-append")).not.toMatch(/tsc_early_khz|mitigations/);
  });

  it("never lets QEMU start a process, change its rights or reach for more of the host", () => {
    for (const origin of [boot, restore]) {
      expect(optionOf(qemuArguments(emulated, devices, origin), "-sandbox")).toBe(
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
      );
    }
  });

  it("gives no machine a network card, a balloon or memory that can be given back", () => {
    const text = qemuArguments(emulated, devices, boot).join(" ");
    expect(text).not.toMatch(/-net|-nic|balloon|virtio-mem|free-page/);
  });

  it("keeps a comma in a path from ending QEMU's option", () => {
    const odd = { ...devices, disk: "/data/a,readonly=on/overlay.qcow2" };
    expect(qemuArguments(emulated, odd, boot).join(" ")).toContain("file=/data/a,,readonly=on/overlay.qcow2,format");
  });

  it("fills a builder's raw disk without syncing every write, and keeps its memory in no file", () => {
    const { memoryFile: _memoryFile, ...rest } = devices;
    const builder = { ...rest, disk: "/data/builders/b/disk.raw", diskFormat: "raw" } as const;
    const args = qemuArguments(emulated, builder, boot);
    expect(optionOf(args, "-object")).toBe("memory-backend-ram,id=mem,size=512M");
    expect(optionOf(args, "-drive")).toContain("disk.raw,format=raw,discard=unmap,cache.no-flush=on");
    expect(optionOf(qemuArguments(emulated, devices, boot), "-drive")).not.toContain("no-flush");
  });

  it("waits for its memory before it loads a state, and maps memory privately unless it is made", () => {
    const awaiting = qemuArguments(emulated, devices, { kind: "await" });
    expect(optionOf(awaiting, "-incoming")).toBe("defer");
    expect(optionOf(awaiting, "-object")).toContain("share=off");
    expect(optionOf(qemuArguments(emulated, devices, { ...boot, memory: "private" }), "-object")).toContain(
      "share=off",
    );
    expect(optionOf(qemuArguments(emulated, devices, boot), "-object")).toContain("share=on");
  });

  it("runs arm64 guests on the machine that arm64 has", () => {
    const arm: Platform = { architecture: "arm64", accelerator: "kvm", qemuVersion: [7, 2] };
    expect(optionOf(qemuArguments(arm, devices, boot), "-M")).toMatch(/^virt,/);
    expect(optionOf(qemuArguments(arm, devices, boot), "-append")).toContain("console=ttyAMA0");
  });
});

function optionOf(args: readonly string[], option: string): string {
  return args[args.indexOf(option) + 1] ?? "";
}
