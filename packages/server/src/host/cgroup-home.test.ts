import { describe, expect, it } from "vitest";
import { parseHierarchies } from "./cgroup-home.js";

describe("control group hierarchies", () => {
  it("finds our own group in each hierarchy of version 1", () => {
    const mounts = [
      "33 32 0:28 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory",
      "34 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
    ].join("\n");
    expect(parseHierarchies(mounts, "4:memory:/user/a\n3:cpu,cpuacct:/\n")).toEqual([
      { version: 1, controllers: ["memory"], mountPoint: "/sys/fs/cgroup/memory", own: "/sys/fs/cgroup/memory/user/a" },
      {
        version: 1,
        controllers: ["cpu", "cpuacct"],
        mountPoint: "/sys/fs/cgroup/cpu,cpuacct",
        own: "/sys/fs/cgroup/cpu,cpuacct",
      },
    ]);
  });

  it("finds our own group below a mount that shows only a part of the hierarchy", () => {
    const mounts = "30 25 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw";
    expect(parseHierarchies(mounts, "0::/docker/abc/daemon\n")).toEqual([
      { version: 2, controllers: [""], mountPoint: "/sys/fs/cgroup", own: "/sys/fs/cgroup/daemon" },
    ]);
  });

  it("sees no hierarchy where none is mounted", () => {
    expect(parseHierarchies("22 1 0:20 / /proc rw - proc proc rw", "0::/\n")).toEqual([]);
  });
});
