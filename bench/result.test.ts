import { expect, test } from "vitest";
import { judge } from "./result.js";
import type { Row } from "./rows.js";

const time: Row = { id: "exec", what: "", unit: "ms", goal: { value: 0.3, of: "ratio" }, aim: "" };
const throughput: Row = { id: "upload", what: "", unit: "MB/s", goal: { value: 1, of: "ratio" }, aim: "" };

test("a time meets its goal at or below the ratio, a throughput at or above it", () => {
  expect(judge(time, { ours: [30], peer: [100], peerName: "docker" })).toMatchObject({ ratio: 0.3, met: true });
  expect(judge(time, { ours: [31], peer: [100], peerName: "docker" })).toMatchObject({ ratio: 0.31, met: false });
  expect(judge(throughput, { ours: [100], peer: [100], peerName: "docker" })).toMatchObject({ met: true });
  expect(judge(throughput, { ours: [99], peer: [100], peerName: "docker" })).toMatchObject({ met: false });
});

test("the p95 is the bad end: slow times, low throughputs", () => {
  const values = Array.from({ length: 101 }, (_, index) => index);
  expect(judge(time, { ours: values, peer: [], peerName: undefined }).ours).toEqual({ p50: 50, p95: 95, n: 101 });
  expect(judge(throughput, { ours: values, peer: [], peerName: undefined }).ours).toEqual({ p50: 50, p95: 5, n: 101 });
});

test("a goal for the p95 is judged by it, without a peer", () => {
  const row: Row = { id: "terminal-echo", what: "", unit: "ms", goal: { value: 30, of: "p95" }, aim: "" };
  const judged = (slowest: number) => judge(row, { ours: [1, slowest], peer: [], peerName: undefined }).met;
  expect([judged(30), judged(100)]).toEqual([true, false]);
});

test("a goal for the p99 is judged by it, without a peer", () => {
  const row: Row = { id: "api-10k-list", what: "", unit: "ms", goal: { value: 20, of: "p99" }, aim: "" };
  const values = (slowest: number) => [...Array.from({ length: 99 }, () => 1), slowest, slowest];
  const judged = (slowest: number) => judge(row, { ours: values(slowest), peer: [], peerName: undefined });
  expect(judged(20)).toMatchObject({ met: true, ratio: null, ours: { p99: 20 } });
  expect(judged(21)).toMatchObject({ met: false });
});

test("without a peer there is no ratio and no verdict", () => {
  expect(judge(time, { ours: [1], peer: [], peerName: undefined })).toMatchObject({
    peer: null,
    ratio: null,
    met: null,
  });
});
