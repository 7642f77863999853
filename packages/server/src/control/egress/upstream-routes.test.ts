import { Readable } from "node:stream";
import type { EgressPolicy, UpstreamRoute } from "@alcove/contract";
import { pino } from "pino";
import { expect, test } from "vitest";
import { makeAuthority } from "../../egress/certificates/authority.js";
import { emptySnapshotArchive } from "../../http/snapshot-archive-test-kit.js";
import { debian, group, never, TestHost } from "../test-daemon.js";

const by = (route: string): EgressPolicy => ({
  defaultAction: "Deny",
  rules: [{ name: "far", match: { host: "far.test" }, action: { type: "Allow" }, route }],
});
const corp: UpstreamRoute = { type: "Proxy", url: "http://proxy.test:3128" };
const wire: UpstreamRoute = { type: "Interface", name: "eth1" };

const login = { secretId: "proxy" };

test("of routes a sandbox is handed the default and those that its policy names, with their credentials", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  await control.secrets.put({ group, ...login }, { values: { login: "ann:s3cret:more" } });
  const other: UpstreamRoute = { ...corp, url: "http://other.test" };
  const routes = { corp: { ...corp, credentials: login }, other: { ...other, credentials: login }, wire };
  const answered = await control.egress.setSettings(group, { routes, defaultRoute: "wire" });
  expect(answered).toMatchObject({ routes, defaultRoute: "wire" });
  expect(await control.egress.settings(group)).toEqual(answered);
  expect(JSON.stringify(answered)).not.toContain("s3cret");

  const { id } = await control.sandboxes.create(group, { ...debian, egressPolicy: by("corp") }, never);
  const credentials = { username: "ann", password: "s3cret:more" };
  const inForce = { type: "Proxy", url: corp.url, certificates: "", credentials };
  expect(gateway.inForce.get(id)).toMatchObject({ defaultRoute: "wire" });
  expect(gateway.inForce.get(id)?.routes).toEqual({ wire, corp: inForce });
  await control.egress.setPolicy({ group, id }, by("other"));
  expect(gateway.inForce.get(id)?.routes).toEqual({ wire, other: { ...inForce, url: other.url } });
  await control.egress.setPolicy({ group, id }, { defaultAction: "Allow" });
  expect(gateway.inForce.get(id)?.routes).toEqual({ wire });
  await expect(control.secrets.delete({ group, ...login })).rejects.toMatchObject({ code: "SecretInUse" });
});

test.each([
  ["no USER:PASSWORD", "http", "no password"],
  ["a user that the gateway does not take", "http", `${"a".repeat(2_000)}:s3cret`],
  ["a user that SOCKS cannot say", "socks5", `${"ä".repeat(128)}:s3cret`],
  ["a password that SOCKS cannot say", "socks5", `ann:${"s".repeat(256)}`],
])(
  "a route whose credentials are %s is left out and told of in the log, and the others stay",
  async (_, scheme, value) => {
    await using host = new TestHost();
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const { control, gateway } = await host.daemon({ options: { logger } });
    await control.secrets.put({ group, ...login }, { values: { login: "ann:s3cret" } });
    const routes = { corp: { ...corp, url: `${scheme}://proxy.test:1`, credentials: login }, wire };
    await control.egress.setSettings(group, { routes, defaultRoute: "wire" });
    const { id } = await control.sandboxes.create(group, { ...debian, egressPolicy: by("corp") }, never);
    expect(Object.keys(gateway.inForce.get(id)?.routes ?? {})).toEqual(["corp", "wire"]);
    await control.secrets.put({ group, ...login }, { values: { login: value } });
    expect(gateway.inForce.get(id)?.routes).toEqual({ wire });
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ sandbox: id, route: "corp" }),
    );
    expect(lines.join("")).not.toContain(value);
  },
);

test("a proxy's certificates without a line end at their end are taken, as long as they may be", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const { certificate } = await makeAuthority("upstream");
  const padded = certificate.trim().replace("\n", `${" ".repeat(262_144 - certificate.trim().length)}\n`);
  const routes = { corp: { ...corp, url: "https://proxy.test", certificates: padded } };
  const { id } = await control.sandboxes.create(group, debian, never);
  await control.egress.setSettings(group, { routes, defaultRoute: "corp" });
  expect(gateway.inForce.get(id)?.routes).toMatchObject({ corp: { certificates: `${padded}\n` } });
});

test("credentials are of a secret that is there, and of a key that it has", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const set = (credentials: object) =>
    control.egress.setSettings(group, { routes: { corp: { ...corp, credentials: { ...login, ...credentials } } } });
  const refused = (code: string, field: string) => ({ code, field: `routes.corp.credentials.${field}` });
  await expect(set({})).rejects.toMatchObject(refused("SecretNotFound", "secretId"));
  await control.secrets.put({ group, ...login }, { values: { one: "ann:1", two: "ann:2" } });
  await expect(set({})).rejects.toMatchObject(refused("InvalidRequest", "secretKey"));
  await expect(set({ secretKey: "three" })).rejects.toMatchObject(refused("SecretNotFound", "secretKey"));
  await set({ secretKey: "two" });
});

test("a route that is not there is refused wherever it is named, with the field", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const refused = (field: string) => ({ code: "EgressRouteNotFound", message: expect.stringContaining("gone"), field });
  const policy = by("gone");
  await expect(control.egress.setSettings(group, { defaultRoute: "gone" })).rejects.toMatchObject(
    refused("defaultRoute"),
  );
  await expect(control.egress.setPolicy(sandbox, policy)).rejects.toMatchObject(refused("rules[0].route"));
  await expect(control.sandboxes.create(group, { ...debian, egressPolicy: policy }, never)).rejects.toMatchObject(
    refused("egressPolicy.rules[0].route"),
  );
  await expect(control.groups.update(group, { defaults: { egressPolicy: policy } })).rejects.toMatchObject(
    refused("defaults.egressPolicy.rules[0].route"),
  );
  await expect(control.egress.policies.put({ group, egressPolicyId: "named" }, { policy })).rejects.toMatchObject(
    refused("policy.rules[0].route"),
  );
  const url = "https://far.test/";
  await expect(control.egress.test(group, { url, policy })).rejects.toMatchObject(refused("policy.rules[0].route"));
  await control.egress.setSettings(group, { routes: { gone: corp } });
  expect(await control.egress.test(group, { url, policy })).toMatchObject({ verdict: "Allow", route: "gone" });
});

test("a route that a policy names cannot be taken away, and who names it is told; it may lead elsewhere", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  await control.egress.setSettings(group, { routes: { corp } });
  const inUse = (who: string) => ({ code: "EgressRouteInUse", message: expect.stringContaining(who) });
  const takenAway = () => control.egress.setSettings(group, { routes: { wire } });

  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: by("corp") }, never);
  await expect(takenAway()).rejects.toMatchObject(inUse(`the sandbox ${sandbox.id}`));
  await control.egress.setSettings(group, { routes: { corp: wire } });
  expect(gateway.inForce.get(sandbox.id)?.routes).toEqual({ corp: wire });
  const { id } = await control.snapshots.take(sandbox, {}, never);
  await control.sandboxes.delete(sandbox, never);
  await expect(takenAway()).rejects.toMatchObject(inUse(`the snapshot ${id}`));
  await control.snapshots.delete({ group, snapshotId: id });

  await control.groups.update(group, { defaults: { egressPolicy: by("corp") } });
  await control.egress.policies.put({ group, egressPolicyId: "named" }, { policy: by("corp") });
  await expect(takenAway()).rejects.toMatchObject(inUse("the group's defaults, the policy named"));
  await control.egress.policies.delete({ group, egressPolicyId: "named" });
  await control.groups.update(group, { defaults: { egressPolicy: null } });
  await takenAway();
});

test("an archive has no route: rules that name one deny, and an archive that names one is refused", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.egress.setSettings(group, { routes: { corp } });
  const source = await control.sandboxes.create(group, { ...debian, egressPolicy: by("corp") }, never);
  const { id: snapshotId } = await control.snapshots.take(source, {}, never);
  const { content } = await control.snapshots.export({ group, snapshotId }, never);
  const imported = await control.snapshots.import({ group }, content, never);
  const sourcesRef = { snapshot: { id: imported.id } };
  const copy = await control.sandboxes.create(group, { sourcesRef }, never);
  const rules = [{ name: "far", match: { host: "far.test" }, action: { type: "Deny" } }];
  expect((await control.sandboxes.get(copy)).egressPolicy).toEqual({ defaultAction: "Deny", rules });

  for (const route of ["corp", "gone"]) {
    const bytes = emptySnapshotArchive({ egress: { policy: by(route), names: [] } });
    const importing = control.snapshots.import({ group }, Readable.from([bytes]), never);
    await expect(importing).rejects.toMatchObject({ code: "InvalidRequest", field: "body" });
  }
});
