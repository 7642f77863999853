/** Execs: how programs are started, what they are given, and how they end. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { collect, type Subject, specOf } from "./subject.js";

export function execCases(subject: Subject): void {
  givenCases(subject);
  endingCases(subject);
  lookingCases(subject);
  terminalCases(subject);
}

function givenCases(subject: Subject): void {
  subject.case("a program runs and its two outputs and exit code come back", async () => {
    const outcome = await subject.shell("echo out; echo err >&2; exit 7");
    expect(outcome).toMatchObject({ stdout: "out\n", stderr: "err\n" });
    expect(outcome.end).toMatchObject({
      state: "Exited",
      exitCode: 7,
      timedOut: false,
      stdoutBytes: 4,
      stderrBytes: 4,
    });
  });

  subject.case("arguments reach a program as they are", async () => {
    const outcome = await subject.run(["printf", "%s|%s|%s", "a b", "$HOME;'", "ü"]);
    expect(outcome.stdout).toBe("a b|$HOME;'|ü");
  });

  subject.case("an exec's own environment comes on top of the sandbox's", async () => {
    const environment = { OWN: "o w n", FROM_SANDBOX: "replaced" };
    const outcome = await subject.shell('echo "$OWN $FROM_SANDBOX $HOME"', { environment });
    expect(outcome.stdout).toBe("o w n replaced /root\n");
  });

  subject.case("it runs in the directory that was asked for, else the user's home", async () => {
    expect((await subject.shell("pwd", { workingDirectory: "/var" })).stdout).toBe("/var\n");
    expect((await subject.shell("pwd")).stdout).toBe("/root\n");
    await expect(subject.shell("pwd", { workingDirectory: "/nowhere" })).rejects.toMatchObject({
      code: "InvalidRequest",
    });
  });

  subject.case("it runs as the user that was asked for", async () => {
    expect((await subject.run(["id", "-u"])).stdout).toBe("0\n");
    expect((await subject.run(["id", "-u"], { user: "nobody" })).stdout).toBe("65534\n");
    expect((await subject.shell("id -u; id -g", { user: "1234:5678" })).stdout).toBe("1234\n5678\n");
    await expect(subject.run(["id"], { user: "no-such-user" })).rejects.toMatchObject({ code: "UserNotFound" });
  });

  subject.case("input reaches a program, and ends when it is closed", async () => {
    const { execs } = subject.machine.guest;
    const spec = specOf(["cat"], { stdin: true });
    const outcome = collect(execs.run(spec, subject.signal()));
    await waitFor(async () => await execs.get(spec.id, 0, subject.signal()).catch(() => undefined), subject.signal());
    expect(await execs.writeStdin(spec.id, bytesOf("one "), { close: false }, subject.signal())).toBe(4);
    expect(await execs.writeStdin(spec.id, bytesOf("two"), { close: true }, subject.signal())).toBe(3);
    expect((await outcome).stdout).toBe("one two");
    const later = execs.writeStdin(spec.id, bytesOf("x"), { close: true }, subject.signal());
    await expect(later).rejects.toMatchObject({ code: "StdinClosed" });
  });

  subject.case("a program without input reads an empty one", async () => {
    const outcome = await subject.run(["cat"]);
    expect(outcome).toMatchObject({ stdout: "", end: { exitCode: 0, stdinOpen: false } });
  });
}

function endingCases(subject: Subject): void {
  subject.case("a program that is not there ends with 127, one that cannot run with 126", async () => {
    const missing = await subject.run(["no-such-program"]);
    expect(missing.end.exitCode).toBe(127);
    expect(missing.stderr).toContain("no-such-program");
    expect((await subject.run(["/etc/passwd"])).end.exitCode).toBe(126);
  });

  subject.case("an exec that takes too long is killed and says so", async () => {
    const outcome = await subject.run(["sleep", "1000"], { timeoutMs: 200 });
    expect(outcome.end).toMatchObject({ timedOut: true, signal: "KILL", exitCode: 137 });
  });

  subject.case("a signal ends a program and shows in its end", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("exec sleep 1000");
    await execs.signal(id, "TERM", subject.signal());
    const end = await execs.get(id, 10_000, subject.signal());
    expect(end).toMatchObject({ state: "Exited", signal: "TERM", exitCode: 143, timedOut: false });
    await expect(execs.signal(id, "TERM", subject.signal())).rejects.toMatchObject({ code: "ExecEnded" });
  });

  subject.case("a signal that does not exist is refused", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("sleep 1000");
    await expect(execs.signal(id, "NOPE", subject.signal())).rejects.toMatchObject({ code: "InvalidRequest" });
    await execs.delete(id, { force: true }, subject.signal());
  });

  subject.case("the whole process group dies with its exec", async () => {
    const { guest } = subject.machine;
    const left = async () =>
      (await guest.processes(subject.signal())).filter(({ command }) => /sleep 43[12]1/.test(command));
    const killed = await subject.detach("sleep 4311 & sleep 4321 & wait");
    await waitFor(async () => (await left()).length >= 2 || undefined, subject.signal());
    await guest.execs.delete(killed.id, { force: true }, subject.signal());
    expect(await left()).toEqual([]);
    expect((await subject.shell("sleep 4311 & exit 3")).end.exitCode).toBe(3);
    expect(await left()).toEqual([]);
  });

  subject.case("deleting an exec forgets it, and can be repeated", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("sleep 1000");
    await execs.delete(id, { force: false }, subject.signal());
    await execs.delete(id, { force: false }, subject.signal());
    await expect(execs.get(id, 0, subject.signal())).rejects.toMatchObject({ code: "ExecNotFound" });
  });
}

function lookingCases(subject: Subject): void {
  subject.case("an exec is listed, and an id is taken once", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("sleep 1000");
    expect((await execs.list(subject.signal())).map((exec) => exec.id)).toContain(id);
    await expect(subject.detach("true", { id })).rejects.toMatchObject({ code: "ExecExists" });
    await execs.delete(id, { force: true }, subject.signal());
    await expect(execs.get(randomUUID(), 0, subject.signal())).rejects.toMatchObject({ code: "ExecNotFound" });
  });

  subject.case("waiting answers at the end, or when the time is over", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await subject.detach("cat; exit 5", { stdin: true });
    expect(await execs.get(id, 100, subject.signal())).toMatchObject({ state: "Running", stdinOpen: true });
    const waiting = execs.get(id, 60_000, subject.signal());
    await execs.writeStdin(id, bytesOf(""), { close: true }, subject.signal());
    expect(await waiting).toMatchObject({ state: "Exited", exitCode: 5 });
  });
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function terminalCases(subject: Subject): void {
  subject.case("a program in a terminal finds its size, and what is typed is shown, read, and a signal", async () => {
    const { execs } = subject.machine.guest;
    const spec = { ...specOf(["sh", "-c", "stty size; cat; echo unread"]), terminal: { rows: 40, columns: 120 } };
    const outcome = collect(execs.run(spec, subject.signal()));
    const written = async (bytes: number) =>
      (await execs.get(spec.id, 0, subject.signal())).stdoutBytes >= bytes || undefined;
    await waitFor(() => written("40 120\r\n".length).catch(() => undefined), subject.signal());
    await execs.resize(spec.id, { rows: 50, columns: 132 }, subject.signal());
    expect((await execs.get(spec.id, 0, subject.signal())).terminal).toEqual({ rows: 50, columns: 132 });
    const type = (text: string) => execs.writeStdin(spec.id, bytesOf(text), { close: false }, subject.signal());
    await type("line\r");
    await waitFor(() => written("40 120\r\nline\r\nline\r\n".length), subject.signal());
    await type("\x03");
    const { stdout, stderr, end } = await outcome;
    expect([stdout, stderr]).toEqual(["40 120\r\nline\r\nline\r\n^C", ""]);
    expect(end).toMatchObject({ exitCode: 130, signal: "INT", terminal: { rows: 50, columns: 132 } });
    const late = execs.resize(spec.id, { rows: 1, columns: 1 }, subject.signal());
    await expect(late).rejects.toMatchObject({ code: "ExecEnded" });
  });

  subject.case(
    "one of several who look at a terminal, who does not read, holds up no other, and finds a gap",
    async () => {
      const { execs } = subject.machine.guest;
      const spec = {
        ...specOf(["sh", "-c", "read line; head -c 5000000 /dev/zero"]),
        terminal: { rows: 24, columns: 80 },
      };
      await execs.start(spec, subject.signal());
      const stalled = execs.attach(spec.id, 0, subject.signal())[Symbol.asyncIterator]();
      await stalled.next();
      const reading = collect(execs.attach(spec.id, 0, subject.signal()));
      await execs.writeStdin(spec.id, bytesOf("\r"), { close: false }, subject.signal());
      const { stdout, frames, end } = await reading;
      expect(end.stdoutBytes).toBeGreaterThan(5_000_000);
      expect(stdout.length).toBe(end.stdoutBytes);
      expect(frames.some(({ kind }) => kind === "gap")).toBe(false);
      const late: string[] = [];
      for (let next = await stalled.next(); next.done !== true; next = await stalled.next()) late.push(next.value.kind);
      expect(late).toContain("gap");
      expect(late.at(-1)).toBe("end");
      await execs.delete(spec.id, { force: true }, subject.signal());
    },
  );

  subject.case("a program without a terminal has none to resize", async () => {
    const { execs } = subject.machine.guest;
    const { id } = await execs.start(specOf(["sleep", "60"]), subject.signal());
    const resized = execs.resize(id, { rows: 24, columns: 80 }, subject.signal());
    await expect(resized).rejects.toMatchObject({ code: "InvalidRequest" });
    await execs.delete(id, { force: true }, subject.signal());
  });
}
