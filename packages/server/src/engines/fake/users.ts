/** The fake guest's /etc/passwd. */
import { AlcoveError } from "@alcove/contract";

export interface FakeUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const users: readonly FakeUser[] = [
  { name: "root", uid: 0, gid: 0, home: "/root" },
  { name: "daemon", uid: 1, gid: 1, home: "/usr/sbin" },
  { name: "nobody", uid: 65_534, gid: 65_534, home: "/nonexistent" },
];

export const passwd = users.map(({ name, uid, gid, home }) => `${name}:x:${uid}:${gid}::${home}:/bin/sh\n`).join("");

/** A user by name, uid, or uid:gid; numbers need no entry. */
export function findUser(text: string | undefined): FakeUser {
  const known = users.find(({ name, uid }) => name === (text ?? "root") || String(uid) === text);
  if (known !== undefined) return known;
  const numbers = /^(\d+)(?::(\d+))?$/.exec(text ?? "");
  if (numbers === null) throw new AlcoveError("UserNotFound", `There is no user ${text}.`);
  const uid = Number(numbers[1]);
  const named = users.find((user) => user.uid === uid);
  return {
    name: named?.name ?? String(uid),
    uid,
    gid: Number(numbers[2] ?? named?.gid ?? 0),
    home: named?.home ?? "/",
  };
}
