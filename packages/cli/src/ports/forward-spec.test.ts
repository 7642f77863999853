import { expect, test } from "vitest";
import { forwardSpecs } from "./forward-spec.js";

test.each([
  ["5432", { localPort: 5432, remotePort: 5432 }],
  ["8080:80", { localPort: 8080, remotePort: 80 }],
  [":80", { localPort: 0, remotePort: 80 }],
  ["0:80", { localPort: 0, remotePort: 80 }],
])("%s", (text, spec) => expect(forwardSpecs(text)).toEqual([spec]));

test.each(["", "80:", "a", "80:a", "0", "80:0", "70000", "70000:80", "1:2:3"])("%j is refused", (text) => {
  expect(() => forwardSpecs(text)).toThrow(/must be/);
});

test("a local port serves once, any free one as often as it is asked for", () => {
  expect(() => forwardSpecs("8080:81", forwardSpecs("8080:80"))).toThrow(/twice/);
  expect(forwardSpecs("0:81", forwardSpecs("0:80"))).toHaveLength(2);
});
