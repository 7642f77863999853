import { parseLabelSelector } from "@alcove/contract";
import { Alcove, AlcoveError } from "alcove";
import { expect, test } from "vitest";
import { labelSelector } from "../src/label-selector.js";

test("labels come back from what a query says of them", () => {
  const labels = { team: "blue", "a.b/c": "x = y", empty: "" };
  expect(parseLabelSelector(labelSelector(labels) ?? "")).toEqual(labels);
  expect([labelSelector({}), labelSelector(undefined)]).toEqual([undefined, undefined]);
});

test.each([{ a: "x,b=y" }, { "a=b": "c" }, { "a,b": "c" }, { a: " x" }, { a: "x " }])(
  "a label that would be read as others is refused, not asked for otherwise: %j",
  async (labels) => {
    using alcove = new Alcove({ url: "http://127.0.0.1:1", apiKey: "key" });
    expect(() => labelSelector(labels)).toThrow(AlcoveError);
    await expect(alcove.sandboxes.count({ labels })).rejects.toThrow("cannot be asked for");
  },
);
