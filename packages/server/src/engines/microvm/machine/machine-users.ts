/**
 * Users that machines run as when the daemon is root: each its own, so that one whose QEMU was escaped reaches nobody
 * else's files or processes. The range lies above those that systemd gives to containers, and is in no /etc/passwd.
 */
import { randomInt } from "node:crypto";

const firstUid = 0x7000_0000;
const range = 1 << 24;

export class MachineUsers {
  readonly #taken = new Set<number>();

  claim(): number {
    for (;;) {
      const uid = firstUid + randomInt(range);
      if (this.take(uid)) return uid;
    }
  }

  /** Marks the user of a machine that was found running; false when it is taken already. */
  take(uid: number): boolean {
    if (this.#taken.has(uid)) return false;
    this.#taken.add(uid);
    return true;
  }

  release(uid: number): void {
    this.#taken.delete(uid);
  }
}
