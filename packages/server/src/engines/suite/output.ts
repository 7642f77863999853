/** Output: all of it, within limits, to many readers, from any offset. */
import { Readable } from "node:stream";
import { expect } from "vitest";
import type { LogFrame } from "../../guest/guest.js";
import { waitFor } from "../../lib/backoff.js";
import { collect, type Subject, specOf } from "./subject.js";

const MiB = 1024 * 1024;

export function outputCases(subject: Subject): void {
  amountCases(subject);
  readerCases(subject);
}

function amountCases(subject: Subject): void {
  subject.case("all of a large output comes, in order", async () => {
    const outcome = await subject.shell(`head -c ${5 * MiB} /dev/zero; echo end`);
    expect(outcome.stdout.length).toBe(5 * MiB + 4);
    expect(outcome.stdout.slice(-5)).toBe("\0end\n");
    expect(outcome.end).toMatchObject({ exitCode: 0, stdoutBytes: 5 * MiB + 4, droppedBytes: 0 });
  });

  subject.case("past an output limit the rest is counted and dropped, and the exit code stays", async () => {
    const script = "yes | head -c 300000; echo problem >&2; exit 4";
    const outcome = await subject.shell(script, { outputLimitBytes: 1_000 });
    expect(outcome.stdout).toBe("y\n".repeat(500));
    expect(outcome.stderr).toBe("problem\n");
    expect(outcome.end).toMatchObject({ exitCode: 4, stdoutBytes: 1_000, droppedBytes: 299_000 });
  });

  subject.case("a reader that does not read holds the exec back", async () => {
    const { execs } = subject.machine.guest;
    const spec = specOf(["yes"]);
    const frames = execs.run(spec, subject.signal())[Symbol.asyncIterator]();
    await frames.next();
    let last = -1;
    const settled = async () => {
      const { stdoutBytes } = await execs.get(spec.id, 200, subject.signal());
      if (stdoutBytes === last && stdoutBytes > 0) return stdoutBytes;
      last = stdoutBytes;
      return undefined;
    };
    expect(await waitFor(settled, subject.signal())).toBeLessThan(32 * MiB);
    await frames.return?.();
    await execs.delete(spec.id, { force: true }, subject.signal());
  });
}

function readerCases(subject: Subject): void {
  subject.case("a log says when output was read, and nobody waits for its reader", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("cat; head -c 4000000 /dev/zero; echo; echo end", { stdin: true });
    const log = execs.log(id, 0, subject.signal())[Symbol.asyncIterator]();
    expect((await log.next()).value).toMatchObject({ kind: "status" });
    await execs.writeStdin(id, Readable.from([Buffer.from("first\n")]), { close: true }, subject.signal());
    const time = (await log.next()).value as LogFrame;
    expect(time).toEqual({ kind: "time", unixMs: expect.any(Number) });
    expect((await log.next()).value).toMatchObject({ kind: "stdout", offset: 0 });
    expect(await execs.get(id, 10_000, subject.signal())).toMatchObject({ state: "Exited", stdoutBytes: 4_000_011 });
    await log.return?.();
    const kinds = new Set<string>();
    for await (const frame of execs.log(id, 0, subject.signal())) kinds.add(frame.kind);
    expect([...kinds]).toEqual(["status", "gap", "time", "stdout", "end"]);
    await execs.delete(id, { force: true }, subject.signal());
  });

  subject.case("output can be read again from any offset", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("printf 0123456789; exit 6");
    await execs.get(id, 10_000, subject.signal());
    const whole = await collect(execs.attach(id, 0, subject.signal()));
    const rest = await collect(execs.attach(id, 4, subject.signal()));
    expect([whole.stdout, rest.stdout]).toEqual(["0123456789", "456789"]);
    expect([whole.end.exitCode, rest.end.exitCode]).toEqual([6, 6]);
    expect((await collect(execs.attach(id, 10, subject.signal()))).stdout).toBe("");
  });

  subject.case("output that is not kept any more is a gap", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach(`head -c ${4 * MiB} /dev/zero; echo end`);
    await execs.get(id, 30_000, subject.signal());
    const { frames, stdout } = await collect(execs.attach(id, 0, subject.signal()));
    expect(frames[1]).toMatchObject({ kind: "gap", from: 0 });
    expect(stdout.slice(-4)).toBe("end\n");
    expect(stdout.length).toBeLessThan(4 * MiB);
    await execs.delete(id, { force: true }, subject.signal());
  });

  subject.case("two readers see the same", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("cat", { stdin: true });
    const readers = [0, 0].map((offset) => collect(execs.attach(id, offset, subject.signal())));
    async function* lines() {
      for (let line = 0; line < 2_000; line++) yield Buffer.from(`line ${line}\n`);
    }
    await execs.writeStdin(id, lines(), { close: true }, subject.signal());
    const [one, two] = await Promise.all(readers);
    expect(one?.stdout).toMatch(/^line 0\n.*\nline 1999\n$/s);
    expect(two?.stdout).toBe(one?.stdout);
  });

  subject.case("a reader that goes away ends nothing", async () => {
    const { execs } = subject.machine.guest;
    const spec = specOf(["sh", "-c", "echo up; cat; exit 9"], { stdin: true });
    const leaving = new AbortController();
    await expect(async () => {
      for await (const frame of execs.run(spec, leaving.signal))
        if (frame.kind === "stdout") leaving.abort(new Error("left"));
    }).rejects.toThrow("left");
    expect(await execs.get(spec.id, 0, subject.signal())).toMatchObject({ state: "Running" });
    async function* nothing() {}
    await execs.writeStdin(spec.id, nothing(), { close: true }, subject.signal());
    expect(await execs.get(spec.id, 10_000, subject.signal())).toMatchObject({ exitCode: 9 });
  });
}
