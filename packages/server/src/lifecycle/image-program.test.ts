import { expect, test } from "vitest";
import { programOf } from "./image-program.js";

const image = { entrypoint: ["/server"], cmd: ["--port", "80"] };

test.each([
  { name: "the image's own", asked: {}, started: ["/server", "--port", "80"] },
  { name: "its entrypoint with another cmd", asked: { cmd: ["--help"] }, started: ["/server", "--help"] },
  { name: "another entrypoint without the image's cmd", asked: { entrypoint: ["/bin/sh"] }, started: ["/bin/sh"] },
  { name: "both replaced", asked: { entrypoint: ["/bin/sh"], cmd: ["-c", "x"] }, started: ["/bin/sh", "-c", "x"] },
  { name: "nothing", asked: { entrypoint: [] }, started: [] },
  { name: "its entrypoint alone", asked: { cmd: [] }, started: ["/server"] },
  { name: "a program instead of its entrypoint", asked: { entrypoint: [], cmd: ["ls"] }, started: ["ls"] },
])("what starts: $name", ({ asked, started }) => {
  const { entrypoint, cmd } = programOf(asked, image);
  expect([...entrypoint, ...cmd]).toEqual(started);
});
