import { expect, test } from "vitest";
import { Config, variables } from "./config.js";
import { configSchema, configurationPage } from "./config-documents.js";

const docs = new URL("../../../docs/", import.meta.url);

test("docs/alcove.schema.json is the daemon's own schema", async () => {
  const text = `${JSON.stringify(configSchema(), undefined, 2)}\n`;
  await expect(text).toMatchFileSnapshot(new URL("alcove.schema.json", docs).pathname);
});

test("docs/configuration.md is made from the schema", async () => {
  await expect(configurationPage()).toMatchFileSnapshot(new URL("configuration.md", docs).pathname);
});

test("the page has a row for every key with its variable, and says what it is", () => {
  const rows = [...configurationPage().matchAll(/^\| `(\w+)` \| `(\w+)` \| [^|]+ \| ([^|]+) \|$/gm)];
  expect(rows.map(([, key, variable]) => [key, variable])).toEqual(Object.entries(variables));
  for (const [, , , what] of rows) expect(what).not.toMatch(/undefined|\[object/);
});

test("the schema asks for no key, knows all of them and refuses others", () => {
  const schema = configSchema() as {
    properties: Record<string, object>;
    required?: unknown;
    additionalProperties: unknown;
  };
  expect(Object.keys(schema.properties)).toEqual(["$schema", ...Object.keys(Config.shape)]);
  expect(schema).toMatchObject({ additionalProperties: false });
  expect(schema.required).toBeUndefined();
  expect(schema.properties.maxConcurrentCreates).toMatchObject({ type: "integer", minimum: 1, maximum: 256 });
  expect(schema.properties.logLevel).toMatchObject({ default: "info", enum: expect.arrayContaining(["debug"]) });
  expect(schema.properties.dataDirectory).toMatchObject({ type: "string", pattern: "^/" });
});
