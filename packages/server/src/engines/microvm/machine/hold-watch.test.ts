import { tmpdir } from "node:os";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Qmp, QmpEvent } from "../qmp/qmp.js";
import { HoldWatch } from "./hold-watch.js";

test("a machine that is held goes on when there is room, also where QEMU did not take the first command", async () => {
  let tell: (event: QmpEvent) => void = () => undefined;
  const commands: string[] = [];
  const qmp = {
    onEvent: (listener: typeof tell) => (tell = listener),
    execute: async (command: string) => {
      commands.push(command);
      if (commands.length === 1) throw new Error("no answer within 10000 ms");
      tell({ event: "RESUME", data: {} });
    },
  };
  const watch = new HoldWatch(qmp as unknown as Qmp, tmpdir());
  const holds: unknown[] = [];
  watch.onHold((hold) => holds.push(hold));
  tell({ event: "BLOCK_IO_ERROR", data: { action: "stop" } });
  await vi.waitFor(() => expect(holds).toEqual([{ reason: "DiskFull" }, undefined]), { timeout: 20_000 });
  expect(commands).toEqual(["cont", "cont"]);
  watch.stop();
});

test("a QEMU that is held and goes on without end is told of once a second, as it is then, and sent one command at a time", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let tell: (event: QmpEvent) => void = () => undefined;
  const commands: string[] = [];
  const qmp = {
    onEvent: (listener: typeof tell) => (tell = listener),
    execute: async (command: string) => commands.push(command),
  };
  const watch = new HoldWatch(qmp as unknown as Qmp, tmpdir());
  const holds: unknown[] = [];
  watch.onHold((hold) => holds.push(hold));
  for (let times = 0; times < 1_000; times++) {
    tell({ event: "BLOCK_IO_ERROR", data: { action: "stop" } });
    tell({ event: "RESUME", data: {} });
  }
  expect(holds).toEqual([{ reason: "DiskFull" }]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(holds).toEqual([{ reason: "DiskFull" }, undefined]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(holds).toHaveLength(2);
  expect(commands.length).toBeLessThanOrEqual(1);
  watch.stop();
});
