/** Keys of the issuer: one is made when it is needed, a former one is published until its tokens are over, whatever the clock does. */
import { decodeProtectedHeader } from "jose";
import { expect, test } from "vitest";
import type { IssuerKey, IssuerKeyFiles } from "../../store/issuer-keys.js";
import { Issuer } from "./issuer.js";

const url = "https://alcove.example.com";
const minuteMs = 60_000;

function play() {
  const kept = new Map<string, IssuerKey>();
  const clock = { now: Date.now() };
  const keys: IssuerKeyFiles = {
    list: () => [...kept.values()].sort((a, b) => a.createdAt - b.createdAt),
    add: (key) => void kept.set(key.id, key),
    remove: (id) => void kept.delete(id),
  };
  const open = () => new Issuer({ keys, url: () => url, now: () => clock.now });
  return { kept, clock, open };
}

const content = { subject: "group:a:1", audience: "alcove", lifetimeSeconds: 3_600, claims: {} };

test("many that need the first key at once have the same, and the next daemon has it too", async () => {
  const { kept, open } = play();
  const issuer = open();
  expect(kept.size).toBe(0);
  const [first, second] = await Promise.all([issuer.sign(content), issuer.sign(content), issuer.keySet()]);
  expect(kept.size).toBe(1);
  expect(decodeProtectedHeader(first.token).kid).toBe(decodeProtectedHeader(second.token).kid);
  expect(await open().verify(first.token)).toMatchObject({ sub: "group:a:1" });
  expect(JSON.stringify(await issuer.keySet())).not.toMatch(/"[dpq]"|PRIVATE/);
});

test("a former key is published until its last tokens are over, and then its file goes", async () => {
  const { kept, clock, open } = play();
  const issuer = open();
  const { token } = await issuer.sign(content);
  clock.now += minuteMs;
  const { formerUntil } = await issuer.rotate();
  expect(Date.parse(formerUntil ?? "")).toBe(clock.now + 65 * minuteMs);
  clock.now += 58 * minuteMs;
  expect(await issuer.verify(token)).toBeDefined();
  clock.now += 6 * minuteMs;
  expect((await issuer.keySet()).keys).toHaveLength(2);
  clock.now += 2 * minuteMs;
  expect((await issuer.keySet()).keys).toHaveLength(1);
  expect(kept.size).toBe(1);
});

test("where the clock is set back the newest key signs all the same", async () => {
  const { clock, open } = play();
  await open().sign(content);
  clock.now -= 86_400_000;
  const { keyId } = await open().rotate();
  expect(decodeProtectedHeader((await open().sign(content)).token).kid).toBe(keyId);
});

test("a token of another issuer, another algorithm or another time is none", async () => {
  const { clock, open } = play();
  const { token } = await open().sign(content);
  const stranger = play();
  await stranger.open().keySet();
  expect(await stranger.open().verify(token)).toBeUndefined();
  for (const bad of ["", "a.b.c", token.slice(0, -4), `${token}.x`, "x".repeat(10_000)])
    expect(await open().verify(bad)).toBeUndefined();
  clock.now += 61 * minuteMs;
  expect(await open().verify(token)).toBeUndefined();
});
