import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Qmp } from "./qmp.js";
import { connectSocket } from "./socket.js";

const never = new AbortController().signal;

describe("QEMU's control channel", () => {
  let directory: string;
  let server: Server;
  let answer: (line: string, socket: Socket) => void;
  let qmp: Qmp;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "qmp-"));
    const path = join(directory, "qmp");
    const connecting = connectSocket(path, never);
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        for (const line of bytes.toString().trim().split("\n")) answer(line, socket);
      });
    });
    server.listen(path);
    qmp = new Qmp(await connecting);
  });
  afterEach(async () => {
    qmp.close();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  it("gives each command its own answer, in whatever order they come", async () => {
    const ids: number[] = [];
    answer = (line, socket) => {
      ids.push(JSON.parse(line).id);
      if (ids.length < 2) return;
      for (const id of ids.toReversed()) socket.write(`${JSON.stringify({ return: `answer ${id}`, id })}\n`);
    };
    const answers = await Promise.all([qmp.execute("one", {}, never), qmp.execute("two", {}, never)]);
    expect(answers).toEqual(["answer 1", "answer 2"]);
  });

  it("says which command failed and why", async () => {
    answer = (line, socket) => {
      socket.write(
        `${JSON.stringify({ error: { class: "GenericError", desc: "no such device" }, id: JSON.parse(line).id })}\n`,
      );
    };
    await expect(qmp.execute("eject", {}, never)).rejects.toThrow("eject: no such device");
  });

  it("hangs up on a line that never ends, and fails what was waiting", async () => {
    answer = (_, socket) => socket.write("x".repeat(600 * 1024));
    await expect(qmp.execute("query-status", {}, never)).rejects.toThrow("a line without an end");
    await qmp.closed;
  });

  it("reads a long line that comes byte by byte in time that grows as the line does", async () => {
    const socket = new EventEmitter() as Socket;
    socket.setEncoding = () => socket;
    const seen: string[] = [];
    new Qmp(socket).onEvent(({ event }) => seen.push(event));
    const took = (bytes: number) => {
      const line = `${JSON.stringify({ event: "LONG", data: { filler: "x".repeat(bytes) } })}\n`;
      const began = performance.now();
      for (const character of line) socket.emit("data", character);
      return performance.now() - began;
    };
    took(25_000);
    expect(took(400_000)).toBeLessThan(2_000);
    expect(seen).toEqual(["LONG", "LONG"]);
  });

  it("hangs up on what is not JSON", async () => {
    answer = (_, socket) => socket.write("not json\n");
    await expect(qmp.execute("query-status", {}, never)).rejects.toThrow("not JSON");
  });

  it("fails what was waiting when QEMU goes away", async () => {
    answer = (_, socket) => socket.destroy();
    await expect(qmp.execute("stop", {}, never)).rejects.toThrow("stop: QEMU's control channel is closed");
  });

  it("passes events on, and ignores answers that nobody asked for", async () => {
    const seen: string[] = [];
    qmp.onEvent(({ event }) => seen.push(event));
    answer = (line, socket) => {
      socket.write(`${JSON.stringify({ return: 1, id: 999 })}\n${JSON.stringify({ event: "STOP", data: {} })}\n`);
      socket.write(`${JSON.stringify({ return: {}, id: JSON.parse(line).id })}\n`);
    };
    await qmp.execute("stop", {}, never);
    expect(seen).toEqual(["STOP"]);
  });
});
