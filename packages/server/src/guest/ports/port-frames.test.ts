import { expect, test } from "vitest";
import { ProtocolBreak } from "../fault.js";
import { PortFrames } from "./port-frames.js";

const whole = Buffer.from("\x01\x00\x00\x05hello\x03\x00\x40\x00\x01\x00\x00\x01!\x02\x00\x00\x00", "latin1");

test("frames are the same however they are cut", () => {
  for (let cut = 1; cut <= whole.length; cut++) {
    const frames = new PortFrames();
    const seen = [];
    for (let at = 0; at < whole.length; at += cut) seen.push(...frames.read(whole.subarray(at, at + cut)));
    const said = seen.map((frame) => (frame.kind === "data" ? frame.bytes.toString() : `<${Object.values(frame)}>`));
    expect(said.join("")).toBe("hello<taken,16384>!<end>");
  }
});

test.each([
  ["a kind that there is not", [9, 0, 0, 1]],
  ["data of nothing", [1, 0, 0, 0]],
  ["data of more than a piece", [1, 0xff, 0xff, 0xff]],
  ["an end with a number", [2, 0, 0, 1]],
])("%s is a break of the protocol", (_what, bytes) => {
  expect(() => [...new PortFrames().read(Buffer.from(bytes))]).toThrow(ProtocolBreak);
});
