/** Files: content, attributes, trees, archives. */
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { FileEvent } from "@alcove/contract";
import { expect } from "vitest";
import type { WriteOptions } from "../../guest/guest.js";
import type { Subject } from "./subject.js";

export function fileCases(subject: Subject): void {
  contentCases(subject);
  treeCases(subject);
  linkCases(subject);
  watchCases(subject);
  archiveCases(subject);
}

function contentCases(subject: Subject): void {
  subject.case("a file comes back as it was written, with its mode and owner", async () => {
    const content = randomBytes(3 * 1024 * 1024 + 17);
    const options = { createDirs: true, mode: "640", user: "nobody" };
    expect(
      await write(subject, "/tmp/suite/a/b.bin", [content.subarray(0, 100_000), content.subarray(100_000)], options),
    ).toBe(content.length);
    const {
      sizeBytes,
      mode,
      content: stream,
    } = await subject.machine.guest.files.read("/tmp/suite/a/b.bin", {}, subject.signal());
    expect([sizeBytes, Number.parseInt(mode, 8)]).toEqual([content.length, 0o640]);
    expect((await buffer(stream)).equals(content)).toBe(true);
    const entry = await subject.machine.guest.files.stat("/tmp/suite/a/b.bin", subject.signal());
    expect(entry).toMatchObject({
      name: "b.bin",
      size: content.length,
      mode: 0o640,
      uid: 65_534,
      isDir: false,
      isSymlink: false,
    });
    expect(Math.abs(entry.modifiedTime - Date.now() / 1_000)).toBeLessThan(60);
  });

  subject.case("a part of a file can be read", async () => {
    await write(subject, "/tmp/suite-range", [Buffer.from("0123456789")]);
    const part = async (range: { offset?: number; length?: number }) =>
      (
        await buffer((await subject.machine.guest.files.read("/tmp/suite-range", range, subject.signal())).content)
      ).toString();
    expect(await part({ offset: 3, length: 4 })).toBe("3456");
    expect(await part({ offset: 8 })).toBe("89");
    expect(await part({ length: 2 })).toBe("01");
    expect(await part({ offset: 100 })).toBe("");
  });

  subject.case("an empty file can be written and read", async () => {
    expect(await write(subject, "/tmp/suite-empty", [])).toBe(0);
    expect(await read(subject, "/tmp/suite-empty")).toBe("");
  });

  subject.case("a write that fails leaves the old file, and nothing beside it", async () => {
    await write(subject, "/tmp/suite-kept/file", [Buffer.from("old")], { createDirs: true });
    async function* failing() {
      yield Buffer.from("new");
      throw new Error("the source broke");
    }
    const writing = subject.machine.guest.files.write(
      "/tmp/suite-kept/file",
      failing(),
      { createDirs: false },
      subject.signal(),
    );
    await expect(writing).rejects.toThrow("the source broke");
    const aborting = new AbortController();
    async function* endless() {
      for (;;) {
        yield Buffer.alloc(65_536);
        setImmediate(() => aborting.abort(new Error("enough")));
      }
    }
    await expect(
      subject.machine.guest.files.write("/tmp/suite-kept/file", endless(), { createDirs: false }, aborting.signal),
    ).rejects.toThrow("enough");
    expect(await read(subject, "/tmp/suite-kept/file")).toBe("old");
    const { entries } = await subject.machine.guest.files.list("/tmp/suite-kept", subject.signal());
    expect(entries.map(({ name }) => name)).toEqual(["file"]);
  });

  subject.case("a reader that goes away early harms nothing", async () => {
    await write(subject, "/tmp/suite-large", [Buffer.alloc(8 * 1024 * 1024)]);
    const { content } = await subject.machine.guest.files.read("/tmp/suite-large", {}, subject.signal());
    for await (const _ of content) break;
    expect(content.destroyed).toBe(true);
    expect((await subject.run(["echo", "fine"])).stdout).toBe("fine\n");
  });

  subject.case("reading and writing say what is wrong", async () => {
    const { files } = subject.machine.guest;
    await expect(read(subject, "/tmp/suite-nothing")).rejects.toMatchObject({ code: "FileNotFound" });
    await expect(read(subject, "/tmp")).rejects.toMatchObject({ code: "IsADirectory" });
    await expect(read(subject, "/etc/passwd/x")).rejects.toMatchObject({ code: "NotADirectory" });
    await expect(write(subject, "/tmp/suite-no/dir", [])).rejects.toMatchObject({ code: "FileNotFound" });
    await expect(write(subject, "/tmp/x", [], { createDirs: false, user: "no-such-user" })).rejects.toMatchObject({
      code: "UserNotFound",
    });
    await expect(files.stat("/tmp/suite-nothing", subject.signal())).rejects.toMatchObject({ code: "FileNotFound" });
    await expect(files.list("/etc/passwd", subject.signal())).rejects.toMatchObject({ code: "NotADirectory" });
  });
}

function treeCases(subject: Subject): void {
  subject.case("directories are made, listed and deleted", async () => {
    const { files } = subject.machine.guest;
    await files.makeDirectory("/tmp/suite-tree/one/two", { createParents: true, mode: "700" }, subject.signal());
    await expect(
      files.makeDirectory("/tmp/suite-tree", { createParents: false }, subject.signal()),
    ).rejects.toMatchObject({ code: "FileExists" });
    await write(subject, "/tmp/suite-tree/file", [Buffer.from("x")]);
    await subject.shell("ln -s /nowhere /tmp/suite-tree/link");
    const list = await files.list("/tmp/suite-tree", subject.signal());
    expect(list).toMatchObject({ path: "/tmp/suite-tree", truncated: false });
    expect(
      list.entries.map(({ name, isDir, isSymlink, symlinkTarget }) => [name, isDir, isSymlink, symlinkTarget]),
    ).toEqual([
      ["file", false, false, undefined],
      ["link", false, true, "/nowhere"],
      ["one", true, false, undefined],
    ]);
    expect((await files.stat("/tmp/suite-tree/one/two", subject.signal())).mode).toBe(0o700);
    await expect(files.delete("/tmp/suite-tree", { recursive: false }, subject.signal())).rejects.toMatchObject({
      code: "DirectoryNotEmpty",
    });
    await files.delete("/tmp/suite-tree", { recursive: true }, subject.signal());
    await expect(files.list("/tmp/suite-tree", subject.signal())).rejects.toMatchObject({ code: "FileNotFound" });
  });

  subject.case("a file is moved, and replaces another only when told", async () => {
    const { files } = subject.machine.guest;
    await write(subject, "/tmp/suite-from", [Buffer.from("from")]);
    await write(subject, "/tmp/suite-to", [Buffer.from("to")]);
    const move = (overwrite: boolean) =>
      files.move("/tmp/suite-from", "/tmp/suite-to", { overwrite }, subject.signal());
    await expect(move(false)).rejects.toMatchObject({ code: "FileExists" });
    expect(await read(subject, "/tmp/suite-to")).toBe("to");
    await move(true);
    expect(await read(subject, "/tmp/suite-to")).toBe("from");
    await expect(move(true)).rejects.toMatchObject({ code: "FileNotFound" });
  });
}

function watchCases(subject: Subject): void {
  subject.case("what changes in a directory is told, and a watch ends with its reader", async () => {
    const { files } = subject.machine.guest;
    await files.makeDirectory("/tmp/suite/watched/below", { createParents: true }, subject.signal());
    const controller = new AbortController();
    const ending = AbortSignal.any([controller.signal, subject.signal()]);
    const events = (await files.watch("/tmp/suite/watched", { recursive: true }, ending))[Symbol.asyncIterator]();
    const until = async (wanted: FileEvent) => {
      for (;;) {
        const { value } = await events.next();
        if (JSON.stringify(value) === JSON.stringify(wanted)) return;
        expect((value as FileEvent).type).not.toBe("overflow");
      }
    };
    const isDir = false;
    await write(subject, "/tmp/suite/watched/below/a", [Buffer.from("1")]);
    await until({ type: "created", path: "/tmp/suite/watched/below/a", isDir });
    await files.move("/tmp/suite/watched/below/a", "/tmp/suite/watched/b", { overwrite: false }, subject.signal());
    await until({ type: "moved", path: "/tmp/suite/watched/b", from: "/tmp/suite/watched/below/a", isDir });
    await files.delete("/tmp/suite/watched/b", { recursive: false }, subject.signal());
    await until({ type: "deleted", path: "/tmp/suite/watched/b", isDir });
    controller.abort(new Error("enough"));
    await expect(events.next()).rejects.toThrow("enough");
    await expect(files.watch("/tmp/suite/nothing", { recursive: true }, subject.signal())).rejects.toMatchObject({
      code: "FileNotFound",
    });
  });
}

function linkCases(subject: Subject): void {
  subject.case("a symbolic link is made, and looked at with or without what it points to", async () => {
    const { files } = subject.machine.guest;
    await write(subject, "/tmp/suite/links/target", [Buffer.from("12345")], { createDirs: true });
    await files.symlink("/tmp/suite/links/link", "target", subject.signal());
    const look = (followSymlinks: boolean) => files.stat("/tmp/suite/links/link", subject.signal(), { followSymlinks });
    expect(await look(false)).toMatchObject({ isSymlink: true, symlinkTarget: "target" });
    expect(await look(true)).toMatchObject({ isSymlink: false, size: 5 });
    await expect(files.symlink("/tmp/suite/links/link", "x", subject.signal())).rejects.toMatchObject({
      code: "FileExists",
    });
  });
}

function archiveCases(subject: Subject): void {
  subject.case("a directory goes down and up as an archive, modes and owners kept", async () => {
    const { files } = subject.machine.guest;
    await write(subject, "/tmp/suite-down/deep/er/file", [Buffer.from("inside")], {
      createDirs: true,
      mode: "4755",
      user: "nobody",
    });
    await subject.shell("ln -s deep/er/file /tmp/suite-down/link");
    const archive = await buffer(await files.readArchive("/tmp/suite-down", subject.signal()));
    async function* content() {
      yield archive;
    }
    expect(await files.writeArchive("/tmp/suite-up", content(), {}, subject.signal())).toBeGreaterThanOrEqual(4);
    expect(await read(subject, "/tmp/suite-up/link")).toBe("inside");
    const entry = await files.stat("/tmp/suite-up/deep/er/file", subject.signal());
    expect(entry).toMatchObject({ size: 6, mode: 0o4755, uid: 65_534 });
  });

  subject.case("what is no archive is refused", async () => {
    async function* junk() {
      yield Buffer.alloc(4_096, "this is no archive; ");
    }
    const unpacking = subject.machine.guest.files.writeArchive("/tmp/suite-junk", junk(), {}, subject.signal());
    await expect(unpacking).rejects.toMatchObject({ code: "InvalidRequest" });
  });
}

async function write(
  subject: Subject,
  path: string,
  chunks: readonly Uint8Array[],
  options: WriteOptions = { createDirs: false },
) {
  async function* content() {
    yield* chunks;
  }
  return await subject.machine.guest.files.write(path, content(), options, subject.signal());
}

async function read(subject: Subject, path: string): Promise<string> {
  const { content } = await subject.machine.guest.files.read(path, {}, subject.signal());
  return (await buffer(content)).toString();
}
