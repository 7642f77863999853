import { expect, test } from "vitest";
import { newPorts } from "./new-ports.js";

test("ports are gathered with their names, and with who may come", () => {
  const found = ["3000", "web=8080", "api=80:anonymous"].reduce<ReturnType<typeof newPorts>>(
    (before, text) => newPorts(text, before),
    [],
  );
  expect(found).toEqual([
    { port: 3000 },
    { port: 8080, name: "web" },
    { port: 80, name: "api", auth: { anonymous: true } },
  ]);
});

test.each(["", "0", "65536", "web", "=80", "a b=80", "80:everybody", "80:80"])("%j is refused", (text) => {
  expect(() => newPorts(text)).toThrow(/must be|no name/);
});
