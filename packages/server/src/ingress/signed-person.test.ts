import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { readHandoff, readSession, signHandoff, signSession } from "./signed-person.js";

const key = randomBytes(32);
const about = { sandboxId: "a", port: 3000, realm: "provider" };
const person = { subject: "ada", email: "ada@example.com" };
const later = () => Math.floor(Date.now() / 1_000) + 60;

test("who has signed in is read again, until it is over", async () => {
  const until = later();
  const session = await readSession(await signSession(person, about, key, until), about, key);
  expect(session).toEqual({ person, until: until * 1_000 });
  const nameless = await signSession({ subject: "ada" }, about, key, later());
  expect((await readSession(nameless, about, key))?.person).toEqual({ subject: "ada" });
  expect(await readSession(await signSession(person, about, key, later() - 60), about, key)).toBeUndefined();
});

test("of another port, sandbox, provider or key, or of the other kind, it says nothing", async () => {
  const session = await signSession(person, about, key, later());
  for (const other of [{ port: 3001 }, { sandboxId: "b" }, { realm: "another" }])
    expect(await readSession(session, { ...about, ...other }, key)).toBeUndefined();
  expect(await readSession(session, about, randomBytes(32))).toBeUndefined();
  const handed = { ...person, browser: "b", target: "/", until: later() };
  const handoff = await signHandoff(handed, about, key, later());
  expect(await readHandoff(handoff, about, key)).toMatchObject(handed);
  expect(await readSession(handoff, about, key)).toBeUndefined();
  expect(await readHandoff(session, about, key)).toBeUndefined();
});
