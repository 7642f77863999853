import { expect, test } from "vitest";
import { refuseLostCapabilities } from "./bootstrap-mode.js";

test("where capabilities would be lost without a word, the build is refused with what to do", () => {
  const packages = ["bash=5.2", "libcap2-bin=1:2.66"];
  expect(() => refuseLostCapabilities("fakechroot", packages)).toThrow(
    expect.objectContaining({ code: "ImageNotReady", hint: expect.stringContaining("sudo usermod --add-subuids") }),
  );
  refuseLostCapabilities("fakechroot", ["bash=5.2", "libcap2=1:2.66"]);
  refuseLostCapabilities("unshare", packages);
  refuseLostCapabilities("root", packages);
});
