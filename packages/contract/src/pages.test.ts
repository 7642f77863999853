import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { endpoints } from "./endpoints.js";
import { errorCatalogue, errorCodes } from "./errors.js";
import { apiPage, errorsPage } from "./pages.js";

const docs = new URL("../../../docs/", import.meta.url);

test("docs/errors.md is the error catalogue", async () => {
  await expect(errorsPage()).toMatchFileSnapshot(new URL("errors.md", docs).pathname);
});

test("docs/api.md is the list of endpoints", async () => {
  await expect(apiPage()).toMatchFileSnapshot(new URL("api.md", docs).pathname);
});

test("the page of errors has exactly the codes and statuses of the catalogue", async () => {
  const text = await readFile(new URL("errors.md", docs), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [code, Number(status)]);
  expect(rows).toEqual(errorCodes.map((code) => [code, errorCatalogue[code].status]));
});

test("the page of the API has a row for every endpoint", async () => {
  const text = await readFile(new URL("api.md", docs), "utf8");
  expect([...text.matchAll(/^\| `/gm)]).toHaveLength(endpoints.length);
});
