import { expect, test } from "vitest";
import { isMachineIn, sandboxIdIn } from "./machine-processes.js";

const directory = "/data,1/sandboxes";
const id = "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11";
const disk = (name: string) => [
  "qemu-system-x86_64",
  "-drive",
  `if=none,file=/data,,1/sandboxes/${name}/overlay.qcow2,format=qcow2`,
];

test("a machine that nothing else is known of is found by its disk", () => {
  expect(isMachineIn(disk(id), directory)).toBe(true);
  expect(isMachineIn(["/agent", "host", "spawn", "--bind", "/data,,1/sandboxes/x", "--", "qemu"], directory)).toBe(
    true,
  );
  expect(sandboxIdIn(disk(id), directory)).toBe(id);
});

test("a program that only reads a machine's files is not taken for the machine", () => {
  expect(isMachineIn(["tar", "-c", `${directory}/${id}`, `/data,,1/sandboxes/${id}/overlay.qcow2`], directory)).toBe(
    false,
  );
});

test.each(["..", ".", "", "x", `${id}/..`, `../sandboxes/${id}`, id.toUpperCase()])(
  "a command line that anybody could write, with %j for an id, names no sandbox: what it names would be removed",
  (name) => {
    expect(sandboxIdIn(disk(name), directory)).toBeUndefined();
  },
);
