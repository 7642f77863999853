import type { EgressPolicy } from "@alcove/contract";
import { expect, test, vi } from "vitest";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";

const deny: EgressPolicy = { defaultAction: "Deny" };
const allowing = (pattern: string): EgressPolicy => ({
  defaultAction: "Deny",
  hostRules: [{ pattern, action: "Allow" }],
});
/** Its requests are looked at, so that TLS has to be opened. */
const opening: EgressPolicy = {
  defaultAction: "Deny",
  rules: [{ name: "read", match: { host: "a.test", methods: ["GET"] }, action: { type: "Allow" } }],
};

test("a sandbox may reach nothing, or what its group's default says, or what it is created with", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const plain = await control.sandboxes.create(group, debian, never);
  expect(gateway.inForce.get(plain.id)).toMatchObject({ group, policy: deny, names: [] });
  expect((await control.sandboxes.get(plain)).egressPolicy).toEqual(deny);

  await control.groups.update(group, { defaults: { egressPolicy: allowing("default.test") } });
  const byDefault = await control.sandboxes.create(group, debian, never);
  expect(gateway.inForce.get(byDefault.id)?.policy).toEqual(allowing("default.test"));
  const own = await control.sandboxes.create(group, { ...debian, egressPolicy: allowing("own.test") }, never);
  expect(gateway.inForce.get(own.id)?.policy).toEqual(allowing("own.test"));
  expect(gateway.inForce.get(plain.id)?.policy, "those that are there stay as they are").toEqual(deny);

  await control.sandboxes.delete(own, never);
  expect(gateway.inForce.has(own.id)).toBe(false);
});

test("what a sandbox may reach is in force before its machine starts, and before it goes on", async () => {
  await using host = new TestHost();
  const seen: string[] = [];
  const { control, gateway } = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      start(spec, signal) {
        seen.push(gateway.inForce.get(spec.id)?.policy.hostRules?.[0]?.pattern ?? "nothing");
        return engine.start(spec, signal);
      },
    }),
  });
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: allowing("first.test") }, never);
  const { id: snapshotId } = await control.snapshots.take(sandbox, {}, never);
  await control.sandboxes.stop(sandbox, {}, never);
  expect(gateway.inForce.has(sandbox.id), "nothing of it while it is stopped").toBe(false);
  await control.egress.setPolicy(sandbox, allowing("second.test"));
  expect(gateway.inForce.has(sandbox.id)).toBe(false);
  await control.sandboxes.resume(sandbox, {}, never);
  await control.egress.setPolicy(sandbox, allowing("third.test"));
  await control.snapshots.rollback(sandbox, { snapshotId }, never);
  expect(seen, "a rollback does not bring the snapshot's policy back").toEqual([
    "first.test",
    "second.test",
    "third.test",
  ]);
});

test("a snapshot's and a fork's sandboxes may reach what the original may, unless they are asked for another policy", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const source = await control.sandboxes.create(group, { ...debian, egressPolicy: allowing("a.test") }, never);
  await control.groups.update(group, { defaults: { egressPolicy: { defaultAction: "Allow" } } });
  const { id } = await control.snapshots.take(source, {}, never);
  const { sandboxes: forks } = await control.snapshots.fork(source, { count: 1 }, never);
  const sourcesRef = { snapshot: { id } };
  const copy = await control.sandboxes.create(group, { sourcesRef }, never);
  const other = await control.sandboxes.create(group, { sourcesRef, egressPolicy: allowing("b.test") }, never);
  for (const one of [...forks, copy]) expect(gateway.inForce.get(one.id)?.policy).toEqual(allowing("a.test"));
  expect(gateway.inForce.get(other.id)?.policy).toEqual(allowing("b.test"));
});

test("names go along with what may hold their addresses, and are never taken back", async () => {
  await using host = new TestHost();
  const { control, gateway, store } = await host.daemon();
  const source = await control.sandboxes.create(group, debian, never);
  const [a, b, c] = ["a.test", "b.test", "c.test"].map((name, index) => ({ index: index + 1, name }));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three were made");
  expect(store.egressNames.add(source.id, a)).toBe(true);
  const { id: snapshotId } = await control.snapshots.take(source, {}, never);
  store.egressNames.add(source.id, b);
  expect(() => store.egressNames.add(source.id, { index: 2, name: "other.test" })).toThrow();

  const { sandboxes: forks } = await control.snapshots.fork(source, { count: 1 }, never);
  const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshotId } } }, never);
  expect(gateway.inForce.get(forks[0]?.id ?? "")?.names).toEqual([a, b]);
  expect(gateway.inForce.get(copy.id)?.names).toEqual([a]);
  store.egressNames.add(copy.id, c);

  // As one that was taken of it on another host may have.
  const e = { index: 5, name: "e.test" };
  store.egressNames.put(snapshotId, [e]);
  const heldBefore: boolean[] = [];
  gateway.beforeApply = async (id) => void heldBefore.push(gateway.inForce.has(id));
  await control.snapshots.rollback(source, { snapshotId }, never);
  expect(gateway.inForce.get(source.id)?.names).toEqual([a, b, e]);
  expect(heldBefore, "what it was is given up first").toEqual([false]);
  await control.sandboxes.stop(copy, {}, never);
  await control.sandboxes.resume(copy, {}, never);
  expect(gateway.inForce.get(copy.id)?.names).toEqual([a, { ...c, index: 3 }]);

  await control.sandboxes.delete(source, never);
  await control.snapshots.delete({ group, snapshotId });
  expect([store.egressNames.of(source.id), store.egressNames.of(snapshotId)]).toEqual([[], []]);
  expect(store.egressNames.add(source.id, c), "there is no such sandbox").toBe(false);
});

test("a daemon that dies between record and gateway leaves the next one to put it in force, before a machine is reached", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, { ...debian, egressPolicy: allowing("old.test") }, never);
  first.gateway.beforeApply = async () => Promise.reject(new Error("the daemon is dead"));
  await expect(first.control.egress.setPolicy(sandbox, allowing("new.test"))).rejects.toThrow("dead");
  await first.close();

  const inForceAtRecovery: unknown[] = [];
  const second = host.build({
    engine: (engine) => {
      const recover = engine.recover.bind(engine);
      return Object.assign(engine, {
        recover(...all: Parameters<typeof recover>) {
          inForceAtRecovery.push(second.gateway.inForce.get(sandbox.id)?.policy);
          return recover(...all);
        },
      });
    },
  });
  await second.start();
  expect(inForceAtRecovery).toEqual([allowing("new.test")]);
});

test("a sandbox of which it cannot be told what it may reach reaches nothing, not what it did before", async () => {
  await using host = new TestHost();
  const { control, gateway, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: allowing("old.test") }, never);
  const names = vi.spyOn(store.egressNames, "of").mockImplementation(() => {
    throw new Error("the disk is broken");
  });
  await expect(control.egress.setPolicy(sandbox, deny)).rejects.toThrow("broken");
  expect(gateway.inForce.has(sandbox.id)).toBe(false);
  names.mockRestore();
  await control.egress.setPolicy(sandbox, allowing("new.test"));
  expect(gateway.inForce.get(sandbox.id)?.policy).toEqual(allowing("new.test"));
});

test("one sandbox whose settings are not taken keeps no other from being taken up", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const [one, other] = [
    await first.control.sandboxes.create(group, debian, never),
    await first.control.sandboxes.create(group, debian, never),
  ];
  await first.close();
  const second = host.build();
  second.gateway.beforeApply = async (id) => (id === one.id ? Promise.reject(new Error("not taken")) : undefined);
  await second.start();
  expect([...second.gateway.inForce.keys()]).toEqual([other.id]);
  expect(await second.control.sandboxes.count(group, { state: "Running" })).toBe(2);
});

test("a change of a named policy reaches all that refer to it, and while they do it stays", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const ref = { group, egressPolicyId: "web" };
  await control.egress.policies.put(ref, { description: "The web", policy: allowing("a.test") });
  const running = await control.sandboxes.create(group, { ...debian, egressPolicyId: "web" }, never);
  const stopped = await control.sandboxes.create(group, debian, never);
  expect(await control.egress.setPolicyId(stopped, "web")).toMatchObject({
    egressPolicyId: "web",
    egressPolicy: allowing("a.test"),
  });
  await control.sandboxes.stop(stopped, {}, never);
  const { id: snapshotId } = await control.snapshots.take(stopped, {}, never);

  await control.egress.policies.put(ref, { policy: allowing("b.test") });
  expect(gateway.inForce.get(running.id)?.policy).toEqual(allowing("b.test"));
  expect(gateway.inForce.has(stopped.id)).toBe(false);
  await control.sandboxes.resume(stopped, {}, never);
  expect(gateway.inForce.get(stopped.id)?.policy).toEqual(allowing("b.test"));
  expect(await control.egress.policies.get(ref)).not.toHaveProperty("description");

  await control.groups.update(group, { defaults: { egressPolicyId: "web" } });
  const inUse = { code: "EgressPolicyInUse", status: 409, field: "egressPolicyId" };
  const deletion = () => control.egress.policies.delete(ref);
  await expect(deletion()).rejects.toMatchObject({ ...inUse, message: expect.stringContaining("and 1 more") });
  await control.groups.update(group, { defaults: { egressPolicyId: null } });
  await control.sandboxes.delete(stopped, never);
  await control.egress.setPolicy(running, deny);
  await expect(deletion()).rejects.toMatchObject({ ...inUse, message: expect.stringContaining(snapshotId) });
  await control.snapshots.delete({ group, snapshotId });
  await deletion();
  await expect(deletion()).rejects.toMatchObject({ code: "EgressPolicyNotFound", status: 404 });
});

test("a policy that is nowhere is refused wherever it is named, and so are two at once", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const missing = { code: "EgressPolicyNotFound", value: "web" };
  const egressPolicyId = "web";
  await expect(control.sandboxes.create(group, { ...debian, egressPolicyId }, never)).rejects.toMatchObject(missing);
  await expect(control.egress.setPolicyId(sandbox, "web")).rejects.toMatchObject(missing);
  await expect(control.groups.update(group, { defaults: { egressPolicyId } })).rejects.toMatchObject(missing);
  await expect(control.groups.create({ name: "g", defaults: { egressPolicyId } })).rejects.toMatchObject(missing);
  await expect(control.egress.test(group, { url: "https://a.test/", egressPolicyId })).rejects.toMatchObject(missing);
  const both = { ...debian, egressPolicyId, egressPolicy: deny };
  const refusal = { code: "InvalidRequest", field: "egressPolicyId" };
  await expect(control.sandboxes.create(group, both, never)).rejects.toMatchObject(refusal);
  expect(await control.sandboxes.count(group, {})).toBe(1);

  await control.egress.policies.put({ group, egressPolicyId }, { policy: deny });
  await control.groups.update(group, { defaults: { egressPolicy: deny } });
  expect((await control.groups.update(group, { defaults: { egressPolicyId } })).defaults, "one for the other").toEqual({
    egressPolicyId,
  });
});

test("a group has a hundred named policies at the most", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const put = (egressPolicyId: string) => control.egress.policies.put({ group, egressPolicyId }, { policy: deny });
  for (let number = 0; number < 100; number++) await put(`p${number}`);
  await expect(put("more")).rejects.toMatchObject({ code: "EgressPolicyLimitReached" });
  await put("p7");
  expect(await control.egress.policies.list(group)).toHaveLength(100);
});

test("a guest is told of its group's authority where its policy opens TLS, as early as that is so", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const certificatesOf = ({ id }: { readonly id: string }) => host.fake.machines.get(id)?.certificates;
  const closed = await control.sandboxes.create(group, { ...debian, egressPolicy: allowing("a.test") }, never);
  expect(certificatesOf(closed)).toBeUndefined();
  expect(store.egressAuthorities.find(group)).toBeUndefined();
  const open = await control.sandboxes.create(group, { ...debian, egressPolicy: opening }, never);
  const authority = store.egressAuthorities.find(group)?.certificate ?? "none";
  expect(certificatesOf(open)).toBe(authority);
  await control.egress.setPolicy(closed, opening);
  expect(certificatesOf(closed)).toBe(authority);
  const machine = host.fake.machines.get(closed.id);
  if (machine) machine.certificates = "untouched";
  await control.egress.setSettings(group, {});
  expect(certificatesOf(closed), "it has it already").toBe("untouched");
});

test("a guest is told once, though its group's authority is still being made when it is told again", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: allowing("a.test") }, never);
  const machine = host.fake.machines.get(sandbox.id);
  if (machine === undefined) throw new Error("it has no machine");
  const told = vi.spyOn(machine, "renew");
  await Promise.all([control.egress.setPolicy(sandbox, opening), control.egress.setSettings(group, {})]);
  await expect.poll(() => machine.certificates).toMatch(/BEGIN CERTIFICATE/);
  expect(told).toHaveBeenCalledTimes(1);
});

test("a policy that changes while its sandbox starts has its authority told as well", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  host.fake.faults.startDelayMs = 200;
  const sandbox = await control.sandboxes.create(group, debian, never, { wait: false });
  await expect.poll(() => host.fake.machines.has(sandbox.id)).toBe(true);
  await control.egress.setPolicy(sandbox, opening);
  await expect.poll(() => store.sandboxes.find(sandbox.id)?.state).toBe("Running");
  await expect.poll(() => host.fake.machines.get(sandbox.id)?.certificates).toMatch(/BEGIN CERTIFICATE/);
});

test("a pool's member has its sandbox's policy and authority before the claim answers", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const sourcesRef = { diskImage: { name: "debian" } };
  await control.pools.put(group, "fast", { sourcesRef, minimum: 1 });
  await expect.poll(async () => (await control.pools.get(group, "fast")).ready, { timeout: 20_000 }).toBe(1);
  const [member] = host.fake.machines.keys();
  expect(gateway.inForce.size, "nobody's yet").toBe(0);
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: opening }, never);
  expect(sandbox.id).toBe(member);
  expect(gateway.inForce.get(sandbox.id)?.policy).toEqual(opening);
  expect(host.fake.machines.get(sandbox.id)?.certificates).toMatch(/BEGIN CERTIFICATE/);
});

test("a group's authority goes with it, and whoever gets its name next has another one", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const authorityOf = async () => {
    await control.groups.create({ name: "team" });
    await control.sandboxes.create("team", { ...debian, egressPolicy: opening }, never);
    const { certificate } = store.egressAuthorities.find("team") ?? {};
    await control.groups.delete("team", { force: true }, never);
    expect(store.egressAuthorities.find("team")).toBeUndefined();
    return certificate;
  };
  expect(await authorityOf()).not.toBe(await authorityOf());
});

test("a group's settings reach its sandboxes, and certificates that are none are refused", async () => {
  await using host = new TestHost();
  const { control, gateway, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: opening }, never);
  const { certificate } = store.egressAuthorities.find(group) ?? { certificate: "" };
  const settings = { resolverOverrides: { "db.test": "192.0.2.7" }, upstreamCertificates: `# ours\n${certificate}` };
  expect(await control.egress.setSettings(group, settings)).toEqual({
    ...settings,
    upstreamCertificates: certificate.endsWith("\n") ? certificate : `${certificate}\n`,
    routes: {},
  });
  expect(gateway.inForce.get(sandbox.id)).toMatchObject({ resolverOverrides: settings.resolverOverrides });
  const refusal = { code: "InvalidRequest", field: "upstreamCertificates" };
  for (const upstreamCertificates of ["nothing", certificate.replace(/MII/, "AAA"), `${certificate}PRIVATE KEY`])
    await expect(control.egress.setSettings(group, { upstreamCertificates })).rejects.toMatchObject(refusal);
  expect((await control.egress.settings(group)).resolverOverrides).toEqual(settings.resolverOverrides);
  await control.egress.setSettings(group, {});
  expect(await control.egress.settings(group)).toEqual({ resolverOverrides: {}, upstreamCertificates: "", routes: {} });
});

test("followers of a group are told what may be reached from now on", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const ending = new AbortController();
  const events = control.events.follow(group, undefined, ending.signal);
  const told: unknown[] = [];
  const reading = (async () => {
    for await (const { sequence: _, at: __, ...event } of events) {
      if (event.type === "egress.changed") told.push(event);
      if (told.length === 4) ending.abort();
    }
  })();
  await new Promise(setImmediate);
  await control.egress.setPolicy(sandbox, deny);
  await control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: deny });
  await control.egress.policies.delete({ group, egressPolicyId: "web" });
  await control.egress.setSettings(group, {});
  await reading;
  const type = "egress.changed";
  const named = { type, egressPolicyId: "web" };
  expect(told).toEqual([{ type, sandboxId: sandbox.id }, named, { ...named, isDeleted: true }, { type }]);
});

test("followers are told of a sandbox that has no network for a while, and until when", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const events = control.events.follow(group, undefined, never, { sandboxId: sandbox.id })[Symbol.asyncIterator]();
  const next = events.next();
  await new Promise(setImmediate);
  gateway.refuse("of nobody", 1_000);
  gateway.refuse(sandbox.id, 1_700_000_000_000);
  const until = "2023-11-14T22:13:20.000Z";
  expect((await next).value).toMatchObject({ type: "egress.refused", sandboxId: sandbox.id, until });
});

test("an exported snapshot brings policy and names along, whatever the policy was called", async () => {
  await using host = new TestHost();
  const { control, gateway, store } = await host.daemon();
  await control.egress.policies.put({ group, egressPolicyId: "web" }, { policy: allowing("a.test") });
  const source = await control.sandboxes.create(group, { ...debian, egressPolicyId: "web" }, never);
  store.egressNames.add(source.id, { index: 1, name: "a.test" });
  const { id: snapshotId } = await control.snapshots.take(source, {}, never);
  const { content } = await control.snapshots.export({ group, snapshotId }, never);
  await control.groups.create({ name: "elsewhere" });
  const { id } = await control.snapshots.import({ group: "elsewhere" }, content, never);
  const copy = await control.sandboxes.create("elsewhere", { sourcesRef: { snapshot: { id } } }, never);
  expect(gateway.inForce.get(copy.id)).toMatchObject({
    policy: allowing("a.test"),
    names: [{ index: 1, name: "a.test" }],
  });
});
