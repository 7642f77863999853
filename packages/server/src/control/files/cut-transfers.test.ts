import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";

/** A first piece; what follows waits until the test lets it. */
function heldBack() {
  let begin: () => void = () => undefined;
  let release: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const rest = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* content() {
    yield Buffer.from("first");
    begin();
    await rest;
    yield Buffer.from("last");
  }
  return { content: content(), begun, release };
}

test.each([
  ["OnDemand", "Begin it again from its start: that resumes the sandbox."],
  ["Manual", expect.stringMatching(/^Resume the sandbox, `alcove resume .*`, and begin it again/)],
] as const)("an upload that a stop cuts off says so, and what to do: %s", async (activationMode, hint) => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, activationMode }, never);
  const { content, begun, release } = heldBack();
  const upload = control.files.write(sandbox, "/root/note", content, { createDirs: false }, never);
  const refused = expect(upload).rejects.toMatchObject({
    code: "SandboxNotRunning",
    message: `The upload of /root/note was cut off: the sandbox ${sandbox.id} was stopped meanwhile (UserStopped).`,
    hint,
  });
  await begun;
  await control.sandboxes.stop(sandbox, {}, never);
  await refused;
  release();
});

test("an upload whose guest falls silent while the sandbox runs is told of as that", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const { content, begun, release } = heldBack();
  const upload = control.files.write(sandbox, "/root/note", content, { createDirs: false }, never);
  const refused = expect(upload).rejects.not.toMatchObject({ message: expect.stringContaining("was stopped") });
  await begun;
  host.fake.machines.get(sandbox.id)?.hangUp();
  await refused;
  release();
});
