import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newestChange } from "./newest-change.js";

test("the newest wanted file counts, however deep; what is not there counts nothing", async () => {
  const place = mkdtempSync(join(tmpdir(), "alcove-newest-"));
  const write = (name: string, second: number) => {
    writeFileSync(join(place, name), "");
    utimesSync(join(place, name), second, second);
  };
  try {
    mkdirSync(join(place, "a/b"), { recursive: true });
    write("a/one.js", 100);
    write("a/b/two.js", 300);
    write("a/three.map", 900);
    expect(await newestChange([join(place, "a"), join(place, "missing")], /\.js$/)).toBe(300_000);
    expect(await newestChange([join(place, "missing")], /\.js$/)).toBe(0);
  } finally {
    rmSync(place, { recursive: true });
  }
});
