import { expect, test } from "vitest";
import { HiddenValues } from "./hidden-values.js";

test("what a secret was before is hidden as what it is, and of former ones no more are kept than some", () => {
  const hidden = new HiddenValues();
  const through = (text: string) => hidden.filter()?.sentence(text) ?? text;
  for (let version = 100; version < 200; version++) hidden.setSecrets({ one: `s3cret-value-${version}` });
  expect(through("s3cret-value-199 s3cret-value-198")).toBe("**************** ****************");
  expect(through("s3cret-value-100")).toBe("s3cret-value-100");
  hidden.setSecrets({});
  expect(through("s3cret-value-199")).toBe("****************");
});
