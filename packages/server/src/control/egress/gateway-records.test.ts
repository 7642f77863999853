import { expect, test } from "vitest";
import { GroupTokens } from "../identity/group-tokens.js";
import { Issuer } from "../identity/issuer.js";
import { group, TestHost } from "../test-daemon.js";
import { Authorities } from "./authorities.js";
import { gatewayRecords } from "./gateway-records.js";

test("where no tokens are issued whoever asks is told so, and the log now and then", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  await control.identity.set(group, { audiences: ["urn:a"] });
  const logged: unknown[] = [];
  const logger = { error: () => {}, warn: (...line: unknown[]) => void logged.push(line) };
  const groupTokens = new GroupTokens(store, new Issuer({ keys: store.issuerKeys, url: () => undefined }));
  const records = gatewayRecords({ store, authorities: new Authorities(store), groupTokens, logger });
  const asked = { group, sandboxId: "one", resource: "urn:a" };
  for (let count = 0; count < 3; count++) expect(await records.issueToken(asked)).toEqual({ fault: "off" });
  expect(await records.issueToken({ ...asked, resource: "urn:b" })).toEqual({ fault: "resource" });
  expect(logged).toEqual([[{ group, sandbox: "one" }, expect.stringContaining("issuerUrl is not set")]]);
});
